"""Many tells, one after the other, without a wait for each."""

from __future__ import annotations

import threading
from concurrent.futures import Future as PlainFuture
from typing import TYPE_CHECKING, Any, Self

import grpc

from callboard import _trace, errors
from callboard._calls import GATEWAY
from callboard._window import Entry, Window
from callboard.retry import Attempts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from callboard.client import Client
    from callboard.errors import CallboardError
    from callboard.message import Message, Receipt


class TellStream:
    """A stream of tells to any actors. `Client.tell_stream` makes it.

    Messages to one actor are handled in the order in which they were told. When the connection
    breaks, the stream opens another one and sends again what has no receipt; with the ids that the
    messages have, each is handled once. A message that is refused fails alone.

    It is a context manager; at its end it closes.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._window: Window[PlainFuture[Receipt]] = Window(
            Attempts(client._settings.retry, timeout=None)
        )
        self._state = threading.Condition()
        self._is_closing = False
        # Which of the calls, one after the other, is the present one.
        self._call_number = 0
        self._thread = threading.Thread(target=self._run, name="callboard-tell-stream", daemon=True)
        self._thread.start()

    def tell(self, message: Message[Any]) -> PlainFuture[Receipt]:
        """Sends a message of `Actor.message`. It waits while 64 messages have no receipt.

        Returns:
            The future of the receipt. It fails with `CallboardError` when the message is refused,
            or cannot be sent in all attempts.

        Raises:
            CancelledError: The stream is closed.
        """
        promise: PlainFuture[Receipt] = PlainFuture()
        trace = _trace.of_message()
        with self._state:
            self._state.wait_for(lambda: self._is_closing or not self._window.is_full)
            if self._is_closing:
                raise errors.closed(message.message_id)
            self._window.add(Entry(message, promise, trace))
            self._state.notify_all()
        return promise

    def close(self) -> None:
        """Waits for the receipts of all messages, and closes the stream."""
        self._end()
        self._join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _end(self) -> None:
        """Takes no more messages."""
        with self._state:
            self._is_closing = True
            self._state.notify_all()

    def _join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._has_more():
                self._send()
        except Exception as error:
            # Whoever waits must learn of it, whatever it is: a token that cannot be got, say.
            with self._state:
                self._window.fail(cannot_go_on(error))
                self._is_closing = True
        finally:
            self._client._forget(self)
            with self._state:
                self._state.notify_all()

    def _has_more(self) -> bool:
        """Waits until there is something to send; false when nothing will come."""
        with self._state:
            self._state.wait_for(lambda: self._is_closing or not self._window.is_empty)
            return not self._window.is_empty

    def _send(self) -> None:
        """Makes one call, until it ends."""
        self._call_number += 1
        metadata = self._client._credentials()
        path = f"{GATEWAY}TellStream"
        failed: Callable[[str | None], CallboardError] = ended
        try:
            stream: grpc.StreamStreamMultiCallable[bytes, bytes]
            stream = self._client._channel.stream_stream(path, None, None)
            for receipt in stream(self._requests(self._call_number), None, metadata):
                with self._state:
                    self._window.take(receipt)
                    self._state.notify_all()
        except grpc.RpcError as failure:
            failed = failed_with(failure)
        except ValueError:
            # What grpcio raises on a channel that is closed.
            if not self._client._closed.is_set():
                raise
            failed = errors.closed
        with self._state:
            self._call_number += 1
            if failed is errors.closed:
                self._window.fail(failed)
                self._is_closing = True
            wait = self._window.broke(failed)
            self._state.notify_all()
        self._client._closed.wait(wait)

    def _requests(self, call_number: int) -> Iterator[bytes]:
        """The requests of one call, in a thread of gRPC's."""
        while (request := self._next(call_number)) is not None:
            yield request

    def _next(self, call_number: int) -> bytes | None:
        """Waits for the next request of a call; none when the call is over, or nothing will
        come."""
        with self._state:
            while self._call_number == call_number:
                entry = self._window.next_to_send()
                if entry is not None:
                    return entry.request()
                if self._is_closing and self._window.is_sent:
                    return None
                self._state.wait()
            return None


def ended(message_id: str | None) -> CallboardError:
    """The stream has ended, and nobody said why."""
    text = "the gateway has ended the stream"
    return errors.UnavailableError(grpc.StatusCode.UNAVAILABLE, text, message_id=message_id)


def failed_with(failure: grpc.RpcError) -> Callable[[str | None], CallboardError]:
    """The stream has ended with what gRPC raised."""

    def error(message_id: str | None) -> CallboardError:
        made = errors.of_failure(failure, message_id)
        made.__cause__ = failure
        return made

    return error


def cannot_go_on(cause: Exception) -> Callable[[str | None], CallboardError]:
    """The stream ends with what was raised here."""

    def error(message_id: str | None) -> CallboardError:
        text = f"the stream cannot go on: {cause}"
        made = errors.InternalError(grpc.StatusCode.INTERNAL, text, message_id=message_id)
        made.__cause__ = cause
        return made

    return error
