"""The functions, packaged as users package them."""

import platform
import subprocess
from pathlib import Path

from harness.paths import binary

from rehearsal.stubs import CRATES

# That of this machine, on which the emulator runs them, as Lambda calls it.
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]


def package(name: str, out: Path) -> str:
    """Makes the zip; what was printed of it."""
    command = [
        binary("callboard"),
        "package",
        CRATES[name],
        f"--arch={ARCHITECTURE}",
        f"--out={out}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
