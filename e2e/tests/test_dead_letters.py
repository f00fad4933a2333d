"""Messages that fail in all of their attempts."""

import grpc
import pytest

from harness.status import Refused, refused, timed_out
from harness.stubs import trial
from harness.until import until

ATTEMPTS = [f"attempt {number}" for number in (1, 2, 3)]
FAULTS = ["FAULT_UNSPECIFIED", "FAULT_PANIC", "FAULT_EXIT", "FAULT_ABORT"]

# What the error of the last attempt says.
LAST_WORDS = {
    "FAULT_UNSPECIFIED": "attempt 3 fails, as it was asked to",
    "FAULT_PANIC": "attempt 3 panics, as it was asked to",
}


def add(stub, name: str, delta: int) -> int:
    return stub.Add(trial.AddRequest(trial=name, delta=delta), timeout=60).value


def whats(events, name: str) -> list[str]:
    return [event.what for event in events.read(probe=name)]


def is_dead_letter(error: Refused, fault: str, message_id: str) -> None:
    error.is_ours(grpc.StatusCode.FAILED_PRECONDITION, "DEAD_LETTERED")
    assert error.metadata["attempts"] == "3"
    assert error.metadata["message_id"] == error.trailers["callboard-message-id"] == message_id
    assert error.metadata["last_error"]
    assert LAST_WORDS.get(fault, "") in error.metadata["last_error"]


@pytest.mark.parametrize("fault", FAULTS)
def test_an_ask_that_always_fails_is_set_aside_and_the_next_one_runs(
    shared_trial, key, events, fault
):
    name, stub = key(), shared_trial.lenient()
    assert add(stub, name, 1) == 1
    request = trial.FailRequest(trial=name, fault=fault, file=str(events))
    metadata = [("callboard-message-id", "doomed")]
    ask = stub.Fail.future(request, timeout=60, metadata=metadata)
    until("it is tried", lambda: events.read("attempt 1"))
    behind = shared_trial.lenient().Add.future(trial.AddRequest(trial=name, delta=10), timeout=60)
    is_dead_letter(Refused(ask.exception()), fault, "doomed")
    assert behind.result().value == 11, "what the failed attempts changed is undone"
    assert whats(events, name) == ATTEMPTS

    # Sent again, it is the same message, and it has had its attempts.
    error = refused(stub.Fail, request, timeout=30, metadata=metadata)
    is_dead_letter(error, fault, "doomed")
    assert error.trailers["callboard-duplicate"] == "true"
    assert whats(events, name) == ATTEMPTS


@pytest.mark.parametrize("when", ATTEMPTS)
def test_an_ask_that_is_sent_again_while_it_fails_is_not_tried_as_often_again(
    shared_trial, key, events, when
):
    name, stub = key(), shared_trial.lenient()
    request = trial.FailRequest(trial=name, file=str(events), milliseconds=700)
    metadata = [("callboard-message-id", "doomed")]
    first = stub.Fail.future(request, timeout=60, metadata=metadata)
    until("it is tried", lambda: events.read(when))
    again = shared_trial.lenient().Fail.future(request, timeout=60, metadata=metadata)
    for ask in (first, again):
        is_dead_letter(Refused(ask.exception()), "FAULT_UNSPECIFIED", "doomed")
    assert add(stub, name, 1) == 1
    # A copy that arrives with the last attempt is known only once it has failed too.
    tried = whats(events, name)
    assert tried[: len(ATTEMPTS)] == ATTEMPTS
    assert len(tried) <= len(ATTEMPTS) + 1, "the copy was tried as often again"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_tell_that_always_fails_is_set_aside_and_those_behind_it_run(
    shared_trial, key, events, fault
):
    name, stub = key(), shared_trial.lenient()
    stub.Note(trial.NoteRequest(trial=name, delta=1), timeout=30)
    stub.FailNote(trial.FailNoteRequest(trial=name, fault=fault, file=str(events)), timeout=30)
    for delta in (10, 100):
        stub.Note(trial.NoteRequest(trial=name, delta=delta), timeout=30)
    assert add(stub, name, 0) == 111
    assert whats(events, name) == ATTEMPTS


