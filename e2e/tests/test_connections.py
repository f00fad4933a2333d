"""Connections: how many, how long; the private port; health."""

import http.client
import json
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from grpc_health.v1 import health_pb2, health_pb2_grpc

import pytest

from harness.paths import PROBE_PROTOS, binary
from harness.ports import free_port
from harness.stubs import probe
from harness.until import until
from harness.web import JSON, send, start

pytestmark = pytest.mark.alone

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
ADD = "/probe.v1.Probe/Add"


def add(connection: http.client.HTTPConnection, name: str) -> str:
    connection.request("POST", ADD, json.dumps({"probe": name, "delta": 1}), JSON)
    return json.load(connection.getresponse())["value"]


def health(dev, service: str = "probe.v1.Probe"):
    stub = health_pb2_grpc.HealthStub(dev.channel())
    return stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status


def test_a_private_port_tells_life_and_readiness(devs, events):
    port = free_port()
    dev = start(devs.probe(), f"--private-listen=127.0.0.1:{port}")
    assert send(port, "GET", "/livez").status == 200
    assert send(port, "GET", "/readyz").status == 200
    # It takes no calls.
    assert send(port, "POST", ADD, b"{}", JSON).status == 404
    # And the public one tells nothing of it.
    assert send(dev.port, "GET", "/livez").status != 200

    slow = probe.SlowRequest(probe="a", milliseconds=3_000, delta=1, file=str(events))
    running = dev.probe().Slow.future(slow, timeout=30)
    until("the handler begins", lambda: events.read("start"))
    dev.interrupt()
    until("it is not ready", lambda: send(port, "GET", "/readyz").status == 503)
    assert send(port, "GET", "/livez").status == 200
    assert running.result().value == 1
    assert dev.exit_code() == 0


def test_serve_has_a_private_port_beside_the_public_one(tmp_path):
    port = free_port()
    command = [
        binary("callboard"),
        "serve",
        f"--listen=127.0.0.1:{port}",
        f"--protos={PROBE_PROTOS}",
        "--function=probe.v1.Probe=e2e-actor",
        "--drain-delay=0s",
    ]
    # Neither a database nor a function is there, and it runs all the same.
    nowhere = f"http://127.0.0.1:{free_port()}"
    environment = {
        "AWS_ENDPOINT_URL_DYNAMODB": nowhere,
        "AWS_ENDPOINT_URL_LAMBDA": nowhere,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }

    def private(path: str) -> int:
        try:
            return send(port + 1, "GET", path).status
        except ConnectionRefusedError:
            return 0

    with (tmp_path / "log").open("wb") as log:
        gateway = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        until("it is alive", lambda: private("/livez") == 200)
        # Not before a message can have got through.
        assert private("/readyz") == 503
        body = json.dumps({"service": "probe.v1.Probe"}).encode()
        answer = send(port, "POST", "/grpc.health.v1.Health/Check", body, JSON)
        assert answer.json == {"status": "NOT_SERVING"}
    finally:
        gateway.terminate()
        gateway.wait(60)


def test_an_actor_is_healthy_when_its_function_can_be_reached(devs, broken):
    dev = devs(broken).start()
    assert health(dev, "") == SERVING
    assert health(dev) == NOT_SERVING
    script = broken / "dies-at-start"
    script.unlink()
    script.symlink_to(binary("e2e-actor"))
    until("it is healthy", lambda: health(dev) == SERVING, 20)
    dev.stop()


def test_an_old_connection_ends_and_its_calls_do_not(devs):
    dev = start(devs.probe(), "--connection-age=1s")
    stub = dev.probe()
    slow = probe.SlowRequest(probe="a", milliseconds=2_500, delta=1)
    assert stub.Slow(slow, timeout=30).value == 1
    # The client has another connection, and need not know.
    for value in range(2, 6):
        assert stub.Add(probe.AddRequest(probe="a", delta=1), timeout=30).value == value
        time.sleep(0.5)

    connection = http.client.HTTPConnection("127.0.0.1", dev.port, timeout=30)
    assert add(connection, "b") == "1"
    assert connection.sock.recv(1) == b"", "it is closed when it is old, and idle"
    connection.close()


def test_only_so_many_connections_are_open(devs):
    dev = start(devs.probe(), "--connections-max=2")
    first, second, third = (
        http.client.HTTPConnection("127.0.0.1", dev.port, timeout=30) for _ in range(3)
    )
    assert (add(first, "a"), add(second, "a")) == ("1", "2")
    with ThreadPoolExecutor(1) as caller:
        waits = caller.submit(add, third, "a")
        time.sleep(0.5)
        assert not waits.done()
        first.close()
        assert waits.result(30) == "3"
    second.close()
    third.close()


def test_headers_that_are_too_large_are_refused(shared, key):
    name = key()
    headers = JSON | {"x-large": "x" * 100_000}
    body = json.dumps({"probe": name, "delta": 1}).encode()
    try:
        assert send(shared.port, "POST", ADD, body, headers).status == 431
    except ConnectionError:
        # The answer came, and the end of the connection, before all was sent.
        pass
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=30)
    assert add(connection, name) == "1", "nothing had been added"
    connection.close()


# Each is all that a client ever sends: nothing, the start of HTTP/2, the start of HTTP/1, and
# the start of a message, also of one to a service that is not an actor's.
SILENCES = [
    b"",
    b"PRI * HT",
    b"POST /probe.v1.Probe/Add HTTP/1.1\r\nhost:",
    f"POST {ADD} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    "content-length: 10\r\nconnection: close\r\n\r\n{".encode(),
    b"POST /callboard.v1.Gateway/Tell HTTP/1.1\r\nhost: localhost\r\n"
    b"content-type: application/grpc-web\r\ncontent-length: 10\r\nconnection: close\r\n\r\n\0",
]


def test_who_falls_silent_is_not_waited_for(shared):
    gateway = shared.second_gateway(
        PROBE_PROTOS, "probe.v1.Probe", "e2e-actor", "--header-timeout=2s", "--request-timeout=2s"
    )
    port = int(gateway.url.rpartition(":")[2])

    def told(sent: bytes) -> tuple[float, bytes]:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            began, answer = time.monotonic(), b""
            connection.sendall(sent)
            try:
                while part := connection.recv(10_000):
                    answer += part
            except ConnectionResetError:
                # What came too little of was never read.
                pass
            return time.monotonic() - began, answer

    with ThreadPoolExecutor(len(SILENCES)) as callers:
        answers = list(callers.map(told, SILENCES))
    for seconds, _ in answers:
        assert 1.5 < seconds < 15, answers
    by_connect, by_web = (answer.decode(errors="replace") for _, answer in answers[-2:])
    assert by_connect.startswith("HTTP/1.1 503") and "did not arrive" in by_connect
    assert "grpc-status: 14" in by_web and "did%20not%20arrive" in by_web, by_web
