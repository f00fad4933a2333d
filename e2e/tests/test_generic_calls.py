"""Calls by name: Tell, Ask and Cancel, and what is refused of them."""

import json

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from harness.generic import PROBE, address, generic, message
from harness.mailbox import probe_is
from harness.status import refused, timed_out
from harness.stubs import gateway, probe
from harness.until import until

KIB = 1024


@pytest.fixture
def stub(shared):
    return generic(shared.channel())


def ask(stub, *arguments, timeout: float = 30, **fields) -> gateway.AskResponse:
    request = gateway.AskRequest(message=message(*arguments, **fields))
    return stub.Ask(request, timeout=timeout)


def test_an_ask_with_encoded_bytes_is_answered_with_such(shared, stub, key):
    name = key()
    # The key may be left out of the payload, and be there.
    for request, value in [
        (probe.AddRequest(delta=5), 5),
        (probe.AddRequest(probe=name, delta=1), 6),
    ]:
        answer = ask(stub, name, "Add", request)
        assert answer.WhichOneof("payload") == "encoded"
        assert probe.AddResponse.FromString(answer.encoded).value == value
        assert answer.receipt.message_id and answer.receipt.sequence == value - 4
        assert not answer.receipt.duplicate and not answer.receipt.new_key
    assert probe_is(shared.probe(), name) == (6, [5, 1])


def test_an_ask_in_json_is_answered_in_json(stub, key):
    # More than a double can hold.
    name, large = key(), 2**53 + 1
    answer = ask(stub, name, "Add", json.dumps({"delta": str(large)}))
    assert json.loads(answer.json) == {"value": str(large)}
    answer = ask(stub, name, "Get")
    assert json.loads(answer.json) == {"value": str(large), "deltas": [str(large)]}


def test_no_payload_is_a_request_without_fields(stub, key):
    request = gateway.AskRequest(message=gateway.Message(address=address(key()), method="Get"))
    assert stub.Ask(request, timeout=30).encoded == b""


def test_the_key_may_be_in_the_payload_alone(shared, stub, key):
    name = key()
    ask(stub, "", "Add", json.dumps({"probe": name, "delta": 5}))
    assert probe_is(shared.probe(), name) == (5, [5])


def test_a_read_only_ask_has_no_receipt(shared, stub, key):
    name = key()
    shared.probe().Add(probe.AddRequest(probe=name, delta=5), timeout=30)
    answer = ask(stub, name, "Look")
    assert json.loads(answer.json)["value"] == "5"
    assert not answer.HasField("receipt")


def test_a_new_actor_gets_its_key_from_the_gateway(stub):
    answer = ask(stub, "", "Begin", '{"delta": 5}')
    assert json.loads(answer.json)["probe"] == answer.receipt.new_key != ""


def test_a_tell_is_answered_when_it_is_stored(shared, stub, key, events):
    name = key()
    request = probe.SlowNoteRequest(milliseconds=1_000, delta=5, file=str(events))
    told = stub.Tell(gateway.TellRequest(message=message(name, "SlowNote", request)), timeout=30)
    assert not events.read("end"), "it was answered before"
    assert told.receipt.sequence == 1
    assert probe_is(shared.probe(), name) == (5, [5])


def test_an_ask_that_is_told_is_handled_and_its_reply_stored(stub, key):
    name = key()
    request = gateway.TellRequest(message=message(name, "Add", '{"delta": 5}'))
    message_id = stub.Tell(request, timeout=30).receipt.message_id
    request = gateway.AwaitRequest(
        address=address(name), message_id=message_id, json_of_method="Add"
    )
    assert json.loads(stub.Await(request, timeout=30).json) == {"value": "5"}


def test_a_message_with_an_id_is_handled_once(shared, stub, key):
    name = key()
    for is_duplicate in (False, True):
        answer = ask(stub, name, "Add", '{"delta": 5}', message_id="order-7")
        assert json.loads(answer.json) == {"value": "5"}
        assert answer.receipt.message_id == "order-7"
        assert answer.receipt.duplicate == is_duplicate
    with pytest.raises(grpc.RpcError) as caught:
        ask(stub, name, "Add", '{"delta": 6}', message_id="order-7")
    assert caught.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert probe_is(shared.probe(), name) == (5, [5])


def test_headers_and_the_trace_context_of_the_call_travel_with_the_message(stub, key):
    name = key()
    request = gateway.AskRequest(message=message(name, "Context"))
    trace = [("traceparent", "00-of-the-call")]
    answer = stub.Ask(request, timeout=30, metadata=trace)
    assert json.loads(answer.json)["traceparent"] == "00-of-the-call"
    request.message.headers["traceparent"] = "00-of-the-message"
    answer = stub.Ask(request, timeout=30, metadata=trace)
    assert json.loads(answer.json)["traceparent"] == "00-of-the-message"


