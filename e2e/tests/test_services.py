"""What a gateway serves besides the actors, and `callboard dev` from a crate."""

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from harness.paths import COUNTER
from harness.stubs import counter

SERVICE = "probe.v1.Probe"


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_lists_the_actors(shared, version):
    # Both versions have the same messages; grpcio-reflection knows v1alpha.
    list_services = shared.channel().stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE),
    ]
    services, file = list_services(iter(requests), timeout=10)
    assert SERVICE in [service.name for service in services.list_services_response.service]
    assert file.file_descriptor_response.file_descriptor_proto


def test_a_client_can_call_with_what_reflection_tells(shared, key):
    database = ProtoReflectionDescriptorDatabase(shared.channel())
    assert SERVICE in database.get_services()
    service = DescriptorPool(database).FindServiceByName(SERVICE)
    assert service.FindMethodByName("Add").input_type.full_name == "probe.v1.AddRequest"
    assert isinstance(reflection_pb2_grpc.ServerReflectionStub, type)


def test_health_says_serving_for_the_server_and_for_each_actor(shared):
    stub = health_pb2_grpc.HealthStub(shared.channel())
    for service in ("", SERVICE):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as caught:
        stub.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=10)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.timeout(600)
def test_dev_builds_and_serves_a_crate(devs):
    # cargo may have to wait for another cargo, or to build it all.
    dev = devs(COUNTER).start(seconds=500)
    assert "counter.v1.Counter runs in the function counter" in dev.output()
    assert f"call --gateway {dev.url} counter.v1.Counter/alice Add" in dev.output()
    request = counter.AddRequest(counter="alice", delta=5)
    assert dev.counter().Add(request, timeout=30).value == 5
    dev.stop()
