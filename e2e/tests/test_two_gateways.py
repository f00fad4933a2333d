"""Several gateways know nothing of each other, and serve the same actors."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.dev import Dev
from harness.paths import PROBE_PROTOS
from harness.stubs import probe, probe_grpc
from harness.until import until


@pytest.fixture
def gateways(devs):
    """Stubs of two gateways."""
    dev: Dev = devs.probe().start()
    second = dev.second_gateway(PROBE_PROTOS, "probe.v1.Probe", "e2e-actor")
    return dev.probe(), probe_grpc.ProbeStub(second.channel)


def test_a_message_that_another_gateway_left_during_a_run_is_processed(gateways, events):
    first, second = gateways
    for round in range(3):
        name = f"left-{round}"
        slow = probe.SlowRequest(probe=name, milliseconds=500, delta=1, file=str(events))
        running = first.Slow.future(slow, timeout=30)
        until("the handler begins", lambda: events.read("start", name))
        second.Note(probe.NoteRequest(probe=name, delta=2), timeout=10)
        asked = second.Add.future(probe.AddRequest(probe=name, delta=3), timeout=5)
        assert running.result().value == 1
        assert asked.result().value == 6


def test_every_gateway_may_send_to_every_actor(gateways):
    def send(n: int) -> None:
        stub = gateways[n % 2]
        name = f"shared-{n % 5}"
        if n % 3 == 0:
            stub.Note(probe.NoteRequest(probe=name, delta=1), timeout=30)
        else:
            stub.Add(probe.AddRequest(probe=name, delta=1), timeout=30)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(send, range(600)))
    for n in range(5):
        for stub in gateways:
            answer = stub.Get(probe.GetRequest(probe=f"shared-{n}"), timeout=30)
            assert answer.value == 120


def test_one_caller_keeps_its_order_through_two_gateways(gateways):
    for n in range(40):
        gateways[n % 2].Note(probe.NoteRequest(probe="ordered", delta=n), timeout=30)
    answer = gateways[0].Get(probe.GetRequest(probe="ordered"), timeout=30)
    assert list(answer.deltas) == list(range(40))
