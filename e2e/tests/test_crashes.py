"""Whatever dies, and whenever: nothing acknowledged is lost, and it counts once."""

import os
import signal
import threading
from dataclasses import dataclass, field

import grpc
import pytest

from harness.dev import is_alive
from harness.mailbox import until_stored
from harness.status import Refused
from harness.stubs import counter, probe
from harness.until import until

# The longest time from a start after a crash to the end of what was left: the
# dead holder's lease of 10 s, a sweep, and the handlers.
RECOVERY_SECONDS = 20

# The longest time from SIGINT to the end when what runs takes little time.
SHUTDOWN_SECONDS = 6

A = probe.GetRequest(probe="a")


def test_a_handler_whose_process_is_killed_runs_again_and_commits_once(shared, key, events):
    name, stub = key(), shared.probe()
    stub.Add(probe.AddRequest(probe=name, delta=1), timeout=30)
    ask = stub.Slow.future(
        probe.SlowRequest(probe=name, milliseconds=1_000, delta=10, file=str(events)), timeout=60
    )
    [first] = until("the handler begins", lambda: events.read("start"))
    os.kill(first.pid, signal.SIGKILL)

    assert ask.result().value == 11
    first_again, second = events.read("start")
    assert first_again == first and second.pid != first.pid
    assert [end.pid for end in events.read("end")] == [second.pid]
    answer = stub.Get(probe.GetRequest(probe=name), timeout=30)
    assert (answer.value, list(answer.deltas)) == (11, [1, 10])


def test_tells_queued_behind_a_killed_handler_are_all_processed_in_order(shared, key, events):
    name, stub = key(), shared.probe()
    slow = probe.SlowNoteRequest(probe=name, milliseconds=1_000, delta=1, file=str(events))
    stub.SlowNote(slow, timeout=30)
    for delta in range(2, 12):
        stub.Note(probe.NoteRequest(probe=name, delta=delta), timeout=30)
    [first] = until("the handler begins", lambda: events.read("start"))
    os.kill(first.pid, signal.SIGKILL)

    answer = stub.Get(probe.GetRequest(probe=name), timeout=60)
    assert list(answer.deltas) == list(range(1, 12))


def test_tells_survive_a_killed_gateway_and_need_no_new_message(devs, events):
    dev = devs.probe().start()
    stub = dev.probe()
    # More than run at once, so that some handlers have begun and some have not.
    names = [f"probe-{number}" for number in range(6)]
    for name in names:
        for delta in (1, 2):
            request = probe.SlowNoteRequest(
                probe=name, milliseconds=1_000, delta=delta, file=str(events)
            )
            stub.SlowNote(request, timeout=30)
    until("a handler begins", lambda: events.read("start"))
    functions = dev.function_pids()
    assert functions
    dev.kill()
    ends_before = len(events.read("end"))
    assert ends_before < 2 * len(names), "it was killed too late to show anything"

    def nobody_is_left():
        return not any(is_alive(pid) for pid in functions)

    until("the functions of a killed gateway end", nobody_is_left, 10)

    dev.start()

    def all_ended():
        return all(len(events.read("end", name)) >= 2 for name in names)

    until("what was acknowledged is processed", all_ended, RECOVERY_SECONDS)
    stub = dev.probe()
    for name in names:
        answer = stub.Get(probe.GetRequest(probe=name), timeout=30)
        assert (answer.value, list(answer.deltas)) == (3, [1, 2]), name
    dev.stop()


def test_an_idle_function_process_ends_with_a_killed_gateway(devs):
    dev = devs.probe().start()
    dev.probe().Add(probe.AddRequest(probe="a", delta=1), timeout=30)
    functions = dev.function_pids()
    assert functions
    dev.kill()
    until("they end", lambda: not any(is_alive(pid) for pid in functions), 10)


def test_state_survives_sigint_and_a_new_start(devs):
    dev = devs.probe().start()
    assert dev.probe().Add(probe.AddRequest(probe="a", delta=5), timeout=30).value == 5
    dev.stop()
    dev.start()
    answer, done = dev.probe().Add.with_call(probe.AddRequest(probe="a", delta=2), timeout=30)
    assert answer.value == 7
    assert dict(done.initial_metadata())["callboard-sequence"] == "2"
    dev.stop()


@dataclass
class Caller:
    """One thread's calls, by what became of them."""

    number: int
    acknowledged: dict[str, list[int]] = field(default_factory=dict)
    unknown: dict[str, list[int]] = field(default_factory=dict)
    not_stored: int = 0
    codes: set[grpc.StatusCode] = field(default_factory=set)
    calls: int = 0


