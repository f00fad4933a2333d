"""`callboard admin describe`, `peek`, `pause`, `resume`, `purge`, `cancel` and `delete`."""

import json
import pty
import subprocess
import time

import grpc
import pytest

from harness.admin import PROBE, Admin, address, is_not_found
from harness.mailbox import probe_is
from harness.paths import binary
from harness.status import refused, timed_out
from harness.stubs import admin, probe, trial
from harness.until import until


@pytest.fixture
def run(shared) -> Admin:
    return Admin(shared)


def note(stub, name: str, delta: int, *metadata: tuple[str, str]) -> None:
    stub.Note(probe.NoteRequest(probe=name, delta=delta), timeout=30, metadata=metadata)


def actor(name: str) -> str:
    return f"{PROBE}/{name}"


def test_a_paused_mailbox_takes_messages_and_runs_none_and_resumed_it_runs_all_in_order(
    run, shared, key
):
    name, stub = key(), shared.probe()
    note(stub, name, 1)
    assert probe_is(stub, name) == (1, [1])
    assert run.text("pause", actor(name), "until the audit ends") == "paused\n"
    for delta in range(2, 12):
        note(stub, name, delta)
    late = timed_out(
        lambda: refused(stub.Add, probe.AddRequest(probe=name, delta=0), timeout=1.5)
    )
    late.is_ours(grpc.StatusCode.DEADLINE_EXCEEDED, "ASK_TIMEOUT")
    # A read-only ask goes past the mailbox.
    assert stub.Look(probe.LookRequest(probe=name), timeout=30).value == 1
    told = run.json("describe", actor(name))
    assert told["paused"] and told["pausedReason"] == "until the audit ends"
    assert int(told["depth"]) >= 11
    assert "paused" in run.text("describe", actor(name))

    assert run.text("resume", actor(name)) == "resumed; it was paused: until the audit ends\n"
    value, deltas = probe_is(stub, name)
    assert (value, [delta for delta in deltas if delta]) == (66, list(range(1, 12)))
    assert not run.json("describe", actor(name))["paused"]


def test_a_resumed_mailbox_runs_at_once_and_without_another_message(run, shared, key, events):
    stub, admins, waits = shared.probe(), run.stub(), []
    for _ in range(7):
        name = key()
        note(stub, name, 1)
        admins.Pause(admin.PauseRequest(address=address(name), reason="x"), timeout=30)
        ring = probe.RingRequest(probe=name, delta=1, file=str(events))
        stub.Ring(ring, timeout=30)
        began = time.monotonic()
        admins.Resume(admin.ResumeRequest(address=address(name)), timeout=30)
        until("it rings", lambda name=name: events.read("ring 1", name), 10)
        waits.append(time.monotonic() - began)
    # A sweep comes once a second, so each would wait for half of one.
    assert sorted(waits)[3] < 0.3, waits


def test_a_run_that_is_paused_commits_nothing_and_its_message_runs_again(
    run, shared, key, events
):
    name, stub = key(), shared.probe()
    slow = probe.SlowRequest(probe=name, milliseconds=1_500, delta=5, file=str(events))
    ask = stub.Slow.future(slow, timeout=60)
    until("the handler begins", lambda: events.read("start", name))
    run.text("pause", actor(name))
    until("the handler ends", lambda: events.read("end", name))
    assert stub.Look(probe.LookRequest(probe=name), timeout=30).value == 0
    run.text("resume", actor(name))
    assert ask.result().value == 5
    assert len(events.read("start", name)) == 2
    assert probe_is(stub, name) == (5, [5])


def test_a_pause_is_made_once_and_resumed_once(run, shared, key):
    name, stub = key(), run.stub()
    note(shared.probe(), name, 1)
    there = address(name)
    for _ in range(2):
        stub.Pause(admin.PauseRequest(address=there, reason="one"), timeout=30)
    other = admin.PauseRequest(address=there, reason="two")
    error = refused(stub.Pause, other, timeout=30)
    error.is_ours(grpc.StatusCode.FAILED_PRECONDITION, "MAILBOX_PAUSED")
    assert error.metadata["paused_reason"] == "one"
    done = run("pause", actor(name), "two")
    assert done.returncode == 1 and "MAILBOX_PAUSED" in done.stderr and "one" in done.stderr

    request = admin.ResumeRequest(address=there)
    assert stub.Resume(request, timeout=30).paused_reason == "one"
    error = refused(stub.Resume, request, timeout=30)
    error.is_ours(grpc.StatusCode.FAILED_PRECONDITION, "MAILBOX_NOT_PAUSED")
    for reason in ("", "x" * 1_025):
        bad = admin.PauseRequest(address=there, reason=reason)
        error = refused(stub.Pause, bad, timeout=30)
        error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


