"""The cases, as they are in the files."""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from runner.paths import CONFORMANCE

# Steps that compare what a proxy has seen, or tell it what to do.
PROXY_STEPS = {"attempts", "back_off", "seen", "connections", "cut", "refuse", "release"}

_REFERENCE = re.compile(r"\$\{([^}]+)\}")


@dataclass
class Case:
    """One case of one file."""

    name: str
    about: str
    steps: list[dict[str, Any]]
    # What `connect` gets besides the proxy's URL; None: the case connects itself.
    client: dict[str, Any] | None = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    # How many connections get something that is no HTTP/2.
    garbage: int = 0
    # `server`, or `mutual` for one that wants certificates of its clients.
    tls: str | None = None
    # A driver of its own, because the case ends it.
    own_driver: bool = False
    # What differs in the cases that are made of this one.
    row: dict[str, Any] = field(default_factory=dict)

    @property
    def needs_proxy(self) -> bool:
        """Whether it can be played against nothing but a proxy."""
        steps = {name for step in self.steps for name in step}
        return bool(self.faults or self.garbage or self.tls or steps & PROXY_STEPS)


def load() -> list[Case]:
    """All cases; one for each row of those that have rows."""
    cases = []
    for file in sorted((CONFORMANCE / "cases").glob("*.yaml")):
        for written in yaml.safe_load(file.read_text()):
            written = dict(written)
            title = f"{file.stem}/{written.pop('name')}"
            rows = written.pop("rows", None)
            for row in rows or [{}]:
                name = "-".join([title, *map(str, list(row.values())[:1])]) if row else title
                cases.append(Case(name=name, row=row, **written))
    names = [case.name for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"these cases have the same name: {', '.join(sorted(twice))}")
    return cases


def fill(written: Any, values: dict[str, Any]) -> Any:
    """What is written, with each `${name}` replaced. One that is all of a text becomes
    the value as it is; `${a.b}` is the entry `b` of `a`, and `${x:3}` is `xxx`. A mapping
    `$times: [3, value]` becomes a list with the value three times."""
    if isinstance(written, dict):
        if list(written) == ["$times"]:
            times, value = written["$times"]
            return [fill(value, values)] * times
        return {fill(name, values): fill(value, values) for name, value in written.items()}
    if isinstance(written, list):
        return [fill(value, values) for value in written]
    if not isinstance(written, str):
        return written
    if whole := _REFERENCE.fullmatch(written):
        return _look_up(whole[1], values)
    return _REFERENCE.sub(lambda reference: str(_look_up(reference[1], values)), written)


def _look_up(path: str, values: dict[str, Any]) -> Any:
    if path.startswith("x:"):
        return "x" * int(path.removeprefix("x:"))
    found: Any = values
    for name in path.split("."):
        try:
            found = found[int(name)] if isinstance(found, list) else found[name]
        except (KeyError, IndexError, TypeError):
            raise ValueError(f"nothing is called ${{{path}}}") from None
    return found
