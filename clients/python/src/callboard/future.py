"""Answers that are fetched later."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

import grpc

from callboard.errors import CancelledError

if TYPE_CHECKING:
    from callboard.client import Client
    from callboard.message import Message, Receipt

Res = TypeVar("Res")


class Wait:
    """A call that somebody else may end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._call: grpc.Future[bytes] | None = None
        self.is_over = False

    def begin(self, call: grpc.Future[bytes]) -> None:
        """The call that waits now."""
        with self._lock:
            self._call = call
            if self.is_over:
                call.cancel()

    def end(self) -> None:
        """Ends it, and what may come after it."""
        with self._lock:
            self.is_over = True
            if self._call is not None:
                self._call.cancel()


class Future(Generic[Res]):
    """The answer to a message that was sent. `Actor.start` and `Actor.pick_up` make it.

    Any thread may wait for it, and several may. The message is handled whether or not somebody
    waits; its answer is kept for a day.
    """

    def __init__(self, client: Client, message: Message[Res], receipt: Receipt | None) -> None:
        self._client = client
        self._message = message
        self._lock = threading.Lock()
        self._waits: set[Wait] = set()
        self._is_cancelled = False
        self.receipt = receipt
        """What became of the message; `None` for one that was picked up."""

    @property
    def message_id(self) -> str:
        """The id of the message, by which the answer can be picked up anywhere."""
        return self._message.message_id

    def result(self, timeout: float | None = None) -> Res:
        """Waits for the answer.

        Args:
            timeout: How long, in seconds; the client's `ask_timeout` if it is not given.

        Raises:
            DeadlineExceededError: It did not come in time. It may be waited for again.
            CancelledError: Somebody has called `cancel`.
            CallboardError: The message failed, as the ask would have.
        """
        wait = Wait()
        with self._lock:
            if self._is_cancelled:
                raise self._given_up()
            self._waits.add(wait)
        try:
            return self._client._perform(self._client._calls.wait(self._message, timeout), wait)
        except CancelledError:
            if wait.is_over:
                raise self._given_up() from None
            raise
        finally:
            with self._lock:
                self._waits.discard(wait)

    def cancel(self) -> None:
        """Gives up waiting, here and in all threads. It does not unsend the message."""
        with self._lock:
            self._is_cancelled = True
            waits = list(self._waits)
        for wait in waits:
            wait.end()

    def _given_up(self) -> CancelledError:
        text = "nobody waits for it any more"
        return CancelledError(grpc.StatusCode.CANCELLED, text, message_id=self.message_id)
