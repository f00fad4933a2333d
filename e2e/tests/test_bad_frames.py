"""Requests that are framed badly. Each is told what is wrong with it, and leaves nothing
behind."""

import base64
import gzip

import pytest

from harness.http2 import Answer, Connection, continuation, data, message
from harness.stubs import probe
from harness.web import send
from test_grpc_web import BINARY, TEXT

ADD = "/probe.v1.Probe/Add"
UNIMPLEMENTED, INVALID_ARGUMENT, RESOURCE_EXHAUSTED = 12, 3, 8
PROTOCOL_ERROR = 1


def good(name: str) -> bytes:
    return probe.AddRequest(probe=name, delta=1).SerializeToString()


# Of each what is sent for the encoded message, and the headers beside the usual ones.
FRAMES = {
    "nothing": (lambda _: b"", {}),
    "half of a head": (lambda it: message(it)[:3], {}),
    "a message that breaks off": (lambda it: message(it)[:-1], {}),
    "a length that is too long": (lambda it: message(it, length=len(it) + 9), {}),
    "a length that is too short": (lambda it: message(it, length=len(it) - 1), {}),
    "bytes after the message": (lambda it: message(it) + b"\0\0", {}),
    "two messages": (lambda it: message(it) * 2, {}),
    "a hundred messages": (lambda it: message(it) * 100, {}),
    "flag 2": (lambda it: message(it, 2), {}),
    "flag 255": (lambda it: message(it, 255), {}),
    "compressed with nothing": (lambda it: message(it, 1), {}),
    "compressed with identity": (lambda it: message(it, 1), {"grpc-encoding": "identity"}),
    "no gzip": (lambda it: message(it, 1), {"grpc-encoding": "gzip"}),
    "no zstd": (lambda it: message(it, 1), {"grpc-encoding": "zstd"}),
    "gzip that breaks off": (
        lambda it: message(gzip.compress(it)[:-9], 1),
        {"grpc-encoding": "gzip"},
    ),
    "no frame": (lambda it: it, {}),
    "JSON": (lambda _: b'{"probe":"a","delta":1}', {}),
}


def call(port: int, path: str, body: bytes, more: dict[str, str] | None = None) -> Answer:
    """One call on a connection of its own."""
    with Connection(port) as connection:
        connection.send(connection.headers(1, path, more), data(1, body))
        return connection.answer(1)


def assert_nothing_is_stored(dev, name: str) -> None:
    """The first message of an actor has the sequence 1."""
    _, done = dev.probe().Get.with_call(probe.GetRequest(probe=name), timeout=30)
    assert dict(done.initial_metadata())["callboard-sequence"] == "1"


def test_what_this_client_sends_is_taken_when_it_is_right(shared, key):
    answer = call(shared.port, ADD, message(good(key())))
    assert answer.code == 0
    assert probe.AddResponse.FromString(answer.body[5:]).value == 1


@pytest.mark.parametrize("what", FRAMES)
def test_a_bad_frame_is_an_invalid_request(shared, key, what):
    name = key()
    frame, more = FRAMES[what]
    answer = call(shared.port, ADD, frame(good(name)), more)
    answer.is_ours(INVALID_ARGUMENT, "INVALID_REQUEST")
    assert answer.info.metadata["field"] == "body"
    assert_nothing_is_stored(shared, name)


@pytest.mark.parametrize("what", FRAMES)
def test_a_bad_frame_of_grpc_web_is_one_too(shared, key, what):
    name = key()
    frame, more = FRAMES[what]
    answer = send(shared.port, "POST", ADD, frame(good(name)), {"content-type": BINARY} | more)
    assert answer.headers["grpc-status"] == str(INVALID_ARGUMENT), answer
    assert_nothing_is_stored(shared, name)


@pytest.mark.parametrize("body", ["*", "AAAA", "AAAAAAA=AAAA", "\0"])
def test_bad_base64_of_grpc_web_is_refused(shared, body):
    answer = send(shared.port, "POST", ADD, body.encode(), {"content-type": TEXT})
    assert int(answer.headers.get("grpc-status", 0)) or answer.status >= 400, answer


def test_a_length_of_four_gigabytes_is_refused_before_they_are_waited_for(shared, key):
    name = key()
    with Connection(shared.port) as connection:
        head = message(b"", length=2**32 - 1)
        connection.send(connection.headers(1, ADD), data(1, head, end=False))
        connection.answer(1).is_ours(RESOURCE_EXHAUSTED, "PAYLOAD_TOO_LARGE")
    assert_nothing_is_stored(shared, name)