def test_several_that_fail_in_a_row_are_all_set_aside(shared_trial, key, events):
    name, stub = key(), shared_trial.lenient()
    for fault in FAULTS:
        stub.FailNote(trial.FailNoteRequest(trial=name, fault=fault, file=str(events)), timeout=30)
        stub.Note(trial.NoteRequest(trial=name, delta=1), timeout=30)
    assert add(stub, name, 0) == len(FAULTS)
    assert whats(events, name) == ATTEMPTS * len(FAULTS)


def test_a_delayed_tell_that_always_fails_is_set_aside(shared_trial, key, events):
    name, stub = key(), shared_trial.lenient()
    for fault in FAULTS:
        request = trial.FailNoteRequest(trial=name, fault=fault, file=str(events))
        stub.FailNote(request, timeout=30, metadata=[("callboard-delay", "100ms")])
        done = ATTEMPTS * (FAULTS.index(fault) + 1)
        until("it has had its attempts", lambda: whats(events, name) == done)
    assert add(stub, name, 1) == 1
    assert whats(events, name) == ATTEMPTS * len(FAULTS)


def test_attempts_are_counted_over_a_new_start(devs, events):
    dev = devs.trial().start()
    request = trial.FailNoteRequest(trial="a", fault="FAULT_EXIT", file=str(events))
    dev.lenient().FailNote(request, timeout=30)
    until("it is tried", lambda: events.read("attempt 1"))
    dev.kill()
    dev.start()
    assert add(dev.lenient(), "a", 1) == 1
    # The end of everything may have been one more attempt, in which nothing ran.
    attempts = whats(events, "a")
    assert len(attempts) <= 3 and attempts == sorted(set(attempts))
    dev.stop()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mailbox_is_suspended_with_what_always_fails(shared_trial, key, events, fault):
    name, stub = key(), shared_trial.strict()
    assert add(stub, name, 1) == 1
    request = trial.FailRequest(trial=name, fault=fault, file=str(events))
    error = timed_out(lambda: refused(stub.Fail, request, timeout=6))
    error.is_ours(grpc.StatusCode.DEADLINE_EXCEEDED, "ASK_TIMEOUT")
    assert whats(events, name) == ATTEMPTS

    # Those behind it are taken, and wait.
    stub.Note(trial.NoteRequest(trial=name, delta=1), timeout=30)
    behind = trial.AddRequest(trial=name, delta=1)
    error = timed_out(lambda: refused(stub.Add, behind, timeout=2))
    error.is_ours(grpc.StatusCode.DEADLINE_EXCEEDED, "ASK_TIMEOUT")
    assert whats(events, name) == ATTEMPTS
    # Nobody else waits.
    assert add(stub, key(), 5) == 5


def test_a_mailbox_stays_suspended_over_a_new_start(devs, events):
    dev = devs.trial().start()
    request = trial.FailNoteRequest(trial="a", file=str(events))
    dev.strict().FailNote(request, timeout=30)
    until("it has had its attempts", lambda: whats(events, "a") == ATTEMPTS)
    # Until it is suspended, not only tried for the last time.
    behind = trial.AddRequest(trial="a", delta=1)
    timed_out(lambda: refused(dev.strict().Add, behind, timeout=2))
    # For alarms: docs/operations.md names these words.
    assert dev.output().count("the mailbox is paused: its first message failed for good") == 1
    dev.kill()
    dev.start()
    error = timed_out(lambda: refused(dev.strict().Add, behind, timeout=3))
    error.is_ours(grpc.StatusCode.DEADLINE_EXCEEDED, "ASK_TIMEOUT")
    assert whats(events, "a") == ATTEMPTS
    dev.stop()
