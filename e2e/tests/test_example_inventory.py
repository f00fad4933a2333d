"""The example inventory: departures wait for arrivals, and no product for another."""

import time
from collections.abc import Callable, Iterator

import grpc
import pytest

from harness.status import refused
from harness.stubs import example
from harness.until import until

inventory, inventory_grpc = example("inventory")

# How long a call may take that waits for nobody. Alone on a machine it takes 20 ms.
SOON_SECONDS = 1.0

# The four attempts of the .proto, and then some.
SET_ASIDE_SECONDS = 10


@pytest.fixture(scope="module")
def stub(_shared_devs) -> "Iterator[inventory_grpc.ProductStub]":
    dev = _shared_devs.example("inventory").start()
    yield inventory_grpc.ProductStub(dev.channel())
    dev.stop()


def arrive(stub, sku: str, label: str) -> None:
    stub.Arrive(inventory.ArriveRequest(sku=sku, label=label), timeout=30)


def depart(stub, sku: str, units: int) -> grpc.Future:
    """A departure, once it is known that it waits or has ended."""
    waiting = stock(stub, sku).waiting
    departure = stub.Depart.future(inventory.DepartRequest(sku=sku, units=units), timeout=60)
    until("it waits", lambda: departure.done() or stock(stub, sku).waiting > waiting)
    return departure


def stock(stub, sku: str) -> "inventory.StockResponse":
    return stub.Stock(inventory.StockRequest(sku=sku), timeout=30)


def seconds(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def test_departures_wait_for_arrivals_in_the_order_of_asking(stub, key):
    sku = key()
    departures = [depart(stub, sku, units) for units in (5, 1, 4)]
    arrive(stub, sku, "4")
    until("the crate is in", lambda: stock(stub, sku).units == 4)
    # There is enough for the second one, which does not overtake.
    assert not any(departure.done() for departure in departures)
    assert stock(stub, sku).waiting == 3

    arrive(stub, sku, "3")
    assert [departure.result(30).units for departure in departures[:2]] == [2, 1]
    assert not departures[2].done()
    arrive(stub, sku, "3")
    assert departures[2].result(30).units == 0
    assert (stock(stub, sku).units, stock(stub, sku).waiting) == (0, 0)


def test_one_arrival_serves_many_who_wait(stub, key):
    sku = key()
    request = inventory.DepartRequest(sku=sku, units=1)
    departures = [stub.Depart.future(request, timeout=60) for _ in range(120)]
    until("all wait", lambda: stock(stub, sku).waiting == len(departures))
    arrive(stub, sku, str(len(departures)))
    left = sorted(departure.result(30).units for departure in departures)
    assert left == list(range(len(departures)))


def test_a_departure_of_nothing_is_refused(stub, key):
    error = refused(stub.Depart, inventory.DepartRequest(sku=key()), timeout=30)
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT


def test_a_poison_message_delays_its_own_product_alone(stub, key):
    poisoned, other = key(), key()
    for sku in (poisoned, other):
        arrive(stub, sku, "10")
    until("both have arrived", lambda: stock(stub, poisoned).units == stock(stub, other).units == 10)

    # A letter for a digit.
    arrive(stub, poisoned, "4O")
    began = time.monotonic()
    behind = stub.Depart.future(inventory.DepartRequest(sku=poisoned, units=3), timeout=60)
    slowest = 0.0
    calls = 0
    while not behind.done() and time.monotonic() < began + SET_ASIDE_SECONDS:
        if calls < 10:
            request = inventory.DepartRequest(sku=other, units=1)
            slowest = max(slowest, seconds(lambda: stub.Depart(request, timeout=30)))
            calls += 1
        # It can be looked at all the while.
        slowest = max(slowest, seconds(lambda: stock(stub, poisoned)))
    took = time.monotonic() - began
    print(f"the poison took {took:.1f} s; the slowest other call {slowest:.3f} s")

    assert behind.result(0).units == 7, "the next message runs when the poison is set aside"
    assert took > 1, "it was not stuck long enough to show anything"
    assert calls == 10
    assert slowest < SOON_SECONDS
    assert stock(stub, other).units == 0
