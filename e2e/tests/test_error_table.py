"""Every reason of docs/errors.md, from a stock gRPC client and over Connect with JSON: the
same code, the same facts, and RetryInfo where the message may be sent again as it is.
"""

import http.server
import json
import os
import re
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from conftest import function_folder
from google.rpc import error_details_pb2

from harness.dev import Dev, Gateway
from harness.headers import headers, with_id
from harness.http2 import Connection, data, message
from harness.paths import COUNTER_PROTOS, PROBE_PROTOS, REPOSITORY, binary
from harness.ports import free_port
from harness.refusals import ANY, CODES, DOORS, Row, check
from harness.stubs import gateway, gateway_grpc, probe
from harness.until import until
from harness.web import JSON, send, start

LIMIT = 256 * 1024
each_door = pytest.mark.parametrize("door", DOORS)
def sent_before(dev: Dev, name: str) -> None:
    stub = dev.probe()
    stub.Add(probe.AddRequest(probe=name, delta=1), timeout=30, metadata=with_id("order-7"))


def cancelled_before(dev: Dev, name: str) -> None:
    request = probe.NoteRequest(probe=name, delta=1)
    metadata = [*with_id("order-7"), ("callboard-delay", "1h")]
    dev.probe().Note(request, timeout=30, metadata=metadata)
    address = gateway.Address(type="probe.v1.Probe", key=name)
    cancel = gateway.CancelRequest(address=address, message_id="order-7")
    gateway_grpc.GatewayStub(dev.channel()).Cancel(cancel, timeout=30)


PROBE = "probe.v1.Probe"
ADD = {"probe": "NAME", "delta": 1}

ROWS = {
    "an unknown service": Row(
        "nobody.v1.Nobody/Add",
        ADD,
        "UNIMPLEMENTED",
        "UNKNOWN_METHOD",
        {"path": "/nobody.v1.Nobody/Add"},
    ),
    "an unknown method": Row(
        f"{PROBE}/Nothing", ADD, "UNIMPLEMENTED", "UNKNOWN_METHOD", {"path": f"/{PROBE}/Nothing"}
    ),
    "a method for actors alone": Row(
        f"{PROBE}/Receive",
        ADD,
        "PERMISSION_DENIED",
        "INTERNAL_METHOD",
        {"path": f"/{PROBE}/Receive"},
    ),
    "no key": Row(
        f"{PROBE}/Add",
        {"delta": 1},
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        {"field": "probe", "detail": ANY},
        field="probe",
    ),
    "a key that is too long": Row(
        f"{PROBE}/Add",
        {"probe": "k" * 1_025},
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        {"field": "probe", "detail": ANY},
        field="probe",
    ),
    "another key than the request's": Row(
        f"{PROBE}/Add",
        ADD,
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        {"field": "callboard-key", "detail": ANY},
        field="callboard-key",
        headers={"callboard-key": "another"},
    ),
    "metadata that nobody knows": Row(
        f"{PROBE}/Add",
        ADD,
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        {"field": "callboard-colour", "detail": ANY},
        field="callboard-colour",
        headers={"callboard-colour": "red"},
    ),
    "metadata that is not valid": Row(
        f"{PROBE}/Note",
        ADD,
        "INVALID_ARGUMENT",
        "INVALID_REQUEST",
        {"field": "callboard-delay", "detail": ANY},
        field="callboard-delay",
        headers={"callboard-delay": "soon"},
    ),
    "a message that is too large": Row(
        f"{PROBE}/Big",
        {"probe": "NAME", "padding": "AAAA" * 100_000},
        "RESOURCE_EXHAUSTED",
        "PAYLOAD_TOO_LARGE",
        {"what": "message", "limit_bytes": str(LIMIT), "size_bytes": ANY},
    ),
    "a reply that is too large": Row(
        f"{PROBE}/Big",
        {"probe": "NAME", "replyBytes": 300_000},
        "RESOURCE_EXHAUSTED",
        "PAYLOAD_TOO_LARGE",
        {"what": "reply", "limit_bytes": str(LIMIT), "size_bytes": ANY},
    ),
    "an ask past its deadline": Row(
        f"{PROBE}/Slow",
        {"probe": "NAME", "milliseconds": "900"},
        "DEADLINE_EXCEEDED",
        "ASK_TIMEOUT",
        {"message_id": "order-7"},
        headers={"callboard-message-id": "order-7"},
        seconds=0.4,
    ),
    "a read-only ask past its deadline": Row(
        f"{PROBE}/Look",
        {"probe": "NAME", "milliseconds": "900"},
        "DEADLINE_EXCEEDED",
        "ASK_TIMEOUT",
        seconds=0.4,
    ),
    "another message with the same id": Row(
        f"{PROBE}/Add",
        {"probe": "NAME", "delta": 2},
        "ALREADY_EXISTS",
        "MESSAGE_ID_REUSED",
        {"message_id": "order-7"},
        headers={"callboard-message-id": "order-7"},
        before=sent_before,
    ),
    "a message that was cancelled": Row(
        f"{PROBE}/Note",
        ADD,
        "CANCELLED",
        "MESSAGE_CANCELLED",
        {"message_id": "order-7"},
        headers={"callboard-message-id": "order-7"},
        before=cancelled_before,
    ),
}


