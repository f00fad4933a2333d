"""What the gateway refuses, and how it says so."""

import http.client
import grpc
import pytest
from google.rpc import error_details_pb2

from harness.status import refused
from harness.stubs import probe

KIB = 1024
LIMIT = 256 * KIB


def raw(dev, path: str):
    """A method that takes and gives bytes as they are."""
    return dev.channel().unary_unary(path)


def sized_request(name: str, size: int) -> probe.BigRequest:
    """A request of that many bytes, encoded."""
    request = probe.BigRequest(probe=name, padding=b"")
    while (missing := size - request.ByteSize()) != 0:
        length = len(request.padding) + missing
        request = probe.BigRequest(probe=name, padding=bytes(max(length, 0)))
    return request


@pytest.mark.parametrize(
    "path",
    [
        "/nobody.v1.Nobody/Add",
        "/probe.v1.Probe/Nothing",
        "/probe.v1.Probe/add",
        "/probe.v1.Probe",
        "/probe.v1.Probe/Add/",
        "/",
    ],
)
def test_an_unknown_service_or_method_is_unimplemented(shared, path):
    error = refused(raw(shared, path), b"", timeout=10)
    error.is_ours(grpc.StatusCode.UNIMPLEMENTED, "UNKNOWN_METHOD")
    assert error.metadata["path"] == path


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Receive", probe.ReceiveRequest(probe="a", amount=1)),
        ("OnSlow", probe.SlowResponse(value=1)),
        # It is said before the request is read.
        ("OnGathered", None),
    ],
)
def test_a_method_for_actors_alone_is_refused(shared, method, request_):
    path, encoded = f"/probe.v1.Probe/{method}", b"\xff"
    if request_ is not None:
        encoded = request_.SerializeToString()
    error = refused(raw(shared, path), encoded, timeout=10)
    error.is_ours(grpc.StatusCode.PERMISSION_DENIED, "INTERNAL_METHOD")
    assert error.metadata == {"path": path}
    assert error.detail(error_details_pb2.RetryInfo) is None
    assert "only actors may send" in error.message


@pytest.mark.parametrize("method", ["Add", "Note"])
def test_a_request_without_its_key_names_the_field(shared, method):
    request = getattr(probe, f"{method}Request")(delta=1)
    error = refused(getattr(shared.probe(), method), request, timeout=10)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    [violation] = error.detail(error_details_pb2.BadRequest).field_violations
    assert violation.field == "probe" == error.metadata["field"]
    assert violation.description == error.metadata["detail"]


def test_a_key_of_more_than_1024_bytes_is_refused(shared):
    stub = shared.probe()
    assert stub.Add(probe.AddRequest(probe="k" * 1_024, delta=1), timeout=30).value == 1
    error = refused(stub.Add, probe.AddRequest(probe="k" * 1_025, delta=1), timeout=10)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.metadata["field"] == "probe"


def test_the_largest_message_is_processed(shared, key):
    request = sized_request(key(), LIMIT)
    assert request.ByteSize() == LIMIT
    assert shared.probe().Big(request, timeout=30).padding == b""


@pytest.mark.parametrize("size", [LIMIT + 1, 300 * KIB, KIB * KIB, 5 * KIB * KIB])
def test_a_larger_message_is_refused_for_good(shared, key, size):
    error = refused(shared.probe().Big, sized_request(key(), size), timeout=30)
    error.is_ours(grpc.StatusCode.RESOURCE_EXHAUSTED, "PAYLOAD_TOO_LARGE")
    assert error.detail(error_details_pb2.RetryInfo) is None
    assert error.metadata["what"] == "message"
    assert error.metadata["limit_bytes"] == str(LIMIT)
    told = int(error.metadata["size_bytes"])
    assert told == size or LIMIT < told <= size and size > KIB * KIB


