"""Stock gRPC code, generated from the .proto files that the gateway loads."""

from harness.paths import EXAMPLES, REPOSITORY
from harness.stubs import counter, counter_grpc, example, gateway, gateway_grpc, of

DESK = REPOSITORY / "deploy" / "rehearsal" / "actor"

# What the rehearsal deploys, by the name of its binary: the crates.
CRATES = {"counter": EXAMPLES["counter"], "bank": EXAMPLES["bank"], "desk": DESK}

bank, bank_grpc = example("bank")
desk, desk_grpc = of(DESK, "desk")

__all__ = [
    "CRATES",
    "bank",
    "bank_grpc",
    "counter",
    "counter_grpc",
    "desk",
    "desk_grpc",
    "gateway",
    "gateway_grpc",
]
