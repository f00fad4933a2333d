"""A connection to Callboard."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

import grpc
from google.protobuf.message import DecodeError

from callboard import _trace, errors
from callboard._calls import GATEWAY, Call, Calls
from callboard._many import Many
from callboard._settings import Options, Settings
from callboard.actor import Actor
from callboard.retry import Attempts
from callboard.tell_stream import TellStream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from types import TracebackType
    from typing import Unpack

    from callboard.errors import CallboardError
    from callboard.future import Wait
    from callboard.message import Answer, Message

T = TypeVar("T")
S = TypeVar("S")
Res = TypeVar("Res")

GRACE_SECONDS = 5.0
"""How long open calls may take when a client closes, unless `close` is told something else."""


def connect(url: str, **options: Unpack[Options]) -> Client:
    """A client of the gateway at a URL, `http://127.0.0.1:7070` or `https://…`.

    It connects with the first call. `Options` has what can be set.

    Raises:
        ValueError: The URL or an option is not valid.
        OSError: A file with a certificate cannot be read.
    """
    return Client(url, **options)


class Client:
    """A connection to Callboard, for all threads of a program. `connect` makes it.

    It is a context manager; at its end it closes.
    """

    def __init__(self, url: str, **options: Unpack[Options]) -> None:
        self._settings = Settings.of(url, options)
        self._calls = Calls(self._settings.timeouts)
        target, channel_options = self._settings.target, self._settings.channel_options
        if self._settings.credentials is None:
            self._channel = grpc.insecure_channel(target, channel_options)
        else:
            self._channel = grpc.secure_channel(target, self._settings.credentials, channel_options)
        self._methods: dict[str, grpc.UnaryUnaryMultiCallable[bytes, bytes]] = {}
        self._state = threading.Condition()
        self._open_calls = 0
        self._streams: set[TellStream] = set()
        # Ends waits between attempts, too.
        self._closed = threading.Event()

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
            key: Which actor; `key("eu", 7)` joins parts. Without it the request has the key, or
                the method makes a new actor.
        """
        return Actor(self, stub, key)

    def ask_many(
        self, messages: Sequence[Message[Res]], *, timeout: float | None = None
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
        ask: grpc.UnaryStreamMultiCallable[bytes, bytes]
        ask = self._channel.unary_stream(f"{GATEWAY}AskMany", None, None)
        with self._open(messages[0].message_id):
            while True:
                try:
                    metadata = (*trace, *self._credentials())
                    for result in ask(many.request(), attempts.remaining(), metadata):
                        many.take(result)
                except grpc.RpcError as failure:
                    wait = attempts.wait_after(_error(failure, None))
                    if wait is None or self._closed.wait(wait):
                        return many.results(_failure(failure))
                else:
                    return many.results(None)

    def tell_stream(self) -> TellStream:
        """A stream of tells, for many of them one after the other. Close it, or use it as a
        context manager.

        Raises:
            CancelledError: The client is closed.
        """
        with self._state:
            if self._closed.is_set():
                raise errors.closed(None)
            stream = TellStream(self)
            self._streams.add(stream)
        return stream

    def close(self, grace: float = GRACE_SECONDS) -> None:
        """Closes the connection. Calls that are open may end by themselves until then; the others
        end with `CancelledError`. Their messages may be stored.

        Args:
            grace: How long open calls may take, in seconds.
        """
        with self._state:
            if self._closed.is_set():
                return
            self._closed.set()
            streams = list(self._streams)
        for stream in streams:
            stream._end()
        with self._state:
            self._state.wait_for(lambda: not self._open_calls and not self._streams, grace)
        self._channel.close()
        for stream in streams:
            stream._join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _perform(self, call: Call[T], wait: Wait | None = None) -> T:
        """Makes a call, and makes it again as often as it may."""
        attempts = Attempts(self._settings.retry, call.timeout)
        metadata = (*call.metadata, *_trace.context())
        method = self._method(call.path)
        with self._open(call.message_id):
            while True:
                try:
                    sent = (*metadata, *self._credentials())
                    payload, headers = _once(method, call.payload, attempts, sent, wait)
                except grpc.RpcError as failure:
                    error = _error(failure, call.message_id)
                    pause = attempts.wait_after(error)
                    if pause is None or self._closed.wait(pause):
                        raise error from failure
                    continue
                try:
                    return call.read(payload, headers)
                except (DecodeError, ValueError) as error:
                    raise errors.unreadable(error, call.message_id) from error

    def _method(self, path: str) -> grpc.UnaryUnaryMultiCallable[bytes, bytes]:
        method = self._methods.get(path)
        if method is None:
            method = self._methods[path] = self._channel.unary_unary(path, None, None)
        return method

    def _credentials(self) -> tuple[tuple[str, str], ...]:
        token, api_key = self._settings.token, self._settings.api_key
        shown: list[tuple[str, str]] = []
        if token is not None:
            shown.append(("authorization", f"Bearer {token() if callable(token) else token}"))
        if api_key is not None:
            shown.append(("callboard-api-key", api_key))
        return tuple(shown)

    @contextmanager
    def _open(self, message_id: str) -> Generator[None]:
        """Counts a call, which `close` waits for."""
        with self._state:
            if self._closed.is_set():
                raise errors.closed(message_id)
            self._open_calls += 1
        try:
            yield
        finally:
            with self._state:
                self._open_calls -= 1
                self._state.notify_all()

    def _forget(self, stream: TellStream) -> None:
        with self._state:
            self._streams.discard(stream)
            self._state.notify_all()


def _once(
    method: grpc.UnaryUnaryMultiCallable[bytes, bytes],
    payload: bytes,
    attempts: Attempts,
    metadata: tuple[tuple[str, str], ...],
    wait: Wait | None,
) -> tuple[bytes, Mapping[str, Any]]:
    """One attempt. One that somebody else may end takes a way that is a little slower."""
    if wait is None:
        response, call = method.with_call(payload, attempts.remaining(), metadata)
        return response, dict(call.initial_metadata())
    future = method.future(payload, attempts.remaining(), metadata)
    wait.begin(future)
    try:
        return future.result(), dict(future.initial_metadata())
    except grpc.FutureCancelledError:
        raise errors.closed(None) from None


def _failure(failure: grpc.RpcError) -> errors.Failure:
    # What grpcio raises is a call as well.
    return failure


def _error(failure: grpc.RpcError, message_id: str | None) -> CallboardError:
    return errors.of_failure(_failure(failure), message_id)
