"""A gateway that is told to stop loses nothing, and lets nobody down."""

import signal
import threading
import time
from dataclasses import dataclass, field

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
import pytest

from harness.dev import CHANNEL_OPTIONS, Gateway
from harness.mailbox import probe_is
from harness.paths import PROBE_PROTOS
from harness.stubs import probe, probe_grpc
from harness.until import until
from harness.web import send

pytestmark = pytest.mark.alone

DELAY_SECONDS = 2.0

# How late a call may begin and be sure to be served: a little before the delay ends.
SERVED_SECONDS = DELAY_SECONDS - 0.2


@dataclass
class Caller:
    """Calls on and on until it is refused, and remembers how each call ended."""

    call: object
    ended: list[tuple[float, int, grpc.RpcError | None]] = field(default_factory=list)
    stops: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        number = 0
        while not self.stops.is_set():
            began = time.monotonic()
            try:
                self.call(number)
                self.ended.append((began, number, None))
            except grpc.RpcError as error:
                self.ended.append((began, number, error))
                return
            number += 1

    def done(self) -> list[int]:
        """The numbers of the calls that were answered."""
        return [number for _, number, error in self.ended if error is None]


def beside(dev, *options: str) -> Gateway:
    return dev.second_gateway(PROBE_PROTOS, "probe.v1.Probe", "e2e-actor", *options)


def test_calls_are_served_while_others_turn_away_and_nothing_is_lost(shared, key, events):
    draining = beside(shared, f"--drain-delay={DELAY_SECONDS:.0f}s", "--grace=15s")
    target = draining.url.removeprefix("http://")
    private = int(target.rpartition(":")[2]) + 1
    stub = probe_grpc.ProbeStub(draining.channel)
    told, asked, connected = key(), key(), key()

    def tell(number: int) -> None:
        stub.Note(probe.NoteRequest(probe=told, delta=number), timeout=10)

    def ask(number: int) -> None:
        stub.Add(probe.AddRequest(probe=asked, delta=number), timeout=10)

    def connect(number: int) -> None:
        with grpc.insecure_channel(target, options=CHANNEL_OPTIONS) as channel:
            request = probe.NoteRequest(probe=connected, delta=number)
            probe_grpc.ProbeStub(channel).Note(request, timeout=10)

    callers = [Caller(tell), Caller(ask), Caller(connect)]
    threads = [threading.Thread(target=caller.run, daemon=True) for caller in callers]
    for thread in threads:
        thread.start()
    until("all call", lambda: all(len(caller.ended) > 3 for caller in callers))
    slow = probe.SlowRequest(probe=key(), milliseconds=5_000, delta=7, file=str(events))
    waiting = stub.Slow.future(slow, timeout=30)
    until("the handler begins", lambda: events.read("start"))

    health = health_pb2_grpc.HealthStub(draining.channel)
    watched = health.Watch(health_pb2.HealthCheckRequest(), timeout=60)
    assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
    draining.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert next(watched).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert send(private, "GET", "/readyz").status == 503
    assert send(private, "GET", "/livez").status == 200
    assert time.monotonic() - began < DELAY_SECONDS / 2, "health is the first to turn"

    for thread in threads:
        thread.join(30)
    for caller in callers:
        served = [call for call in caller.ended if began < call[0] < began + SERVED_SECONDS]
        assert served, "calls are made while it goes"
        failed = [(at - began, str(error)) for at, _, error in served if error]
        assert not failed, "and they are served"
        _, _, last = caller.ended[-1]
        assert last.code() == grpc.StatusCode.UNAVAILABLE

    # It was begun before, and takes longer than the delay.
    assert waiting.result().value == 7
    # Nobody is waited for any more, also not who watches the health.
    assert draining.process.wait(5) == 0
    assert next(watched, None) is None

    for name, caller in [(told, callers[0]), (asked, callers[1]), (connected, callers[2])]:
        _, deltas = probe_is(shared.probe(), name)
        # The last one may be stored, though its caller was not told.
        assert deltas in (caller.done(), caller.done() + [len(caller.done())])


def test_a_second_signal_stops_it_at_once(shared, key, events):
    draining = beside(shared, "--drain-delay=60s", "--grace=60s")
    slow = probe.SlowRequest(probe=key(), milliseconds=4_000, delta=1, file=str(events))
    waiting = probe_grpc.ProbeStub(draining.channel).Slow.future(slow, timeout=30)
    until("the handler begins", lambda: events.read("start"))
    private = int(draining.url.rpartition(":")[2]) + 1
    draining.process.send_signal(signal.SIGTERM)
    until("it goes", lambda: send(private, "GET", "/readyz").status == 503)
    draining.process.send_signal(signal.SIGINT)
    assert draining.process.wait(3) == 0
    assert waiting.exception().code() == grpc.StatusCode.UNAVAILABLE
