"""The messages of a stream that have no receipt yet."""

from concurrent.futures import Future

import grpc
import pytest

import callboard
from callboard._window import WINDOW, Entry, Window
from callboard.message import Message
from callboard.retry import Attempts, Retry
from callboard.v1 import gateway_pb2


def window(count: int, attempts: int = 3) -> tuple[Window, list[Future]]:
    made = Window(Attempts(Retry(attempts=attempts, base=1.0), None, chance=lambda: 1.0))
    promises = [Future() for _ in range(count)]
    for number, promise in enumerate(promises):
        message = Message("a.B", "c", "D", b"", f"m-{number}", bytes, "/a.B/D")
        made.add(Entry(message, promise, {}))
    return made, promises


def sent(made: Window) -> list[str]:
    """The ids of what is sent now."""
    ids = []
    while (entry := made.next_to_send()) is not None:
        request = gateway_pb2.TellStreamRequest.FromString(entry.request())
        ids.append(request.tell.message.message_id)
    return ids


def receipt(message_id: str) -> bytes:
    told = gateway_pb2.Receipt(message_id=message_id, sequence=7)
    return gateway_pb2.TellStreamResponse(receipt=told).SerializeToString()


def failing(code: str):
    return lambda message_id: callboard.CallboardError(
        grpc.StatusCode[code], "no", message_id=message_id
    )


def test_receipts_come_in_the_order_of_the_messages():
    made, promises = window(3)
    assert sent(made) == ["m-0", "m-1", "m-2"]
    made.take(receipt("m-0"))
    made.take(receipt("m-1"))
    assert [promise.done() for promise in promises] == [True, True, False]
    assert promises[1].result() == callboard.Receipt("m-1", 7, duplicate=False, new_key=None)


def test_it_is_full_with_as_many_as_the_gateway_takes():
    made, _ = window(WINDOW - 1)
    assert not made.is_full
    made, _ = window(WINDOW)
    assert made.is_full
    sent(made)
    made.take(receipt("m-0"))
    assert not made.is_full


def test_what_has_no_receipt_is_sent_again_in_order():
    made, promises = window(4)
    sent(made)
    made.take(receipt("m-0"))
    assert made.broke(failing("UNAVAILABLE")) == 1.0
    assert sent(made) == ["m-1", "m-2", "m-3"]
    assert not any(promise.done() for promise in promises[1:])


def test_a_receipt_shows_that_it_goes_on():
    made, _ = window(4, attempts=2)
    for number in range(3):
        sent(made)
        made.take(receipt(f"m-{number}"))
        assert made.broke(failing("UNAVAILABLE")) == 1.0


def test_when_all_attempts_are_over_all_fail():
    made, promises = window(2, attempts=2)
    made.broke(failing("UNAVAILABLE"))
    assert made.broke(failing("UNAVAILABLE")) == 0
    assert made.is_empty
    assert [promise.exception().message_id for promise in promises] == ["m-0", "m-1"]


def test_one_that_is_refused_fails_alone():
    made, promises = window(3)
    sent(made)
    made.take(receipt("m-0"))
    assert made.broke(failing("INVALID_ARGUMENT")) == 0
    assert promises[1].exception().message_id == "m-1"
    assert sent(made) == ["m-2"]


def test_after_a_refusal_that_is_hidden_the_first_goes_alone():
    made, _ = window(3)
    sent(made)
    made.broke(failing("UNAVAILABLE"), carefully=True)
    assert sent(made) == ["m-0"]
    assert not made.is_sent
    made.take(receipt("m-0"))
    assert sent(made) == ["m-1", "m-2"]


def test_a_stream_that_ends_when_nothing_is_open_has_failed_nobody():
    made, _ = window(0, attempts=1)
    assert made.broke(failing("UNAVAILABLE")) == 0


def test_who_has_given_up_is_not_told():
    made, promises = window(1)
    sent(made)
    promises[0].cancel()
    made.take(receipt("m-0"))
    with pytest.raises(IndexError):
        made.take(receipt("m-1"))
