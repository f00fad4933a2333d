"""Two versions of Callboard: this one, and the one before, which e2e/upgrade/build has built."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.paths import PROBE_PROTOS, TARGET, binary

_PREVIOUS = (TARGET.parent / "previous").resolve()

# Two attempts, the second one 1.5 to 3 s after the first.
_BEFORE = "option (callboard.v1.actor) = {};"
_AFTER = "option (callboard.v1.actor) = { retry: { attempts: 2, first_delay: { seconds: 3 } } };"


@dataclass(frozen=True)
class Version:
    """A gateway, an actor and its .proto files."""

    callboard: Path
    actor: Path
    protos: Path

    @contextmanager
    def starts(self) -> Iterator[None]:
        """The gateways that are started within are of this version."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CALLBOARD_BIN", str(self.callboard))
            yield

    def copy_protos(self, folder: Path) -> Path:
        """The .proto files in a folder, with another policy for what fails."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.protos, folder)
        text = (folder / "probe.proto").read_text()
        assert text.count(_BEFORE) == 1
        (folder / "probe.proto").write_text(text.replace(_BEFORE, _AFTER))
        return folder


def version(name: str) -> Version:
    """The version of a name, `old` or `new`."""
    if name == "new":
        return Version(binary("callboard"), binary("e2e-actor"), PROBE_PROTOS)
    if not (_PREVIOUS / "commit").exists():
        raise FileNotFoundError(f"{_PREVIOUS} has no binaries; build them with e2e/upgrade/build")
    protos = _PREVIOUS / "source" / PROBE_PROTOS.relative_to(PROBE_PROTOS.parents[2])
    return Version(_PREVIOUS / "bin/callboard", _PREVIOUS / "bin/e2e-actor", protos)
