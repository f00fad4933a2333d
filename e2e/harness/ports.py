"""Ports on loopback for what a test starts."""

import os
import random
import socket

# Below those that outgoing connections take. Each worker of pytest-xdist has its own.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = range(20_000 + _WORKER % 4 * 3_000, 23_000 + _WORKER % 4 * 3_000, 2)

_used_ports: set[int] = set()


def free_port() -> int:
    """A free port. The next one is free as well: a gateway's private port."""
    while True:
        port = random.choice(_PORTS)
        if port not in _used_ports and not listens(port) and not listens(port + 1):
            _used_ports.add(port)
            return port


def listens(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
