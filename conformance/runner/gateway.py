"""A real `callboard dev` with the actor of the cases."""

import os
import random
import signal
import socket
import subprocess
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from runner.paths import CALLBOARD, CONFORMANCE, INTERPRETER

READY_SECONDS = 60


def free_port() -> int:
    """A free port below those that outgoing connections take."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


class Gateway:
    """The gateway, its database and the actor's function, as one process."""

    def __init__(self, folder: Path) -> None:
        for binary in (CALLBOARD, INTERPRETER):
            if not binary.exists():
                raise RuntimeError(f"{binary} is not built; conformance/run builds it")
        self.target = f"127.0.0.1:{free_port()}"
        project = folder / "project"
        project.mkdir()
        (project / "callboard.toml").write_text(
            f'protos = "{CONFORMANCE / "proto"}"\n\n'
            f'[functions.interpreter]\ncommand = "{INTERPRETER}"\nconcurrency = 8\n'
        )
        self.log = folder / "callboard.log"
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CALLBOARD_", "AWS_")) and name != "RUST_LOG"
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [CALLBOARD, "dev", project, f"--listen={self.target}", f"--data={folder / 'data'}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        try:
            self._wait()
        except Exception as error:
            self.stop()
            raise RuntimeError(f"callboard dev does not serve:\n{self.log.read_text()}") from error

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)

    def _wait(self) -> None:
        with grpc.insecure_channel(self.target) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest(service="callboard.conformance.v1.Interpreter")
            health.Check(request, timeout=READY_SECONDS, wait_for_ready=True)
