"""Many tells, one after the other, without a wait for each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

import grpc

from callboard import _trace, errors
from callboard._calls import GATEWAY
from callboard._window import Entry, Window
from callboard.retry import Attempts
from callboard.tell_stream import cannot_go_on, ended, failed_with

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from callboard.aio.client import Client
    from callboard.errors import CallboardError
    from callboard.message import Message, Receipt

    Stream = grpc.aio.StreamStreamCall[bytes, bytes]


class TellStream:
    """A stream of tells to any actors. `Client.tell_stream` makes it.

    Messages to one actor are handled in the order in which they were told. When the connection
    breaks, the stream opens another one and sends again what has no receipt; with the ids that the
    messages have, each is handled once. A message that is refused fails alone.

    It is an asynchronous context manager; at its end it closes.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._window: Window[asyncio.Future[Receipt]] = Window(
            Attempts(client._settings.retry, timeout=None)
        )
        self._state = asyncio.Condition()
        # Those who wait for room get it in the order in which they came.
        self._turn = asyncio.Lock()
        self._is_closing = False
        self._task = asyncio.create_task(self._run(), name="callboard-tell-stream")

    async def tell(self, message: Message[Any]) -> asyncio.Future[Receipt]:
        """Sends a message of `Actor.message`. It waits while 64 messages have no receipt.

        Returns:
            The future of the receipt. It fails with `CallboardError` when the message is refused,
            or cannot be sent in all attempts.

        Raises:
            CancelledError: The stream is closed.
        """
        promise: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        trace = _trace.of_message()
        async with self._turn, self._state:
            await self._state.wait_for(lambda: self._is_closing or not self._window.is_full)
            if self._is_closing:
                raise errors.closed(message.message_id)
            self._window.add(Entry(message, promise, trace))
            self._state.notify_all()
        return promise

    async def close(self) -> None:
        """Waits for the receipts of all messages, and closes the stream."""
        await self._end()
        await self._join()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _end(self) -> None:
        """Takes no more messages."""
        async with self._state:
            self._is_closing = True
            self._state.notify_all()

    async def _join(self) -> None:
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while await self._has_more():
                await self._send()
        except asyncio.CancelledError:
            self._window.fail(errors.closed)
            raise
        except Exception as error:
            # Whoever waits must learn of it, whatever it is: a token that cannot be got, say.
            self._window.fail(cannot_go_on(error))
        finally:
            self._is_closing = True
            self._client._forget(self)
            async with self._state:
                self._state.notify_all()

    async def _has_more(self) -> bool:
        """Waits until there is something to send; false when nothing will come."""
        async with self._state:
            await self._state.wait_for(lambda: self._is_closing or not self._window.is_empty)
            return not self._window.is_empty

    async def _send(self) -> None:
        """Makes one call, until it ends."""
        metadata = await self._client._credentials()
        failed: Callable[[str | None], CallboardError] = ended
        is_hidden = False
        open_stream: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
        open_stream = self._client._channel.stream_stream(f"{GATEWAY}TellStream", None, None)
        stream = open_stream(metadata=metadata)
        writer = asyncio.create_task(self._write(stream))
        try:
            while isinstance(receipt := await stream.read(), bytes):
                async with self._state:
                    self._window.take(receipt)
                    self._state.notify_all()
        except grpc.aio.AioRpcError as failure:
            # When a message is written while the status of the call is on its way, grpc.aio makes
            # up a status of its own, without any trailers. The call that only has the first
            # message tells the true one.
            is_hidden = failure.code() is grpc.StatusCode.INTERNAL and not len(
                failure.trailing_metadata()
            )
            if not is_hidden:
                failed = failed_with(failure)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling() or not self._client._closed.is_set():
                raise
            # It is the closed channel that has cancelled the call.
            failed = errors.closed
        finally:
            writer.cancel()
            await asyncio.wait([writer])
            stream.cancel()
        async with self._state:
            if failed is errors.closed:
                self._window.fail(failed)
            wait = self._window.broke(failed, carefully=is_hidden)
            self._state.notify_all()
        if wait:
            await self._client._closes_within(wait)

    async def _write(self, stream: Stream) -> None:
        """Writes the requests of one call, as they come."""
        while (request := await self._next()) is not None:
            try:
                await stream.write(request)
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                # The call has ended; who reads learns why.
                return
        await stream.done_writing()

    async def _next(self) -> bytes | None:
        """Waits for the next request; none when nothing will come."""
        async with self._state:
            while (entry := self._window.next_to_send()) is None:
                if self._is_closing and self._window.is_sent:
                    return None
                await self._state.wait()
            return entry.request()