@pytest.mark.parametrize("end", ["sigint", "sigkill"])
def test_the_end_of_a_gateway_under_load_loses_nothing_that_was_acknowledged(devs, end):
    dev = devs.counter().start()
    keys = [f"counter-{number}" for number in range(5)]
    callers = [Caller(number) for number in range(20)]
    stop = threading.Event()

    def call(caller: Caller) -> None:
        stub = dev.counter()
        for turn in range(1_000_000):
            delta = caller.number * 1_000_000 + turn + 1
            key = keys[(caller.number + turn) % len(keys)]
            try:
                if turn % 2:
                    stub.Add(counter.AddRequest(counter=key, delta=delta), timeout=20)
                else:
                    stub.Note(counter.NoteRequest(counter=key, delta=delta), timeout=20)
            except grpc.RpcError as error:
                caller.codes.add(error.code())
                if "the message is not stored" in (error.details() or ""):
                    caller.not_stored += 1
                else:
                    caller.unknown.setdefault(key, []).append(delta)
                if stop.is_set():
                    return
            else:
                caller.acknowledged.setdefault(key, []).append(delta)
                caller.calls += 1

    threads = [threading.Thread(target=call, args=[caller], daemon=True) for caller in callers]
    for thread in threads:
        thread.start()
    until("every caller is at work", lambda: all(caller.calls >= 50 for caller in callers), 60)
    stop.set()
    if end == "sigint":
        dev.interrupt()
        assert dev.exit_code(30) == 0
    else:
        dev.process.kill()
        dev.process.wait(10)
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "a call did not end with the gateway"
    dev.hang_up()

    codes = set().union(*(caller.codes for caller in callers))
    assert codes == {grpc.StatusCode.UNAVAILABLE}

    dev.start()
    stub = dev.counter()
    for key in keys:
        known = [delta for caller in callers for delta in caller.acknowledged.get(key, [])]
        unknown = [delta for caller in callers for delta in caller.unknown.get(key, [])]
        value = stub.Add(counter.AddRequest(counter=key, delta=0), timeout=60).value
        assert known
        assert sum(known) <= value <= sum(known) + sum(unknown), key
        # More exactly: what is there beyond the known is some of the unknown.
        assert is_sum_of_some(value - sum(known), unknown), key
    dev.stop()


def is_sum_of_some(total: int, numbers: list[int]) -> bool:
    sums = {0}
    for number in numbers:
        sums |= {there + number for there in sums}
    return total in sums


def test_sigint_ends_an_ask_that_waits_behind_a_running_one(devs, events):
    dev = devs.probe().start()
    slow = probe.SlowRequest(probe="a", milliseconds=1_500, delta=1, file=str(events))
    running = dev.probe().Slow.future(slow, timeout=60)
    until("the handler begins", lambda: events.read("start"))
    waiting = dev.probe().Add.future(probe.AddRequest(probe="a", delta=2), timeout=60)
    until_stored(dev.probe(), "a", 2)
    dev.interrupt()
    assert running.result().value == 1
    assert dev.exit_code(SHUTDOWN_SECONDS) == 0
    ended_well(waiting, 3)

    dev.start()
    until("all is processed", lambda: dev.probe().Get(A, timeout=30).value == 3)
    dev.stop()


def test_sigint_ends_an_ask_whose_message_waits_to_be_retried(devs, events):
    dev = devs.probe().start()
    fail = probe.FailRequest(probe="a", times=6, delta=1, file=str(events))
    waiting = dev.probe().Fail.future(fail, timeout=60)
    # Now it waits for one to two seconds.
    until("it has failed often", lambda: events.read("attempt 4"))
    dev.interrupt()
    assert dev.exit_code(SHUTDOWN_SECONDS) == 0
    ended_well(waiting, 1)

    dev.start()
    until("it is processed", lambda: dev.probe().Get(A, timeout=60).value == 1, 60)
    dev.stop()


def ended_well(ask: grpc.Future, value: int) -> None:
    """It has its reply, or a status that says that the message is stored."""
    if error := ask.exception():
        error = Refused(error)
        error.is_ours(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
        assert "stored" in error.message and "not stored" not in error.message, error
    else:
        assert ask.result().value == value


def test_a_second_sigint_ends_at_once(devs, events):
    dev = devs.probe().start()
    request = probe.SlowNoteRequest(probe="a", milliseconds=8_000, delta=1, file=str(events))
    dev.probe().SlowNote(request, timeout=30)
    [start] = until("the handler begins", lambda: events.read("start"))
    dev.interrupt()
    until("it says that it stops", lambda: "Ctrl-C again stops at once" in dev.output())
    dev.interrupt()
    assert dev.exit_code(3) == 0
    until("its function ends too", lambda: not is_alive(start.pid), 10)
    assert not events.read("end")