def test_a_compression_that_nobody_knows_is_told_with_those_that_are_known(shared, key):
    name = key()
    answer = call(shared.port, ADD, message(good(name), 1), {"grpc-encoding": "br"})
    answer.is_ours(UNIMPLEMENTED, "INVALID_REQUEST")
    assert answer.info.metadata["field"] == "grpc-encoding"
    assert set(answer.headers["grpc-accept-encoding"].split(",")) >= {"gzip", "zstd"}
    assert_nothing_is_stored(shared, name)


@pytest.mark.parametrize("timeout", ["", "1", "S", "5x", "-1S", "+1S", "1.5S", "123456789S", "1 S"])
def test_an_absurd_timeout_is_refused(shared, key, timeout):
    name = key()
    answer = call(shared.port, ADD, message(good(name)), {"grpc-timeout": timeout})
    answer.is_ours(INVALID_ARGUMENT, "INVALID_REQUEST")
    assert answer.info.metadata["field"] == "grpc-timeout"
    assert_nothing_is_stored(shared, name)


@pytest.mark.parametrize("timeout", ["99999999H", "99999999M", "99999999n"])
def test_a_long_timeout_is_a_timeout(shared, key, timeout):
    answer = call(shared.port, ADD, message(good(key())), {"grpc-timeout": timeout})
    assert answer.code == 0


@pytest.mark.parametrize(
    "path",
    [
        "//probe.v1.Probe/Add",
        "/probe.v1.Probe//Add",
        "/probe.v1.Probe/../Probe/Add",
        "/./probe.v1.Probe/Add",
        "/probe.v1.Probe/%41dd",
        "/probe.v1.Probe%2fAdd",
        "/probe.v1.Probe/Add%00",
        "/probe.v1.Probe/Add;a=1",
        "/probe.v1.Probe/ADD",
        "*",
    ],
)
def test_a_path_is_taken_as_it_is(shared, key, path):
    name = key()
    call(shared.port, path, message(good(name))).is_ours(UNIMPLEMENTED, "UNKNOWN_METHOD")
    assert_nothing_is_stored(shared, name)


# Against HTTP/2 itself (RFC 9113, 8.1 to 8.3).
BROKEN_HEADERS = {
    "a length that is not that of the body": {"content-length": "3"},
    "a header of HTTP/1": {"connection": "close"},
    "no path": {":path": None},
    "a name in capitals": {"X-Capital": "a"},
    "te of another kind": {"te": "gzip"},
}


@pytest.mark.parametrize("what", BROKEN_HEADERS)
def test_what_is_against_http2_ends_its_stream_or_its_connection(shared, key, what):
    name = key()
    with Connection(shared.port) as connection:
        headers = connection.headers(1, ADD, BROKEN_HEADERS[what])
        connection.send(headers, data(1, message(good(name))))
        answer = connection.answer(1)
        assert "grpc-status" not in answer.headers
        code = answer.reset if connection.goaway is None else connection.goaway.error_code
        assert code == PROTOCOL_ERROR, answer
    assert_nothing_is_stored(shared, name)


def test_headers_that_are_too_large_are_refused(shared, key):
    name = key()
    with Connection(shared.port) as connection:
        headers = connection.headers(1, ADD, {f"x-{n}": "y" * 100 for n in range(400)})
        block, size = headers.data, 16_000
        headers.data = block[:size]
        headers.flags.discard("END_HEADERS")
        rest = [block[at : at + size] for at in range(size, len(block), size)]
        ends = [part is rest[-1] for part in rest]
        parts = [continuation(1, *part) for part in zip(rest, ends, strict=True)]
        connection.send(headers, *parts, data(1, message(good(name))))
        answer = connection.answer(1)
        assert answer.headers[":status"] == "431"
        # The connection is as good as before.
        connection.send(connection.headers(3, ADD), data(3, message(good(name))))
        assert connection.answer(3).code == 0


def test_text_of_grpc_web_that_is_right_is_taken(shared, key):
    body = base64.b64encode(message(good(key())))
    answer = send(shared.port, "POST", ADD, body, {"content-type": TEXT})
    assert base64.b64decode(answer.body[:8])[:5] == b"\0\0\0\0\x02", answer
