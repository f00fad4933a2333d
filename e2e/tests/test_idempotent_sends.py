"""A message that is sent again with the same id is handled once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import grpc
import pytest

from harness.headers import headers, with_id
from harness.mailbox import probe_is, until_stored
from harness.paths import PROBE_PROTOS
from harness.status import Refused, refused, timed_out
from harness.stubs import probe, probe_grpc
from harness.until import until

AT_ONCE = 20

def is_reused(error: Refused, message_id: str) -> None:
    error.is_ours(grpc.StatusCode.ALREADY_EXISTS, "MESSAGE_ID_REUSED")
    assert error.metadata == {"message_id": message_id}


def test_a_message_id_sent_twice_is_handled_once(shared, key):
    name, stub = key(), shared.probe()
    request = probe.AddRequest(probe=name, delta=5)
    first, done = stub.Add.with_call(request, timeout=30, metadata=with_id("order-7"))
    assert headers(done)["callboard-message-id"] == "order-7"
    assert headers(done)["callboard-sequence"] == "1"
    assert "callboard-duplicate" not in headers(done)
    # What comes between does not change the stored reply.
    stub.Add(probe.AddRequest(probe=name, delta=1), timeout=30)

    again, done = stub.Add.with_call(request, timeout=30, metadata=with_id("order-7"))
    assert again == first and first.value == 5
    assert headers(done)["callboard-message-id"] == "order-7"
    assert headers(done)["callboard-duplicate"] == "true"
    assert probe_is(stub, name) == (6, [5, 1])


def test_a_handler_is_told_the_id_of_its_caller(shared, key):
    request = probe.ContextRequest(probe=key())
    answer = shared.probe().Context(request, timeout=30, metadata=with_id("a:B_c.9~"))
    assert answer.message_id == "a:B_c.9~"


def test_a_message_id_sent_twice_while_the_first_runs_is_handled_once(shared, key, events):
    name, stub = key(), shared.probe()
    slow = probe.SlowRequest(probe=name, milliseconds=1_000, delta=5, file=str(events))
    first = stub.Slow.future(slow, timeout=60, metadata=with_id("slow-1"))
    until("the handler begins", lambda: events.read("start"))
    again = shared.probe().Slow.future(slow, timeout=60, metadata=with_id("slow-1"))
    assert (first.result().value, again.result().value) == (5, 5)
    # The second may run, in vain: only its commit shows that it is a duplicate.
    assert probe_is(stub, name) == (5, [5])


def test_a_message_id_sent_many_times_at_once_is_handled_once(shared, key):
    name = key()
    request = probe.AddRequest(probe=name, delta=5)
    stubs = [shared.probe() for _ in range(AT_ONCE)]
    all_there = Barrier(AT_ONCE)

    def ask(stub) -> int:
        all_there.wait(30)
        return stub.Add(request, timeout=60, metadata=with_id("once")).value

    with ThreadPoolExecutor(AT_ONCE) as callers:
        assert list(callers.map(ask, stubs)) == [5] * AT_ONCE
    assert probe_is(stubs[0], name) == (5, [5])


def test_a_refusal_is_stored_as_a_reply_is(shared, key):
    request = probe.RefuseRequest(probe=key(), code=9, message="the curtain is down", reason="DOWN")
    for is_duplicate in (False, True):
        error = refused(shared.probe().Refuse, request, timeout=30, metadata=with_id("no"))
        assert (error.code.value[0], error.message) == (9, "the curtain is down")
        assert error.info.reason == "DOWN"
        assert ("callboard-duplicate" in error.trailers) == is_duplicate


def test_a_message_id_survives_a_new_start(devs):
    dev = devs.probe().start()
    request = probe.AddRequest(probe="a", delta=5)
    assert dev.probe().Add(request, timeout=30, metadata=with_id("order-7")).value == 5
    dev.kill()
    dev.start()
    stub = dev.probe()
    stub.Add(probe.AddRequest(probe="a", delta=1), timeout=30)
    again, done = stub.Add.with_call(request, timeout=30, metadata=with_id("order-7"))
    assert again.value == 5 and headers(done)["callboard-duplicate"] == "true"
    assert probe_is(stub, "a") == (6, [5, 1])
    dev.stop()


class TestTwoGateways:
    """Neither knows what the other one was sent."""

    @pytest.fixture
    def gateways(self, devs):
        dev = devs.probe().start()
        second = dev.second_gateway(PROBE_PROTOS, "probe.v1.Probe", "e2e-actor")
        return dev.probe(), probe_grpc.ProbeStub(second.channel)

    def test_a_message_id_sent_through_two_gateways_is_handled_once(self, gateways, events):
        first, second = gateways
        request = probe.AddRequest(probe="a", delta=5)
        assert first.Add(request, timeout=30, metadata=with_id("order-7")).value == 5
        again, done = second.Add.with_call(request, timeout=30, metadata=with_id("order-7"))
        assert again.value == 5 and headers(done)["callboard-duplicate"] == "true"
        assert probe_is(second, "a") == (5, [5])

        slow = probe.SlowRequest(probe="a", milliseconds=700, delta=1, file=str(events))
        running = first.Slow.future(slow, timeout=60, metadata=with_id("slow-1"))
        until("the handler begins", lambda: events.read("start"))
        assert second.Slow(slow, timeout=60, metadata=with_id("slow-1")).value == 6
        assert running.result().value == 6
        assert probe_is(first, "a") == (6, [5, 1])

        all_there = Barrier(AT_ONCE)

        def ask(number: int) -> int:
            all_there.wait(30)
            stub = gateways[number % 2]
            return stub.Add(request, timeout=60, metadata=with_id("at-once")).value

        with ThreadPoolExecutor(AT_ONCE) as callers:
            assert list(callers.map(ask, range(AT_ONCE))) == [11] * AT_ONCE
        assert probe_is(second, "a") == (11, [5, 1, 5])

    def test_many_who_wait_for_one_reply_that_another_gateway_gets_all_get_it(
        self, gateways, events
    ):
        first, second = gateways
        slow = probe.SlowRequest(probe="a", milliseconds=1_500, delta=5, file=str(events))
        running = first.Slow.future(slow, timeout=60, metadata=with_id("slow-1"))
        until("the handler begins", lambda: events.read("start"))
        asks = [
            second.Slow.future(slow, timeout=15, metadata=with_id("slow-1"))
            for _ in range(AT_ONCE)
        ]
        assert running.result().value == 5
        assert [ask.result().value for ask in asks] == [5] * AT_ONCE


def test_a_message_id_with_another_body_or_method_is_refused(shared, key):
    name, stub = key(), shared.probe()
    stub.Add(probe.AddRequest(probe=name, delta=5), timeout=30, metadata=with_id("order-7"))
    others = [
        (stub.Add, probe.AddRequest(probe=name, delta=6)),
        (stub.Get, probe.GetRequest(probe=name)),
        # The same bytes, and another method.
        (stub.Note, probe.NoteRequest(probe=name, delta=5)),
        (stub.PanicOnce, probe.PanicOnceRequest(probe=name, delta=5)),
    ]
    for method, request in others:
        is_reused(refused(method, request, timeout=30, metadata=with_id("order-7")), "order-7")
    assert probe_is(stub, name) == (5, [5])


def test_a_message_id_of_a_queued_message_with_another_body_or_method_is_refused(
    shared, key, events
):
    name, stub = key(), shared.probe()
    slow = probe.SlowNoteRequest(probe=name, milliseconds=1_500, delta=1, file=str(events))
    stub.SlowNote(slow, timeout=30)
    until("the handler begins", lambda: events.read("start"))
    request = probe.AddRequest(probe=name, delta=5)
    queued = stub.Add.future(request, timeout=60, metadata=with_id("order-7"))
    until_stored(stub, name, 2)
    asks = [
        stub.Add.future(
            probe.AddRequest(probe=name, delta=6), timeout=60, metadata=with_id("order-7")
        ),
        stub.PanicOnce.future(
            probe.PanicOnceRequest(probe=name, delta=5), timeout=60, metadata=with_id("order-7")
        ),
    ]
    same = shared.probe().Add.future(request, timeout=60, metadata=with_id("order-7"))
    assert not events.read("end"), "the handler was too fast to show anything"
    assert (queued.result().value, same.result().value) == (6, 6)
    for ask in asks:
        is_reused(Refused(ask.exception()), "order-7")
    assert [delta for delta in probe_is(stub, name)[1] if delta] == [1, 5]


def test_the_same_id_to_another_actor_is_another_message(shared, key):
    stub = shared.probe()
    for name, delta in ((key(), 5), (key(), 6)):
        request = probe.AddRequest(probe=name, delta=delta)
        answer, done = stub.Add.with_call(request, timeout=30, metadata=with_id("order-7"))
        assert answer.value == delta
        assert "callboard-duplicate" not in headers(done)


def test_a_tell_with_an_id_that_is_sent_twice_is_handled_once(shared, key):
    name, stub = key(), shared.probe()
    request = probe.NoteRequest(probe=name, delta=5)
    for _ in range(3):
        # Perhaps before the first one is handled.
        stub.Note(request, timeout=30, metadata=with_id("order-7"))
    assert probe_is(stub, name) == (5, [5])
    _, done = stub.Note.with_call(request, timeout=30, metadata=with_id("order-7"))
    assert headers(done)["callboard-duplicate"] == "true"
    other = probe.NoteRequest(probe=name, delta=6)
    is_reused(refused(stub.Note, other, timeout=30, metadata=with_id("order-7")), "order-7")
    assert probe_is(stub, name) == (5, [5])


def test_tells_that_are_sent_twice_behind_a_slow_handler_are_handled_once(shared, key, events):
    name, stub = key(), shared.probe()
    slow = probe.SlowNoteRequest(probe=name, milliseconds=1_000, delta=1, file=str(events))
    stub.SlowNote(slow, timeout=30)
    until("the handler begins", lambda: events.read("start"))
    for _ in range(2):
        for delta in range(2, 8):
            request = probe.NoteRequest(probe=name, delta=delta)
            stub.Note(request, timeout=30, metadata=with_id(f"note-{delta}"))
    assert not events.read("end"), "the handler was too fast to show anything"
    assert probe_is(stub, name) == (28, [1, 2, 3, 4, 5, 6, 7])


@pytest.mark.parametrize("method", ["Add", "Note"])
@pytest.mark.parametrize(
    "ids",
    [[""], ["a/b"], ["a b"], ["x" * 129], ["a", "b"]],
    ids=["empty", "slash", "space", "long", "two"],
)
def test_a_bad_message_id_is_refused(shared, key, method, ids):
    request = getattr(probe, f"{method}Request")(probe=key(), delta=1)
    metadata = [("callboard-message-id", message_id) for message_id in ids]
    error = refused(getattr(shared.probe(), method), request, timeout=10, metadata=metadata)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.metadata["field"] == "callboard-message-id"


def test_the_longest_message_id_to_the_longest_key_is_taken(shared):
    name, stub = "i" * 1_024, shared.probe()
    request = probe.AddRequest(probe=name, delta=1)
    for _ in range(2):
        assert stub.Add(request, timeout=30, metadata=with_id("~" * 128)).value == 1


def test_an_ask_that_timed_out_gets_its_reply_when_it_is_sent_again(shared, key, events):
    stub = shared.probe()

    def ask() -> Refused:
        nonlocal request
        request = probe.SlowRequest(probe=key(), milliseconds=1_500, delta=5, file=str(events))
        return refused(stub.Slow, request, timeout=0.4, metadata=with_id("order-7"))

    request = None
    error = timed_out(ask)
    error.is_ours(grpc.StatusCode.DEADLINE_EXCEEDED, "ASK_TIMEOUT")
    assert error.metadata["message_id"] == "order-7"
    # While it is handled, and after that.
    for _ in range(2):
        assert stub.Slow(request, timeout=30, metadata=with_id("order-7")).value == 5
    assert probe_is(stub, request.probe) == (5, [5])
