"""A call, what it is refused with, and that callers are told the same through all doors."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2

from harness.dev import CHANNEL_OPTIONS
from harness.status import DEADLINE_TRIES, DOMAIN, refused
from harness.stubs import probe, trial
from harness.web import JSON, send

# Of each status code its number, its name in Connect and its HTTP status.
CODES = [
    (1, "canceled", 499),
    (2, "unknown", 500),
    (3, "invalid_argument", 400),
    (4, "deadline_exceeded", 504),
    (5, "not_found", 404),
    (6, "already_exists", 409),
    (7, "permission_denied", 403),
    (8, "resource_exhausted", 429),
    (9, "failed_precondition", 400),
    (10, "aborted", 409),
    (11, "out_of_range", 400),
    (12, "unimplemented", 501),
    (13, "internal", 500),
    (14, "unavailable", 503),
    (15, "data_loss", 500),
    (16, "unauthenticated", 401),
]

# What a message of any size is told as, since it need not be read whole.
ANY = object()


@dataclass
class Row:
    """A call and what it is refused with."""

    method: str
    request: dict[str, Any]
    code: str
    reason: str
    # The metadata of the ErrorInfo, all of it.
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    # Whether there is RetryInfo.
    retry: bool = False
    # The path in BadRequest.
    field: str | None = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    seconds: float = 30
    # What is done before; it is given the gateway and the actor's key.
    before: Callable[[Any, str], None] = lambda _dev, _name: None


@dataclass
class Told:
    """What a caller learns, through whichever door."""

    code: str
    reason: str
    domain: str
    facts: dict[str, str]
    retry: bool
    field: str | None


def message_type(method: str):
    module = trial if method.startswith("trial") else probe
    return getattr(module, method.rpartition("/")[2] + "Request")


def over_grpc(port: int, row: Row, request: dict) -> Told:
    encoded = b""
    if row.reason not in ("UNKNOWN_METHOD", "INTERNAL_METHOD"):
        encoded = json_format.ParseDict(request, message_type(row.method)()).SerializeToString()
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS) as channel:
        call = channel.unary_unary(f"/{row.method}")
        metadata = list(row.headers.items())
        error = refused(call, encoded, timeout=row.seconds, metadata=metadata)
    if not error.detail(error_details_pb2.ErrorInfo):
        return Told(error.code.name, "", "", {}, False, None)
    retry = error.detail(error_details_pb2.RetryInfo)
    bad = error.detail(error_details_pb2.BadRequest)
    return Told(
        error.code.name,
        error.info.reason,
        error.info.domain,
        error.metadata,
        retry is not None and retry.retry_delay.ToMilliseconds() > 0,
        bad and bad.field_violations[0].field,
    )


def over_connect(port: int, row: Row, request: dict) -> Told:
    more = {"connect-timeout-ms": str(round(row.seconds * 1_000))}
    body = json.dumps(request).encode()
    answer = send(port, "POST", f"/{row.method}", body, JSON | more | row.headers)
    [(number, name, _)] = [code for code in CODES if code[1] == answer.json["code"]]
    assert (number, name, answer.status) in CODES, answer
    [code] = [code.name for code in grpc.StatusCode if code.value[0] == number]
    retry = answer.detail(error_details_pb2.RetryInfo)
    bad = answer.detail(error_details_pb2.BadRequest)
    info = answer.info
    return Told(
        code,
        info["reason"],
        info["domain"],
        info.get("metadata", {}),
        retry is not None and retry.retry_delay.ToMilliseconds() > 0,
        bad and bad.field_violations[0].field,
    )


DOORS = {"gRPC": over_grpc, "Connect": over_connect}


def check(dev, row: Row, door: str, name: str) -> Told:
    """Makes the call of a row, and looks at what it is told."""
    filled = lambda text: text.replace("NAME", name) if isinstance(text, str) else text
    request = {key: filled(value) for key, value in row.request.items()}
    for _ in range(DEADLINE_TRIES):
        row.before(dev, name)
        told = DOORS[door](dev.port, row, request)
        # The client's own timer may be first, and gives no details.
        if told.code != "DEADLINE_EXCEEDED" or told.reason:
            break
    assert (told.code, told.reason, told.domain) == (row.code, row.reason, DOMAIN), told
    assert (told.retry, told.field) == (row.retry, row.field), told
    assert told.facts.keys() == row.facts.keys(), told
    for key, fact in row.facts.items():
        assert fact is ANY or told.facts[key] == filled(fact), told
    return told
