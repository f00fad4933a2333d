"""examples/sensors: a hub asks a hundred sensors at once, and waits for none too long."""

import time

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from harness.status import Refused
from harness.stubs import example

pytestmark = pytest.mark.alone

sensors, sensors_grpc = example("sensors")

# A timer fires within about a second of its time; the machine of the tests is busy.
LATE_SECONDS = 8

# How long a gather waits of which all sensors answer. It takes a tenth of it on a
# machine that does nothing else.
LONG_SECONDS = 30


class House:
    """A hub and its sensors, over a connection of its own."""

    def __init__(self, dev, key: str) -> None:
        self.key = key
        self.hub = sensors_grpc.HubStub(dev.channel())
        self.sensor = sensors_grpc.SensorStub(dev.channel())

    def names(self, numbers) -> list[str]:
        return [f"{self.key}-{number}" for number in numbers]

    def report(self, names: list[str], **report) -> None:
        """What the devices say, all at the same time."""
        calls = [
            self.sensor.Report.future(sensors.ReportRequest(sensor=name, **report), timeout=60)
            for name in names
        ]
        for call in calls:
            call.result()

    def gather(self, names: list[str], seconds: int) -> grpc.Future:
        wait = Duration(seconds=seconds)
        request = sensors.GatherRequest(hub=self.key, sensors=names, wait=wait)
        return self.hub.Gather.future(request, timeout=seconds + 60)

    def read(self, name: str) -> grpc.Future:
        request = sensors.ReadRequest(hub=self.key, sensor=name)
        return self.hub.Read.future(request, timeout=60)


@pytest.fixture(scope="module")
def dev(_shared_devs):
    return _shared_devs.example("sensors").start()


def test_a_gather_of_a_hundred_ends_well_before_its_deadline(dev):
    house = House(dev, "quick")
    names = house.names(range(100))
    house.report(names, celsius=20.5)
    began = time.monotonic()
    answer = house.gather(names, LONG_SECONDS).result()
    took = time.monotonic() - began
    print(f"a gather of 100 took {took:.2f} s")
    assert dict(answer.celsius) == dict.fromkeys(names, 20.5)
    assert not answer.missing
    assert took < LONG_SECONDS / 2


def test_sensors_that_are_silent_or_have_a_fault_do_not_hold_up_the_answer(dev):
    house = House(dev, "partial")
    names = house.names(range(100))
    well, faulty, silent = names[:85], names[85:92], names[92:]
    house.report(well, celsius=-3.5)
    house.report(faulty, fault="no battery")
    wait = 10
    began = time.monotonic()
    answer = house.gather(names, wait).result()
    took = time.monotonic() - began
    print(f"a gather with a deadline of {wait} s took {took:.2f} s")
    assert dict(answer.celsius) == dict.fromkeys(well, -3.5)
    why = dict.fromkeys(faulty, "no battery") | dict.fromkeys(silent, "no answer in time")
    assert dict(answer.missing) == why
    assert wait <= took < wait + LATE_SECONDS
    # What they say after that harms nobody, and the next gather has it.
    house.report(names[85:], celsius=-3.5)
    assert len(house.gather(names, LONG_SECONDS).result().celsius) == 100


def test_a_sensor_answers_the_caller_of_the_hub(dev):
    house = House(dev, "attic")
    [name] = house.names([1])
    asked = house.read(name)
    time.sleep(0.5)
    assert not asked.done(), "it has nothing to tell yet"
    # The hub is free meanwhile.
    [other] = house.names([2])
    house.report([other], celsius=18.0)
    assert house.read(other).result(30).celsius == 18.0
    house.report([name], celsius=31.0)
    assert asked.result(30).celsius == 31.0
    house.report([name], fault="no battery")
    error = Refused(house.read(name).exception(30))
    assert (error.code, error.message) == (grpc.StatusCode.UNAVAILABLE, "no battery")


def test_a_gather_goes_on_though_everything_was_killed(devs):
    dev = devs.example("sensors").start()
    house = House(dev, "house")
    names = house.names(range(100))
    house.report(names[:99], celsius=20.5)
    metadata = [("callboard-message-id", "gather-1")]
    request = sensors.GatherRequest(hub="house", sensors=names, wait=Duration(seconds=80))
    asked = house.hub.Gather.future(request, timeout=60, metadata=metadata)
    # Some of them have answered by then.
    time.sleep(0.7)
    dev.kill()
    assert asked.exception() is not None
    dev.start()
    house = House(dev, "house")
    asked = house.hub.Gather.future(request, timeout=90, metadata=metadata)
    house.report(names[99:], celsius=20.5)
    assert dict(asked.result().celsius) == dict.fromkeys(names, 20.5)
    dev.stop()
