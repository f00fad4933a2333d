"""Order, retries, refusals by the handler, deadlines."""

import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.rpc import error_details_pb2

from harness.mailbox import until_stored
from harness.status import refused
from harness.stubs import probe
from harness.until import until

# How often a deadline is tried, should the client's own timer be first.
DEADLINE_TRIES = 5


def deltas(stub, name: str) -> list[int]:
    return list(stub.Get(probe.GetRequest(probe=name), timeout=60).deltas)


def test_asks_of_one_caller_are_processed_in_order(shared, key):
    name, stub = key(), shared.probe()
    total = 0
    for delta in range(1, 41):
        total += delta
        answer, done = stub.Add.with_call(probe.AddRequest(probe=name, delta=delta), timeout=30)
        assert answer.value == total
        assert dict(done.initial_metadata())["callboard-sequence"] == str(delta)
    assert deltas(stub, name) == list(range(1, 41))


def test_tells_and_asks_of_one_caller_are_processed_in_order(shared, key):
    name, stub = key(), shared.probe()
    for delta in range(1, 61):
        if delta % 3:
            stub.Note(probe.NoteRequest(probe=name, delta=delta), timeout=30)
        else:
            stub.Add(probe.AddRequest(probe=name, delta=delta), timeout=30)
    assert deltas(stub, name) == list(range(1, 61))


def test_one_actor_runs_one_message_at_a_time(shared, key, events):
    name = key()
    request = probe.SlowRequest(probe=name, milliseconds=60, delta=1, file=str(events))
    asks = [shared.probe().Slow.future(request, timeout=60) for _ in range(8)]
    assert sorted(ask.result().value for ask in asks) == list(range(1, 9))
    assert [event.what for event in events.read()] == ["start", "end"] * 8


def test_several_actors_run_at_the_same_time(shared, key, events):
    stub = shared.probe()
    asks = [
        stub.Slow.future(
            probe.SlowRequest(probe=key(), milliseconds=1_500, delta=1, file=str(events)),
            timeout=60,
        )
        for _ in range(3)
    ]
    for ask in asks:
        ask.result()
    whats = [event.what for event in events.read()]
    assert whats == ["start"] * 3 + ["end"] * 3


def test_a_failed_message_is_retried_and_those_behind_it_wait(shared, key, events):
    name, other, stub = key(), key(), shared.probe()
    fail = probe.FailRequest(probe=name, times=3, delta=1, file=str(events))
    ask = stub.Fail.future(fail, timeout=60)
    until("it fails", lambda: events.read("attempt 1"))
    for delta in range(2, 7):
        stub.Note(probe.NoteRequest(probe=name, delta=delta), timeout=30)
    # Another actor is served while this one waits.
    assert stub.Add(probe.AddRequest(probe=other, delta=1), timeout=30).value == 1
    assert not events.read("attempt 4"), "the other actor was served too late to show anything"

    assert ask.result().value == 1, "what the failed attempts changed is undone"
    assert deltas(stub, name) == [1, 2, 3, 4, 5, 6]
    assert [event.what for event in events.read()] == [f"attempt {n}" for n in (1, 2, 3, 4)]


def test_a_failed_tell_is_retried(shared, key, events):
    name, stub = key(), shared.probe()
    request = probe.FailNoteRequest(probe=name, times=2, delta=5, file=str(events))
    stub.FailNote(request, timeout=30)
    until("the third attempt", lambda: events.read("attempt 3"))
    assert deltas(stub, name) == [5]


def test_a_handler_that_panics_is_retried_and_its_change_is_undone(shared, key):
    name, stub = key(), shared.probe()
    assert stub.PanicOnce(probe.PanicOnceRequest(probe=name, delta=5), timeout=60).value == 5
    assert deltas(stub, name) == [5]


def test_a_terminal_error_arrives_with_code_message_and_details(shared, key):
    name, stub = key(), shared.probe()
    request = probe.RefuseRequest(
        probe=name, code=9, message="the curtain is down – später", reason="CURTAIN_DOWN"
    )
    error = refused(stub.Refuse, request, timeout=30)
    assert error.code == grpc.StatusCode.FAILED_PRECONDITION
    assert error.message == "the curtain is down – später"
    assert (error.info.reason, error.info.domain) == ("CURTAIN_DOWN", "probe.example")
    assert error.metadata == {"probe": name}
    assert deltas(stub, name) == [], "what a refusing handler changed is undone"


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code.value[0] != 0])
def test_every_status_code_of_a_handler_arrives(shared, key, code):
    number, _ = code.value
    request = probe.RefuseRequest(probe=key(), code=number, message=f"with code {number}")
    error = refused(shared.probe().Refuse, request, timeout=30)
    assert (error.code, error.message) == (code, f"with code {number}")