def test_a_suspended_mailbox_is_described_purged_and_resumed(shared_trial, key, events):
    run, name, stub = Admin(shared_trial), key(), shared_trial.strict()
    fail = trial.FailNoteRequest(trial=name, file=str(events))
    stub.FailNote(fail, timeout=30)
    there = f"trial.v1.Strict/{name}"
    until("it is suspended", lambda: run.json("describe", there)["paused"])
    told = run.json("describe", there)
    assert "attempt 3 fails" in told["pausedReason"] + told["lastError"]
    assert int(told["depth"]) == 1 and "leaseUntil" not in told
    assert run.text("purge", there) == "purged: 1 message\n"
    run.text("resume", there)
    assert stub.Add(trial.AddRequest(trial=name, delta=7), timeout=30).value == 7


def test_describe_tells_of_an_idle_mailbox(run, shared, key):
    name, stub = key(), shared.probe()
    note(stub, name, 1)
    probe_is(stub, name)
    told = run.json("describe", actor(name))
    counts = ("depth", "fromActors", "delayed", "attempt")
    assert [int(told[count]) for count in counts] == [0, 0, 0, 0]
    assert told["head"] == "2" and int(told["revision"]) >= 1 and int(told["epoch"]) >= 1
    assert not {"oldestSentAt", "leaseUntil", "notBefore"} & set(told)
    assert (told["lastError"], told["timers"], told["pendingWakes"]) == ("", [], [])
    text = run.text("describe", actor(name))
    assert text.startswith(f"{actor(name)}\n")
    assert "0 in the log, 0 from other actors, 0 delayed" in text


def test_describe_tells_of_one_that_runs_and_of_its_timers(run, shared, key, events):
    name, stub = key(), shared.probe()
    ring = probe.RingRequest(delta=1)
    timer = probe.SetTimerRequest(probe=name, name="wake-up", milliseconds=600_000, ring=ring)
    stub.SetTimer(timer, timeout=30)
    slow = probe.SlowNoteRequest(probe=name, milliseconds=2_500, delta=5, file=str(events))
    stub.SlowNote(slow, timeout=30)
    until("the handler begins", lambda: events.read("start", name))
    note(stub, name, 1)
    told = run.json("describe", actor(name))
    assert not events.read("end", name), "the handler was too fast to show anything"
    assert told["leaseUntil"] and told["attempt"] == 1 and told["oldestSentAt"]
    assert int(told["depth"]) == 2
    assert [timer["name"] for timer in told["timers"]] == ["wake-up"]
    assert "timer" in run.text("describe", actor(name))
    probe_is(stub, name)


def test_describe_tells_why_a_message_is_tried_again(run, shared, key, events):
    name, stub = key(), shared.probe()
    fail = probe.FailNoteRequest(probe=name, times=5, delta=1, file=str(events))
    stub.FailNote(fail, timeout=30)

    def waits() -> dict | None:
        told = run.json("describe", actor(name))
        return told if "notBefore" in told else None

    told = until("it waits", waits)
    assert "fails, as it was asked to" in told["lastError"]
    assert int(told["depth"]) == 1
    stub.Get(probe.GetRequest(probe=name), timeout=60)


def test_peek_shows_what_waits_as_json(run, shared, key):
    name, other, stub = key(), key(), shared.probe()
    note(stub, name, 0)
    probe_is(stub, name)
    run.text("pause", actor(name))
    for delta in range(1, 8):
        note(stub, name, delta)
    note(stub, name, 100, ("callboard-delay", "1h"), ("callboard-message-id", "in-an-hour"))
    passed = probe.PassRequest(probe=other, to=name, amounts=[50])
    stub.Pass(passed, timeout=30)
    told = until(
        "all are there", lambda: (m := run.json("peek", actor(name))["messages"])[8:] and m
    )
    log, parcel, delayed = told[:7], told[7], told[8]
    assert [json.loads(waiting["message"]["json"])["delta"] for waiting in log] == [
        str(delta) for delta in range(1, 8)
    ]
    assert [waiting["sequence"] for waiting in log] == [str(n) for n in range(3, 10)]
    assert {waiting["message"]["method"] for waiting in log} == {"Note"}
    assert parcel["message"]["sender"] == {"type": PROBE, "key": other}
    assert json.loads(parcel["message"]["json"])["amount"] == "50"
    assert (delayed["message"]["messageId"], delayed["sequence"]) == ("in-an-hour", "0")
    assert delayed["deliverAt"]
    text = run.text("peek", actor(name))
    assert "in-an-hour" in text and f"by {actor(other)}" in text
    described = run.json("describe", actor(name))
    assert (described["fromActors"], described["delayed"]) == (1, 1)

    pages, token = [], ""
    while True:
        request = admin.PeekMessagesRequest(address=address(name), page_size=4, page_token=token)
        page = run.stub().PeekMessages(request, timeout=30)
        pages.append([waiting.message.message_id for waiting in page.messages])
        token = page.next_page_token
        if not token:
            break
    assert [len(page) for page in pages] == [4, 4, 1]
    assert sum(pages, []) == [waiting["message"]["messageId"] for waiting in told]

    run.text("resume", actor(name))
    until("all but the delayed one ran", lambda: probe_is(stub, name)[0] == 78)


