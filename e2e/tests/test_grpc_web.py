"""gRPC-Web, its frames made by hand."""

import base64

import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2

from harness.stubs import probe
from harness.web import send

BINARY = "application/grpc-web+proto"
TEXT = "application/grpc-web-text+proto"
TRAILERS = 0x80


def frame(message: bytes, flags: int = 0) -> bytes:
    return bytes([flags]) + len(message).to_bytes(4, "big") + message


def call(port: int, path: str, request, kind: str = BINARY, **headers: str):
    """The message, and headers and trailers together."""
    sent = frame(request.SerializeToString())
    if kind.startswith("application/grpc-web-text"):
        sent = base64.b64encode(sent)
    answer = send(port, "POST", path, sent, {"content-type": kind, "x-grpc-web": "1"} | headers)
    assert (answer.status, answer.headers["content-type"]) == (200, kind), answer
    body = answer.body
    if kind.startswith("application/grpc-web-text"):
        # Each part that was sent is padded by itself.
        parts = body.replace(b"=", b"= ").replace(b"= = ", b"== ").split()
        body = b"".join(base64.b64decode(part) for part in parts)
    message, told = None, dict(answer.headers)
    while body:
        flags, size = body[0], int.from_bytes(body[1:5], "big")
        data, body = body[5 : 5 + size], body[5 + size :]
        if flags & TRAILERS:
            lines = data.decode().split("\r\n")
            told |= dict(line.split(":", 1) for line in lines if line)
        else:
            message = data
    return message, {name.lower(): value.strip() for name, value in told.items()}


@pytest.mark.parametrize("kind", [BINARY, TEXT, "application/grpc-web", "application/grpc-web-text"])
def test_a_browser_client_calls_an_actor(shared, key, kind):
    request = probe.AddRequest(probe=key(), delta=5)
    # tonic-web answers with the full name of the kind.
    full = kind if kind.endswith("+proto") else f"{kind}+proto"
    message, told = call(shared.port, "/probe.v1.Probe/Add", request, full)
    assert probe.AddResponse.FromString(message).value == 5
    assert told["grpc-status"] == "0"
    assert told["callboard-sequence"] == "1"


@pytest.mark.parametrize("kind", [BINARY, TEXT])
def test_errors_come_with_their_details(shared, kind):
    _, told = call(shared.port, "/probe.v1.Probe/Add", probe.AddRequest(delta=1), kind)
    assert told["grpc-status"] == "3"
    encoded = told["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(base64.b64decode(encoded + "=" * (-len(encoded) % 4)))
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    assert (info.reason, info.domain) == ("INVALID_REQUEST", "callboard.dev")


def test_deadlines_and_ids_are_as_in_grpc(shared, key):
    slow = probe.SlowRequest(probe=key(), milliseconds=1_500, delta=1)
    headers = {"grpc-timeout": "500m", "callboard-message-id": "web-1"}
    _, told = call(shared.port, "/probe.v1.Probe/Slow", slow, **headers)
    assert told["grpc-status"] == "4"
    assert told["callboard-message-id"] == "web-1"
    headers = {"callboard-message-id": "web-1"}
    message, told = call(shared.port, "/probe.v1.Probe/Slow", slow, **headers)
    assert probe.SlowResponse.FromString(message).value == 1
    assert told["grpc-status"] == "0"


def test_the_services_beside_the_actors_are_there_too(shared):
    request = health_pb2.HealthCheckRequest()
    message, told = call(shared.port, "/grpc.health.v1.Health/Check", request)
    assert told["grpc-status"] == "0"
    response = health_pb2.HealthCheckResponse.FromString(message)
    assert response.status == health_pb2.HealthCheckResponse.SERVING


def test_only_posts_are_calls(shared):
    answer = send(shared.port, "PUT", "/probe.v1.Probe/Add", b"", {"content-type": BINARY})
    assert answer.status == 405