@each_door
@pytest.mark.parametrize("what", ROWS)
def test_a_refusal_is_told_in_full(shared, key, what, door):
    check(shared, ROWS[what], door, key())


@each_door
def test_a_dead_letter_tells_its_last_error(shared_trial, key, door):
    facts = {"message_id": "doomed", "attempts": "3", "last_error": ANY}
    row = Row("trial.v1.Lenient/Fail", {"trial": "NAME"}, "FAILED_PRECONDITION", "DEAD_LETTERED",
              facts, headers={"callboard-message-id": "doomed"})  # fmt: skip
    told = check(shared_trial, row, door, key())
    assert "attempt 3 fails" in told.facts["last_error"]


def test_the_same_message_with_the_same_id_is_told_its_answer_again(shared, key):
    name = key()
    sent_before(shared, name)
    request = probe.AddRequest(probe=name, delta=1)
    answer, done = shared.probe().Add.with_call(request, timeout=30, metadata=with_id("order-7"))
    assert (answer.value, headers(done)["callboard-duplicate"]) == (1, "true")
    body = json.dumps({"probe": name, "delta": 1}).encode()
    more = {"callboard-message-id": "order-7"}
    again = send(shared.port, "POST", f"/{PROBE}/Add", body, JSON | more)
    assert (again.json, again.headers["callboard-duplicate"]) == ({"value": "1"}, "true")


@each_door
@pytest.mark.parametrize("number", [code[0] for code in CODES])
def test_a_handlers_status_is_its_own(shared, key, door, number):
    request = {"probe": "NAME", "code": number, "message": "the curtain is down", "reason": "DOWN"}
    filled = request | {"probe": key()}
    told = DOORS[door](shared.port, Row(f"{PROBE}/Refuse", request, "", "HANDLER"), filled)
    [code] = [code.name for code in grpc.StatusCode if code.value[0] == number]
    assert (told.code, told.reason, told.domain) == (code, "DOWN", "probe.example")
    assert not told.retry


@pytest.fixture(scope="module")
def undeployed(_shared_devs, tmp_path_factory):
    """A `callboard dev` with probes that have no function."""
    folder = tmp_path_factory.mktemp("undeployed")
    protos = folder / "protos"
    protos.mkdir()
    for source in (PROBE_PROTOS / "probe.proto", COUNTER_PROTOS / "counter.proto"):
        (protos / source.name).write_text(source.read_text())
    return _shared_devs(function_folder(folder, protos, {"counter": binary("counter")})).start()


@each_door
def test_an_actor_without_a_function_is_not_deployed(undeployed, door):
    facts = {"actor_type": PROBE, "detail": "no function is configured for it"}
    row = Row(f"{PROBE}/Add", ADD, "FAILED_PRECONDITION", "ACTOR_NOT_DEPLOYED", facts)
    check(undeployed, row, door, "a")


def test_a_function_that_fails_leaves_its_messages_stored(devs, broken):
    dev = devs(broken).start()
    for door in DOORS:
        facts = {"actor_type": PROBE, "detail": ANY, "function": "e2e-actor", "message_id": ANY}
        row = Row(f"{PROBE}/Add", ADD, "FAILED_PRECONDITION", "ACTOR_NOT_DEPLOYED", facts)
        check(dev, row, door, "a")


def test_a_full_mailbox_takes_no_more(devs, events):
    dev = start(devs.probe(), "--mailbox-depth-max=1")
    slow = probe.SlowNoteRequest(probe="a", milliseconds=3_000, file=str(events))
    dev.probe().SlowNote(slow, timeout=30)
    until("the handler begins", lambda: events.read("start"))
    for door in DOORS:
        row = Row(f"{PROBE}/Add", ADD, "RESOURCE_EXHAUSTED", "MAILBOX_FULL",
                  {"depth_max": "1"}, retry=True)  # fmt: skip
        check(dev, row, door, "a")
    assert not events.read("end"), "the handler was too fast to show anything"
    # Others are not concerned.
    assert dev.probe().Add(probe.AddRequest(probe="b", delta=1), timeout=30).value == 1


def test_a_gateway_that_shuts_down_takes_no_more(devs, events):
    """A stock client has turned away by then; this one goes on with its connection."""
    dev = devs.probe().start()
    slow = probe.SlowRequest(probe="a", milliseconds=3_000, delta=1, file=str(events))
    path, request = f"/{PROBE}/Note", probe.NoteRequest(probe="b", delta=1)
    with Connection(dev.port) as connection:
        connection.send(connection.headers(1, f"/{PROBE}/Slow"),
                        data(1, message(slow.SerializeToString())))  # fmt: skip
        until("the handler begins", lambda: events.read("start"))
        dev.interrupt()
        refusals, stream = [], 3

        def is_refused() -> bool:
            nonlocal stream
            headers = connection.headers(stream, path, {"grpc-timeout": "10S"})
            connection.send(headers, data(stream, message(request.SerializeToString())))
            answer = connection.answer(stream, lets_go=False)
            stream += 2
            refusals.append(answer)
            return answer.code != 0

        until("a call is refused", is_refused)
        refusals[-1].is_ours(grpc.StatusCode.UNAVAILABLE.value[0], "UNAVAILABLE")
        assert refusals[-1].info.metadata["stored"] == "no"
        assert "shutting down" in refusals[-1].info.metadata["detail"]
        assert refusals[-1].detail(error_details_pb2.RetryInfo) is not None
    assert dev.exit_code() == 0


