"""Asks whose answers come later: from another message, or from another actor."""

import statistics
import time

import grpc
import pytest

from harness.headers import headers, with_id
from harness.mailbox import probe_is
from harness.paths import PROBE_PROTOS
from harness.status import Refused, refused, timed_out
from harness.stubs import probe, probe_grpc
from harness.until import until

# How late an answer may be that another actor has stored. Alone on a machine it is
# a tenth of this.
LATE_SECONDS = 0.5


def waits(stub, name: str, events, message_id: str, what: str = "") -> grpc.Future:
    """An ask that waits until the probe is released, as its handler has said."""
    request = probe.WaitRequest(probe=name, name=what or message_id, file=str(events))
    before = len(events.read(f"waits {request.name}", name))
    ask = stub.Wait.future(request, timeout=60, metadata=with_id(message_id))
    until("it waits", lambda: len(events.read(f"waits {request.name}", name)) > before)
    # The handler has said so before its commit.
    probe_is(stub, name)
    return ask


def release(stub, name: str, value: int, refusal: str = "") -> int:
    request = probe.ReleaseRequest(probe=name, value=value, refusal=refusal)
    return stub.Release(request, timeout=30).waiting


class TestForward:
    def test_the_last_of_a_row_answers(self, shared, key):
        names, stub = [key() for _ in range(4)], shared.probe()
        request = probe.ForwardRequest(probe=names[0], to=names[1:], delta=5)
        answer, done = stub.Forward.with_call(request, timeout=30)
        assert answer.value == 5
        assert headers(done)["callboard-sequence"] == "1"
        assert "callboard-duplicate" not in headers(done)
        assert [probe_is(stub, name)[0] for name in names] == [0, 0, 0, 5]

    def test_an_actor_may_forward_to_itself(self, shared, key):
        name, stub = key(), shared.probe()
        request = probe.ForwardRequest(probe=name, to=[name], delta=5)
        assert stub.Forward(request, timeout=30).value == 5

    def test_the_one_who_forwards_goes_on(self, shared, key, events):
        name, last, stub = key(), key(), shared.probe()
        request = probe.ForwardRequest(
            probe=name, to=[last], milliseconds=1_500, delta=5, file=str(events)
        )
        ask = stub.Forward.future(request, timeout=60)
        until("the last one begins", lambda: events.read("start", last))
        assert stub.Add(probe.AddRequest(probe=name, delta=1), timeout=30).value == 1
        assert not events.read("end"), "the handler was too fast to show anything"
        assert ask.result().value == 5

    def test_an_answer_is_seen_soon_after_it_is_stored(self, shared, key):
        name, last, stub = key(), key(), shared.probe()
        late = []
        for milliseconds in (0, 50, 150, 300, 600):
            request = probe.ForwardRequest(probe=name, to=[last], milliseconds=milliseconds)
            began = time.monotonic()
            stub.Forward(request, timeout=30)
            late.append(time.monotonic() - began - milliseconds / 1_000)
        assert statistics.median(late) < LATE_SECONDS, late

    def test_what_a_forwarded_ask_is_refused_with_arrives(self, shared, key):
        # The last one has nobody to forward to.
        name, last, stub = key(), key(), shared.probe()
        big = probe.ForwardRequest(probe=name, to=[last, ""], delta=5)
        error = refused(stub.Forward, big, timeout=30)
        assert error.code == grpc.StatusCode.INVALID_ARGUMENT

    def test_a_forwarded_ask_that_is_sent_again_is_handled_once(self, shared, key, events):
        name, last, stub = key(), key(), shared.probe()
        request = probe.ForwardRequest(
            probe=name, to=[last], milliseconds=1_000, delta=5, file=str(events)
        )
        first = stub.Forward.future(request, timeout=60, metadata=with_id("order-7"))
        until("the last one begins", lambda: events.read("start", last))
        again, done = stub.Forward.with_call(request, timeout=60, metadata=with_id("order-7"))
        assert (first.result().value, again.value) == (5, 5)
        assert headers(done)["callboard-duplicate"] == "true"
        assert probe_is(stub, last) == (5, [5])


