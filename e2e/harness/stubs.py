"""Stock gRPC code, generated from the same .proto files that the gateway loads."""

import importlib
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

from harness.paths import COUNTER_PROTOS, PROBE_PROTOS, REPOSITORY, TRIAL_PROTOS

_FOLDER = tempfile.TemporaryDirectory(prefix="callboard-e2e-stubs-")


def _generate() -> None:
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    folders = [REPOSITORY / "proto", PROBE_PROTOS, TRIAL_PROTOS, COUNTER_PROTOS]
    arguments = [
        "protoc",
        *(f"-I{folder}" for folder in [*folders, well_known]),
        f"--python_out={_FOLDER.name}",
        f"--grpc_python_out={_FOLDER.name}",
        "callboard/v1/options.proto",
        "probe.proto",
        "trial.proto",
        "counter.proto",
    ]
    if protoc.main(arguments) != 0:
        raise RuntimeError("grpcio-tools cannot generate code from the .proto files")
    sys.path.insert(0, _FOLDER.name)


_generate()
probe = importlib.import_module("probe_pb2")
probe_grpc = importlib.import_module("probe_pb2_grpc")
trial = importlib.import_module("trial_pb2")
trial_grpc = importlib.import_module("trial_pb2_grpc")
counter = importlib.import_module("counter_pb2")
counter_grpc = importlib.import_module("counter_pb2_grpc")
