"""Calls Callboard's actors.

The stubs are those that grpcio-tools generates from your `.proto`:

    import callboard
    from counter_pb2 import AddRequest
    from counter_pb2_grpc import CounterStub

    with callboard.connect("http://127.0.0.1:7070") as client:
        counter = client.actor(CounterStub, key="alice")
        print(counter.Add(AddRequest(delta=5)).value)

`callboard.aio` has the same for asyncio.
"""

from callboard._key import key
from callboard._message_id import new_message_id
from callboard._settings import Options
from callboard.actor import Actor
from callboard.client import Client, connect
from callboard.errors import (
    DOMAIN,
    CallboardError,
    CancelledError,
    DeadLetteredError,
    DeadlineExceededError,
    HandlerError,
    InternalError,
    InvalidRequestError,
    MailboxFullError,
    MessageIdReusedError,
    NotDeployedError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
    UnknownMethodError,
)
from callboard.future import Future
from callboard.message import Answer, Message, Receipt
from callboard.retry import Retry
from callboard.tell_stream import TellStream

__all__ = [
    "DOMAIN",
    "Actor",
    "Answer",
    "CallboardError",
    "CancelledError",
    "Client",
    "DeadLetteredError",
    "DeadlineExceededError",
    "Future",
    "HandlerError",
    "InternalError",
    "InvalidRequestError",
    "MailboxFullError",
    "Message",
    "MessageIdReusedError",
    "NotDeployedError",
    "Options",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "RateLimitedError",
    "Receipt",
    "Retry",
    "TellStream",
    "UnauthenticatedError",
    "UnavailableError",
    "UnknownMethodError",
    "connect",
    "key",
    "new_message_id",
]