class TestReplyLater:
    def test_all_who_wait_are_answered_by_one_message(self, shared, key, events):
        name, stub = key(), shared.probe()
        asks = [waits(shared.probe(), name, events, f"wait-{n}") for n in range(3)]
        # Nobody else has to wait.
        assert stub.Add(probe.AddRequest(probe=name, delta=1), timeout=30).value == 1
        assert not any(ask.done() for ask in asks)
        assert release(stub, name, 7) == 3
        began = time.monotonic()
        assert [ask.result(30).value for ask in asks] == [7, 7, 7]
        assert time.monotonic() - began < 2 * LATE_SECONDS
        assert release(stub, name, 8) == 0

    def test_those_who_wait_may_be_refused(self, shared, key, events):
        name, stub = key(), shared.probe()
        ask = waits(stub, name, events, "wait-1")
        assert release(stub, name, 0, "the show is off") == 1
        error = Refused(ask.exception(30))
        assert (error.code, error.message) == (grpc.StatusCode.ABORTED, "the show is off")
        assert error.trailers["callboard-message-id"] == "wait-1"

    def test_an_ask_that_is_sent_again_while_it_is_open_waits_for_the_same_answer(
        self, shared, key, events
    ):
        name, stub = key(), shared.probe()
        request = probe.WaitRequest(probe=name, name="wait-1", file=str(events))
        first = waits(stub, name, events, "wait-1")
        again = shared.probe().Wait.future(request, timeout=60, metadata=with_id("wait-1"))
        # It waits, and its message is not sent: the next one takes the next place.
        time.sleep(0.3)
        _, done = stub.Get.with_call(probe.GetRequest(probe=name), timeout=30)
        place = int(headers(done)["callboard-sequence"])
        assert not first.done() and not again.done()
        assert release(stub, name, 7) == 1
        assert (first.result(30).value, again.result(30).value) == (7, 7)
        assert headers(again)["callboard-duplicate"] == "true"
        assert "callboard-sequence" not in headers(again)
        assert "callboard-duplicate" not in headers(first)
        assert place == 3
        # And after that.
        stored, done = stub.Wait.with_call(request, timeout=30, metadata=with_id("wait-1"))
        assert stored.value == 7 and headers(done)["callboard-duplicate"] == "true"
        assert len(events.read("waits wait-1", name)) == 1

    def test_the_id_of_an_open_ask_with_another_body_or_method_is_refused(
        self, shared, key, events
    ):
        name, stub = key(), shared.probe()
        ask = waits(stub, name, events, "wait-1")
        others = [
            (stub.Wait, probe.WaitRequest(probe=name, name="other", file=str(events))),
            (stub.Get, probe.GetRequest(probe=name)),
            (stub.Note, probe.NoteRequest(probe=name, delta=1)),
        ]
        for method, request in others:
            error = refused(method, request, timeout=30, metadata=with_id("wait-1"))
            error.is_ours(grpc.StatusCode.ALREADY_EXISTS, "MESSAGE_ID_REUSED")
        assert release(stub, name, 7) == 1
        assert ask.result(30).value == 7

    def test_a_caller_who_waited_too_briefly_may_come_back(self, shared, key, events):
        name, stub = key(), shared.probe()
        request = probe.WaitRequest(probe=name, name="wait-1", file=str(events))
        for _ in range(2):
            error = timed_out(
                lambda: refused(stub.Wait, request, timeout=0.4, metadata=with_id("wait-1"))
            )
            error.is_ours(grpc.StatusCode.DEADLINE_EXCEEDED, "ASK_TIMEOUT")
            assert error.metadata["message_id"] == "wait-1"
        assert release(stub, name, 7) == 1
        assert stub.Wait(request, timeout=30, metadata=with_id("wait-1")).value == 7

    def test_an_open_ask_outlives_a_crash_of_everything(self, devs, events):
        dev = devs.probe().start()
        waits(dev.probe(), "a", events, "wait-1")
        dev.kill()
        dev.start()
        stub = dev.probe()
        request = probe.WaitRequest(probe="a", name="wait-1", file=str(events))
        again = stub.Wait.future(request, timeout=60, metadata=with_id("wait-1"))
        time.sleep(0.3)
        assert not again.done()
        assert release(stub, "a", 7) == 1
        assert again.result(30).value == 7
        assert len(events.read("waits wait-1")) == 1
        dev.stop()

    def test_callers_of_two_gateways_wait_for_one_answer(self, devs, events):
        dev = devs.probe().start()
        gateway = dev.second_gateway(PROBE_PROTOS, "probe.v1.Probe", "e2e-actor")
        first, second = dev.probe(), probe_grpc.ProbeStub(gateway.channel)
        request = probe.WaitRequest(probe="a", name="wait-1", file=str(events))
        asks = [waits(first, "a", events, "wait-1")]
        asks.append(second.Wait.future(request, timeout=60, metadata=with_id("wait-1")))
        asks.append(waits(second, "a", events, "wait-2"))
        assert release(first, "a", 7) == 2
        assert [ask.result(30).value for ask in asks] == [7, 7, 7]
        dev.clean_up()

    def test_an_open_ask_at_a_gateway_that_stops_says_that_it_is_stored(self, devs, events):
        dev = devs.probe().start()
        ask = waits(dev.probe(), "a", events, "wait-1")
        dev.interrupt()
        error = Refused(ask.exception(60))
        error.is_ours(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
        assert error.metadata["stored"] == "yes"
        assert dev.exit_code() == 0
