"""Messages in a stream, and their receipts."""

import queue
import threading
from collections.abc import Iterator

import grpc
import pytest

from harness import database
from harness.generic import PROBE, generic, message
from harness.mailbox import probe_is
from harness.status import Refused
from harness.stubs import gateway, probe

MANY = 1_000
KIB = 1024


def note(name: str, delta: int, message_id: str = "") -> gateway.TellStreamRequest:
    sent = message(name, "Note", probe.NoteRequest(delta=delta), message_id=message_id)
    return gateway.TellStreamRequest(tell=gateway.TellRequest(message=sent))


def notes(name: str, deltas: range) -> Iterator[gateway.TellStreamRequest]:
    return (note(name, delta, f"note-{delta}") for delta in deltas)


def writes(dev, name: str) -> int:
    """How many segments the mailbox of a probe has: each was one write."""
    of_probe = lambda item: item["a"] == {"S": f"{PROBE}/{name}"} and item["k"]["S"][:2] == "m#"
    return sum(map(of_probe, database.items(dev)["callboard-mailboxes"]))


def ended(call) -> tuple[list[gateway.Receipt], Refused]:
    """The receipts of a stream that ends with an error, and the error."""
    receipts = []
    with pytest.raises(grpc.RpcError) as caught:
        for answer in call:
            receipts.append(answer.receipt)
    return receipts, Refused(caught.value)


def test_a_thousand_messages_are_handled_in_the_order_of_the_stream(shared, key):
    name, stub = key(), generic(shared.channel())
    told = [answer.receipt for answer in stub.TellStream(notes(name, range(MANY)), timeout=100)]
    assert [receipt.message_id for receipt in told] == [f"note-{n}" for n in range(MANY)]
    assert [receipt.sequence for receipt in told] == list(range(1, MANY + 1))
    assert probe_is(shared.probe(), name)[1] == list(range(MANY))


def test_what_comes_while_a_write_is_under_way_goes_into_the_next_one(shared, key):
    name, stub = key(), generic(shared.channel())
    assert len(list(stub.TellStream(notes(name, range(MANY)), timeout=100))) == MANY
    assert writes(shared, name) < MANY / 4
    assert probe_is(shared.probe(), name)[1] == list(range(MANY))


def test_a_receipt_comes_while_the_stream_is_open(shared, key):
    name, sent = key(), queue.SimpleQueue()
    told = generic(shared.channel()).TellStream(iter(sent.get, None), timeout=60)
    for delta in range(5):
        sent.put(note(name, delta))
        assert next(told).receipt.sequence == delta + 1
    sent.put(None)
    assert next(told, None) is None
    assert probe_is(shared.probe(), name)[1] == list(range(5))


def test_each_of_many_actors_gets_its_messages_in_order(shared, key):
    names, stub = [key() for _ in range(10)], generic(shared.channel())
    requests = (note(name, delta) for delta in range(30) for name in names)
    told = list(stub.TellStream(requests, timeout=100))
    sequences = [delta + 1 for delta in range(30) for _ in names]
    assert [answer.receipt.sequence for answer in told] == sequences
    for name in names:
        assert probe_is(shared.probe(), name)[1] == list(range(30))


@pytest.mark.parametrize("break_", ["cancel", "kill"])
def test_a_stream_that_broke_is_sent_again_from_where_receipts_end(devs, break_):
    dev = devs.probe().start()
    call = generic(dev.channel()).TellStream(notes("a", range(MANY)), timeout=100)
    told = []
    for answer in call:
        told.append(answer.receipt)
        if len(told) == MANY // 3:
            break
    call.cancel() if break_ == "cancel" else dev.kill()
    # What was on its way may have arrived.
    if break_ == "kill":
        dev.start()
    rest = notes("a", range(len(told), MANY))
    told += [answer.receipt for answer in generic(dev.channel()).TellStream(rest, timeout=100)]
    assert [receipt.message_id for receipt in told] == [f"note-{n}" for n in range(MANY)]
    assert probe_is(dev.probe(), "a")[1] == list(range(MANY))
    # And once more, all of it: nothing is handled again.
    stub = generic(dev.channel())
    assert all(
        answer.receipt.duplicate for answer in stub.TellStream(notes("a", range(50)), timeout=100)
    )
    assert probe_is(dev.probe(), "a")[1] == list(range(MANY))
    dev.stop()