class TestDelayed:
    def test_a_tell_is_delivered_later(self, shared, stub, key, events):
        name = key()
        request = gateway.TellRequest(
            message=message(name, "Ring", probe.RingRequest(delta=1, file=str(events))),
            delay=Duration(nanos=700_000_000),
        )
        assert not stub.Tell(request, timeout=30).receipt.HasField("sequence")
        assert not events.read("ring 1")
        until("it rings", lambda: events.read("ring 1"))
        request = gateway.TellRequest(
            message=message(name, "Note", '{"delta": 2}'), deliver_at=Timestamp(seconds=1)
        )
        assert stub.Tell(request, timeout=30).receipt.HasField("sequence"), "it is over"
        assert probe_is(shared.probe(), name) == (3, [1, 2])

    def test_it_is_cancelled_once_and_not_delivered(self, shared, stub, key):
        name = key()
        tell = gateway.TellRequest(
            message=message(name, "Note", '{"delta": 5}', message_id="later"),
            delay=Duration(seconds=2),
        )
        stub.Tell(tell, timeout=30)
        cancel = gateway.CancelRequest(address=address(name), message_id="later")
        assert stub.Cancel(cancel, timeout=30).cancelled
        assert not stub.Cancel(cancel, timeout=30).cancelled
        error = refused(stub.Tell, tell, timeout=30)
        error.is_ours(grpc.StatusCode.CANCELLED, "MESSAGE_CANCELLED")
        # One that comes after it, and is alone.
        after = gateway.TellRequest(
            message=message(name, "Note", '{"delta": 1}'), delay=Duration(seconds=3)
        )
        stub.Tell(after, timeout=30)
        until("it is handled", lambda: probe_is(shared.probe(), name) == (1, [1]))

    def test_what_is_not_there_or_handled_is_not_cancelled(self, stub, key):
        name = key()
        ask(stub, name, "Add", '{"delta": 5}', message_id="handled")
        for message_id in ("handled", "never-sent"):
            cancel = gateway.CancelRequest(address=address(name), message_id=message_id)
            assert not stub.Cancel(cancel, timeout=30).cancelled


def test_a_deadline_that_passes_leaves_the_message(stub, key, events):
    def late():
        request = probe.SlowRequest(milliseconds=1_500, delta=5, file=str(events))
        request = gateway.AskRequest(message=message(key(), "Slow", request, message_id="slow"))
        return refused(stub.Ask, request, timeout=0.5)

    error = timed_out(late)
    error.is_ours(grpc.StatusCode.DEADLINE_EXCEEDED, "ASK_TIMEOUT")
    assert error.metadata == {"message_id": "slow"}
    assert error.trailers["callboard-message-id"] == "slow"


def test_the_status_of_a_handler_comes_as_it_is(stub, key):
    request = probe.RefuseRequest(code=9, message="the curtain is down", reason="DOWN")
    request = gateway.AskRequest(message=message(key(), "Refuse", request))
    error = refused(stub.Ask, request, timeout=30)
    assert (error.code.value[0], error.message) == (9, "the curtain is down")
    assert (error.info.reason, error.info.domain) == ("DOWN", "probe.example")


@pytest.mark.parametrize("rpc", ["Ask", "Tell"])
@pytest.mark.parametrize(
    ("actor_type", "method", "code", "reason"),
    [
        ("nobody.v1.Nobody", "Add", "UNIMPLEMENTED", "UNKNOWN_METHOD"),
        (PROBE, "Nothing", "UNIMPLEMENTED", "UNKNOWN_METHOD"),
        (PROBE, "", "UNIMPLEMENTED", "UNKNOWN_METHOD"),
        (PROBE, "Receive", "PERMISSION_DENIED", "INTERNAL_METHOD"),
        (PROBE, "OnSlow", "PERMISSION_DENIED", "INTERNAL_METHOD"),
    ],
)
def test_what_cannot_be_called_is_refused(stub, rpc, actor_type, method, code, reason):
    sent = message("a", method)
    sent.address.type = actor_type
    request = getattr(gateway, f"{rpc}Request")(message=sent)
    error = refused(getattr(stub, rpc), request, timeout=10)
    error.is_ours(grpc.StatusCode[code], reason)
    assert error.metadata["path"] == f"/{actor_type}/{method}"