def test_an_ask_past_its_deadline_says_so_and_its_message_is_processed(shared, key, events):
    for _ in range(DEADLINE_TRIES):
        name, stub = key(), shared.probe()
        # So that the deadline is spent in the handler.
        stub.Add(probe.AddRequest(probe=name, delta=1), timeout=30)
        request = probe.SlowRequest(probe=name, milliseconds=2_000, delta=10, file=str(events))
        began = time.monotonic()
        error = refused(stub.Slow, request, timeout=0.3)
        took = time.monotonic() - began
        assert error.code == grpc.StatusCode.DEADLINE_EXCEEDED
        # The client's own timer gives no details.
        if error.detail(error_details_pb2.ErrorInfo):
            break
    error.is_ours(grpc.StatusCode.DEADLINE_EXCEEDED, "ASK_TIMEOUT")
    message_id = error.metadata["message_id"]
    assert message_id and message_id in error.message
    assert error.trailers["callboard-message-id"] == message_id
    assert error.trailers["callboard-sequence"] == "2"
    assert took < 1.5
    until("the handler ends", lambda: events.read("end", name))
    assert deltas(stub, name) == [1, 10]


def test_a_message_outlives_its_caller(shared, key, events):
    name, stub = key(), shared.probe()
    request = probe.SlowRequest(probe=name, milliseconds=1_500, delta=1, file=str(events))
    asks = [stub.Slow.future(request, timeout=60)]
    until("the handler begins", lambda: events.read("start"))
    asks.append(stub.Add.future(probe.AddRequest(probe=name, delta=2), timeout=60))
    until_stored(stub, name, 2)
    assert not events.read("end"), "the handler was too fast to show anything"
    for ask in asks:
        assert ask.cancel()
    assert [delta for delta in deltas(stub, name) if delta] == [1, 2]


def test_a_handler_is_told_about_its_message(shared, key):
    name, stub = f"{key()}/with, ümlauts & spaces", shared.probe()
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    began = time.time()
    answer, done = stub.Context.with_call(
        probe.ContextRequest(probe=name), timeout=30, metadata=[("traceparent", traceparent)]
    )
    headers = dict(done.initial_metadata())
    assert (answer.key, answer.actor_type) == (name, "probe.v1.Probe")
    assert answer.message_id == headers["callboard-message-id"]
    assert (answer.sequence, headers["callboard-sequence"]) == (1, "1")
    assert answer.attempt == 1
    assert answer.traceparent == traceparent
    assert began - 1 < answer.sent_at_ms / 1_000 < time.time() + 1
    # grpcio rounds a deadline of this length up to a tenth of a second on the wire.
    assert 28_000 < answer.deadline_ms - answer.sent_at_ms <= 30_100

    without = stub.Context(probe.ContextRequest(probe=name), timeout=30)
    assert (without.sequence, without.traceparent) == (2, "")
    assert without.message_id != answer.message_id


def test_keys_that_look_alike_are_different_actors(shared, key):
    name, stub = key(), shared.probe()
    names = [name, f"{name}/", f"/{name}", f"{name} ", f"{name}%2F", name.upper()]
    with ThreadPoolExecutor(len(names)) as callers:
        add = lambda name: stub.Add(probe.AddRequest(probe=name, delta=1), timeout=30).value
        assert list(callers.map(add, names)) == [1] * len(names)


def test_every_message_has_an_id_of_its_own(shared, key):
    name, stub = key(), shared.probe()
    ids = set()
    for _ in range(5):
        _, done = stub.Note.with_call(probe.NoteRequest(probe=name, delta=1), timeout=30)
        ids.add(dict(done.initial_metadata())["callboard-message-id"])
    assert len(ids) == 5


def test_a_handler_that_takes_longer_than_a_lease_runs_once(shared, key, events):
    name, stub = key(), shared.probe()
    # A lease is 10 s.
    slow = probe.SlowRequest(probe=name, milliseconds=13_000, delta=5, file=str(events))
    assert stub.Slow(slow, timeout=60).value == 5
    assert len(events.read("start")) == 1
