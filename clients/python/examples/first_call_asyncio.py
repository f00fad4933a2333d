"""The first call, with asyncio."""

import asyncio
import os

from counter_pb2 import AddRequest, NoteRequest
from counter_pb2_grpc import CounterStub

import callboard.aio


async def main() -> None:
    url = os.environ.get("CALLBOARD_URL", "http://127.0.0.1:7070")
    async with callboard.aio.connect(url) as client:
        counter = client.actor(CounterStub, key="alice")
        print("now it is", (await counter.Add(AddRequest(delta=5))).value)

        # What is sent now and fetched later.
        future = await counter.start(counter.stub.Add, AddRequest(delta=2))
        print("then it was", (await future).value)

        # A hundred notes, one after the other, without a wait for each.
        async with client.tell_stream() as stream:
            for _ in range(100):
                await stream.tell(counter.message("Note", NoteRequest(delta=1)))
        print("and now it is", (await counter.Add(AddRequest())).value)


if __name__ == "__main__":
    asyncio.run(main())
