"""Where things are."""

import os
from pathlib import Path

CONFORMANCE = Path(__file__).resolve().parent.parent

# What is built goes here.
TARGET = Path(os.environ["CALLBOARD_TARGET"]).resolve()

# The folder with a folder for each language.
CLIENTS = Path(os.environ["CALLBOARD_CLIENTS"]).resolve()

# The gateway, and the function of the actor of the cases.
CALLBOARD = Path(os.environ.get("CALLBOARD_BINARY", TARGET / "debug" / "callboard"))
INTERPRETER = TARGET / "debug" / "interpreter"
