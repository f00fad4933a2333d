"""What a call fails with.

The classes tell apart what a program does next; `code` and `reason` tell the rest. All reasons
are in https://github.com/callboard-dev/callboard/blob/main/docs/errors.md.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

DOMAIN = "callboard.dev"
"""The domain of Callboard's own reasons."""

# Where gRPC has the details of a status.
_DETAILS = "grpc-status-details-bin"

# The gateway tells with these what became of a message, also of one that failed.
_RECEIPT = ("callboard-sequence", "callboard-duplicate")

_CODES = {code.value[0]: code for code in grpc.StatusCode}

_KNOWN_DETAILS: tuple[type[Message], ...] = (
    error_details_pb2.ErrorInfo,
    error_details_pb2.RetryInfo,
    error_details_pb2.BadRequest,
    error_details_pb2.DebugInfo,
    error_details_pb2.QuotaFailure,
    error_details_pb2.PreconditionFailure,
    error_details_pb2.RequestInfo,
    error_details_pb2.ResourceInfo,
    error_details_pb2.Help,
    error_details_pb2.LocalizedMessage,
)


class CallboardError(Exception):
    """A call failed. The status as gRPC gave it, if there was one, is the `__cause__`."""

    code: grpc.StatusCode
    """The gRPC status code."""

    message: str
    """What is wrong, for people."""

    reason: str | None
    """What is wrong, for programs: `ASK_TIMEOUT`. `None` when nobody said."""

    domain: str | None
    """Whose reason it is: `callboard.dev`, or that of the actor."""

    metadata: Mapping[str, str]
    """The facts of the reason, such as `limit_bytes`."""

    retry_delay: float | None
    """After how many seconds the same call may succeed; `None` when nobody said. By then the
    client has made as many attempts as it may."""

    message_id: str | None
    """The id of the message. It may be stored, unless the reason says that it is not; sent again
    with this id it is handled once."""

    details: tuple[Message, ...]
    """All details of the status: `google.rpc.BadRequest` and others. One of an unknown type is a
    `google.protobuf.Any`."""

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        reason: str | None = None,
        domain: str | None = None,
        metadata: Mapping[str, str] | None = None,
        retry_delay: float | None = None,
        message_id: str | None = None,
        details: Iterable[Message] = (),
    ) -> None:
        named = f"{code.name} ({reason})" if reason else code.name
        super().__init__(f"{named}: {message}")
        self.code = code
        self.message = message
        self.reason = reason
        self.domain = domain
        self.metadata = MappingProxyType(dict(metadata or {}))
        self.retry_delay = retry_delay
        self.message_id = message_id
        self.details = tuple(details)


class UnavailableError(CallboardError):
    """Nobody is there, or the gateway cannot do it now. The message may be stored, unless
    `metadata["stored"]` is `no`. Try again later, with the same message id."""


class DeadlineExceededError(CallboardError):
    """The deadline passed. The message may be stored, and is then handled. Pick its answer up
    with its id, or send it again with its id; never with a new one."""


class InvalidRequestError(CallboardError):
    """The request is not valid. `metadata["field"]` names what to mend."""


class UnknownMethodError(CallboardError):
    """No actor type has this service or method."""


class PayloadTooLargeError(CallboardError):
    """The message, its reply or the actor's state is too large. Send less, or ask for less."""


class NotDeployedError(CallboardError):
    """The actor's function cannot run. With a `message_id` in the metadata the message is stored,
    and waits for it."""


class DeadLetteredError(CallboardError):
    """The message failed in all of its attempts, and was set aside for an operator."""


class MailboxFullError(CallboardError):
    """Too many messages wait for the actor. This one is not stored. Try again later, less often."""


class RateLimitedError(CallboardError):
    """The caller sends, or the actor gets, more than it may. The message is not stored."""


class MessageIdReusedError(CallboardError):
    """A message of this id was sent to the actor before, with another method or request. That one
    stays as it is."""


class CancelledError(CallboardError):
    """It was given up: a delayed message was cancelled (`MESSAGE_CANCELLED`), or here somebody gave
    up waiting, or closed the client."""


class UnauthenticatedError(CallboardError):
    """The call has no credentials, or some that are not taken. Get new ones."""


class PermissionDeniedError(CallboardError):
    """The caller may not do this."""


class InternalError(CallboardError):
    """A defect of Callboard, or an answer that cannot be read."""


class HandlerError(CallboardError):
    """The actor's own answer: its handler ended with this status, with the actor's own reason and
    domain if it gave some. The message is handled, and what it changed is undone."""


