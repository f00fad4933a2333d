"""Keys in metadata, and keys that the gateway makes."""

import uuid

import grpc
import pytest

from harness.headers import headers, with_id
from harness.mailbox import probe_is
from harness.status import refused
from harness.stubs import probe


def with_key(key: str) -> list[tuple[str, str]]:
    return [("callboard-key", key)]


def is_refused_key(error) -> None:
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.metadata["field"] == "callboard-key"


def test_a_key_in_metadata_finds_the_actor_and_is_put_into_the_request(shared, key):
    name, stub = key(), shared.probe()
    request = probe.BeginRequest(delta=5)
    answer, done = stub.Begin.with_call(request, timeout=30, metadata=with_key(name))
    assert (answer.key, answer.probe, answer.value) == (name, name, 5)
    assert "callboard-key" not in headers(done), "it was not made"
    stub.Note(probe.NoteRequest(delta=1), timeout=30, metadata=with_key(name))
    assert probe_is(stub, name) == (6, [5, 1])


def test_a_key_in_metadata_may_say_what_the_request_says(shared, key):
    name, stub = key(), shared.probe()
    request = probe.AddRequest(probe=name, delta=5)
    assert stub.Add(request, timeout=30, metadata=with_key(name)).value == 5
    is_refused_key(refused(stub.Add, request, timeout=10, metadata=with_key(key())))
    assert probe_is(stub, name) == (5, [5])


def test_a_read_only_ask_may_have_its_key_in_metadata(shared, key):
    name = key()
    answer = shared.probe().Look(probe.LookRequest(), timeout=30, metadata=with_key(name))
    assert answer.key == name


@pytest.mark.parametrize("keys", [[""], ["a", "b"]], ids=["empty", "two"])
@pytest.mark.parametrize("method", ["Add", "Note", "Begin"])
def test_a_bad_key_in_metadata_is_refused(shared, method, keys):
    request = getattr(probe, f"{method}Request")(delta=1)
    metadata = [pair for key in keys for pair in with_key(key)]
    call = getattr(shared.probe(), method)
    is_refused_key(refused(call, request, timeout=10, metadata=metadata))


def test_a_gateway_makes_the_key_of_a_new_actor(shared):
    stub = shared.probe()
    keys = set()
    for _ in range(3):
        answer, done = stub.Begin.with_call(probe.BeginRequest(delta=5), timeout=30)
        made = headers(done)["callboard-key"]
        assert uuid.UUID(made).version == 7
        assert (answer.key, answer.probe, answer.value) == (made, made, 5)
        keys.add(made)
    assert len(keys) == 3
    request = probe.AddRequest(probe=made, delta=1)
    assert stub.Add(request, timeout=30).value == 6


def test_a_key_that_is_given_is_kept(shared, key):
    name, stub = key(), shared.probe()
    for value in (5, 10):
        request = probe.BeginRequest(probe=name, delta=5)
        answer, done = stub.Begin.with_call(request, timeout=30)
        assert (answer.key, answer.value) == (name, value)
        assert "callboard-key" not in headers(done)


def test_a_message_to_a_new_actor_that_is_sent_again_finds_the_same_actor(shared, key):
    stub, message_id = shared.probe(), f"new-{key()}"
    request = probe.BeginRequest(delta=5)
    first, done = stub.Begin.with_call(request, timeout=30, metadata=with_id(message_id))
    made = headers(done)["callboard-key"]
    assert uuid.UUID(made).version == 8 and first.key == made
    again, done = stub.Begin.with_call(request, timeout=30, metadata=with_id(message_id))
    assert again == first and headers(done)["callboard-key"] == made
    assert headers(done)["callboard-duplicate"] == "true"
    assert probe_is(stub, made) == (5, [5])
    other = probe.BeginRequest(delta=6)
    error = refused(stub.Begin, other, timeout=30, metadata=with_id(message_id))
    error.is_ours(grpc.StatusCode.ALREADY_EXISTS, "MESSAGE_ID_REUSED")