def big(size: int) -> gateway.TellStreamRequest:
    sent = message("a", "Big", probe.BigRequest(padding=bytes(size)))
    return gateway.TellStreamRequest(tell=gateway.TellRequest(message=sent))


@pytest.mark.parametrize(
    ("bad", "code", "reason"),
    [
        (big(300 * KIB), "RESOURCE_EXHAUSTED", "PAYLOAD_TOO_LARGE"),
        (big(5 * KIB * KIB), "RESOURCE_EXHAUSTED", "PAYLOAD_TOO_LARGE"),
        (gateway.TellStreamRequest(), "INVALID_ARGUMENT", "INVALID_REQUEST"),
        (note("", 1), "INVALID_ARGUMENT", "INVALID_REQUEST"),
        (note("a", 1, "a/b"), "INVALID_ARGUMENT", "INVALID_REQUEST"),
    ],
    ids=["large", "too large to be read", "empty", "no key", "bad id"],
)
def test_the_first_message_that_is_refused_ends_the_stream_after_the_receipts_before_it(
    shared, key, bad, code, reason
):
    name, stub = key(), generic(shared.channel())
    requests = [note(name, 1), note(name, 2), bad, note(name, 3)]
    told, error = ended(stub.TellStream(iter(requests), timeout=60))
    assert [receipt.sequence for receipt in told] == [1, 2]
    error.is_ours(grpc.StatusCode[code], reason)
    assert probe_is(shared.probe(), name)[1] == [1, 2]


def test_nothing_is_sent_to_an_actor_after_its_message_that_was_refused(shared, key):
    name, stub = key(), generic(shared.channel())
    # Only the database tells that the id was used before.
    shared.probe().Note(
        probe.NoteRequest(probe=name, delta=1),
        timeout=30,
        metadata=[("callboard-message-id", "used")],
    )
    assert probe_is(shared.probe(), name) == (1, [1])
    requests = [note(name, 2, "two"), note(name, 3, "used"), note(name, 4, "four")]
    told, error = ended(stub.TellStream(iter(requests), timeout=60))
    assert [receipt.message_id for receipt in told] == ["two"]
    error.is_ours(grpc.StatusCode.ALREADY_EXISTS, "MESSAGE_ID_REUSED")
    assert probe_is(shared.probe(), name)[1] == [1, 2]


@pytest.mark.parametrize("place", [1, 20, 63])
def test_one_that_is_refused_among_many_is_told_behind_all_before_it(shared, key, place):
    name, stub = key(), generic(shared.channel())
    shared.probe().Note(
        probe.NoteRequest(probe=name, delta=-1),
        timeout=30,
        metadata=[("callboard-message-id", f"note-{place}")],
    )
    assert probe_is(shared.probe(), name) == (-1, [-1])
    told, error = ended(stub.TellStream(notes(name, range(100)), timeout=60))
    assert [receipt.message_id for receipt in told] == [f"note-{n}" for n in range(place)]
    error.is_ours(grpc.StatusCode.ALREADY_EXISTS, "MESSAGE_ID_REUSED")
    assert probe_is(shared.probe(), name)[1] == [-1, *range(place)]


def test_an_open_stream_does_not_hold_up_the_end_of_the_gateway(devs):
    dev = devs.probe().start()
    done = threading.Event()

    def requests() -> Iterator[gateway.TellStreamRequest]:
        yield note("a", 1)
        done.wait(60)

    call = generic(dev.channel()).TellStream(requests(), timeout=100)
    assert next(call).receipt.sequence == 1
    dev.interrupt()
    told, error = ended(call)
    done.set()
    assert told == []
    error.is_ours(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
    assert error.metadata["stored"] == "no"
    assert dev.exit_code(15) == 0
