"""Messages between actors: sent with the sender's commit, handled in order, once."""

import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from harness.mailbox import probe_is
from harness.status import refused
from harness.stubs import probe
from harness.until import until

# From the last crash to the end of what was left: the dead holder's lease of
# 10 s, a sweep, and the handlers.
RECOVERY_SECONDS = 25


def received(events, name: str) -> list[int]:
    """What a probe has received, in that order; perhaps twice, after a crash."""
    words = (event.what.split() for event in events.read(probe=name))
    return [int(amount) for what, amount in words if what == "received"]


def test_what_an_actor_passes_to_another_arrives(shared, key, events):
    giver, taker, stub = key(), key(), shared.probe()
    stub.Add(probe.AddRequest(probe=giver, delta=100), timeout=30)
    request = probe.PassRequest(probe=giver, to=taker, amounts=[30], file=str(events))
    assert stub.Pass(request, timeout=30).value == 70
    # Without a message that would wake it.
    until("it is received", lambda: received(events, taker))
    assert probe_is(stub, giver) == (70, [100, -30])
    assert probe_is(stub, taker) == (30, [30])


def test_what_one_handler_sends_is_handled_in_that_order(shared, key, events):
    giver, taker, stub = key(), key(), shared.probe()
    # More than fit in one commit.
    amounts = list(range(1, 301))
    request = probe.PassRequest(probe=giver, to=taker, amounts=amounts, file=str(events))
    assert stub.Pass(request, timeout=30).value == -sum(amounts)
    until("all is received", lambda: len(received(events, taker)) >= len(amounts))
    assert probe_is(stub, taker) == (sum(amounts), amounts)


def test_more_messages_than_a_handler_may_send_are_refused_and_none_is_sent(shared, key):
    giver, taker, stub = key(), key(), shared.probe()
    request = probe.PassRequest(probe=giver, to=taker, amounts=[1] * 501)
    error = refused(stub.Pass, request, timeout=30)
    assert error.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert probe_is(stub, giver) == (0, [])
    assert probe_is(stub, taker) == (0, [])


def test_what_a_failing_handler_sends_is_sent_once_when_it_succeeds(shared, key, events):
    giver, taker, stub = key(), key(), shared.probe()
    request = probe.PassRequest(probe=giver, to=taker, amounts=[30, 4], file=str(events), times=2)
    assert stub.Pass(request, timeout=60).value == -34
    # A message behind the others: what is sent twice would be before it.
    last = probe.PassRequest(probe=giver, to=taker, amounts=[5], file=str(events))
    stub.Pass(last, timeout=30)
    until("the last one is received", lambda: 5 in received(events, taker))
    assert probe_is(stub, taker) == (39, [30, 4, 5])


def test_200_passes_in_a_row_keep_their_order(shared, key, events):
    giver, taker, stub = key(), key(), shared.probe()
    amounts = list(range(1, 201))
    for amount in amounts:
        request = probe.PassNoteRequest(probe=giver, to=taker, amounts=[amount], file=str(events))
        stub.PassNote(request, timeout=30)
    until("all is received", lambda: len(received(events, taker)) >= len(amounts), 60)
    assert probe_is(stub, taker) == (sum(amounts), amounts)
    assert probe_is(stub, giver) == (-sum(amounts), [-amount for amount in amounts])


