"""Health follows what can be done: messages that get through, functions that answer."""

import os
import subprocess
import urllib.error
import urllib.request

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from harness import database
from harness.dev import Dev, Gateway
from harness.paths import COUNTER_PROTOS, binary
from harness.ports import free_port
from harness.proxy import Proxy
from harness.status import refused
from harness.stubs import admin, admin_grpc, counter, counter_grpc
from harness.until import until

SERVING = health_pb2.HealthCheckResponse.SERVING
CANARY = "callboard.v1.Canary"


def health(url: str, *options: str) -> subprocess.CompletedProcess:
    """`callboard health`."""
    command = [binary("callboard"), "health", "--gateway", url, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


@pytest.fixture
def dev(devs) -> Dev:
    return devs.counter().start()


@pytest.fixture
def proxy(dev):
    proxy = Proxy(dev.endpoint("database"))
    yield proxy
    proxy.close()


class Beside:
    """A gateway whose database is behind a proxy."""

    def __init__(self, dev: Dev, proxy: Proxy) -> None:
        private = free_port()
        self.private = f"127.0.0.1:{private}"
        self.ready_url = f"http://{self.private}/readyz"
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL_DYNAMODB": proxy.url,
            "AWS_ENDPOINT_URL_LAMBDA": dev.endpoint("functions"),
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        options = [
            f"--protos={COUNTER_PROTOS}",
            "--function=counter.v1.Counter=counter",
            f"--private-listen={self.private}",
            "--canary-period=1s",
            "--drain-delay=0s",
        ]
        self.log = dev.log.with_suffix(".beside.log")
        self.gateway = Gateway(options, environment, self.log)
        self.stub = health_pb2_grpc.HealthStub(self.gateway.channel)

    def status(self, service: str = "") -> int:
        request = health_pb2.HealthCheckRequest(service=service)
        return self.stub.Check(request, timeout=20).status

    def ready(self) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.ready_url, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture
def beside(dev, proxy):
    beside = Beside(dev, proxy)
    yield beside
    beside.gateway.stop()


def test_the_whole_is_serving_while_messages_get_through(beside, proxy):
    assert beside.status() == SERVING
    assert beside.ready() == (200, "ready\n")
    url = beside.gateway.url
    assert health(url).stdout == "SERVING\n"

    proxy.cut()
    until("health notices", lambda: beside.status() != SERVING, 40)
    told = health(url)
    assert (told.returncode, told.stderr) == (1, "NOT_SERVING\n")
    # A function answers without the database, and so does a gateway that is up: a load
    # balancer should not take out all of them for what none of them can help.
    assert beside.status("counter.v1.Counter") == SERVING
    status, text = beside.ready()
    assert status == 200
    assert text.startswith("ready, but the database")

    proxy.mend()
    until("health recovers", lambda: beside.status() == SERVING, 40)
    assert beside.ready() == (200, "ready\n")
    stub = counter_grpc.CounterStub(beside.gateway.channel)
    assert stub.Add(counter.AddRequest(counter="a", delta=2), timeout=30).value == 2
    assert "panicked" not in beside.log.read_text()


def test_a_gateway_that_never_reached_its_database_is_not_ready(dev, proxy):
    proxy.cut()
    beside = Beside(dev, proxy)
    try:
        assert beside.status() != SERVING
        status, text = beside.ready()
        assert status == 503
        assert "no message has got through yet" in text
        proxy.mend()
        until("it becomes ready", lambda: beside.ready() == (200, "ready\n"), 40)
        assert beside.status() == SERVING
    finally:
        beside.gateway.stop()


def test_a_gateway_is_alive_without_its_database(beside, proxy):
    def live(**variables: str) -> subprocess.CompletedProcess:
        # As in a container, whose environment says where the gateway listens.
        command, environment = [binary("callboard"), "health", "--live"], dict(variables)
        return subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment)

    everywhere = beside.private.replace("127.0.0.1", "0.0.0.0")
    assert live(CALLBOARD_PRIVATE_LISTEN=everywhere).stdout == "alive\n"
    before = int(beside.private.split(":")[1]) - 1
    assert live(CALLBOARD_LISTEN=f"0.0.0.0:{before}").stdout == "alive\n"

    proxy.cut()
    until("health notices", lambda: beside.status() != SERVING, 40)
    assert health(beside.gateway.url).returncode == 1
    told = live(CALLBOARD_PRIVATE_LISTEN=beside.private)
    assert (told.returncode, told.stdout, told.stderr) == (0, "alive\n", "")

    beside.gateway.stop()
    told = live(CALLBOARD_PRIVATE_LISTEN=beside.private)
    assert (told.returncode, told.stdout) == (1, "")
    assert f"no gateway is alive at {beside.private}" in told.stderr


def test_health_tells_of_one_service_and_of_none(dev):
    assert health(dev.url, "--service", "counter.v1.Counter").stdout == "SERVING\n"
    told = health(dev.url, "--service", "nobody.v1.Nothing")
    assert (told.returncode, told.stdout) == (1, "")
    assert "no service nobody.v1.Nothing" in told.stderr
    told = health(f"http://127.0.0.1:{free_port()}")
    assert told.returncode == 1
    assert "no gateway answers" in told.stderr


def test_nobody_sees_or_calls_the_canary(dev):
    stub = admin_grpc.AdminStub(dev.channel())
    types = stub.ListActorTypes(admin.ListActorTypesRequest(), timeout=20).actor_types
    assert [each.type for each in types] == ["counter.v1.Counter"]
    error = refused(stub.ListActors, admin.ListActorsRequest(type=CANARY), timeout=20)
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    call = dev.channel().unary_unary(
        f"/{CANARY}/Sing", request_serializer=bytes, response_deserializer=bytes
    )
    refused(call, b"", timeout=20).is_ours(grpc.StatusCode.UNIMPLEMENTED, "UNKNOWN_METHOD")
    # It has gone through, and left nothing.
    until("no canary is left", lambda: not database.canaries(dev))
