"""A real gateway with the counter, for the tests that need one."""

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

import callboard

ROOT = Path(__file__).parent.parent
TARGET = Path(os.environ["CALLBOARD_TARGET"])
READY_SECONDS = 30

sys.path.insert(0, str(ROOT / "gen"))


def free_port() -> int:
    """A free port below those that outgoing connections take."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("gateway")
    counter = Path(os.environ.get("CALLBOARD_PROTO", ROOT / "../../proto")) / "../examples/counter"
    (folder / "callboard.toml").write_text(
        f'protos = "{(counter / "proto").resolve()}"\n\n'
        f'[functions.counter]\ncommand = "{TARGET / "debug" / "counter"}"\n'
    )
    port = free_port()
    command = [TARGET / "debug" / "callboard", "dev", folder, f"--listen=127.0.0.1:{port}"]
    own = ("CALLBOARD_", "AWS_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, start_new_session=True
        )
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            grpc.channel_ready_future(channel).result(READY_SECONDS)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


@pytest.fixture
def client(url: str) -> Iterator[callboard.Client]:
    with callboard.connect(url) as client:
        yield client


@pytest.fixture
def key() -> str:
    """The key of an actor that nobody else has."""
    return callboard.new_message_id()
