"""Other .proto files, or another descriptor set, while calls are made."""

import os
import signal
import threading
from pathlib import Path

import grpc
import grpc_tools
import pytest
from conftest import Devs, function_folder
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_tools import protoc

from harness.dev import Dev, Gateway
from harness.paths import PROBE_PROTOS, REPOSITORY, binary
from harness.status import refused
from harness.stubs import probe, probe_grpc
from harness.until import until

WHOLE = (PROBE_PROTOS / "probe.proto").read_text()
WITHOUT_GET = WHOLE.replace("rpc Get(", "rpc Got(")
ADD = "  rpc Add(AddRequest) returns (AddResponse);\n"
BROKEN = WHOLE.replace(ADD, "  rpc Add(AddRequest) returns (Nothing);\n")
STRANGER = """
service Stranger {
  option (callboard.v1.actor) = {};
  rpc Add(AddRequest) returns (AddResponse);
}
"""


def write(path: Path, contents: str | bytes) -> None:
    """Replaces a file in one step, as editors and deployments do."""
    new = path.with_suffix(".new")
    new.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    os.replace(new, path)


def descriptor_set(folder: Path, source: str) -> bytes:
    """What protoc makes of a source."""
    folder.mkdir(exist_ok=True)
    (folder / "probe.proto").write_text(source)
    out = folder / "probe.binpb"
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    includes = [f"-I{each}" for each in (folder, REPOSITORY / "proto", well_known)]
    more = ["--include_imports", f"--descriptor_set_out={out}"]
    assert protoc.main(["protoc", *includes, *more, "probe.proto"]) == 0
    return out.read_bytes()


@pytest.fixture(scope="module")
def devs(tmp_path_factory):
    devs = Devs(tmp_path_factory.mktemp("reload"))
    yield devs
    devs.clean_up()


@pytest.fixture(scope="module")
def dev(devs) -> Dev:
    """One whose own .proto files may be changed."""
    protos = devs.folder / "protos"
    protos.mkdir()
    (protos / "probe.proto").write_text(WITHOUT_GET)
    functions = {"e2e-actor": binary("e2e-actor")}
    return devs(function_folder(devs.folder / "project", protos, functions)).start()