def test_purge_drops_what_waits_and_nothing_else(run, shared, key, events):
    name, other, stub = key(), key(), shared.probe()
    note(stub, name, 1)
    ring = probe.RingRequest(delta=1_000, file=str(events))
    timer = probe.SetTimerRequest(probe=name, name="t", milliseconds=6_000, ring=ring)
    stub.SetTimer(timer, timeout=30)
    run.text("pause", actor(name))
    for _ in range(5):
        note(stub, name, 10)
    note(stub, name, 10, ("callboard-delay", "1s"))
    note(stub, name, 10, ("callboard-delay", "1h"))
    stub.Pass(probe.PassRequest(probe=other, to=name, amounts=[10, 10]), timeout=30)
    counts = lambda: [run.json("describe", actor(name))[n] for n in ("fromActors", "delayed")]
    until("all are there", lambda: counts() == [2, 2])

    assert run.text("purge", actor(name)) == "purged: 9 messages\n"
    assert run.json("purge", actor(name)) == {"messages": "0"}
    assert run.json("peek", actor(name))["messages"][0]["timer"] == "t"
    told = run.json("describe", actor(name))
    assert (told["depth"], counts()) == ("0", [0, 0])
    assert told["paused"], "a pause stays"
    run.text("resume", actor(name))
    note(stub, name, 2)
    until("the timer fires", lambda: events.read("ring 1000", name), 20)
    value, deltas = probe_is(stub, name)
    assert (value, sorted(deltas)) == (1_003, [1, 2, 1_000])
    # Nobody else's messages are gone.
    assert stub.Get(probe.GetRequest(probe=other), timeout=30).value == -20


def test_a_purge_ends_a_run_and_what_comes_behind_it_runs(run, shared, key, events):
    name, stub = key(), shared.probe()
    slow = probe.SlowNoteRequest(probe=name, milliseconds=3_000, delta=5, file=str(events))
    stub.SlowNote(slow, timeout=30)
    until("the handler begins", lambda: events.read("start", name))
    note(stub, name, 10)
    assert run.text("purge", actor(name)) == "purged: 2 messages\n"
    note(stub, name, 1)
    assert probe_is(stub, name) == (1, [1])
    until("the handler ends", lambda: events.read("end", name))
    assert probe_is(stub, name) == (1, [1])


def test_cancel_takes_a_delayed_message_back(run, shared, key):
    name, stub = key(), shared.probe()
    note(stub, name, 100, ("callboard-delay", "2s"), ("callboard-message-id", "later"))
    assert run.text("cancel", actor(name), "later") == "cancelled\n"
    request = admin.CancelMessageRequest(address=address(name), message_id="later")
    is_not_found(refused(run.stub().CancelMessage, request, timeout=30), "delayed message")
    done = run("cancel", actor(name), "later")
    assert done.returncode == 1 and "reason: NOT_FOUND" in done.stderr
    time.sleep(2.5)
    assert probe_is(stub, name) == (0, [])


def test_delete_leaves_an_actor_that_never_was(run, shared, key, events):
    name, stub = key(), shared.probe()
    note(stub, name, 1)
    ring = probe.RingRequest(delta=1_000, file=str(events))
    timer = probe.SetTimerRequest(probe=name, name="t", milliseconds=4_000, ring=ring)
    stub.SetTimer(timer, timeout=30)
    note(stub, name, 10, ("callboard-delay", "3s"))
    assert run.text("delete", actor(name)) == "deleted: its state, 1 message, 1 timer\n"
    assert run.text("state", actor(name)) == "null\n"
    told = run.json("describe", actor(name))
    assert (told["timers"], told["stateBytes"], told["paused"]) == ([], "0", False)
    assert probe_is(stub, name) == (0, [])
    again = run.json("delete", actor(name))
    assert (again["messages"], again["timers"]) == ("0", 0)
    time.sleep(5)
    assert not events.read("ring 1000", name)
    assert probe_is(stub, name) == (0, [])


