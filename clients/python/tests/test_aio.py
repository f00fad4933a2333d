"""The client with asyncio, with a real gateway."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from counter_pb2 import AddRequest, NoteRequest
from counter_pb2_grpc import CounterStub

import callboard
import callboard.aio


def run(url: str, test: Callable[[callboard.aio.Client], Awaitable[None]], **options) -> None:
    """Runs a test with a client, after which no task is left."""

    async def main() -> None:
        async with callboard.aio.connect(url, **options) as client:
            await test(client)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_calls(url, key):
    async def test(client):
        counter = client.actor(CounterStub, key=key)
        assert (await counter.Add(AddRequest(delta=5))).value == 5
        answer = await counter.ask(counter.stub.Add, AddRequest(delta=5))
        assert (answer.response.value, answer.receipt.sequence) == (10, 2)
        by_name = client.actor("counter.v1.Counter", key=key)
        assert await by_name.Add({"delta": 1}) == {"value": "11"}
        future = await counter.start("Add", AddRequest(delta=1))
        assert (await future).value == 12
        both = await asyncio.gather(future, counter.pick_up("Add", future.message_id))
        assert [response.value for response in both] == [12, 12]

    run(url, test)


def test_a_task_that_is_cancelled_is_so_and_not_failed(url, key):
    async def test(client):
        counter = client.actor(CounterStub, key=key)
        task = asyncio.create_task(counter.pick_up("Add", "never-sent").result())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await counter.pick_up("Add", "never-sent")

    run(url, test)


def test_a_future_that_was_given_up_is_so_for_good(url, key):
    async def test(client):
        future = client.actor(CounterStub, key=key).pick_up("Add", "never-sent")
        waits = asyncio.gather(future, future, return_exceptions=True)
        await asyncio.sleep(0.1)
        future.cancel()
        assert [type(error) for error in await waits] == [callboard.CancelledError] * 2
        with pytest.raises(callboard.CancelledError):
            await future

    run(url, test)


def test_a_stream_keeps_the_order_of_many_tasks(url, key):
    async def test(client):
        counter = client.actor(CounterStub, key=key)
        async with client.tell_stream() as stream:
            messages = [counter.message("Note", NoteRequest(delta=1)) for _ in range(300)]
            receipts = await asyncio.gather(*map(stream.tell, messages))
        sequences = [receipt.result().sequence for receipt in receipts]
        assert sequences == list(range(1, 301))
        with pytest.raises(callboard.CancelledError):
            await stream.tell(messages[0])

    run(url, test)


def test_a_client_that_closes_ends_what_is_open(url, key):
    async def main():
        client = callboard.aio.connect(url)
        counter = client.actor(CounterStub, key=key)
        waiting = asyncio.create_task(counter.pick_up("Add", "never-sent").result())
        stream = client.tell_stream()
        await asyncio.sleep(0.1)
        await client.close(grace=0.1)
        with pytest.raises(callboard.CancelledError, match="closed"):
            await waiting
        with pytest.raises(callboard.CancelledError, match="closed"):
            await counter.Add(AddRequest())
        with pytest.raises(callboard.CancelledError, match="closed"):
            await stream.tell(counter.message("Note", NoteRequest()))
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_a_token_can_be_awaited(url, key):
    tokens = []

    async def token() -> str:
        await asyncio.sleep(0)
        tokens.append("one")
        return tokens[-1]

    async def test(client):
        await client.actor(CounterStub, key=key).Add(AddRequest())

    run(url, test, token=token)
    assert tokens == ["one"]
