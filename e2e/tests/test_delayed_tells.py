"""Tells that are delivered later."""

import time
from datetime import UTC, datetime

import grpc
import pytest

from harness.events import Events
from harness.mailbox import probe_is
from harness.paths import PROBE_PROTOS
from harness.status import refused
from harness.stubs import probe, probe_grpc
from harness.until import until

# A delayed message is handled within about a second of its time; the machine
# of the tests is busy.
LATE_SECONDS = 8

# From the start after a crash, when it was due meanwhile: a sweep, and the
# lease that a dead holder may have had.
RECOVERY_SECONDS = 20

# Times are kept in milliseconds.
GRAIN_SECONDS = 0.002


def rings(stub, name: str) -> list[tuple[int, float]]:
    """What has rung, and when."""
    answer = stub.Rings(probe.RingsRequest(probe=name), timeout=30)
    return [(ring.delta, ring.at_ms / 1_000) for ring in answer.rings]


def rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def until_rung(events: Events, name: str, delta: int, seconds: float = 20) -> None:
    # Without a message that would wake the probe.
    until(f"{delta} rings", lambda: events.read(f"ring {delta}", name), seconds)


def was_on_time(at: float, earliest: float, latest: float) -> None:
    assert earliest - GRAIN_SECONDS <= at <= latest + LATE_SECONDS


@pytest.mark.parametrize("before", ["new", "awake"])
def test_a_delayed_tell_is_handled_after_its_delay(shared, key, events, before):
    name, stub = key(), shared.probe()
    if before == "awake":
        stub.Add(probe.AddRequest(probe=name, delta=0), timeout=30)
    request = probe.RingRequest(probe=name, delta=1, file=str(events))
    began = time.time()
    _, done = stub.Ring.with_call(request, timeout=30, metadata=[("callboard-delay", "800ms")])
    answered = time.time()
    assert dict(done.initial_metadata())["callboard-message-id"]
    assert "callboard-sequence" not in dict(done.initial_metadata()), "it has no place in the log"
    # It is not in the way of others.
    stub.Add(probe.AddRequest(probe=name, delta=0), timeout=30)
    until_rung(events, name, 1)
    [(delta, at)] = rings(stub, name)
    assert delta == 1
    was_on_time(at, began + 0.8, answered + 0.8)


def test_a_delayed_tell_to_an_actor_that_nobody_else_calls_is_handled(shared, key, events):
    name, stub = key(), shared.probe()
    request = probe.RingRequest(probe=name, delta=1, file=str(events))
    began = time.time()
    stub.Ring(request, timeout=30, metadata=[("callboard-delay", "2s")])
    answered = time.time()
    until_rung(events, name, 1)
    [(_, at)] = rings(stub, name)
    was_on_time(at, began + 2, answered + 2)


def test_a_delayed_tell_that_is_due_while_a_handler_runs_is_handled_after_it(shared, key, events):
    name, stub = key(), shared.probe()
    slow = probe.SlowNoteRequest(probe=name, milliseconds=1_500, delta=5, file=str(events))
    stub.SlowNote(slow, timeout=30)
    until("the handler begins", lambda: events.read("start"))
    request = probe.RingRequest(probe=name, delta=1, file=str(events))
    stub.Ring(request, timeout=30, metadata=[("callboard-delay", "300ms")])
    assert not events.read("end"), "the handler was too fast to show anything"
    until_rung(events, name, 1)
    assert [event.what for event in events.read()] == ["start", "end", "ring 1"]
    assert probe_is(stub, name) == (6, [5, 1])


def test_delayed_tells_are_handled_in_the_order_of_their_times(shared, key, events):
    name, stub = key(), shared.probe()
    began = time.time()
    delays = {1: "4s", 2: "3s", 3: "2s"}
    for delta, delay in delays.items():
        request = probe.RingRequest(probe=name, delta=delta, file=str(events))
        stub.Ring(request, timeout=30, metadata=[("callboard-delay", delay)])
    assert time.time() < began + 2, "they were sent too slowly to show anything"
    until_rung(events, name, 1)
    assert [delta for delta, _ in rings(stub, name)] == [3, 2, 1]


def test_a_tell_is_delivered_at_a_time(shared, key, events):
    name, stub = key(), shared.probe()
    due = time.time() + 1
    request = probe.RingRequest(probe=name, delta=1, file=str(events))
    stub.Ring(request, timeout=30, metadata=[("callboard-deliver-at", rfc3339(due))])
    until_rung(events, name, 1)
    [(_, at)] = rings(stub, name)
    was_on_time(at, due, due)


@pytest.mark.parametrize(
    "when",
    [("callboard-deliver-at", "2020-01-31T08:00:00Z"), ("callboard-delay", "0s")],
    ids=["past", "no-delay"],
)
def test_a_tell_for_a_time_that_is_over_is_delivered_at_once(shared, key, events, when):
    name, stub = key(), shared.probe()
    request = probe.RingRequest(probe=name, delta=1, file=str(events))
    stub.Ring(request, timeout=30, metadata=[when])
    answered = time.time()
    until_rung(events, name, 1)
    [(_, at)] = rings(stub, name)
    assert at < answered + LATE_SECONDS