def test_what_several_actors_send_to_one_keeps_the_order_of_each(shared, key, events):
    givers, taker = [key() for _ in range(5)], key()

    def give(number: int) -> None:
        stub = shared.probe()
        for turn in range(40):
            amount = number * 1_000 + turn
            request = probe.PassRequest(
                probe=givers[number], to=taker, amounts=[amount], file=str(events)
            )
            stub.Pass(request, timeout=60)

    with ThreadPoolExecutor(len(givers)) as callers:
        list(callers.map(give, range(len(givers))))
    until("all is received", lambda: len(received(events, taker)) >= 200, 60)
    _, deltas = probe_is(shared.probe(), taker)
    for number in range(len(givers)):
        from_one = [delta for delta in deltas if delta // 1_000 == number]
        assert from_one == [number * 1_000 + turn for turn in range(40)]


def test_a_circle_of_messages_ends(shared, key, events):
    a, b, stub = key(), key(), shared.probe()
    request = probe.VolleyRequest(probe=a, partner=b, left=300, file=str(events))
    stub.Volley(request, timeout=30)
    until("the last volley", lambda: events.read("out", b), 90)
    assert probe_is(stub, a) == (150, [1] * 150)
    assert probe_is(stub, b) == (150, [1] * 150)


def test_an_actor_that_tells_itself_gets_each_message_once(shared, key, events):
    name, stub = key(), shared.probe()
    request = probe.VolleyRequest(probe=name, partner=name, left=100, file=str(events))
    stub.Volley(request, timeout=30)
    until("the last volley", lambda: events.read("out", name), 60)
    assert probe_is(stub, name) == (100, [1] * 100)


def test_an_actor_that_tells_itself_goes_on_answering(shared, key, events):
    name, stub = key(), shared.probe()
    request = probe.VolleyRequest(probe=name, partner=name, left=300, file=str(events))
    stub.Volley(request, timeout=30)
    stub.Add(probe.AddRequest(probe=name, delta=0), timeout=30)
    until("the last volley", lambda: events.read("out", name), 60)
    value, deltas = probe_is(stub, name)
    assert value == 300 and 0 in deltas


class Giver(threading.Thread):
    """Passes one amount after the other, each until it is acknowledged."""

    def __init__(self, stub, name: str, to: str, amounts: list[int], file: str) -> None:
        super().__init__(daemon=True)
        self.stub, self.name_of_probe, self.to = stub, name, to
        self.amounts, self.file = amounts, file
        self.done = 0
        self.stop = threading.Event()

    def run(self) -> None:
        for amount in self.amounts:
            while not self.stop.is_set() and not self.gives(amount):
                pass
            self.done += 1

    def gives(self, amount: int) -> bool:
        request = probe.PassNoteRequest(
            probe=self.name_of_probe, to=self.to, amounts=[amount], file=self.file
        )
        metadata = [("callboard-message-id", f"pass-{amount}")]
        try:
            self.stub.PassNote(request, timeout=10, metadata=metadata, wait_for_ready=True)
        except grpc.RpcError:
            return False
        return True


EACH = 60
NAMES = [f"probe-{number}" for number in range(4)]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("victim", ["actors", "everything"])
def test_passes_are_applied_once_whatever_is_killed(devs, events, victim):
    dev = devs.probe().start()
    givers = []
    for number, name in enumerate(NAMES):
        amounts = [number * 1_000 + turn for turn in range(1, EACH + 1)]
        to = NAMES[(number + 1) % len(NAMES)]
        givers.append(Giver(dev.probe(), name, to, amounts, str(events)))
    for giver in givers:
        giver.start()
    try:
        for quarter in (1, 2, 3):
            done = quarter * len(givers) * EACH // 4
            until("some are passed", lambda: sum(giver.done for giver in givers) >= done, 60)
            if victim == "actors":
                for pid in dev.function_pids():
                    os.kill(pid, signal.SIGKILL)
            else:
                # Their channels stay: they find the next one on the same port.
                dev.process.kill()
                dev.process.wait(10)
                dev.start()
        for giver in givers:
            giver.join(60)
            assert not giver.is_alive(), "its passes are not acknowledged"
    finally:
        for giver in givers:
            giver.stop.set()

    def all_received() -> bool:
        return all(set(giver.amounts) <= set(received(events, giver.to)) for giver in givers)

    # Without a message that would wake anybody.
    until("what was passed is received", all_received, RECOVERY_SECONDS)
    stub = dev.probe()
    total = 0
    for before, giver in zip([givers[-1], *givers], givers):
        value, deltas = probe_is(stub, giver.name_of_probe)
        total += value
        assert [-delta for delta in deltas if delta < 0] == giver.amounts, "given in order, once"
        assert Counter(delta for delta in deltas if delta > 0) == Counter(before.amounts)
        assert [delta for delta in deltas if delta > 0] == before.amounts, "received in order"
    assert total == 0
    dev.stop()
