"""The calls that a client makes, without I/O: what goes out, and how to read what comes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from callboard import _schema
from callboard._key import is_metadata
from callboard.message import (
    Answer,
    Delivery,
    Message,
    Receipt,
    addressed,
    answer_of,
    delay_of,
    named,
    payload_of,
    receipt_in_headers,
    receipt_of,
    time_of,
    told,
)
from callboard.v1 import gateway_pb2

T = TypeVar("T")
Res = TypeVar("Res")

GATEWAY = "/callboard.v1.Gateway/"

# Longer ones count as this at the gateway.
_TIMEOUT_MAX = 24 * 3_600.0


@dataclass(frozen=True)
class Timeouts:
    """How long calls may take that do not say it themselves, in seconds."""

    ask: float
    tell: float


@dataclass(frozen=True)
class Call(Generic[T]):
    """A call with one request and one response."""

    path: str
    payload: bytes
    metadata: tuple[tuple[str, str], ...]
    # How long it may take with all its attempts, in seconds.
    timeout: float
    message_id: str
    # Reads the response and its headers.
    read: Callable[[bytes, Mapping[str, Any]], T]


class Calls:
    """Makes calls of messages."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts

    def ask(self, message: Message[Res], timeout: float | None) -> Call[Answer[Res]]:
        """Sends a message, and waits for the answer."""
        is_tell = bool(message.path) and _schema.is_tell(message.path)
        timeout = self._tell_timeout(timeout) if is_tell else self.ask_timeout(timeout)
        if _is_direct(message):
            return Call(
                path=message.path,
                payload=_encoded(message),
                metadata=_of_message(message),
                timeout=timeout,
                message_id=message.message_id,
                read=lambda payload, headers: Answer(
                    message.decode(payload), receipt_in_headers(headers)
                ),
            )
        if is_tell:
            call = self._tell_by_name(message, None, timeout)
            empty: Any = b""
            return Call(
                path=call.path,
                payload=call.payload,
                metadata=(),
                timeout=timeout,
                message_id=message.message_id,
                read=lambda payload, headers: Answer(
                    message.decode(empty), call.read(payload, headers)
                ),
            )
        return Call(
            path=f"{GATEWAY}Ask",
            payload=gateway_pb2.AskRequest(message=named(message)).SerializeToString(),
            metadata=(),
            timeout=timeout,
            message_id=message.message_id,
            read=lambda payload, _: answer_of(message, gateway_pb2.AskResponse.FromString(payload)),
        )

    def tell(
        self, message: Message[Any], delivery: Delivery, timeout: float | None
    ) -> Call[Receipt]:
        """Sends a message, and waits until it is stored."""
        if not _is_direct(message):
            return self._tell_by_name(message, delivery, self._tell_timeout(timeout))
        metadata = [*_of_message(message), ("callboard-mode", "tell")]
        match delivery:
            case timedelta():
                metadata.append(("callboard-delay", delay_of(delivery)))
            case datetime():
                metadata.append(("callboard-deliver-at", time_of(delivery)))
            case None:
                pass
        return Call(
            path=message.path,
            payload=_encoded(message),
            metadata=tuple(metadata),
            timeout=self._tell_timeout(timeout),
            message_id=message.message_id,
            read=lambda _, headers: _receipt(headers),
        )

    def wait(self, message: Message[Res], timeout: float | None) -> Call[Res]:
        """Waits for the answer to a message that was sent before."""
        request = gateway_pb2.AwaitRequest(
            address=addressed(message.actor_type, message.key),
            message_id=message.message_id,
            json_of_method=message.method if isinstance(message.payload, str) else "",
        )
        return Call(
            path=f"{GATEWAY}Await",
            payload=request.SerializeToString(),
            metadata=(),
            timeout=self.ask_timeout(timeout),
            message_id=message.message_id,
            read=lambda payload, _: message.decode(
                payload_of(gateway_pb2.AwaitResponse.FromString(payload))
            ),
        )

    def cancel(
        self, actor_type: str, key: str, message_id: str, timeout: float | None
    ) -> Call[bool]:
        """Cancels a delayed message."""
        address = addressed(actor_type, key)
        request = gateway_pb2.CancelRequest(address=address, message_id=message_id)
        return Call(
            path=f"{GATEWAY}Cancel",
            payload=request.SerializeToString(),
            metadata=(),
            timeout=self._tell_timeout(timeout),
            message_id=message_id,
            read=lambda payload, _: gateway_pb2.CancelResponse.FromString(payload).cancelled,
        )

    def ask_timeout(self, timeout: float | None) -> float:
        """How long an ask may take."""
        return _checked(self._timeouts.ask if timeout is None else timeout)

    def _tell_timeout(self, timeout: float | None) -> float:
        return _checked(self._timeouts.tell if timeout is None else timeout)

    def _tell_by_name(
        self, message: Message[Any], delivery: Delivery, timeout: float
    ) -> Call[Receipt]:
        return Call(
            path=f"{GATEWAY}Tell",
            payload=told(message, delivery).SerializeToString(),
            metadata=(),
            timeout=timeout,
            message_id=message.message_id,
            read=lambda payload, _: receipt_of(
                gateway_pb2.TellResponse.FromString(payload).receipt
            ),
        )


def _is_direct(message: Message[Any]) -> bool:
    """Whether the method's own path is called. What metadata cannot carry goes by name."""
    return bool(message.path) and is_metadata(message.key)


def _of_message(message: Message[Any]) -> tuple[tuple[str, str], ...]:
    own = ("callboard-message-id", message.message_id)
    return (own, ("callboard-key", message.key)) if message.key else (own,)


def _encoded(message: Message[Any]) -> bytes:
    if isinstance(message.payload, str):
        raise TypeError("a message with a path of its own is encoded")
    return message.payload


def _receipt(headers: Mapping[str, Any]) -> Receipt:
    receipt = receipt_in_headers(headers)
    if receipt is None:
        raise ValueError("it has no header `callboard-message-id`; is this a gateway of Callboard?")
    return receipt


def _checked(timeout: float) -> float:
    if timeout <= 0:
        raise ValueError("a timeout is more than 0 s")
    return min(timeout, _TIMEOUT_MAX)