POLICY = f"""
[[allow]]
who = ["key:tester"]
actors = ["{PROBE}"]
methods = ["Add"]
keys = ["*"]
"""


def test_who_may_not_call_is_told_so_and_no_more(devs, tmp_path):
    made = subprocess.run(
        [binary("callboard"), "api-key", "new", "tester"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    (tmp_path / "keys.toml").write_text(made.stdout)
    (tmp_path / "policy.toml").write_text(POLICY)
    [secret] = re.findall(r"cb_[\w-]+", made.stderr)
    options = [f"--api-keys={tmp_path}/keys.toml", f"--policy={tmp_path}/policy.toml"]
    dev = start(devs.probe(), *options, "--rate-per-principal=1/h")
    own, another = ({"callboard-api-key": key} for key in (secret, "cb_" + "A" * 43))
    path = {"path": f"/{PROBE}/Get"}
    rows = [
        Row(f"{PROBE}/Add", ADD, "UNAUTHENTICATED", "UNAUTHENTICATED"),
        Row(f"{PROBE}/Add", ADD, "UNAUTHENTICATED", "UNAUTHENTICATED", headers=another),
        Row(f"{PROBE}/Get", {"probe": "NAME"}, "PERMISSION_DENIED", "PERMISSION_DENIED", path,
            headers=own),
        Row(f"{PROBE}/Add", ADD, "RESOURCE_EXHAUSTED", "RATE_LIMITED",
            {"scope": "principal", "limit": "1/h"}, retry=True, headers=own),
    ]  # fmt: skip
    add = dev.probe().Add.with_call
    answer, _ = add(probe.AddRequest(probe="a", delta=1), timeout=30, metadata=own.items())
    assert answer.value == 1
    for row in rows:
        for door in DOORS:
            check(dev, row, door, "a")
    assert secret not in dev.output()


class Throttling(http.server.BaseHTTPRequestHandler):
    """A DynamoDB that is over its rate, which no stand-in for it ever is."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
        body = json.dumps({"__type": kind, "message": "table callboard-mailboxes"}).encode()
        self.send_response(400)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def gateway_of_database(port: int, log: Path) -> Gateway:
    """A `callboard serve` whose DynamoDB is there."""
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{port}",
        "AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{free_port()}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    options = [f"--protos={PROBE_PROTOS}", f"--function={PROBE}=nobody", "--drain-delay=0s"]
    running = Gateway(options, environment, log)
    running.port = int(running.url.rpartition(":")[2])
    return running


def test_a_database_that_gives_no_answer_is_unavailable(tmp_path):
    throttled = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Throttling)
    threading.Thread(target=throttled.serve_forever, daemon=True).start()
    databases = {"throttles": throttled.server_port, "did not answer": free_port()}

    def is_told(what: str) -> None:
        running = gateway_of_database(databases[what], tmp_path / what)
        try:
            with ThreadPoolExecutor(len(DOORS)) as callers:
                for told in callers.map(lambda door: check(running, row, door, door), DOORS):
                    assert told.facts["detail"] == f"the database {what}"
        finally:
            running.stop()

    # A tell waits for 10 s by default, and nobody should have to.
    row = Row(f"{PROBE}/Note", ADD, "UNAVAILABLE", "UNAVAILABLE",
              {"detail": ANY, "stored": "no"}, retry=True, seconds=10)  # fmt: skip
    with ThreadPoolExecutor(len(databases)) as gateways:
        list(gateways.map(is_told, databases))
    throttled.shutdown()


def test_every_reason_of_a_call_has_a_row():
    """Those of operators' calls are tested with `callboard admin`."""
    text = (REPOSITORY / "proto/callboard/v1/error_reason.proto").read_text()
    names = [line.split()[0] for line in text.splitlines() if line.startswith("  ERROR_REASON_")]
    reasons = {name.removeprefix("ERROR_REASON_") for name in names}
    operators = {"NOT_FOUND", "MAILBOX_PAUSED", "MAILBOX_NOT_PAUSED"}
    # INTERNAL is a defect, and SEND_TIMEOUT a race between the deadline and the database: what
    # they carry is tested in refusal.rs.
    elsewhere = {"INTERNAL", "SEND_TIMEOUT"}
    here = {row.reason for row in ROWS.values()}
    here |= {"DEAD_LETTERED", "ACTOR_NOT_DEPLOYED", "MAILBOX_FULL", "UNAVAILABLE"}
    here |= {"UNAUTHENTICATED", "PERMISSION_DENIED", "RATE_LIMITED"}
    assert reasons == {"UNSPECIFIED"} | operators | elsewhere | here
