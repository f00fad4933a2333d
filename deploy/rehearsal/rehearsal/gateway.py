"""`callboard serve` as ECS would run it: by what the task definition says alone.

What this machine does not have is put in its place, and nothing else: the ports, the folder that containers share,
where AWS is, and what comes with the image.
"""

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
from harness.paths import binary
from harness.ports import free_port
from harness.until import until

# The key of the role that ECS gives to the containers of a task.
KEY = "ASIAGATEWAYOFTHETASK"

# As in the task definition.
SHARED = "/config"

API_KEY_HEADER = "callboard-api-key"


class Task:
    """A task definition as CloudFormation has resolved it."""

    def __init__(self, definition: dict, secret: Callable[[str], str]) -> None:
        self._containers = {each["name"]: each for each in definition["containerDefinitions"]}
        self._secret = secret

    def environment(self, container: str) -> dict[str, str]:
        """Its variables, secrets among them."""
        written = self._containers[container]
        variables = {each["name"]: str(each["value"]) for each in written.get("environment", [])}
        secrets = {
            each["name"]: self._secret(each["valueFrom"]) for each in written.get("secrets", [])
        }
        return variables | secrets

    def prepare(self, shared: Path) -> None:
        """Runs the container that writes down policy and keys."""
        command = [
            part.replace(SHARED, str(shared)) for part in self._containers["config"]["command"]
        ]
        environment = {"PATH": os.environ["PATH"]} | self.environment("config")
        subprocess.run(command, env=environment, check=True, timeout=30)

    def health_check(self) -> list[str]:
        """What it runs `callboard` with."""
        runs, program, *arguments = self._containers["gateway"]["healthCheck"]["command"]
        assert (runs, program) == ("CMD", "/usr/local/bin/callboard")
        return arguments

    def stop_seconds(self) -> int:
        return self._containers["gateway"]["stopTimeout"]


class Credentials:
    """Where a container asks for its role's credentials."""

    def __init__(self) -> None:
        answer = {
            "AccessKeyId": KEY,
            "SecretAccessKey": "secret",
            "Token": "token",
            "Expiration": "2099-01-01T00:00:00Z",
        }

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/credentials"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Gateway:
    """One that runs, or has run."""

    def __init__(
        self, task: Task, folder: Path, protos: Path, aws: dict[str, str], api_key: str
    ) -> None:
        self._task = task
        self._api_key = api_key
        self.log = folder / "gateway.log"
        self.target = f"127.0.0.1:{free_port()}"
        variables = task.environment("gateway")
        variables = {
            name: value.replace(f"{SHARED}/", f"{folder}/") for name, value in variables.items()
        }
        here = {
            "CALLBOARD_LISTEN": self.target,
            "CALLBOARD_PRIVATE_LISTEN": f"127.0.0.1:{free_port()}",
            # As the Dockerfile has it.
            "CALLBOARD_PROTOS": str(protos),
        }
        self._environment = variables | here | aws
        self._channels: list[grpc.Channel] = []
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """And waits until it is ready, as the load balancer would."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [binary("callboard"), "serve"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
            )

        def is_ready() -> bool:
            assert self._process.poll() is None, self.log.read_text()
            return self.command("health").returncode == 0

        until("the gateway is healthy", is_ready, 60)

    def container_check(self) -> subprocess.CompletedProcess:
        """The health check of the container, in the gateway's own environment."""
        return self._run(self._task.health_check(), self._environment)

    def command(self, *arguments: str) -> subprocess.CompletedProcess:
        """`callboard` against this gateway, by who may call."""
        return self._run(arguments, {"CALLBOARD_API_KEY": self._api_key})

    def _run(
        self, arguments: Iterable[str], environment: dict[str, str]
    ) -> subprocess.CompletedProcess:
        return subprocess.run(
            [binary("callboard"), *arguments],
            env=environment | {"CALLBOARD_GATEWAY": f"http://{self.target}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def admin(self, *arguments: str) -> dict:
        """What an operator is told."""
        done = self.command("admin", *arguments, "--json")
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    def channel(self) -> grpc.Channel:
        """A stock client's, which shows its key with each call."""
        channel = grpc.insecure_channel(
            self.target, options=[("grpc.use_local_subchannel_pool", 1)]
        )
        self._channels.append(channel)
        return grpc.intercept_channel(channel, WithKey(self._api_key))

    def stop(self) -> None:
        """SIGTERM, and it ends in the time that the task definition leaves it."""
        self._process.terminate()
        assert self._process.wait(self._task.stop_seconds()) == 0

    def clean_up(self) -> None:
        """Whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)
        while self._channels:
            self._channels.pop().close()


class WithKey(grpc.UnaryUnaryClientInterceptor):
    """Adds the key to each call."""

    def __init__(self, key: str) -> None:
        self._key = key

    def intercept_unary_unary(self, continuation, call, request):
        metadata = [*(call.metadata or ()), (API_KEY_HEADER, self._key)]
        return continuation(_Details(call, metadata), request)


class _Details(grpc.ClientCallDetails):
    def __init__(self, call: grpc.ClientCallDetails, metadata: list[tuple[str, str]]) -> None:
        self.method = call.method
        self.timeout = call.timeout
        self.metadata = metadata
        self.credentials = call.credentials
        self.wait_for_ready = call.wait_for_ready
        self.compression = call.compression