DELAYED = {"delay": Duration(seconds=1)}


@pytest.mark.parametrize(
    ("rpc", "request_", "field"),
    [
        ("Ask", {}, "message"),
        ("Ask", {"message": gateway.Message(method="Add")}, "message.address"),
        ("Ask", {"message": message("", "Add")}, "probe"),
        ("Ask", {"message": message("a", "Add", '{"probe": "b"}')}, "message.address.key"),
        ("Ask", {"message": message("a", "Add", '{"colour": 1}')}, "colour"),
        ("Ask", {"message": message("a", "Add", '{"delta": "many"}')}, "delta"),
        ("Ask", {"message": message("a", "Note")}, "message.method"),
        ("Ask", {"message": message("a", "Add", message_id="a/b")}, "message.message_id"),
        ("Ask", {"message": message("a", "Add", headers={"Big": "1"})}, "message.headers"),
        ("Ask", {"message": message("a", "Add", headers={"grpc-x": "1"})}, "message.headers"),
        ("Tell", {"message": message("a", "Look")}, "message.method"),
        ("Tell", {"message": message("a", "Look"), **DELAYED}, "delay"),
        ("Tell", {"message": message("a", "Note"), "delay": Duration(seconds=-1)}, "delay"),
        (
            "Tell",
            {"message": message("a", "Note"), "deliver_at": Timestamp(seconds=9_999_999_999)},
            "deliver_at",
        ),
        ("Await", {}, "address"),
        ("Await", {"address": address("")}, "address.key"),
        ("Await", {"address": address("a")}, "message_id"),
        ("Cancel", {"address": address("k" * 1_025), "message_id": "a"}, "address.key"),
        ("Cancel", {"address": address("a"), "message_id": "a b"}, "message_id"),
        ("Cancel", {}, "address"),
    ],
)
def test_what_is_not_valid_is_refused_with_its_place(stub, rpc, request_, field):
    request = getattr(gateway, f"{rpc}Request")(**request_)
    error = refused(getattr(stub, rpc), request, timeout=10)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.metadata["field"] == field, error


@pytest.mark.parametrize("rpc", ["Await", "Cancel"])
def test_an_actor_type_that_is_not_there_has_no_messages(stub, rpc):
    request = getattr(gateway, f"{rpc}Request")(address=address("a", "nobody"), message_id="a")
    error = refused(getattr(stub, rpc), request, timeout=10)
    error.is_ours(grpc.StatusCode.UNIMPLEMENTED, "UNKNOWN_METHOD")


def test_metadata_of_ours_belongs_into_the_request(stub, key):
    request = gateway.AskRequest(message=message(key(), "Add"))
    for name in ("callboard-message-id", "callboard-key", "callboard-colour"):
        error = refused(stub.Ask, request, timeout=10, metadata=[(name, "a")])
        error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
        assert error.metadata["field"] == name


@pytest.mark.parametrize("size", [256 * KIB + 1, 5 * KIB * KIB])
def test_what_is_too_large_is_refused_for_good(stub, key, size):
    request = gateway.AskRequest(
        message=message(key(), "Big", probe.BigRequest(padding=bytes(size)))
    )
    error = refused(stub.Ask, request, timeout=30)
    error.is_ours(grpc.StatusCode.RESOURCE_EXHAUSTED, "PAYLOAD_TOO_LARGE")
    assert ask(stub, key(), "Add", '{"delta": 1}').json
    headers = {"x": "1" * 9 * KIB}
    request = gateway.AskRequest(message=message(key(), "Add", headers=headers))
    error = refused(stub.Ask, request, timeout=30)
    error.is_ours(grpc.StatusCode.RESOURCE_EXHAUSTED, "PAYLOAD_TOO_LARGE")
    assert error.metadata["what"] == "headers"


def test_requests_may_be_compressed(stub, key):
    request = gateway.AskRequest(message=message(key(), "Add", '{"delta": 5}'))
    answer = stub.Ask(request, timeout=30, compression=grpc.Compression.Gzip)
    assert json.loads(answer.json) == {"value": "5"}


def test_reflection_and_health_know_the_service(shared):
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
        ProtoReflectionDescriptorDatabase,
    )

    service = gateway.DESCRIPTOR.services_by_name["Gateway"].full_name
    database = ProtoReflectionDescriptorDatabase(shared.channel())
    assert {service, PROBE} <= set(database.get_services())
    assert database.FindFileContainingSymbol(service).name == "callboard/v1/gateway.proto"
    health = health_pb2_grpc.HealthStub(shared.channel())
    answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
