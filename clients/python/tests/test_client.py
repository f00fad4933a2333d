"""The client, with a real gateway. What all clients do alike is in the conformance cases."""

import concurrent.futures
import threading
from datetime import UTC, datetime, timedelta

import pytest
from counter_pb2 import AddRequest, AddResponse, GetRequest, NoteRequest
from counter_pb2_grpc import CounterStub

import callboard


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_an_actor_is_called_through_its_stub(client, key):
    counter = client.actor(CounterStub, key=key)
    assert (counter.type, counter.key) == ("counter.v1.Counter", key)
    assert counter.Add(AddRequest(delta=5)) == AddResponse(value=5)
    assert counter.stub.Add(AddRequest(delta=5), timeout=5).value == 10
    answer = counter.ask(counter.stub.Add, AddRequest(delta=5), message_id="mine")
    assert answer.response.value == 15
    assert answer.receipt == callboard.Receipt("mine", 3, duplicate=False, new_key=None)
    read = counter.ask("Get", GetRequest())
    assert (read.response.value, read.receipt) == (15, None)


def test_an_actor_is_called_by_its_name(client, key):
    counter = client.actor("counter.v1.Counter", key=key)
    assert counter.Add({"delta": "9007199254740993"}) == {"value": "9007199254740993"}
    encoded = AddRequest(delta=1).SerializeToString()
    answer = counter.ask("Add", encoded)
    assert AddResponse.FromString(answer.response).value == 9007199254740994


def test_a_future_is_awaited_by_many_threads(client, key):
    counter = client.actor(CounterStub, key=key)
    future = counter.start(counter.stub.Add, AddRequest(delta=5))
    assert future.receipt is not None
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = pool.map(lambda _: future.result().value, range(8))
    assert list(results) == [5] * 8
    assert counter.pick_up("Add", future.message_id).result().value == 5


def test_a_future_that_was_given_up_is_so_for_good(client, key):
    future = client.actor(CounterStub, key=key).start("Add", AddRequest(delta=5))
    future.cancel()
    with pytest.raises(callboard.CancelledError):
        future.result()


def test_a_handler_error_has_its_status_as_its_cause(client, key):
    counter = client.actor(CounterStub, key=key)
    counter.Add(AddRequest(delta=2**63 - 1))
    with pytest.raises(callboard.HandlerError, match="too large") as caught:
        counter.Add(AddRequest(delta=1))
    assert caught.value.__cause__.code() is caught.value.code
    with pytest.raises(callboard.HandlerError, match="too large"):
        client.actor("counter.v1.Counter", key=key).Add({"delta": 1})


def test_names_that_are_no_methods(client, key):
    counter = client.actor(CounterStub, key=key)
    with pytest.raises(AttributeError, match=r"counter\.v1\.Counter has no method Sub"):
        counter.Sub(AddRequest())
    with pytest.raises(AttributeError):
        counter.ask("Sub", AddRequest())
    with pytest.raises(TypeError, match="no stub"):
        client.actor(lambda channel: channel)


def test_a_time_to_deliver_at_has_a_zone(client, key):
    counter = client.actor(CounterStub, key=key)
    with pytest.raises(ValueError, match="time zone"):
        counter.send_at(datetime(2030, 1, 1), "Note", NoteRequest())
    receipt = counter.send_at(datetime.now(UTC) + timedelta(hours=1), "Note", NoteRequest())
    assert receipt.sequence is None
    assert counter.cancel(receipt.message_id)


def test_many_asks_need_one(client):
    with pytest.raises(ValueError, match="at least one"):
        client.ask_many([])


def test_a_client_that_is_closed_leaves_no_threads(url, key):
    before = threads()
    with callboard.connect(url) as client:
        counter = client.actor(CounterStub, key=key)
        with client.tell_stream() as stream:
            receipts = [
                stream.tell(counter.message("Note", NoteRequest(delta=1))) for _ in range(200)
            ]
            assert [receipt.result().sequence for receipt in receipts] == list(range(1, 201))
        assert counter.Add(AddRequest()).value == 200
    assert threads() - before == set()
    with pytest.raises(callboard.CancelledError, match="closed"):
        counter.Add(AddRequest())
    with pytest.raises(callboard.CancelledError, match="closed"):
        client.tell_stream()
    with pytest.raises(callboard.CancelledError, match="closed"):
        stream.tell(counter.message("Note", NoteRequest(delta=1)))


def test_a_token_that_cannot_be_got_ends_the_stream_and_tells_why(url, key):
    def token() -> str:
        raise OSError("no token today")

    with callboard.connect(url, token=token) as client:
        counter = client.actor(CounterStub, key=key)
        with pytest.raises(OSError, match="no token"):
            counter.Add(AddRequest())
        stream = client.tell_stream()
        receipt = stream.tell(counter.message("Note", NoteRequest(delta=1)))
        with pytest.raises(callboard.InternalError, match="no token") as caught:
            receipt.result(10)
        assert isinstance(caught.value.__cause__, OSError)


def test_a_token_is_got_for_each_call(url, key):
    tokens = iter(["one", "two"])
    with callboard.connect(url, token=lambda: next(tokens)) as client:
        counter = client.actor(CounterStub, key=key)
        counter.Add(AddRequest())
        counter.Add(AddRequest())
    assert list(tokens) == []
