"""The clients, as they are in drivers.yaml."""

import shlex
from dataclasses import dataclass

import yaml

from runner.paths import CLIENTS, CONFORMANCE, TARGET


@dataclass(frozen=True)
class Client:
    """A client that cases are played against."""

    name: str
    # How its driver is started.
    command: tuple[str, ...]
    # Whether it calls through the proxy; else it calls the gateway itself.
    by_proxy: bool = True

    @staticmethod
    def find(name: str, command: str | None) -> "Client":
        """The client of a name, with another command for its driver if there is one."""
        if command is not None:
            return Client(name, tuple(shlex.split(command)))
        drivers = yaml.safe_load((CONFORMANCE / "drivers.yaml").read_text())
        if name not in drivers:
            raise ValueError(f"drivers.yaml has no {name}, only {', '.join(drivers)}")
        by_proxy = not isinstance(drivers[name], dict)
        parts = drivers[name] if by_proxy else drivers[name]["without_proxy"]
        return Client(
            name, tuple(part.format(clients=CLIENTS, target=TARGET) for part in parts), by_proxy
        )
