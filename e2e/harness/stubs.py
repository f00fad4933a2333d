"""Stock gRPC code, generated from the same .proto files that the gateway loads.

from harness.stubs import example

bank, bank_grpc = example("bank")
"""

import importlib
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import grpc_tools
from grpc_tools import protoc

from harness.paths import COUNTER_PROTOS, EXAMPLES, PROBE_PROTOS, REPOSITORY, TRIAL_PROTOS

_FOLDER = tempfile.TemporaryDirectory(prefix="callboard-e2e-stubs-")


def _generate(folders: list[Path], *files: str) -> None:
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    arguments = [
        "protoc",
        *(f"-I{folder}" for folder in [REPOSITORY / "proto", *folders, well_known]),
        f"--python_out={_FOLDER.name}",
        f"--grpc_python_out={_FOLDER.name}",
        *files,
    ]
    if protoc.main(arguments) != 0:
        raise RuntimeError("grpcio-tools cannot generate code from the .proto files")


def example(name: str) -> tuple[ModuleType, ModuleType]:
    """The messages and the stubs of an example. They are generated when a test asks for
    them, so that one example's mistake in its .proto fails its own tests alone."""
    return of(EXAMPLES[name], name)


def of(crate: Path, name: str) -> tuple[ModuleType, ModuleType]:
    """The same of any crate with actors."""
    _generate([crate / "proto"], f"{name}.proto")
    importlib.invalidate_caches()
    return importlib.import_module(f"{name}_pb2"), importlib.import_module(f"{name}_pb2_grpc")


sys.path.insert(0, _FOLDER.name)
_generate(
    [PROBE_PROTOS, TRIAL_PROTOS, COUNTER_PROTOS],
    "callboard/v1/activation.proto",
    "callboard/v1/admin.proto",
    "callboard/v1/gateway.proto",
    "callboard/v1/options.proto",
    "probe.proto",
    "trial.proto",
    "seat.proto",
    "counter.proto",
)
activation = importlib.import_module("callboard.v1.activation_pb2")
admin = importlib.import_module("callboard.v1.admin_pb2")
admin_grpc = importlib.import_module("callboard.v1.admin_pb2_grpc")
gateway = importlib.import_module("callboard.v1.gateway_pb2")
gateway_grpc = importlib.import_module("callboard.v1.gateway_pb2_grpc")
probe = importlib.import_module("probe_pb2")
probe_grpc = importlib.import_module("probe_pb2_grpc")
trial = importlib.import_module("trial_pb2")
trial_grpc = importlib.import_module("trial_pb2_grpc")
seat = importlib.import_module("seat_pb2")
seat_grpc = importlib.import_module("seat_pb2_grpc")
counter = importlib.import_module("counter_pb2")
counter_grpc = importlib.import_module("counter_pb2_grpc")
