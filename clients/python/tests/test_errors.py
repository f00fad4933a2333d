"""From statuses to errors."""

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2

import callboard
from callboard import errors
from callboard.v1 import error_reason_pb2


class Status:
    """What grpc raises, as far as it is looked at."""

    def __init__(self, code: str, *details, trailers=()) -> None:
        self._code = grpc.StatusCode[code]
        status = status_pb2.Status(code=self._code.value[0], message="what it says")
        for detail in details:
            status.details.add().Pack(detail)
        encoded = ("grpc-status-details-bin", status.SerializeToString())
        self._trailers = (*trailers, *((encoded,) if details else ()))

    def code(self):
        return self._code

    def details(self):
        return "what it says"

    def trailing_metadata(self):
        return self._trailers


def info(reason: str, domain: str = errors.DOMAIN, **metadata: str):
    return error_details_pb2.ErrorInfo(reason=reason, domain=domain, metadata=metadata)


def test_all_that_a_status_says_is_there():
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(412)
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="a", description="b")
    status = Status("RESOURCE_EXHAUSTED", info("RATE_LIMITED", limit="1/s"), retry, bad)
    error = errors.of_failure(status, "order-7")
    assert isinstance(error, callboard.RateLimitedError)
    assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (error.reason, error.domain) == ("RATE_LIMITED", "callboard.dev")
    assert error.metadata == {"limit": "1/s"}
    assert error.retry_delay == pytest.approx(0.412)
    assert error.message_id == "order-7"
    assert error.message == "what it says"
    assert error.details == (info("RATE_LIMITED", limit="1/s"), retry, bad)
    assert str(error) == "RESOURCE_EXHAUSTED (RATE_LIMITED): what it says"


def test_every_reason_has_a_class_or_is_for_operators():
    known = error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name
    names = {name.removeprefix("ERROR_REASON_") for name in known}
    operators = {"NOT_FOUND", "MAILBOX_PAUSED", "MAILBOX_NOT_PAUSED"}
    assert names - {"UNSPECIFIED"} - operators == set(errors._BY_REASON)


def test_a_reason_of_another_domain_is_the_actors():
    error = errors.of_failure(Status("UNAVAILABLE", info("SOLD_OUT", "shop.example")), None)
    assert isinstance(error, callboard.HandlerError)
    assert (error.reason, error.domain) == ("SOLD_OUT", "shop.example")


def test_a_status_without_a_reason_that_has_a_receipt_is_the_actors():
    status = Status("ABORTED", trailers=[("callboard-sequence", "7")])
    assert type(errors.of_failure(status, None)) is callboard.HandlerError


@pytest.mark.parametrize(
    ("code", "cls"),
    [
        ("UNAVAILABLE", callboard.UnavailableError),
        ("DEADLINE_EXCEEDED", callboard.DeadlineExceededError),
        ("UNAUTHENTICATED", callboard.UnauthenticatedError),
        ("CANCELLED", callboard.CancelledError),
        ("DATA_LOSS", callboard.CallboardError),
    ],
)
def test_a_status_that_says_nothing_more_is_known_by_its_code(code, cls):
    error = errors.of_failure(Status(code), None)
    assert type(error) is cls
    assert (error.reason, error.domain, error.retry_delay) == (None, None, None)


def test_a_reason_to_come_is_known_by_its_code():
    error = errors.of_failure(Status("PERMISSION_DENIED", info("TO_COME")), None)
    assert type(error) is callboard.PermissionDeniedError
    assert error.reason == "TO_COME"


def test_the_id_of_the_gateway_is_taken_where_there_is_no_other():
    status = Status("DEADLINE_EXCEEDED", info("ASK_TIMEOUT", message_id="order-7"))
    assert errors.of_failure(status, None).message_id == "order-7"


def test_details_that_cannot_be_read_hide_nothing_else():
    status = Status("ABORTED", trailers=[("grpc-status-details-bin", b"\xff\x01")])
    error = errors.of_failure(status, None)
    assert (error.code.name, error.message, error.details) == ("ABORTED", "what it says", ())
    unknown = Any(type_url="type.googleapis.com/a.B", value=b"c")
    assert errors.of_status(10, "no", [unknown], None).details == (unknown,)


def test_facts_cannot_be_changed():
    error = errors.of_failure(Status("INTERNAL", info("INTERNAL", detail="x")), None)
    with pytest.raises(TypeError):
        error.metadata["detail"] = "y"