def test_a_refused_large_message_leaves_its_connection_usable(shared, key):
    name, stub = key(), shared.probe()
    for number in range(1, 6):
        refused(stub.Big, sized_request(name, 5 * KIB * KIB), timeout=30)
        assert stub.Add(probe.AddRequest(probe=name, delta=1), timeout=30).value == number


def test_the_largest_reply_arrives(shared, key):
    # Four bytes for the tag and the length.
    request = probe.BigRequest(probe=key(), reply_bytes=LIMIT - 4)
    reply = shared.probe().Big(request, timeout=30)
    assert reply.ByteSize() == LIMIT


@pytest.mark.parametrize("size", [LIMIT, 300 * KIB, 5 * KIB * KIB])
def test_a_larger_reply_is_refused_for_good_and_changes_nothing(shared, key, size):
    name, stub = key(), shared.probe()
    error = refused(stub.Big, probe.BigRequest(probe=name, reply_bytes=size), timeout=30)
    error.is_ours(grpc.StatusCode.RESOURCE_EXHAUSTED, "PAYLOAD_TOO_LARGE")
    assert error.detail(error_details_pb2.RetryInfo) is None
    assert error.metadata["what"] == "reply"
    assert error.metadata["limit_bytes"] == str(LIMIT)
    assert int(error.metadata["size_bytes"]) > LIMIT
    assert stub.Get(probe.GetRequest(probe=name), timeout=30).value == 0


@pytest.mark.parametrize("size", [1, 300 * KIB])
@pytest.mark.parametrize("method", ["Add", "Note"])
def test_bytes_that_are_not_the_message_are_refused(shared, method, size):
    error = refused(raw(shared, f"/probe.v1.Probe/{method}"), b"\xff" * size, timeout=10)
    if size > LIMIT:
        error.is_ours(grpc.StatusCode.RESOURCE_EXHAUSTED, "PAYLOAD_TOO_LARGE")
    else:
        error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


def test_a_field_after_the_key_that_cannot_be_read_is_refused_before_it_is_stored(shared, key):
    # The key, then a delta that ends in the middle of its number.
    name = key()
    encoded = probe.AddRequest(probe=name).SerializeToString() + b"\x10\xff"
    error = refused(raw(shared, "/probe.v1.Probe/Note"), encoded, timeout=10)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    _, done = shared.probe().Get.with_call(probe.GetRequest(probe=name), timeout=30)
    assert dict(done.initial_metadata())["callboard-sequence"] == "1", "nothing was stored"


def test_metadata_of_ours_that_nobody_knows_is_refused(shared, key):
    request = probe.AddRequest(probe=key(), delta=1)
    metadata = [("callboard-colour", "red")]
    error = refused(shared.probe().Add, request, timeout=10, metadata=metadata)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    [violation] = error.detail(error_details_pb2.BadRequest).field_violations
    assert violation.field == "callboard-colour" == error.metadata["field"]


def test_metadata_of_others_is_let_through(shared, key):
    request = probe.AddRequest(probe=key(), delta=1)
    metadata = [("x-request-id", "7"), ("authorization", "Bearer none"), ("data-bin", b"\0\xff")]
    assert shared.probe().Add(request, timeout=30, metadata=metadata).value == 1


def test_trace_context_of_more_than_8_kib_is_left_out(shared, key):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    metadata = [("traceparent", trace), ("baggage", "x" * 9_000)]
    request = probe.ContextRequest(probe=key())
    assert shared.probe().Context(request, timeout=30, metadata=metadata).traceparent == trace


@pytest.mark.parametrize("content_type", ["text/plain", "application/grpcx"])
def test_what_a_web_page_can_send_is_not_taken(shared, content_type):
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=10)
    message = probe.AddRequest(probe="web", delta=1).SerializeToString()
    frame = b"\0" + len(message).to_bytes(4, "big") + message
    connection.request("POST", "/probe.v1.Probe/Add", frame, {"content-type": content_type})
    assert connection.getresponse().status == 415
    connection.close()
