"""`callboard-mode: tell`: an ask whose caller does not wait."""

import grpc
import pytest

from harness.generic import address, generic
from harness.headers import headers, with_id
from harness.mailbox import probe_is
from harness.status import Refused, refused
from harness.stubs import gateway, probe
from harness.until import until

TELL = [("callboard-mode", "tell")]


def reply(dev, name: str, message_id: str) -> bytes:
    request = gateway.AwaitRequest(address=address(name), message_id=message_id)
    return generic(dev.channel()).Await(request, timeout=30).encoded


def test_an_ask_as_a_tell_is_answered_when_it_is_stored(shared, key, events):
    name, stub = key(), shared.probe()
    slow = probe.SlowRequest(probe=name, milliseconds=1_500, delta=5, file=str(events))
    answer, done = stub.Slow.with_call(slow, timeout=30, metadata=TELL)
    assert not events.read("end"), "it was answered before"
    assert answer == probe.SlowResponse()
    assert headers(done)["callboard-sequence"] == "1"
    message_id = headers(done)["callboard-message-id"]
    # While it runs, and when it is done.
    for _ in range(2):
        assert probe.SlowResponse.FromString(reply(shared, name, message_id)).value == 5
    assert probe_is(stub, name) == (5, [5])


def test_an_ask_as_a_tell_is_handled_once_and_its_reply_is_for_whoever_asks_again(shared, key):
    name, stub = key(), shared.probe()
    request, metadata = probe.AddRequest(probe=name, delta=5), with_id("order-7")
    stub.Add(request, timeout=30, metadata=[*metadata, *TELL])
    assert stub.Add(request, timeout=30, metadata=metadata).value == 5
    again, done = stub.Add.with_call(request, timeout=30, metadata=[*metadata, *TELL])
    assert again == probe.AddResponse() and headers(done)["callboard-duplicate"] == "true"
    other = probe.AddRequest(probe=name, delta=6)
    error = refused(stub.Add, other, timeout=30, metadata=[*metadata, *TELL])
    error.is_ours(grpc.StatusCode.ALREADY_EXISTS, "MESSAGE_ID_REUSED")
    assert probe_is(stub, name) == (5, [5])


def test_the_refusal_of_an_ask_as_a_tell_is_its_reply(shared, key):
    name, stub = key(), shared.probe()
    request = probe.RefuseRequest(probe=name, code=9, message="the curtain is down")
    _, done = stub.Refuse.with_call(request, timeout=30, metadata=TELL)
    with pytest.raises(grpc.RpcError) as caught:
        reply(shared, name, headers(done)["callboard-message-id"])
    error = Refused(caught.value)
    assert (error.code.value[0], error.message) == (9, "the curtain is down")


def test_an_ask_as_a_tell_may_be_delayed_and_cancelled(shared, key):
    name, stub = key(), shared.probe()
    request = probe.AddRequest(probe=name, delta=5)
    later = [*TELL, ("callboard-delay", "700ms")]
    answer, done = stub.Add.with_call(request, timeout=30, metadata=later)
    assert answer == probe.AddResponse() and "callboard-sequence" not in headers(done)
    message_id = headers(done)["callboard-message-id"]
    assert probe.AddResponse.FromString(reply(shared, name, message_id)).value == 5

    much_later = [*TELL, ("callboard-delay", "1h")]
    _, done = stub.Add.with_call(request, timeout=30, metadata=much_later)
    message_id = headers(done)["callboard-message-id"]
    cancel = gateway.CancelRequest(address=address(name), message_id=message_id)
    assert generic(shared.channel()).Cancel(cancel, timeout=30).cancelled
    with pytest.raises(grpc.RpcError) as caught:
        reply(shared, name, message_id)
    Refused(caught.value).is_ours(grpc.StatusCode.CANCELLED, "MESSAGE_CANCELLED")
    assert probe_is(stub, name) == (5, [5])


def test_a_tell_as_a_tell_is_one(shared, key):
    name, stub = key(), shared.probe()
    stub.Note(probe.NoteRequest(probe=name, delta=5), timeout=30, metadata=TELL)
    until("it is handled", lambda: probe_is(stub, name) == (5, [5]))


@pytest.mark.parametrize(
    ("method", "metadata", "field"),
    [
        ("Add", [("callboard-mode", "ask")], "callboard-mode"),
        ("Add", [*TELL, *TELL], "callboard-mode"),
        ("Look", TELL, "callboard-mode"),
        ("Look", [("callboard-delay", "1s")], "callboard-delay"),
        ("Add", [("callboard-delay", "1s")], "callboard-delay"),
    ],
)
def test_a_mode_that_makes_no_sense_is_refused(shared, key, method, metadata, field):
    request = getattr(probe, f"{method}Request")(probe=key())
    error = refused(getattr(shared.probe(), method), request, timeout=10, metadata=metadata)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.metadata["field"] == field
