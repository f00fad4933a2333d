"""Calls Callboard's actors, with asyncio.

    import callboard.aio
    from counter_pb2 import AddRequest
    from counter_pb2_grpc import CounterStub

    async with callboard.aio.connect("http://127.0.0.1:7070") as client:
        counter = client.actor(CounterStub, key="alice")
        print((await counter.Add(AddRequest(delta=5))).value)

What is not in here is in `callboard`: errors, `Retry`, `Message`, `Receipt`, `Answer`, `key`.
"""

from callboard._settings import AsyncOptions as Options
from callboard.aio.actor import Actor
from callboard.aio.client import Client, connect
from callboard.aio.future import Future
from callboard.aio.tell_stream import TellStream

__all__ = ["Actor", "Client", "Future", "Options", "TellStream", "connect"]
