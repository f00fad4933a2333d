"""Named timers of an actor."""

import time

from harness.events import Events
from harness.mailbox import probe_is
from harness.stubs import probe
from harness.until import until

# A timer fires within about a second of its time; the machine of the tests is
# busy.
LATE_SECONDS = 8

# From the start after a crash: the dead holder may have had a lease of 10 s.
RECOVERY_SECONDS = 20


def set_timer(stub, name: str, timer: str, milliseconds: int, delta: int, events: Events):
    """Sets a timer; the ones that are set."""
    ring = probe.RingRequest(delta=delta, file=str(events))
    request = probe.SetTimerRequest(probe=name, name=timer, milliseconds=milliseconds, ring=ring)
    return list(stub.SetTimer(request, timeout=30).names)


def cancel_timer(stub, name: str, timer: str) -> tuple[bool, list[str]]:
    """Cancels a timer; whether it was set, and the ones that still are."""
    answer = stub.CancelTimer(probe.CancelTimerRequest(probe=name, name=timer), timeout=30)
    return answer.was_set, list(answer.names)


def rings(stub, name: str) -> list[tuple[str, int]]:
    """What has rung: by which timer, and with which delta."""
    answer = stub.Rings(probe.RingsRequest(probe=name), timeout=30)
    return [(ring.timer, ring.delta) for ring in answer.rings]


def until_rung(events: Events, name: str, delta: int, seconds: float = 20) -> None:
    # Without a message that would wake the probe.
    until(f"{delta} rings", lambda: events.read(f"ring {delta}", name), seconds)


def test_a_timer_fires_after_its_time_and_is_told_its_name(shared, key, events):
    name, stub = key(), shared.probe()
    began = time.time()
    assert set_timer(stub, name, "interval", 800, 1, events) == ["interval"]
    answered = time.time()
    until_rung(events, name, 1)
    [ring] = stub.Rings(probe.RingsRequest(probe=name), timeout=30).rings
    assert (ring.timer, ring.delta) == ("interval", 1)
    assert began + 0.798 <= ring.at_ms / 1_000 <= answered + 0.8 + LATE_SECONDS
    assert cancel_timer(stub, name, "interval") == (False, []), "one that has fired is not set"


def test_timers_fire_once_and_in_the_order_of_their_times(shared, key, events):
    name, stub = key(), shared.probe()
    set_timer(stub, name, "c", 2_400, 3, events)
    set_timer(stub, name, "a", 900, 1, events)
    assert set_timer(stub, name, "b", 1_600, 2, events) == ["a", "b", "c"]
    assert not events.read(), "they were set too slowly to show anything"
    until_rung(events, name, 3)
    assert rings(stub, name) == [("a", 1), ("b", 2), ("c", 3)]
    assert probe_is(stub, name) == (6, [1, 2, 3])


def test_a_timer_that_is_set_again_is_replaced(shared, key, events):
    name, stub = key(), shared.probe()
    began = time.time()
    # One that becomes later, and one that becomes earlier.
    set_timer(stub, name, "later", 1_500, 1, events)
    set_timer(stub, name, "earlier", 60_000, 2, events)
    assert set_timer(stub, name, "later", 3_000, 3, events) == ["earlier", "later"]
    assert set_timer(stub, name, "earlier", 1_500, 4, events) == ["earlier", "later"]
    assert not events.read(), "they were set too slowly to show anything"
    until_rung(events, name, 3)
    assert time.time() >= began + 3
    assert rings(stub, name) == [("earlier", 4), ("later", 3)]


def test_a_cancelled_timer_does_not_fire(shared, key, events):
    name, stub = key(), shared.probe()
    set_timer(stub, name, "a", 1_500, 1, events)
    set_timer(stub, name, "b", 2_500, 2, events)
    assert cancel_timer(stub, name, "a") == (True, ["b"])
    assert not events.read(), "it was cancelled too late to show anything"
    assert cancel_timer(stub, name, "a") == (False, ["b"])
    assert cancel_timer(stub, name, "none") == (False, ["b"])
    until_rung(events, name, 2)
    assert rings(stub, name) == [("b", 2)]


def test_a_timer_that_is_cancelled_and_set_again_fires_once(shared, key, events):
    name, stub = key(), shared.probe()
    set_timer(stub, name, "a", 1_500, 1, events)
    cancel_timer(stub, name, "a")
    assert not events.read(), "it was cancelled too late to show anything"
    set_timer(stub, name, "a", 700, 2, events)
    set_timer(stub, name, "b", 2_500, 3, events)
    until_rung(events, name, 3)
    assert rings(stub, name) == [("a", 2), ("b", 3)]


def test_a_timer_that_sets_itself_again_goes_on(shared, key, events):
    name, stub = key(), shared.probe()
    ring = probe.RingRequest(probe=name, delta=1, file=str(events), again=4, milliseconds=200)
    stub.Ring(ring, timeout=30)
    until("it has rung five times", lambda: len(events.read("ring 1", name)) >= 5)
    assert rings(stub, name) == [("", 1)] + [("again", 1)] * 4


def test_timers_of_an_actor_that_is_called_all_the_time_fire(shared, key, events):
    name, stub = key(), shared.probe()
    began = time.time()
    set_timer(stub, name, "a", 500, 1, events)
    while not events.read("ring 1", name):
        stub.Add(probe.AddRequest(probe=name, delta=0), timeout=30)
        assert time.time() < began + 0.5 + LATE_SECONDS, "it does not fire"
    assert rings(stub, name) == [("a", 1)]


def test_timers_survive_the_end_of_everything(devs, events):
    dev = devs.probe().start()
    stub = dev.probe()
    began = time.time()
    set_timer(stub, "a", "kept", 5_000, 1, events)
    set_timer(stub, "a", "cancelled", 5_000, 2, events)
    cancel_timer(stub, "a", "cancelled")
    set_timer(stub, "b", "replaced", 4_000, 3, events)
    set_timer(stub, "b", "replaced", 6_000, 4, events)
    dev.kill()
    assert time.time() < began + 4, "it was killed too late to show anything"
    dev.start()
    started = time.time()
    until_rung(events, "a", 1, 30)
    until_rung(events, "b", 4, 30)
    stub = dev.probe()
    assert rings(stub, "a") == [("kept", 1)]
    assert rings(stub, "b") == [("replaced", 4)]
    [ring] = stub.Rings(probe.RingsRequest(probe="b"), timeout=30).rings
    at = ring.at_ms / 1_000
    assert began + 5.998 <= at <= max(began + 6, started) + RECOVERY_SECONDS
    dev.stop()
