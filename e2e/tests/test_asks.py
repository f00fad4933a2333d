"""Asks between actors: nothing waits, and the answer is a message."""

import time

import grpc
import pytest

from harness.mailbox import probe_is
from harness.status import refused
from harness.stubs import probe
from harness.until import until

pytestmark = pytest.mark.alone


def gather(stub, name: str, of: list[str], **fields) -> probe.GatherResponse:
    request = probe.GatherRequest(probe=name, of=of, **fields)
    return stub.Gather(request, timeout=60)


def test_an_actor_that_asks_another_gets_its_answer(shared, key):
    asker, other, stub = key(), key(), shared.probe()
    assert gather(stub, asker, [other], delta=5).value == 5
    assert gather(stub, asker, [other], delta=1).value == 6
    assert probe_is(stub, other) == (6, [5, 1])
    assert probe_is(stub, asker) == (0, [])


def test_actors_that_ask_each_other_in_a_circle_come_to_an_end(shared, key):
    a, b, stub = key(), key(), shared.probe()
    answer = gather(stub, a, [b], of_those=[a], delta=5)
    assert (answer.value, list(answer.failures)) == (5, [])
    assert probe_is(stub, a) == (5, [5])
    assert gather(stub, a, [b, b, b], of_those=[a, b], delta=1).value > 0
    assert probe_is(stub, a) == (8, [5, 1, 1, 1])
    assert probe_is(stub, b) == (3, [1, 1, 1])


def test_an_actor_may_ask_itself(shared, key):
    name, stub = key(), shared.probe()
    assert gather(stub, name, [name], delta=5).value == 5


def test_an_answer_that_does_not_come_in_time_comes_as_a_failure(shared, key, events):
    asker, other, stub = key(), key(), shared.probe()
    fields = {"milliseconds": 3_000, "delta": 5, "timeout_milliseconds": 500, "file": str(events)}
    began = time.monotonic()
    answer = gather(stub, asker, [other], **fields)
    assert time.monotonic() - began < 2.9
    assert (answer.value, answer.timeouts) == (0, 1)
    assert list(answer.failures) == ["DeadlineExceeded: no answer came in time"]
    # What comes later is dropped, and nobody minds.
    until("the other one ends", lambda: events.read("end", other))
    assert probe_is(stub, other) == (5, [5])
    assert gather(stub, asker, [other], delta=1).value == 6


def test_what_another_actor_refuses_comes_as_its_status(shared, key):
    # Nobody has an empty name.
    asker, other, stub = key(), key(), shared.probe()
    answer = gather(stub, asker, [other, key()], of_those=[""], delta=5)
    assert answer.value == 0 and answer.timeouts == 0
    assert [failure.split(":")[0] for failure in answer.failures] == ["InvalidArgument"] * 2


def test_an_ask_to_nobody_is_refused_at_once(shared, key):
    name, stub = key(), shared.probe()
    request = probe.GatherRequest(probe=name, of=[""])
    assert refused(stub.Gather, request, timeout=30).code == grpc.StatusCode.INVALID_ARGUMENT
    assert probe_is(stub, name) == (0, [])


class TestMany:
    OF = 5
    MILLISECONDS = 300

    @pytest.fixture
    def dev(self, devs):
        # A process for each of them, one for the asker and one for reads.
        return devs.probe("concurrency = 8\n").start()

    def test_five_asks_take_as_long_as_one_and_reads_go_on_meanwhile(self, dev, events):
        stub = dev.probe()
        of = [f"of-{n}" for n in range(self.OF)]
        # So that their processes are there.
        gather(stub, "a", of, milliseconds=self.MILLISECONDS, delta=0)
        stub.Look(probe.LookRequest(probe="a"), timeout=30)
        took, was_read_meanwhile = [], []
        for _ in range(3):
            began = time.monotonic()
            request = probe.GatherRequest(
                probe="a", of=of, milliseconds=self.MILLISECONDS, delta=1, file=str(events)
            )
            before = len(events.read("start"))
            gathering = stub.Gather.future(request, timeout=60)
            until("one begins", lambda: len(events.read("start")) > before)
            stub.Look(probe.LookRequest(probe="a"), timeout=30)
            was_read_meanwhile.append(not gathering.done())
            gathering.result()
            took.append(time.monotonic() - began)
        # A machine with other things to do may be late once. One after the other
        # they would take five times as long.
        assert any(was_read_meanwhile)
        assert min(took) < 3 * self.MILLISECONDS / 1_000, took
        for name in of:
            assert probe_is(stub, name)[0] == 3
        dev.stop()

    def test_asks_and_their_answers_outlive_a_crash_of_everything(self, dev, events):
        stub = dev.probe()
        of = [f"of-{n}" for n in range(self.OF)]
        request = probe.GatherRequest(
            probe="a", of=of, milliseconds=700, delta=1, file=str(events)
        )
        metadata = [("callboard-message-id", "gather-1")]
        gathering = stub.Gather.future(request, timeout=60, metadata=metadata)
        until("all of them begin", lambda: len(events.read("start")) == self.OF)
        dev.kill()
        assert gathering.exception() is not None
        dev.start()
        answer = dev.probe().Gather(request, timeout=60, metadata=metadata)
        assert (answer.value, list(answer.failures)) == (self.OF, [])
        for name in of:
            assert probe_is(dev.probe(), name) == (1, [1])
        dev.stop()
