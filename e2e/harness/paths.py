"""Where things are in the repository."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "debug"
E2E = REPOSITORY / "e2e"
# The examples by name. Each has examples/NAME/proto/NAME.proto and the binary NAME.
EXAMPLES = {
    manifest.parent.name: manifest.parent
    for manifest in sorted((REPOSITORY / "examples").glob("*/Cargo.toml"))
}
COUNTER = EXAMPLES["counter"]
PROBE_PROTOS = E2E / "actor" / "proto"
TRIAL_PROTOS = E2E / "actor" / "trial-proto"
COUNTER_PROTOS = COUNTER / "proto"
BUILD = "cargo build --workspace --bins"


def binary(name: str) -> Path:
    """A binary of this repository, which must be there."""
    path = TARGET / name
    if name == "callboard":
        path = Path(os.environ.get("CALLBOARD_BIN", path))
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"{path} is not there; build it with `{BUILD}`, or use e2e/run")
    return path.resolve()
