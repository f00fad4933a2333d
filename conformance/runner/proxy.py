"""The proxy between a client and the gateway: it passes calls on byte by byte, does to
them what the case says, and writes down what it has seen."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, TypeAlias, TypeVar

import grpc
from google.protobuf.message import DecodeError

from runner.certificates import Pair
from runner.connections import Connections
from runner.fault import Fault, Metadata
from runner.protos import gateway

T = TypeVar("T")
Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"

GENERIC = "/callboard.v1.Gateway/"
START_SECONDS = 10
STOP_SECONDS = 10

# As many calls are passed on at the same time.
CALLS_MAX = 256
CUT_AFTER_SECONDS = 0.1

# Set anew for each call that is passed on.
_OF_EACH_HOP = ("user-agent", "grpc-accept-encoding", "grpc-timeout")

_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
    # A client may ping as often as it likes.
    ("grpc.http2.min_ping_interval_without_data_ms", 10),
    ("grpc.http2.max_ping_strikes", 0),
]


@dataclass
class Attempt:
    """A call as it came to the proxy."""

    method: str
    metadata: dict[str, str | bytes]
    # How long its caller waits for it; none without a deadline.
    remaining_ms: float | None
    began: float
    # What certificate its caller has shown.
    certificate: str | None
    ended: float | None = None
    # What its requests are: those of calls by name tell it themselves.
    actor_method: str = ""
    message_ids: list[str] = field(default_factory=list)
    was_cancelled: bool = False

    def is_of(self, method: str) -> bool:
        return method in (self.method, self.actor_method)


class Proxy:
    """A proxy on a port of its own, for one case."""

    def __init__(
        self, target: str, faults: list[Fault], garbage: int, tls: tuple[Pair, bytes | None] | None
    ) -> None:
        self._target = target
        self._faults = faults
        self._garbage = garbage
        self._tls = tls
        self._counts = [0] * len(faults)
        self._loop = asyncio.new_event_loop()
        self._threads = ThreadPoolExecutor(CALLS_MAX)
        self.attempts: list[Attempt] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._start())

    @property
    def port(self) -> int:
        return self._connections.port

    @property
    def connections(self) -> int:
        """How many connections clients have opened so far."""
        return self._connections.opened

    @property
    def open_connections(self) -> int:
        return self._connections.open

    def cut(self) -> None:
        """Breaks all connections."""
        self._soon(self._connections.cut)

    def refuse(self, refusing: bool) -> None:
        """Whether new connections are broken at once."""
        self._soon(lambda: self._connections.refuse(refusing))

    def release(self) -> None:
        """Lets pass what was withheld."""
        self._soon(self._released.set)

    def stop(self) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS)

    def _soon(self, work: Callable[[], None]) -> None:
        async def run() -> None:
            work()

        self._run(run())

    async def _start(self) -> None:
        self._released = asyncio.Event()
        self._channel = grpc.insecure_channel(
            self._target, options=[*_OPTIONS, ("grpc.enable_retries", 0)]
        )
        self._server = grpc.aio.server(options=_OPTIONS)
        self._server.add_generic_rpc_handlers([_Handler(self._serve)])
        if self._tls is None:
            port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            pair, clients = self._tls
            credentials = grpc.ssl_server_credentials(
                [(pair.key.read_bytes(), pair.certificate.read_bytes())],
                root_certificates=clients,
                require_client_auth=clients is not None,
            )
            port = self._server.add_secure_port("127.0.0.1:0", credentials)
        await self._server.start()
        self._connections = Connections(port, self._garbage)
        await self._connections.start()

    async def _stop(self) -> None:
        await self._connections.stop()
        await self._server.stop(0)
        self._channel.close()
        self._threads.shutdown(wait=False)

    async def _serve(
        self,
        path: str,
        requests: AsyncIterator[bytes],
        context: Context,
    ) -> None:
        attempt = Attempt(
            method=path.rpartition("/")[2],
            metadata=dict(context.invocation_metadata() or ()),
            remaining_ms=_millis(context.time_remaining()),
            began=time.monotonic(),
            certificate=_common_name(context),
        )
        self.attempts.append(attempt)
        message_id = attempt.metadata.get("callboard-message-id")
        if isinstance(message_id, str):
            attempt.message_ids.append(message_id)
        requests = _noted(requests, path, attempt)
        if not path.endswith("/TellStream"):
            requests = _replay([request async for request in requests])
        fault = self._fault(attempt)
        try:
            await self._answer(fault, path, requests, context)
        except asyncio.CancelledError:
            attempt.was_cancelled = True
            raise
        finally:
            attempt.ended = time.monotonic()

    def _fault(self, attempt: Attempt) -> Fault:
        chosen = None
        for index, fault in enumerate(self._faults):
            if fault.is_for(attempt.method, attempt.actor_method):
                self._counts[index] += 1
                in_turn = fault.attempts is None or self._counts[index] in fault.attempts
                if in_turn and chosen is None:
                    chosen = fault
        return chosen or Fault()

    async def _answer(
        self,
        fault: Fault,
        path: str,
        requests: AsyncIterator[bytes],
        context: Context,
    ) -> None:
        if fault.delay_ms:
            await asyncio.sleep(fault.delay_ms / 1_000)
        is_faulty = fault.status or fault.body is not None or fault.cut or fault.hang
        if fault.after_responses is not None:
            await self._pass_on(path, requests, context, fault.after_responses, fault.withhold)
        elif fault.lose_answer:
            await self._lose(path, requests, context)
        elif not is_faulty:
            await self._pass_on(path, requests, context, None, fault.withhold)
            return
        if fault.body is not None:
            await context.write(bytes.fromhex(fault.body))
        if fault.cut:
            # What was passed back gets through before.
            await asyncio.sleep(CUT_AFTER_SECONDS)
            self._connections.cut()
        if fault.hang or fault.cut:
            await asyncio.sleep(3_600)
        if fault.status is not None:
            await context.abort(
                fault.status.grpc_code, fault.status.message, fault.status.trailing_metadata()
            )

    async def _pass_on(
        self,
        path: str,
        requests: AsyncIterator[bytes],
        context: Context,
        responses_max: int | None,
        withhold: bool,
    ) -> None:
        """Passes a call on, and so many of its responses back; without a number all of
        them and the status."""
        # In threads: grpc.aio makes up a status when the gateway ends a call while a request
        # is written.
        sent: SimpleQueue[bytes | None] = SimpleQueue()
        passing: grpc.StreamStreamMultiCallable[bytes, bytes]
        passing = self._channel.stream_stream(path, None, None)
        call = passing(iter(sent.get, None), context.time_remaining(), _travelling(context))
        sending = asyncio.create_task(_send(requests, sent))
        passed = 0
        try:
            headers = await self._in_thread(call.initial_metadata)
            if withhold:
                await self._released.wait()
            if responses_max is None:
                await context.send_initial_metadata(headers)
            while passed != responses_max:
                response = await self._in_thread(lambda: next(call, None))
                if response is None:
                    break
                if withhold:
                    await self._released.wait()
                await context.write(response)
                passed += 1
            if responses_max is None:
                context.set_trailing_metadata(call.trailing_metadata())
        except grpc.RpcError:
            if responses_max is None:
                trailers = call.trailing_metadata()
                await context.abort(call.code(), call.details() or "", trailers)
        finally:
            sending.cancel()
            sent.put(None)
            call.cancel()

    async def _lose(self, path: str, requests: AsyncIterator[bytes], context: Context) -> None:
        """Passes a call on that has one request, and waits for its end."""
        request = await anext(requests)
        losing: grpc.UnaryUnaryMultiCallable[bytes, bytes]
        losing = self._channel.unary_unary(path, None, None)
        with contextlib.suppress(grpc.RpcError):
            timeout, metadata = context.time_remaining(), _travelling(context)
            await self._in_thread(lambda: losing(request, timeout, metadata))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._threads, work)


async def _send(requests: AsyncIterator[bytes], sent: SimpleQueue[bytes | None]) -> None:
    async for request in requests:
        sent.put(request)
    sent.put(None)


class _Handler(grpc.GenericRpcHandler):
    """Takes every method, and its messages as bytes."""

    def __init__(self, serve: Callable[..., Coroutine[Any, Any, None]]) -> None:
        self._serve = serve

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[bytes, bytes]":
        path = str(handler_call_details.method)

        async def behaviour(requests: Any, context: Any) -> None:
            await self._serve(path, requests, context)

        return grpc.stream_stream_rpc_method_handler(behaviour)


def _travelling(context: Any) -> Metadata:
    metadata = context.invocation_metadata() or ()
    return tuple((name, value) for name, value in metadata if name not in _OF_EACH_HOP)


def _millis(seconds: float | None) -> float | None:
    # Without a deadline grpcio says years.
    if seconds is None or seconds > 86_400 * 365:
        return None
    return seconds * 1_000


def _common_name(context: Any) -> str | None:
    names = context.auth_context().get("x509_common_name")
    return names[0].decode() if names else None


async def _replay(requests: list[bytes]) -> AsyncIterator[bytes]:
    for request in requests:
        yield request


async def _noted(
    requests: AsyncIterator[bytes], path: str, attempt: Attempt
) -> AsyncIterator[bytes]:
    """The requests, of which those that are by name are read on their way."""
    async for request in requests:
        if path.startswith(GENERIC):
            for message in _messages(path, request):
                attempt.actor_method = message.method
                attempt.message_ids.append(message.message_id)
        yield request


def _messages(path: str, request: bytes) -> list[gateway.Message]:
    try:
        match path.removeprefix(GENERIC):
            case "Tell":
                return [gateway.TellRequest.FromString(request).message]
            case "Ask":
                return [gateway.AskRequest.FromString(request).message]
            case "TellStream":
                return [gateway.TellStreamRequest.FromString(request).tell.message]
            case "AskMany":
                return list(gateway.AskManyRequest.FromString(request).messages)
            case "Await":
                return [
                    gateway.Message(message_id=gateway.AwaitRequest.FromString(request).message_id)
                ]
            case "Cancel":
                return [
                    gateway.Message(message_id=gateway.CancelRequest.FromString(request).message_id)
                ]
    except DecodeError:
        pass
    return []
