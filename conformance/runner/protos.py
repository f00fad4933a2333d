"""Callboard's own messages, as conformance/run has generated them."""

import sys

from runner.paths import TARGET

sys.path.insert(0, str(TARGET / "conformance"))

from callboard.v1 import gateway_pb2 as gateway

__all__ = ["gateway"]
