"""What is sent, and what comes back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from callboard.v1 import gateway_pb2

Res = TypeVar("Res")
Res_co = TypeVar("Res_co", covariant=True)


@dataclass(frozen=True)
class Receipt:
    """What became of a message that is stored."""

    message_id: str
    """Its id."""

    sequence: int | None
    """Its place in its actor's mailbox, from 1; `None` for a delayed message and for one that was
    sent before."""

    duplicate: bool
    """Whether it was sent before; then it is not handled again."""

    new_key: str | None
    """The key that the gateway has made for a new actor; `None` when it made none."""


@dataclass(frozen=True)
class Answer(Generic[Res_co]):
    """What an actor has answered."""

    response: Res_co
    """The method's response."""

    receipt: Receipt | None
    """What became of the message; `None` for a read-only ask, which is none."""


@dataclass(frozen=True)
class Message(Generic[Res_co]):
    """A message to an actor, before it is sent. `Actor.message` makes it, with its id: sent again,
    also by another program, it is the same message."""

    actor_type: str
    """The type of the actor: `bank.v1.Account`."""

    key: str
    """The key of the actor; empty when the request has it, or a new one is to be made."""

    method: str
    """The name of the method: `Deposit`."""

    payload: bytes | str = field(repr=False)
    """The request, in protobuf's encoding or in its JSON."""

    message_id: str
    """Its id."""

    decode: Callable[[Any], Res_co] = field(repr=False, compare=False)
    """Reads the response, which is written as the payload is."""

    path: str = field(repr=False)
    """The path of the method's own calls; empty for one that is called by name."""


Delivery = timedelta | datetime | None
"""When a message is delivered: so much later, at a time, or at once."""


def delay_of(delivery: timedelta) -> str:
    """A delay as metadata have it."""
    return f"{delivery // timedelta(milliseconds=1)}ms"


def time_of(delivery: datetime) -> str:
    """A time as metadata have it."""
    return _aware(delivery).isoformat()


def addressed(actor_type: str, key: str) -> gateway_pb2.Address:
    """An actor as calls by name have it."""
    return gateway_pb2.Address(type=actor_type, key=key)


def named(message: Message[Any]) -> gateway_pb2.Message:
    """A message as calls by name have it."""
    is_json = isinstance(message.payload, str)
    return gateway_pb2.Message(
        address=addressed(message.actor_type, message.key),
        method=message.method,
        json=message.payload if is_json else None,  # type: ignore[arg-type]
        encoded=None if is_json else message.payload,  # type: ignore[arg-type]
        message_id=message.message_id,
    )


def told(message: Message[Any], delivery: Delivery) -> gateway_pb2.TellRequest:
    """A message as a tell by name."""
    request = gateway_pb2.TellRequest(message=named(message))
    match delivery:
        case timedelta():
            request.delay.FromTimedelta(delivery)
        case datetime():
            request.deliver_at.FromDatetime(_aware(delivery))
        case None:
            pass
    return request


def receipt_in_headers(headers: Mapping[str, Any]) -> Receipt | None:
    """What the headers of an answer tell of the message."""
    message_id = headers.get("callboard-message-id")
    if message_id is None:
        return None
    sequence = headers.get("callboard-sequence")
    return Receipt(
        message_id=message_id,
        sequence=None if sequence is None else int(sequence),
        duplicate=headers.get("callboard-duplicate") == "true",
        new_key=headers.get("callboard-key"),
    )


def receipt_of(receipt: gateway_pb2.Receipt) -> Receipt:
    """A receipt as calls by name tell it."""
    return Receipt(
        message_id=receipt.message_id,
        sequence=receipt.sequence if receipt.HasField("sequence") else None,
        duplicate=receipt.duplicate,
        new_key=receipt.new_key or None,
    )


def answer_of(message: Message[Res], response: gateway_pb2.AskResponse) -> Answer[Res]:
    """An answer as calls by name tell it."""
    receipt = receipt_of(response.receipt) if response.HasField("receipt") else None
    return Answer(message.decode(payload_of(response)), receipt)


def payload_of(response: gateway_pb2.AskResponse | gateway_pb2.AwaitResponse) -> bytes | str:
    """A response, in whichever way it is written."""
    return response.json if response.WhichOneof("payload") == "json" else response.encoded


def _aware(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ValueError("a time to deliver at has a time zone, such as datetime.UTC")
    return time
