"""Callers and actors have rates, and what is over them is not stored."""

import json
import time

import grpc
import pytest
from google.rpc import error_details_pb2

from harness.dev import CHANNEL_OPTIONS, Dev, Gateway
from harness.generic import generic, message, reason
from harness.mailbox import probe_is
from harness.paths import PROBE_PROTOS
from harness.status import Refused, refused
from harness.stubs import gateway, probe, probe_grpc
from harness.until import until
from harness.web import JSON, send

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


def beside(dev: Dev, *options: str) -> Gateway:
    return dev.second_gateway(PROBE_PROTOS, "probe.v1.Probe", "e2e-actor", *options)


def add(channel, name: str) -> int:
    request = probe.AddRequest(probe=name, delta=1)
    return probe_grpc.ProbeStub(channel).Add(request, timeout=30).value


def test_a_caller_over_his_rate_is_told_when_to_come_again(shared, key):
    limited = beside(shared, "--rate-per-principal=1/s", "--burst-per-principal=3")
    names = [key() for _ in range(3)]
    port = int(limited.url.rpartition(":")[2])
    # By any door, and to any actor.
    assert add(limited.channel, names[0]) == 1
    body = json.dumps({"probe": names[0], "delta": 1}).encode()
    assert send(port, "POST", "/probe.v1.Probe/Add", body, JSON).json == {"value": "2"}
    sent = message(names[1], "Add", '{"delta": 1}')
    generic(limited.channel).Ask(gateway.AskRequest(message=sent), timeout=30)

    error = refused(add, limited.channel, names[2])
    error.is_ours(EXHAUSTED, "RATE_LIMITED")
    assert error.metadata == {"scope": "principal", "limit": "1/s"}
    wait = error.detail(error_details_pb2.RetryInfo).retry_delay.ToTimedelta().total_seconds()
    assert 0 < wait <= 1
    answer = send(port, "POST", "/probe.v1.Probe/Add", body, JSON)
    answer.is_ours(429, "resource_exhausted", "RATE_LIMITED")
    assert answer.detail(error_details_pb2.RetryInfo) is not None
    # What came too early did not count, so the caller gets through when it was told to.
    time.sleep(wait)
    assert add(limited.channel, names[2]) == 1
    # Nothing of what was refused is stored.
    assert [probe_is(shared.probe(), name)[0] for name in names] == [2, 1, 1]


def test_an_actor_has_a_rate_whoever_sends_and_each_message_counts(shared, key):
    limited = beside(shared, "--rate-per-actor=1/h", "--burst-per-actor=3")
    stub, one, other = generic(limited.channel), key(), key()
    asked = [message(name, "Add", '{"delta": 1}') for name in [one] * 5 + [other] * 3]
    results = list(stub.AskMany(gateway.AskManyRequest(messages=asked), timeout=30))
    errors = [(r.index, reason(r.error)) for r in results if r.HasField("error")]
    assert len(errors) == 2
    for index, info in errors:
        assert index < 5, "the other actor has a rate of its own"
        assert (info.reason, info.metadata["scope"]) == ("RATE_LIMITED", "actor")

    third = key()
    notes = [message(third, "Note", probe.NoteRequest(delta=n)) for n in range(5)]
    tells = (gateway.TellStreamRequest(tell=gateway.TellRequest(message=note)) for note in notes)
    receipts = []
    with pytest.raises(grpc.RpcError) as caught:
        for answer in stub.TellStream(tells, timeout=30):
            receipts.append(answer.receipt)
    Refused(caught.value).is_ours(EXHAUSTED, "RATE_LIMITED")
    assert len(receipts) == 3
    assert probe_is(shared.probe(), third)[1] == [0, 1, 2]
    assert probe_is(shared.probe(), one)[0] == 3


def test_a_mailbox_takes_as_many_messages_as_it_is_set_to(shared, key, events):
    limited = beside(shared, "--mailbox-depth-max=2")
    name = key()
    stub = probe_grpc.ProbeStub(grpc.insecure_channel(limited.url[7:], options=CHANNEL_OPTIONS))
    slow = probe.SlowNoteRequest(probe=name, milliseconds=2_000, delta=1)
    for _ in range(10):
        try:
            stub.SlowNote(slow, timeout=10)
        except grpc.RpcError as error:
            full = Refused(error)
            break
    else:
        raise AssertionError("all ten were taken")
    full.is_ours(EXHAUSTED, "MAILBOX_FULL")
    assert full.metadata == {"depth_max": "2"}
    assert full.detail(error_details_pb2.RetryInfo) is not None


def test_too_many_open_calls_are_refused_at_once(shared, key, events):
    limited = beside(shared, "--open-calls-max=1")
    stub = probe_grpc.ProbeStub(limited.channel)
    slow = probe.SlowRequest(probe=key(), milliseconds=1_500, delta=1, file=str(events))
    running = stub.Slow.future(slow, timeout=30)
    until("the handler begins", lambda: events.read("start"))
    name, waits = key(), set()
    for _ in range(5):
        error = refused(add, limited.channel, name)
        error.is_ours(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
        assert error.metadata["stored"] == "no"
        retry = error.detail(error_details_pb2.RetryInfo).retry_delay.ToTimedelta()
        waits.add(retry.total_seconds())
    assert len(waits) > 1, "so they do not come back together"
    assert all(0.25 <= wait <= 0.75 for wait in waits)
    assert running.result().value == 1
    assert add(limited.channel, name) == 1
