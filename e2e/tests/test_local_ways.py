"""The ways to the embedded DynamoDB and the local Lambda host: in process, and through the AWS SDK."""

import socket
import stat
import tempfile
from pathlib import Path

import pytest

from harness.stubs import probe

SOCKET = "store.sock"


def add(dev, name: str) -> int:
    return dev.probe().Add(probe.AddRequest(probe=name, delta=1), timeout=30).value


@pytest.mark.parametrize(
    "options", [(), ("--through-sdk",), ("--fsync",), ("--through-sdk", "--fsync")]
)
def test_each_way_leads_to_the_same_mailboxes(devs, key, options):
    dev, name = devs.probe(), key()
    dev.spawn_ready()
    assert add(dev, name) == 1
    dev.kill()
    dev.spawn_ready(*options)
    assert [add(dev, name), add(dev, name)] == [2, 3]
    dev.kill()
    dev.spawn_ready()
    assert add(dev, name) == 4


@pytest.fixture
def short():
    """A folder whose path leaves room for that of a socket."""
    with tempfile.TemporaryDirectory(prefix="callboard-") as folder:
        yield Path(folder)


def test_the_socket_is_its_users_alone_and_gone_afterwards(devs, key, short):
    dev = devs.probe()
    dev.data = short
    path = short / SOCKET
    dev.spawn_ready()
    mode = path.stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    dev.kill()
    assert path.exists(), "a kill leaves it behind"
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(ConnectionRefusedError):
        client.connect(str(path))

    dev.spawn_ready()
    assert add(dev, key()) == 1
    dev.stop()
    assert not path.exists()

    dev.spawn_ready("--through-sdk")
    assert add(dev, key()) == 1
    assert not path.exists()