_BY_REASON: dict[str, type[CallboardError]] = {
    "UNKNOWN_METHOD": UnknownMethodError,
    "ACTOR_NOT_DEPLOYED": NotDeployedError,
    "INVALID_REQUEST": InvalidRequestError,
    "PAYLOAD_TOO_LARGE": PayloadTooLargeError,
    "ASK_TIMEOUT": DeadlineExceededError,
    "UNAVAILABLE": UnavailableError,
    "INTERNAL": InternalError,
    "SEND_TIMEOUT": DeadlineExceededError,
    "MAILBOX_FULL": MailboxFullError,
    "DEAD_LETTERED": DeadLetteredError,
    "MESSAGE_ID_REUSED": MessageIdReusedError,
    "MESSAGE_CANCELLED": CancelledError,
    "INTERNAL_METHOD": PermissionDeniedError,
    "RATE_LIMITED": RateLimitedError,
    "UNAUTHENTICATED": UnauthenticatedError,
    "PERMISSION_DENIED": PermissionDeniedError,
}

# Of a status without a reason that is known here: a proxy's, gRPC's own, a newer gateway's.
_BY_CODE: dict[grpc.StatusCode, type[CallboardError]] = {
    grpc.StatusCode.CANCELLED: CancelledError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    grpc.StatusCode.INTERNAL: InternalError,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.UNAUTHENTICATED: UnauthenticatedError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.UNIMPLEMENTED: UnknownMethodError,
}


class Failure(Protocol):
    """What grpc and grpc.aio raise."""

    def code(self) -> grpc.StatusCode:
        """The status code."""
        ...

    def details(self) -> str | None:
        """The text of the status."""
        ...

    def trailing_metadata(self) -> Any:
        """The trailers."""
        ...


def of_failure(failure: Failure, message_id: str | None) -> CallboardError:
    """What grpc raised, as an error of ours."""
    trailers: dict[str, Any] = dict(failure.trailing_metadata() or ())
    details: Iterable[AnyMessage] = ()
    try:
        details = status_pb2.Status.FromString(trailers.get(_DETAILS, b"")).details
    except DecodeError:
        # The code and the text are there all the same.
        details = ()
    is_stored = any(name in trailers for name in _RECEIPT)
    text = failure.details() or failure.code().name
    return _error(failure.code(), text, details, message_id, is_stored=is_stored)


def of_status(
    code: int, text: str, details: Iterable[AnyMessage], message_id: str | None
) -> CallboardError:
    """A status that is part of an answer, as an error."""
    known = _CODES.get(code, grpc.StatusCode.UNKNOWN)
    return _error(known, text, details, message_id, is_stored=False)


def closed(message_id: str | None) -> CancelledError:
    """A call that ends with its client."""
    return CancelledError(grpc.StatusCode.CANCELLED, "the client is closed", message_id=message_id)


def unreadable(error: Exception, message_id: str | None) -> InternalError:
    """An answer that is none."""
    text = f"the answer cannot be read: {error}"
    return InternalError(grpc.StatusCode.INTERNAL, text, message_id=message_id)


def _error(
    code: grpc.StatusCode,
    text: str,
    packed: Iterable[AnyMessage],
    message_id: str | None,
    *,
    is_stored: bool,
) -> CallboardError:
    details = [_unpacked(detail) for detail in packed]
    info = next((one for one in details if isinstance(one, error_details_pb2.ErrorInfo)), None)
    retry = next((one for one in details if isinstance(one, error_details_pb2.RetryInfo)), None)
    metadata = dict(info.metadata) if info else {}
    if info is None:
        # The gateway gives all of its own a reason. So a status without one that tells what
        # became of the message is the handler's.
        cls = HandlerError if is_stored else _BY_CODE.get(code, CallboardError)
    elif info.domain == DOMAIN:
        cls = _BY_REASON.get(info.reason) or _BY_CODE.get(code, CallboardError)
    else:
        cls = HandlerError
    return cls(
        code,
        text,
        reason=info.reason if info else None,
        domain=info.domain if info else None,
        metadata=metadata,
        retry_delay=retry.retry_delay.ToNanoseconds() / 1e9 if retry else None,
        message_id=message_id or metadata.get("message_id"),
        details=details,
    )


def _unpacked(packed: AnyMessage) -> Message:
    for cls in _KNOWN_DETAILS:
        if packed.type_url.endswith(f"/{cls.DESCRIPTOR.full_name}"):
            message = cls()
            try:
                packed.Unpack(message)
            except DecodeError:
                break
            return message
    return packed