@pytest.mark.parametrize(
    "metadata",
    [
        [("callboard-delay", "soon")],
        [("callboard-delay", "5")],
        [("callboard-delay", "-5s")],
        [("callboard-delay", "")],
        [("callboard-delay", "367d")],
        [("callboard-delay", "99999999999999999d")],
        [("callboard-delay", "1s"), ("callboard-delay", "2s")],
        [("callboard-deliver-at", "tomorrow")],
        [("callboard-deliver-at", "9999-12-31T23:59:59Z")],
        [("callboard-deliver-at", "2030-01-31T08:00:00Z"), ("callboard-delay", "1s")],
    ],
)
def test_a_bad_time_of_delivery_is_refused(shared, key, metadata):
    name, stub = key(), shared.probe()
    request = probe.RingRequest(probe=name, delta=1)
    error = refused(stub.Ring, request, timeout=10, metadata=metadata)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.metadata["field"] in [name for name, _ in metadata]
    assert rings(stub, name) == []


@pytest.mark.parametrize(
    "when", [("callboard-delay", "1s"), ("callboard-deliver-at", "2100-01-31T08:00:00Z")]
)
def test_an_ask_cannot_be_delayed(shared, key, when):
    request = probe.AddRequest(probe=key(), delta=1)
    error = refused(shared.probe().Add, request, timeout=10, metadata=[when])
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.metadata["field"] == when[0]


def test_a_delayed_tell_with_an_id_that_is_sent_twice_is_handled_once(shared, key, events):
    name, stub = key(), shared.probe()

    def ring(delta: int, message_id: str, delay: str) -> None:
        request = probe.RingRequest(probe=name, delta=delta, file=str(events))
        metadata = [("callboard-message-id", message_id), ("callboard-delay", delay)]
        stub.Ring(request, timeout=30, metadata=metadata)

    ring(1, "wake-up", "500ms")
    ring(1, "wake-up", "700ms")
    ring(2, "last-call", "1500ms")
    until_rung(events, name, 2)
    assert [delta for delta, _ in rings(stub, name)] == [1, 2]
    assert probe_is(stub, name)[1] == [1, 2]


def test_a_tell_that_is_sent_delayed_and_at_once_is_handled_once(shared, key, events):
    name, stub = key(), shared.probe()

    def ring(delta: int, message_id: str, *delay: tuple[str, str]) -> None:
        request = probe.RingRequest(probe=name, delta=delta, file=str(events))
        metadata = [("callboard-message-id", message_id), *delay]
        stub.Ring(request, timeout=30, metadata=metadata)

    ring(1, "wake-up", ("callboard-delay", "1s"))
    ring(1, "wake-up")
    until_rung(events, name, 1)
    ring(2, "last-call", ("callboard-delay", "2s"))
    until_rung(events, name, 2)
    assert [delta for delta, _ in rings(stub, name)] == [1, 2]


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_delayed_tell_survives_the_end_of_everything(devs, events, end):
    dev = devs.probe().start()
    request = probe.RingRequest(probe="a", delta=1, file=str(events))
    began = time.time()
    dev.probe().Ring(request, timeout=30, metadata=[("callboard-delay", "4s")])
    dev.kill() if end == "kill" else dev.stop()
    assert time.time() < began + 4, "it ended too late to show anything"
    dev.start()
    started = time.time()
    until_rung(events, "a", 1)
    [(_, at)] = rings(dev.probe(), "a")
    was_on_time(at, began + 4, max(began + 4, started))
    dev.stop()


def test_a_delayed_tell_that_was_due_while_nothing_ran_is_handled_after_the_start(devs, events):
    dev = devs.probe().start()
    stub = dev.probe()
    names = [f"probe-{number}" for number in range(5)]
    for name in names:
        request = probe.RingRequest(probe=name, delta=1, file=str(events))
        stub.Ring(request, timeout=30, metadata=[("callboard-delay", "1s")])
    due = time.time() + 1
    dev.kill()
    rung = {event.probe for event in events.read("ring 1")}
    until("it is due", lambda: time.time() > due)
    dev.start()
    for name in names:
        until_rung(events, name, 1, RECOVERY_SECONDS)
    stub = dev.probe()
    for name in set(names) - rung:
        assert [delta for delta, _ in rings(stub, name)] == [1]
    dev.stop()


def test_delayed_tells_are_delivered_whichever_gateway_took_them(devs, events):
    dev = devs.probe().start()
    second = dev.second_gateway(PROBE_PROTOS, "probe.v1.Probe", "e2e-actor")
    other = probe_grpc.ProbeStub(second.channel)
    request = probe.RingRequest(probe="a", delta=1, file=str(events))
    other.Ring(request, timeout=30, metadata=[("callboard-delay", "2s")])
    # It leaves; the first one knows nothing of the message.
    second.process.kill()
    until_rung(events, "a", 1)
    assert [delta for delta, _ in rings(dev.probe(), "a")] == [1]