class Caller:
    """Calls in a loop over one channel, and keeps what failed."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.stub = probe_grpc.ProbeStub(channel)
        self.calls, self.failed = 0, []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.stub.Add(probe.AddRequest(probe="looped", delta=1), timeout=20)
            except grpc.RpcError as error:
                self.failed.append(error)
            self.calls += 1

    def more(self, calls: int = 5) -> None:
        """Waits for so many calls more."""
        there = self.calls + calls
        until("the caller goes on", lambda: self.calls >= there)

    def __enter__(self) -> "Caller":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join(30)


def methods(channel: grpc.Channel) -> set[str]:
    """What reflection tells of the probe, to a client that knew nothing."""
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    return set(pool.FindServiceByName("probe.v1.Probe").methods_by_name)


def log_of(gateway: Gateway, dev: Dev) -> str:
    return dev.log.with_suffix(".gateway.log").read_text()


def knows(stub: probe_grpc.ProbeStub, name: str) -> bool:
    """Whether a method is served: an unknown one is UNIMPLEMENTED."""
    request = {"Get": probe.GetRequest, "Note": probe.NoteRequest}[name](probe="looped")
    try:
        getattr(stub, name)(request, timeout=20)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error
        return False
    return True


def test_no_call_fails_while_protos_change(dev, tmp_path):
    (tmp_path / "probe.proto").write_text(WITHOUT_GET)
    gateway = dev.second_gateway(tmp_path, "probe.v1.Probe", "e2e-actor")
    stub = probe_grpc.ProbeStub(gateway.channel)
    log = lambda: log_of(gateway, dev)
    with Caller(gateway.channel) as caller:
        caller.more()
        assert not knows(stub, "Get")

        # A file that changes is noticed; the method is there for reflection too.
        write(tmp_path / "probe.proto", WHOLE)
        until("the new method is served", lambda: knows(stub, "Get"))
        assert "probe.v1.Probe has a new method Get" in log()
        assert "Get" in methods(gateway.channel)

        # A broken one is refused, and says where.
        write(tmp_path / "probe.proto", BROKEN)
        gateway.process.send_signal(signal.SIGHUP)
        until("the broken set is refused", lambda: "is refused" in log())
        line = BROKEN[: BROKEN.index("(Nothing)")].count("\n") + 1
        assert f"{tmp_path / 'probe.proto'}:{line}:" in log()
        assert knows(stub, "Get")
        caller.more()

        # SIGHUP need not wait for anybody to look.
        write(tmp_path / "probe.proto", WHOLE.replace("rpc Note(", "rpc Memo("))
        gateway.process.send_signal(signal.SIGHUP)
        until("the method is gone", lambda: not knows(stub, "Note"))
        assert "probe.v1.Probe has lost its method Note" in log()
        assert methods(gateway.channel) >= {"Get", "Memo"}
        caller.more()
    assert caller.failed == []
    assert stub.Get(probe.GetRequest(probe="looped"), timeout=20).value == caller.calls
    assert "panicked" not in log()


def test_a_descriptor_set_is_served_and_reloaded(dev, tmp_path):
    protos = tmp_path / "probe.binpb"
    protos.write_bytes(descriptor_set(tmp_path / "one", WHOLE))
    gateway = dev.second_gateway(protos, "probe.v1.Probe", "e2e-actor")
    stub = probe_grpc.ProbeStub(gateway.channel)
    assert stub.Add(probe.AddRequest(probe="set", delta=3), timeout=20).value == 3
    write(protos, b"this is no descriptor set")
    gateway.process.send_signal(signal.SIGHUP)
    until("it is refused", lambda: "is refused" in log_of(gateway, dev))
    assert knows(stub, "Get")
    write(protos, descriptor_set(tmp_path / "two", WITHOUT_GET))
    gateway.process.send_signal(signal.SIGHUP)
    until("the method is gone", lambda: not knows(stub, "Get"))
    assert stub.Add(probe.AddRequest(probe="set", delta=3), timeout=20).value == 6


def test_dev_follows_the_files_that_are_edited(dev):
    protos = dev.project.parent / "protos" / "probe.proto"
    stub, health = dev.probe(), health_pb2_grpc.HealthStub(dev.channel())
    assert not knows(stub, "Get")
    write(protos, WHOLE + STRANGER)
    until("the new method is served", lambda: knows(stub, "Get"))
    assert "probe.v1.Stranger is new; probe.v1.Probe has a new method Get" in dev.output()
    assert "a new actor type has no function" in dev.output()
    # Nothing serves the new type.
    add = dev.channel().unary_unary(
        "/probe.v1.Stranger/Add",
        request_serializer=probe.AddRequest.SerializeToString,
        response_deserializer=probe.AddResponse.FromString,
    )
    error = refused(add, probe.AddRequest(probe="x"), timeout=20)
    error.is_ours(grpc.StatusCode.FAILED_PRECONDITION, "ACTOR_NOT_DEPLOYED")
    check = lambda service: health.Check(
        health_pb2.HealthCheckRequest(service=service), timeout=20
    ).status
    assert check("probe.v1.Stranger") == health_pb2.HealthCheckResponse.NOT_SERVING
    assert check("probe.v1.Probe") == health_pb2.HealthCheckResponse.SERVING

    write(protos, WHOLE)
    until("the type is gone", lambda: "probe.v1.Stranger is gone" in dev.output())
    until("health forgets it", lambda: _is_unknown(health, "probe.v1.Stranger"))
    error = refused(add, probe.AddRequest(probe="x"), timeout=20)
    error.is_ours(grpc.StatusCode.UNIMPLEMENTED, "UNKNOWN_METHOD")


def _is_unknown(health: health_pb2_grpc.HealthStub, service: str) -> bool:
    try:
        health.Check(health_pb2.HealthCheckRequest(service=service), timeout=20)
    except grpc.RpcError as error:
        return error.code() == grpc.StatusCode.NOT_FOUND
    return False
