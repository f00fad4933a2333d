"""The file in which the probe's handlers note what they do."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Event:
    pid: int
    probe: str
    what: str


class Events:
    """Reads such a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def read(self, what: str | None = None, probe: str | None = None) -> list[Event]:
        """The events so far; only those of a kind, only those of a probe."""
        if not self.path.exists():
            return []
        # A line that is being written has no end yet.
        lines = self.path.read_text().split("\n")[:-1]
        events = []
        for line in lines:
            pid, key, event = line.split(" ", 2)
            events.append(Event(int(pid), key, event))
        return [
            event
            for event in events
            if what in (None, event.what) and probe in (None, event.probe)
        ]
