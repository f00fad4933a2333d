"""The messages of a stream that have no receipt yet, without I/O."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from callboard.errors import CallboardError
from callboard.message import Message, Receipt, receipt_of, told
from callboard.retry import Attempts, is_retried
from callboard.v1 import gateway_pb2

WINDOW = 64
"""The most messages of a stream without a receipt; the gateway takes no more."""


class Promise(Protocol):
    """Where a receipt goes: a future of whichever kind."""

    def done(self) -> bool: ...
    def set_result(self, result: Receipt, /) -> None: ...
    def set_exception(self, exception: BaseException, /) -> None: ...


P = TypeVar("P", bound=Promise)


@dataclass
class Entry(Generic[P]):
    """A message, where its receipt goes, and the trace in which it was told."""

    message: Message[Any]
    promise: P
    trace: dict[str, str]

    def request(self) -> bytes:
        tell = told(self.message, None)
        tell.message.headers.update(self.trace)
        return gateway_pb2.TellStreamRequest(tell=tell).SerializeToString()

    def settle(self, result: Receipt | CallboardError) -> None:
        # Who waits may have given up.
        if self.promise.done():
            return
        if isinstance(result, Receipt):
            self.promise.set_result(result)
        else:
            self.promise.set_exception(result)


class Window(Generic[P]):
    """The messages without a receipt, in their order; the first `sent` of them are on their way."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts
        self._entries: deque[Entry[P]] = deque()
        self._sent = 0
        # Whether the first message goes alone.
        self._is_careful = False

    @property
    def is_full(self) -> bool:
        return len(self._entries) >= WINDOW

    @property
    def is_empty(self) -> bool:
        return not self._entries

    @property
    def is_sent(self) -> bool:
        """Whether all messages are on their way."""
        return self._sent == len(self._entries)

    def add(self, entry: Entry[P]) -> None:
        self._entries.append(entry)

    def next_to_send(self) -> Entry[P] | None:
        """The next message that is not on its way, which it then is; none when there is none, or
        when it has to wait for the receipt of the first."""
        if self.is_sent or (self._is_careful and self._sent):
            return None
        entry = self._entries[self._sent]
        self._sent += 1
        return entry

    def take(self, payload: bytes) -> None:
        """Takes the receipt of the first message."""
        receipt = receipt_of(gateway_pb2.TellStreamResponse.FromString(payload).receipt)
        self._attempts.start_anew()
        self._is_careful = False
        self._sent -= 1
        self._entries.popleft().settle(receipt)

    def broke(
        self, failure: Callable[[str | None], CallboardError], *, carefully: bool = False
    ) -> float:
        """The stream has ended; how long to wait before the next one, in seconds. What has no
        receipt is sent again with it, but for those that are told here that they failed.
        `carefully`, the first message is sent alone then, until it has its receipt."""
        self._sent = 0
        self._is_careful = carefully
        if not self._entries:
            return 0
        first = self._entries[0].message.message_id
        error = failure(first)
        wait = self._attempts.wait_after(error)
        if wait is not None:
            return wait
        self._attempts.start_anew()
        if is_retried(error):
            self.fail(failure)
        else:
            # All before it have their receipts, so it is the first that was refused.
            self._entries.popleft().settle(error)
        return 0

    def fail(self, failure: Callable[[str | None], CallboardError]) -> None:
        """Nothing more is sent."""
        self._sent = 0
        while self._entries:
            entry = self._entries.popleft()
            entry.settle(failure(entry.message.message_id))
