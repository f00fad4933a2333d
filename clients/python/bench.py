"""The programs of Python for the row `clients` of Callboard's bench; bench/README.md says what it
measures.

`bench.py sync URL CALLS REPETITIONS`, or with `asyncio`.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, cast

import grpc

import callboard
import callboard.aio

sys.path.insert(0, str(Path(__file__).parent / "gen"))
from counter_pb2 import AddRequest, NoteRequest
from counter_pb2_grpc import CounterStub

if TYPE_CHECKING:
    from counter_pb2_grpc import CounterAsyncStub

# Asks of one side, before those of the other.
BLOCK = 200

# Messages of the stream for each that is told by itself.
STREAMED = 10

# As the client connects.
CHANNEL_OPTIONS = [
    ("grpc.enable_retries", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 30_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.use_local_subchannel_pool", 1),
]

# Of the bare stubs' messages, as long as those of the client.
ids = (f"{number:036}" for number in count())


class Calls(Protocol):
    """The calls to the counters `asks` and `tells`."""

    async def ask_bare(self) -> None: ...
    async def ask(self) -> None: ...
    async def tell(self, messages: int) -> None: ...
    async def stream(self, messages: int) -> None: ...
    async def are_handled(self) -> None: ...
    async def close(self) -> None: ...


class Sync:
    """The calls without asyncio. Nothing else is in the loop that they block."""

    def __init__(self, url: str) -> None:
        self._channel = grpc.insecure_channel(target(url), CHANNEL_OPTIONS)
        self._bare = CounterStub(self._channel)
        self._client = callboard.connect(url)
        self._asks = self._client.actor(CounterStub, key="asks")
        self._tells = self._client.actor(CounterStub, key="tells")

    async def ask_bare(self) -> None:
        metadata = (("callboard-message-id", next(ids)),)
        self._bare.Add(AddRequest(counter="asks", delta=1), metadata=metadata)

    async def ask(self) -> None:
        self._asks.Add(AddRequest(delta=1))

    async def tell(self, messages: int) -> None:
        for _ in range(messages):
            self._tells.Note(NoteRequest(delta=1))

    async def stream(self, messages: int) -> None:
        with self._client.tell_stream() as stream:
            for _ in range(messages):
                stream.tell(self._tells.message("Note", NoteRequest(delta=1)))

    async def are_handled(self) -> None:
        self._tells.Add(AddRequest())

    async def close(self) -> None:
        self._channel.close()
        self._client.close()


class Asyncio:
    """The calls with asyncio."""

    def __init__(self, url: str) -> None:
        self._channel = grpc.aio.insecure_channel(target(url), CHANNEL_OPTIONS)
        # Its type is known to type checkers only.
        self._bare = cast("CounterAsyncStub", CounterStub(self._channel))
        self._client = callboard.aio.connect(url)
        self._asks = self._client.actor(CounterStub, key="asks")
        self._tells = self._client.actor(CounterStub, key="tells")

    async def ask_bare(self) -> None:
        metadata = (("callboard-message-id", next(ids)),)
        await self._bare.Add(AddRequest(counter="asks", delta=1), metadata=metadata)

    async def ask(self) -> None:
        await self._asks.Add(AddRequest(delta=1))

    async def tell(self, messages: int) -> None:
        for _ in range(messages):
            await self._tells.Note(NoteRequest(delta=1))

    async def stream(self, messages: int) -> None:
        async with self._client.tell_stream() as stream:
            for _ in range(messages):
                await stream.tell(self._tells.message("Note", NoteRequest(delta=1)))

    async def are_handled(self) -> None:
        await self._tells.Add(AddRequest())

    async def close(self) -> None:
        await self._channel.close()
        await self._client.close()


def target(url: str) -> str:
    return url.removeprefix("http://")


async def ask(calls: Calls, asks: int) -> tuple[float, float]:
    """Asks by the bare stub and by the client in turn; the medians of both, in µs."""
    bare: list[float] = []
    client: list[float] = []
    for _ in range(asks // BLOCK):
        for send, times in ((calls.ask_bare, bare), (calls.ask, client)):
            for _ in range(BLOCK):
                before = perf_counter()
                await send()
                times.append(perf_counter() - before)
    return statistics.median(bare) * 1e6, statistics.median(client) * 1e6


async def rate(calls: Calls, send: Callable[[int], Awaitable[None]], messages: int) -> float:
    """How many messages are sent in a second; then it waits until all of them are handled."""
    before = perf_counter()
    await send(messages)
    took = perf_counter() - before
    await calls.are_handled()
    return messages / took


async def main(kind: str, url: str, asks: int, repetitions: int) -> None:
    calls: Calls = Sync(url) if kind == "sync" else Asyncio(url)
    measured: dict[str, list[float]] = {"bare": [], "client": [], "tells": [], "stream": []}
    for repetition in range(repetitions + 1):
        bare, client = await ask(calls, asks)
        tells = await rate(calls, calls.tell, asks)
        stream = await rate(calls, calls.stream, asks * STREAMED)
        # The first one is to warm up.
        if repetition > 0:
            for name, figure in zip(measured, (bare, client, tells, stream), strict=True):
                measured[name].append(figure)
    await calls.close()
    print(json.dumps(measured))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
