"""The real `callboard dev` as a process."""

import os
import re
import signal
import subprocess
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from harness.paths import EXAMPLES, binary
from harness.ports import free_port
from harness.stubs import counter_grpc, probe_grpc, trial_grpc
from harness.until import until

READY_SECONDS = 60

# The binaries that are functions.
FUNCTIONS = ("counter", "e2e-actor", "e2e-lenient", "e2e-strict")

CHANNEL_OPTIONS = [
    # Each channel has connections of its own, as different programs would.
    ("grpc.use_local_subchannel_pool", 1),
    # The suite looks at every answer itself.
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", -1),
]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


class Gateway:
    """One `callboard serve`."""

    def __init__(self, options: list[str], environment: dict[str, str], log: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [binary("callboard"), "serve", f"--listen=127.0.0.1:{port}", *options]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
            )
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        health = health_pb2_grpc.HealthStub(self.channel)
        health.Check(health_pb2.HealthCheckRequest(), timeout=30, wait_for_ready=True)

    def stop(self) -> None:
        self.channel.close()
        self.process.terminate()
        self.process.wait(30)


class Dev:
    """One `callboard dev` on a port and a data folder of its own."""

    def __init__(self, project: Path, data: Path, log: Path) -> None:
        self.project = project
        self.data = data
        self.log = log
        self.port = free_port()
        self.process: subprocess.Popen | None = None
        # Variables of the environment besides those of the tests.
        self.environment: dict[str, str] = {}
        self._channels: list[grpc.Channel] = []
        self._gateways: list[Gateway] = []

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.target}"

    def output(self) -> str:
        """What it has printed so far, in all its runs."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def spawn(self, *options: str) -> "Dev":
        """Starts the process; does not wait until it serves."""
        assert self.process is None or self.process.poll() is not None, "it runs already"
        command = [
            binary("callboard"),
            "dev",
            self.project,
            f"--listen={self.target}",
            f"--data={self.data}",
            *options,
        ]
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CALLBOARD_", "AWS_")) and name != "RUST_LOG"
        } | self.environment
        with self.log.open("ab") as log:
            log.write(f"--- {' '.join(map(str, command))}\n".encode())
            # Before the process writes to the same file.
            log.flush()
            self._start_of_run = log.tell()
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                # Ctrl-C at the tests is not meant for it.
                start_new_session=True,
            )
        return self

    def output_of_run(self) -> str:
        """What the present run has printed so far."""
        with self.log.open("rb") as log:
            log.seek(self._start_of_run)
            return log.read().decode(errors="replace")

    def start(self, seconds: float = READY_SECONDS) -> "Dev":
        """Starts it, and waits until it serves and says so."""
        return self.spawn_ready(seconds=seconds)

    def spawn_ready(self, *options: str, seconds: float = READY_SECONDS) -> "Dev":
        """As `start`, with options."""
        self.spawn(*options)

        def serves() -> bool:
            code = self.process.poll()
            assert code is None, f"callboard dev ended with {code}:\n{self.output_of_run()}"
            return "Ctrl-C stops it" in self.output_of_run()

        until("callboard dev says that it serves", serves, seconds)
        health = health_pb2_grpc.HealthStub(self.channel())
        answer = health.Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        return self

    def endpoint(self, name: str) -> str:
        """Where the `database` or the `functions` are, as it says at its start."""
        endpoint = re.compile(r"(database|functions) .* at (http://\S+)")
        return dict(endpoint.findall(self.output_of_run()))[name]

    def second_gateway(self, protos: Path, actor_type: str, function: str, *more: str) -> "Gateway":
        """A `callboard serve` beside it, on the same tables and functions."""
        options = [f"--protos={protos}", f"--function={actor_type}={function}", *more]
        if not any(option.startswith("--drain-delay=") for option in more):
            # No load balancer has to notice.
            options.append("--drain-delay=0s")
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL_DYNAMODB": self.endpoint("database"),
            "AWS_ENDPOINT_URL_LAMBDA": self.endpoint("functions"),
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        gateway = Gateway(options, environment, self.log.with_suffix(".gateway.log"))
        self._gateways.append(gateway)
        return gateway

    def channel(self) -> grpc.Channel:
        """A new channel with a connection of its own."""
        channel = grpc.insecure_channel(self.target, options=CHANNEL_OPTIONS)
        self._channels.append(channel)
        return channel

    def probe(self) -> "probe_grpc.ProbeStub":
        return probe_grpc.ProbeStub(self.channel())

    def lenient(self) -> "trial_grpc.LenientStub":
        return trial_grpc.LenientStub(self.channel())

    def strict(self) -> "trial_grpc.StrictStub":
        return trial_grpc.StrictStub(self.channel())

    def counter(self) -> "counter_grpc.CounterStub":
        return counter_grpc.CounterStub(self.channel())

    def function_pids(self) -> list[int]:
        """The processes of the functions: what `callboard dev` has started."""
        listing = subprocess.run(
            ["ps", "-o", "pid=,comm=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        processes = (line.split(None, 1) for line in listing.splitlines())
        return [int(pid) for pid, name in processes if name.strip() in (*FUNCTIONS, *EXAMPLES)]

    def interrupt(self) -> None:
        """SIGINT, as Ctrl-C does. Does not wait."""
        self.process.send_signal(signal.SIGINT)

    def exit_code(self, seconds: float = 30) -> int:
        """Waits until it has ended by itself."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"callboard dev did not end within {seconds} s") from None

    def stop(self) -> None:
        """SIGINT, and it ends as it should."""
        self.interrupt()
        assert self.exit_code() == 0
        self.hang_up()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(10)
        self.hang_up()

    def hang_up(self) -> None:
        """Closes all connections to it."""
        while self._channels:
            self._channels.pop().close()

    def clean_up(self) -> None:
        for gateway in self._gateways:
            gateway.stop()
        """Leaves nothing behind, whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self.hang_up()

    def assert_no_panic(self) -> None:
        assert_no_panic(self.output())


def assert_no_panic(output: str) -> None:
    """A program that explains itself does not do it with a stack of addresses."""
    for sign in (r"panicked at", r"stack backtrace", r"RUST_BACKTRACE"):
        assert not re.search(sign, output), output