def test_delete_of_a_large_state_leaves_nothing_of_it(run, shared, key):
    name, stub = key(), shared.probe()
    stub.Grow(probe.GrowRequest(probe=name, bytes=900_000), timeout=30)
    assert run.json("delete", actor(name))["state"] is True
    assert stub.Padding(probe.PaddingRequest(probe=name), timeout=30).bytes == 0
    assert stub.Grow(probe.GrowRequest(probe=name, bytes=10), timeout=30).value == 1


def test_delete_ends_a_run_and_nothing_of_it_comes_back(run, shared, key, events):
    name, stub = key(), shared.probe()
    note(stub, name, 1)
    slow = probe.SlowNoteRequest(probe=name, milliseconds=2_500, delta=5, file=str(events))
    stub.SlowNote(slow, timeout=30)
    until("the handler begins", lambda: events.read("start", name))
    note(stub, name, 10)
    run.text("delete", actor(name))
    note(stub, name, 3)
    until("the handler ends", lambda: events.read("end", name))
    until("what came later runs", lambda: probe_is(stub, name) == (3, [3]))


def test_delete_of_a_paused_mailbox_leaves_it_paused(run, shared, key):
    name, stub = key(), shared.probe()
    note(stub, name, 1)
    probe_is(stub, name)
    run.text("pause", actor(name), "audit")
    note(stub, name, 2)
    run.text("delete", actor(name))
    told = run.json("describe", actor(name))
    assert (told["paused"], told["pausedReason"], told["depth"]) == (True, "audit", "0")
    run.text("resume", actor(name))
    assert probe_is(stub, name) == (0, [])


def test_a_delete_that_broke_off_is_made_again(run, shared, key):
    name, stub = key(), shared.probe()
    note(stub, name, 1)
    probe_is(stub, name)
    # What a gateway leaves that ends in the middle of it.
    reason = "the actor is being deleted; if this stays, delete it again"
    run.text("pause", actor(name), reason)
    run.text("delete", actor(name))
    assert probe_is(stub, name) == (0, [])


def test_a_delete_under_load_leaves_an_actor_that_works(run, shared, key):
    name, stub = key(), shared.probe()
    request = probe.NoteRequest(probe=name, delta=1)
    sent = [stub.Note.future(request, timeout=60) for _ in range(300)]
    look = probe.LookRequest(probe=name)
    until("some are handled", lambda: stub.Look(look, timeout=30).value)
    assert run.json("delete", actor(name))["state"]
    for future in sent:
        future.result()
    value, deltas = probe_is(stub, name)
    assert value == len(deltas) < 300
    # It runs on as any other.
    note(stub, name, 1)
    assert probe_is(stub, name)[0] == value + 1


@pytest.mark.parametrize(
    "arguments", [["purge"], ["delete"], ["discard", "--all"]], ids=lambda a: a[0]
)
def test_what_cannot_be_undone_wants_a_yes_at_a_terminal(run, shared, key, arguments):
    name, stub = key(), shared.probe()
    note(stub, name, 1)
    probe_is(stub, name)
    command, *options = arguments
    ours, theirs = pty.openpty()
    line = [binary("callboard"), "admin", "--gateway", run.url, command, actor(name), *options]

    def at_terminal(*more: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*line, *more], stdin=theirs, capture_output=True, text=True, timeout=60, check=False
        )

    done = at_terminal()
    assert (done.returncode, done.stdout) == (1, "")
    assert "--yes" in done.stderr
    assert probe_is(stub, name) == (1, [1])
    assert at_terminal("--yes").returncode == 0


def test_what_operators_do_is_in_the_log_without_keys(run, shared, key):
    name = key()
    note(shared.probe(), name, 1)
    run.text("pause", actor(name))
    run("pause", actor(name), "another reason")
    run.text("resume", actor(name))
    lines = [line for line in shared.output().splitlines() if "an operator's call" in line]
    assert any("Pause" in line and PROBE in line for line in lines)
    assert any("MAILBOX_PAUSED" in line for line in lines)
    assert not any(name in line for line in lines)
