"""Read-only asks: they go past the mailbox, and leave nothing behind."""

import time

import grpc
import pytest
from google.rpc import error_details_pb2

from harness import database
from harness.headers import headers, with_id
from harness.status import Refused, refused, timed_out
from harness.stubs import probe
from harness.until import until

pytestmark = pytest.mark.alone

# A read that waits for nothing, on a machine with other things to do.
AT_ONCE_SECONDS = 1.0


def look(stub, name: str, **options) -> probe.LookResponse:
    return stub.Look(probe.LookRequest(probe=name), timeout=30, **options)


def seen(stub, name: str) -> tuple[int, list[int]]:
    answer = look(stub, name)
    return answer.value, list(answer.deltas)


def try_again(error: Refused) -> None:
    """The read failed, has changed nothing, and may be made again."""
    error.is_ours(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
    assert error.metadata["stored"] == "no"
    assert error.detail(error_details_pb2.RetryInfo) is not None


def test_a_read_is_answered_while_a_slow_message_runs_and_others_wait(shared, key, events):
    name, stub = key(), shared.probe()
    stub.Add(probe.AddRequest(probe=name, delta=5), timeout=30)
    # So that there is a process for it.
    look(stub, name)
    request = probe.SlowRequest(probe=name, milliseconds=2_000, delta=10, file=str(events))
    slow = stub.Slow.future(request, timeout=60)
    until("the handler begins", lambda: events.read("start"))
    stub.Note(probe.NoteRequest(probe=name, delta=1), timeout=30)
    began = time.monotonic()
    for _ in range(5):
        # What runs is not seen.
        assert seen(stub, name) == (5, [5])
    assert time.monotonic() - began < AT_ONCE_SECONDS
    assert not events.read("end"), "the handler was too fast to show anything"
    assert slow.result().value == 15
    until("the last message is handled", lambda: seen(stub, name) == (16, [5, 10, 1]))


def test_a_read_sees_what_was_acknowledged_before_it(shared, key):
    name, stub = key(), shared.probe()
    total, deltas = 0, []
    for delta in range(1, 21):
        total, deltas = total + delta, [*deltas, delta]
        assert stub.Add(probe.AddRequest(probe=name, delta=delta), timeout=30).value == total
        assert seen(stub, name) == (total, deltas)


def test_a_read_is_answered_while_a_message_fails(shared, key, events):
    name, stub = key(), shared.probe()
    stub.Add(probe.AddRequest(probe=name, delta=5), timeout=30)
    fail = probe.FailRequest(probe=name, times=4, delta=1, file=str(events))
    failing = stub.Fail.future(fail, timeout=60)
    until("it fails", lambda: events.read("attempt 3"))
    assert seen(stub, name) == (5, [5])
    assert not events.read("attempt 5"), "it ended too soon to show anything"
    assert failing.result().value == 6


def test_an_actor_that_never_had_a_message_is_seen_as_it_begins(shared, key):
    name = f"{key()}/with, ümlauts & spaces"
    answer = look(shared.probe(), name)
    assert (answer.value, list(answer.deltas), answer.key) == (0, [], name)


def test_a_large_state_is_seen_whole(shared, key):
    name, stub = key(), shared.probe()
    stub.Grow(probe.GrowRequest(probe=name, bytes=1_000_000), timeout=30)
    assert look(stub, name).value == 1
    stub.Add(probe.AddRequest(probe=name, delta=2), timeout=30)
    assert seen(stub, name) == (3, [1, 2])


def test_reads_write_nothing(devs):
    dev = devs.probe().start()
    stub = dev.probe()
    stub.Add(probe.AddRequest(probe="a", delta=5), timeout=30)
    before = database.items(dev)
    assert all(before.values()), "the message was stored"
    for name in ("a", "b", "c"):
        look(stub, name, metadata=with_id("look-7"))
        refused(stub.Look, probe.LookRequest(probe=name, how="LOOKING_REFUSES"), timeout=30)
    refused(stub.Look, probe.LookRequest(probe="a", how="LOOKING_PANICS"), timeout=30)
    # That nothing was sent shows when the next message takes the next place.
    assert database.items(dev) == before
    _, done = stub.Add.with_call(probe.AddRequest(probe="a", delta=1), timeout=30)
    assert headers(done)["callboard-sequence"] == "2"
    dev.stop()


def test_a_read_tells_of_no_message(shared, key):
    request = probe.LookRequest(probe=key())
    _, done = shared.probe().Look.with_call(request, timeout=30)
    assert not [name for name in headers(done) if name.startswith("callboard-")]


def test_the_id_of_a_read_means_nothing(shared, key):
    name, stub = key(), shared.probe()
    assert look(stub, name, metadata=with_id("order-7")).value == 0
    request = probe.AddRequest(probe=name, delta=5)
    _, done = stub.Add.with_call(request, timeout=30, metadata=with_id("order-7"))
    assert "callboard-duplicate" not in headers(done)
    assert look(stub, name, metadata=with_id("order-7")).value == 5


def test_trace_context_travels_with_a_read(shared, key):
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    metadata = [("traceparent", traceparent)]
    assert look(shared.probe(), key(), metadata=metadata).traceparent == traceparent


@pytest.mark.parametrize("name", ["callboard-delay", "callboard-deliver-at"])
def test_a_read_cannot_be_delayed(shared, key, name):
    value = {"callboard-delay": "1s", "callboard-deliver-at": "2030-01-31T08:00:00Z"}[name]
    request = probe.LookRequest(probe=key())
    error = refused(shared.probe().Look, request, timeout=10, metadata=[(name, value)])
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.metadata["field"] == name


def test_a_read_without_its_key_names_the_field(shared):
    error = refused(shared.probe().Look, probe.LookRequest(), timeout=10)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.metadata["field"] == "probe"


def test_a_reads_refusal_arrives_as_the_handler_made_it(shared, key):
    request = probe.LookRequest(probe=key(), how="LOOKING_REFUSES")
    error = refused(shared.probe().Look, request, timeout=30)
    assert error.code == grpc.StatusCode.FAILED_PRECONDITION
    assert error.message == "nothing is to be seen"


@pytest.mark.parametrize("how", ["LOOKING_FAILS", "LOOKING_PANICS", "LOOKING_EXITS"])
def test_a_read_that_breaks_may_be_made_again_and_tells_no_secrets(shared, key, how):
    name, stub = key(), shared.probe()
    stub.Add(probe.AddRequest(probe=name, delta=5), timeout=30)
    error = refused(stub.Look, probe.LookRequest(probe=name, how=how), timeout=30)
    try_again(error)
    assert "secret" not in str(error)
    # Neither the actor nor its mailbox minds.
    assert seen(stub, name) == (5, [5])
    assert stub.Add(probe.AddRequest(probe=name, delta=1), timeout=30).value == 6


def test_a_read_past_its_deadline_says_so_and_names_no_message(shared, key):
    request = probe.LookRequest(probe=key(), milliseconds=2_000)
    error = timed_out(lambda: refused(shared.probe().Look, request, timeout=0.4))
    error.is_ours(grpc.StatusCode.DEADLINE_EXCEEDED, "ASK_TIMEOUT")
    assert error.metadata == {}
    assert "callboard-message-id" not in error.trailers
    assert "will be processed" not in error.message


def test_a_read_of_a_function_that_dies_at_its_start_says_so(devs, broken):
    dev = devs(broken).start()
    error = refused(dev.probe().Look, probe.LookRequest(probe="a"), timeout=30)
    error.is_ours(grpc.StatusCode.FAILED_PRECONDITION, "ACTOR_NOT_DEPLOYED")
    assert error.metadata["actor_type"] == "probe.v1.Probe"
    assert error.metadata["function"] == "e2e-actor"
    assert "message_id" not in error.metadata
    dev.stop()


def test_the_list_of_methods_tells_what_each_is(shared):
    methods = [line.split() for line in shared.output().splitlines()]
    for line in (
        "read Look LookRequest → LookResponse",
        "ask Add AddRequest → AddResponse",
        "tell Note NoteRequest → NoteResponse",
        "tell Receive ReceiveRequest → ReceiveResponse (internal)",
        "answer OnSlow SlowResponse → OnSlowResponse",
    ):
        assert line.split() in methods
