"""The reply to an earlier ask, for whoever has its id."""

import time

import grpc

from harness.generic import address, generic, message
from harness.headers import with_id
from harness.mailbox import probe_is
from harness.paths import PROBE_PROTOS
from harness.status import refused, timed_out
from harness.stubs import gateway, probe
from harness.until import until


def waiting_for(name: str, message_id: str) -> gateway.AwaitRequest:
    return gateway.AwaitRequest(address=address(name), message_id=message_id)


def value(answer: gateway.AwaitResponse) -> int:
    return probe.SlowResponse.FromString(answer.encoded).value


def slow(name: str, events, milliseconds: int = 1_000, **fields) -> gateway.TellRequest:
    request = probe.SlowRequest(milliseconds=milliseconds, delta=5, file=str(events))
    return gateway.TellRequest(message=message(name, "Slow", request, **fields))


def test_a_reply_is_there_for_all_who_wait_and_for_those_who_come_later(shared, key, events):
    name, stub = key(), generic(shared.channel())
    # Before there is such a message.
    early = stub.Await.future(waiting_for(name, "slow"), timeout=60)
    stub.Tell(slow(name, events, message_id="slow"), timeout=30)
    until("the handler begins", lambda: events.read("start"))
    waiting = [stub.Await.future(waiting_for(name, "slow"), timeout=60) for _ in range(5)]
    assert [value(waits.result()) for waits in [early, *waiting]] == [5] * 6
    assert value(stub.Await(waiting_for(name, "slow"), timeout=30)) == 5
    assert probe_is(shared.probe(), name) == (5, [5])


def test_another_process_gets_the_reply(devs, events):
    dev = devs.probe().start()
    second = dev.second_gateway(PROBE_PROTOS, "probe.v1.Probe", "e2e-actor")
    told = generic(dev.channel()).Tell(slow("a", events), timeout=30).receipt
    other = generic(second.channel)
    waits = other.Await.future(waiting_for("a", told.message_id), timeout=60)
    assert value(waits.result()) == 5
    # And after everything began anew.
    dev.kill()
    dev.start()
    later = generic(dev.channel()).Await(waiting_for("a", told.message_id), timeout=30)
    assert value(later) == 5
    dev.stop()


def test_the_reply_to_a_typed_ask_is_read_as_well(shared, key):
    name = key()
    request = probe.AddRequest(probe=name, delta=5)
    shared.probe().Add(request, timeout=30, metadata=with_id("order-7"))
    answer = generic(shared.channel()).Await(waiting_for(name, "order-7"), timeout=30)
    assert probe.AddResponse.FromString(answer.encoded).value == 5


def test_an_ask_that_is_answered_later_is_waited_for(shared, key, events):
    name, stub = key(), generic(shared.channel())
    request = probe.WaitRequest(name="x", file=str(events))
    stub.Tell(gateway.TellRequest(message=message(name, "Wait", request, message_id="w")), timeout=30)
    until("it waits", lambda: events.read("waits x"))
    waits = stub.Await.future(waiting_for(name, "w"), timeout=60)
    shared.probe().Release(probe.ReleaseRequest(probe=name, value=7), timeout=30)
    assert probe.WaitResponse.FromString(waits.result().encoded).value == 7


def test_a_refusal_is_a_reply(shared, key):
    name, stub = key(), generic(shared.channel())
    request = probe.RefuseRequest(code=9, message="the curtain is down", reason="DOWN")
    sent = gateway.TellRequest(message=message(name, "Refuse", request, message_id="no"))
    stub.Tell(sent, timeout=30)
    error = refused(stub.Await, waiting_for(name, "no"), timeout=30)
    assert (error.code.value[0], error.message) == (9, "the curtain is down")
    assert error.info.reason == "DOWN"


def test_a_tell_with_an_id_is_known_to_be_handled(shared, key, events):
    name, stub = key(), generic(shared.channel())
    request = probe.SlowNoteRequest(milliseconds=500, delta=5, file=str(events))
    tell = gateway.TellRequest(message=message(name, "SlowNote", request, message_id="note"))
    stub.Tell(tell, timeout=30)
    assert stub.Await(waiting_for(name, "note"), timeout=30).encoded == b""
    assert events.read("end", name)


def test_without_a_reply_the_deadline_passes(shared, key):
    stub = generic(shared.channel())
    began = time.monotonic()
    error = timed_out(lambda: refused(stub.Await, waiting_for(key(), "never-sent"), timeout=0.6))
    assert time.monotonic() - began > 0.5
    error.is_ours(grpc.StatusCode.DEADLINE_EXCEEDED, "ASK_TIMEOUT")
    assert error.metadata == {"message_id": "never-sent"}
    assert "no reply" in error.message
