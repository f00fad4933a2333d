"""A connection to Callboard."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

import grpc
from google.protobuf.message import DecodeError

from callboard import _trace, errors
from callboard._calls import GATEWAY, Call, Calls
from callboard._many import Many
from callboard._settings import AsyncOptions, Settings
from callboard.aio.actor import Actor
from callboard.aio.tell_stream import TellStream
from callboard.client import GRACE_SECONDS
from callboard.retry import Attempts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from types import TracebackType
    from typing import Unpack

    from callboard.errors import CallboardError
    from callboard.message import Answer, Message

T = TypeVar("T")
S = TypeVar("S")
Res = TypeVar("Res")


def connect(url: str, **options: Unpack[AsyncOptions]) -> Client:
    """A client of the gateway at a URL, `http://127.0.0.1:7070` or `https://…`, for the event loop
    that runs.

    It connects with the first call. `Options` has what can be set.

    Raises:
        ValueError: The URL or an option is not valid.
        OSError: A file with a certificate cannot be read.
    """
    return Client(url, **options)


class Client:
    """A connection to Callboard, for all tasks of an event loop. `connect` makes it.

    It is an asynchronous context manager; at its end it closes.
    """

    def __init__(self, url: str, **options: Unpack[AsyncOptions]) -> None:
        self._settings = Settings.of(url, options)
        self._calls = Calls(self._settings.timeouts)
        target, channel_options = self._settings.target, self._settings.channel_options
        if self._settings.credentials is None:
            self._channel = grpc.aio.insecure_channel(target, channel_options)
        else:
            self._channel = grpc.aio.secure_channel(
                target, self._settings.credentials, channel_options
            )
        self._methods: dict[str, grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = {}
        # The tasks that make calls now, each with the number of its calls.
        self._open_calls: set[object] = set()
        self._streams: set[TellStream] = set()
        self._idle = asyncio.Event()
        # Ends waits between attempts, too.
        self._closed = asyncio.Event()

    @overload
    def actor(self, stub: str, key: str | None = None) -> Actor[None]: ...
    @overload
    def actor(self, stub: Callable[[Any], S], key: str | None = None) -> Actor[S]: ...
    def actor(self, stub: str | Callable[[Any], Any], key: str | None = None) -> Actor[Any]:
        """A reference to one actor. It costs nothing, and the actor need not exist.

        Args:
            stub: The stub class that grpcio-tools has generated; or the name of an actor type,
                `bank.v1.Account`, whose requests and responses are then JSON as dictionaries, or
                encoded bytes.
            key: Which actor; `callboard.key("eu", 7)` joins parts. Without it the request has the
                key, or the method makes a new actor.
        """
        return Actor(self, stub, key)

    async def ask_many(
        self,
        messages: Sequence[Message[Res]],
        *,
        timeout: float | None = None,
    ) -> list[Answer[Res] | CallboardError]:
        """Asks several actors at once.

        Args:
            messages: 1 to 100, of `Actor.message`, 4 MiB in all.
            timeout: How long all may take together, in seconds; the client's `ask_timeout` if it
                is not given.

        Returns:
            For each message its answer, or why there is none, in their order. At the deadline
            those that have none are `DeadlineExceededError`s; the others are not lost.

        Raises:
            CancelledError: The client is closed.
        """
        many = Many(messages)
        attempts = Attempts(self._settings.retry, self._calls.ask_timeout(timeout))
        trace = tuple(_trace.context())
        ask: grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
        ask = self._channel.unary_stream(f"{GATEWAY}AskMany", None, None)
        async with self._open(messages[0].message_id):
            while True:
                try:
                    metadata = (*trace, *await self._credentials())
                    async for result in ask(
                        many.request(), timeout=attempts.remaining(), metadata=metadata
                    ):
                        many.take(result)
                except grpc.aio.AioRpcError as failure:
                    wait = attempts.wait_after(errors.of_failure(failure, None))
                    if wait is None or await self._closes_within(wait):
                        return many.results(failure)
                else:
                    return many.results(None)

    def tell_stream(self) -> TellStream:
        """A stream of tells, for many of them one after the other. Close it, or use it as an
        asynchronous context manager.

        Raises:
            CancelledError: The client is closed.
        """
        if self._closed.is_set():
            raise errors.closed(None)
        stream = TellStream(self)
        self._streams.add(stream)
        return stream

    async def close(self, grace: float = GRACE_SECONDS) -> None:
        """Closes the connection. Calls that are open may end by themselves until then; the others
        end with `CancelledError`. Their messages may be stored.

        Args:
            grace: How long open calls may take, in seconds.
        """
        if self._closed.is_set():
            return
        self._closed.set()
        streams = list(self._streams)
        for stream in streams:
            await stream._end()
        self._note_idle()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), grace)
        await self._channel.close()
        for stream in streams:
            await stream._join()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _perform(self, call: Call[T]) -> T:
        """Makes a call, and makes it again as often as it may."""
        attempts = Attempts(self._settings.retry, call.timeout)
        metadata = (*call.metadata, *_trace.context())
        method = self._method(call.path)
        async with self._open(call.message_id):
            while True:
                try:
                    sent = (*metadata, *await self._credentials())
                    attempt = method(call.payload, timeout=attempts.remaining(), metadata=sent)
                    payload = await attempt
                    headers = dict(await attempt.initial_metadata())
                except grpc.aio.AioRpcError as failure:
                    error = errors.of_failure(failure, call.message_id)
                    wait = attempts.wait_after(error)
                    if wait is None or await self._closes_within(wait):
                        raise error from failure
                    continue
                try:
                    return call.read(payload, headers)
                except (DecodeError, ValueError) as error:
                    raise errors.unreadable(error, call.message_id) from error

    def _method(self, path: str) -> grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]:
        method = self._methods.get(path)
        if method is None:
            method = self._methods[path] = self._channel.unary_unary(path, None, None)
        return method

    async def _credentials(self) -> tuple[tuple[str, str], ...]:
        token, api_key = self._settings.token, self._settings.api_key
        shown: list[tuple[str, str]] = []
        if token is not None:
            given = token() if callable(token) else token
            text = await given if inspect.isawaitable(given) else given
            shown.append(("authorization", f"Bearer {text}"))
        if api_key is not None:
            shown.append(("callboard-api-key", api_key))
        return tuple(shown)

    async def _closes_within(self, seconds: float) -> bool:
        """Waits; true when the client is closed meanwhile."""
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except TimeoutError:
            return False
        return True

    @asynccontextmanager
    async def _open(self, message_id: str) -> AsyncGenerator[None]:
        """Counts a call, which `close` waits for."""
        if self._closed.is_set():
            raise errors.closed(message_id)
        call = object()
        self._open_calls.add(call)
        try:
            yield
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed.is_set() and task is not None and not task.cancelling():
                # It is the closed channel that has cancelled the call, and nobody the task.
                raise errors.closed(message_id) from None
            raise
        finally:
            self._open_calls.discard(call)
            self._note_idle()

    def _forget(self, stream: TellStream) -> None:
        self._streams.discard(stream)
        self._note_idle()

    def _note_idle(self) -> None:
        if self._closed.is_set() and not self._open_calls and not self._streams:
            self._idle.set()
