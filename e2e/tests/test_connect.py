"""The Connect protocol with plain HTTP, as curl speaks it."""

import base64
import json
import urllib.error
import urllib.parse
import urllib.request

import pytest
from google.rpc import error_details_pb2

from harness.refusals import CODES
from harness.stubs import probe
from harness.web import JSON, PROTO, ask, send

LIMIT = 256 * 1024


def test_json_goes_in_and_out_in_the_canonical_mapping(shared, key):
    name = key()
    answer = ask(shared, "Probe/Add", {"probe": name, "delta": 5})
    assert (answer.status, answer.json) == (200, {"value": "5"})
    assert answer.headers["callboard-sequence"] == "1"
    assert answer.headers["callboard-message-id"]
    assert ask(shared, "Probe/Add", {"probe": name, "delta": "-2"}).json == {"value": "3"}
    assert ask(shared, "Probe/Get", {"probe": name}).json == {"value": "3", "deltas": ["5", "-2"]}
    # It is the same actor to a gRPC client.
    assert shared.probe().Get(probe.GetRequest(probe=name), timeout=30).value == 3


def test_urllib_is_a_client(shared, key):
    request = urllib.request.Request(
        f"{shared.url}/probe.v1.Probe/Add",
        json.dumps({"probe": key(), "delta": 7}).encode(),
        {"Content-Type": "application/json; charset=utf-8", "Connect-Protocol-Version": "1"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        assert json.load(response) == {"value": "7"}


def test_messages_may_be_protobuf(shared, key):
    body = probe.AddRequest(probe=key(), delta=9).SerializeToString()
    answer = send(shared.port, "POST", "/probe.v1.Probe/Add", body, PROTO)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/proto")
    assert probe.AddResponse.FromString(answer.body).value == 9


def test_a_tell_is_answered_with_an_empty_message(shared, key):
    name = key()
    answer = ask(shared, "Probe/Note", {"probe": name, "delta": 1}, callboard_delay="10ms")
    assert (answer.status, answer.json) == (200, {})
    assert answer.headers["callboard-message-id"]


def test_trace_context_and_the_deadline_reach_the_handler(shared, key):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = ask(
        shared, "Probe/Context", {"probe": key()}, traceparent=trace, connect_timeout_ms="20000"
    )
    assert answer.json["traceparent"] == trace
    waits_ms = int(answer.json["deadlineMs"]) - int(answer.json["sentAtMs"])
    assert waits_ms == 20_000


@pytest.mark.parametrize("path", ["/nobody.v1.Nobody/Add", "/probe.v1.Probe/Nothing", "/"])
def test_an_unknown_service_or_method_is_unimplemented(shared, path):
    answer = send(shared.port, "POST", path, b"{}", JSON)
    answer.is_ours(501, "unimplemented", "UNKNOWN_METHOD")
    assert answer.info["metadata"]["path"] == path


def test_a_method_for_actors_alone_is_refused(shared, key):
    answer = ask(shared, "Probe/Receive", {"nonsense": 1})
    answer.is_ours(403, "permission_denied", "INTERNAL_METHOD")


@pytest.mark.timeout(60)
def test_an_actor_without_a_function_is_not_deployed(devs, broken):
    dev = devs(broken).start()
    answer = ask(dev, "Probe/Add", {"probe": "a", "delta": 1})
    answer.is_ours(400, "failed_precondition", "ACTOR_NOT_DEPLOYED")
    assert answer.info["metadata"]["message_id"] == answer.headers["callboard-message-id"]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"delta": 1}, "probe"),
        ({"probe": "", "delta": 1}, "probe"),
        ({"probe": "a", "colour": "red"}, "colour"),
        ({"probe": "a", "delta": "many"}, "delta"),
        ({"probe": "k" * 1_025}, "probe"),
    ],
)
def test_a_request_that_is_not_valid_names_the_field(shared, request_, field):
    answer = ask(shared, "Probe/Add", request_)
    answer.is_ours(400, "invalid_argument", "INVALID_REQUEST")
    [violation] = answer.detail(error_details_pb2.BadRequest).field_violations
    assert violation.field == field == answer.info["metadata"]["field"]


def test_an_unknown_field_inside_a_message_is_named_with_its_path(shared):
    request = {"probe": "a", "name": "n", "ring": {"delta": 1, "volume": 11}}
    answer = ask(shared, "Probe/SetTimer", request)
    answer.is_ours(400, "invalid_argument", "INVALID_REQUEST")
    assert answer.info["metadata"]["field"] == "ring.volume"


@pytest.mark.parametrize("body", [b"", b"{", b"7", b"\xff", b"{} {}", b"[" * 10_000])
def test_what_is_no_json_is_refused(shared, body):
    answer = send(shared.port, "POST", "/probe.v1.Probe/Add", body, JSON)
    answer.is_ours(400, "invalid_argument", "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("callboard-colour", "red"),
        ("callboard-message-id", "a/b"),
        ("callboard-delay", "1s"),
        ("connect-timeout-ms", "12345678901"),
        ("connect-protocol-version", "2"),
    ],
)
def test_a_header_that_is_not_valid_is_named(shared, key, name, value):
    answer = ask(shared, "Probe/Add", {"probe": key()}, **{name: value})
    answer.is_ours(400, "invalid_argument", "INVALID_REQUEST")
    assert answer.info["metadata"]["field"] == name


@pytest.mark.parametrize("size", [LIMIT + 1, 700_000, 5_000_000])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_message_that_is_too_large_is_refused_for_good(shared, key, size, is_chunked):
    body = probe.BigRequest(probe=key(), padding=bytes(size)).SerializeToString()
    sent = iter([body]) if is_chunked else body
    answer = send(shared.port, "POST", "/probe.v1.Probe/Big", sent, PROTO)
    answer.is_ours(429, "resource_exhausted", "PAYLOAD_TOO_LARGE")
    assert answer.detail(error_details_pb2.RetryInfo) is None
    told = answer.info["metadata"]
    assert (told["what"], told["limit_bytes"]) == ("message", str(LIMIT))
    assert LIMIT < int(told["size_bytes"]) <= len(body)


def test_a_reply_that_is_too_large_is_refused(shared, key):
    answer = ask(shared, "Probe/Big", {"probe": key(), "replyBytes": 300_000})
    answer.is_ours(429, "resource_exhausted", "PAYLOAD_TOO_LARGE")
    assert answer.info["metadata"]["what"] == "reply"


def test_an_ask_past_its_deadline_says_that_its_message_is_stored(shared, key):
    name = key()
    request = {"probe": name, "milliseconds": 1_500, "delta": 1}
    answer = ask(shared, "Probe/Slow", request, connect_timeout_ms="500")
    answer.is_ours(504, "deadline_exceeded", "ASK_TIMEOUT")
    assert answer.info["metadata"]["message_id"] == answer.headers["callboard-message-id"]
    assert ask(shared, "Probe/Add", {"probe": name, "delta": 1}).json == {"value": "2"}


@pytest.mark.parametrize(("number", "name", "status"), CODES)
def test_a_handlers_status_comes_with_its_details(shared, key, number, name, status):
    request = {"probe": key(), "code": number, "message": "the curtain is down", "reason": "DOWN"}
    answer = ask(shared, "Probe/Refuse", request)
    assert (answer.status, answer.json["code"]) == (status, name)
    assert answer.json["message"] == "the curtain is down"
    assert (answer.info["reason"], answer.info["domain"]) == ("DOWN", "probe.example")
    assert answer.detail(error_details_pb2.ErrorInfo).reason == "DOWN"
    assert answer.headers["callboard-sequence"] == "1"


def test_a_message_that_was_set_aside_says_so(shared_trial, key):
    answer = ask(shared_trial, "Lenient/Fail", {"trial": key()})
    answer.is_ours(400, "failed_precondition", "DEAD_LETTERED")
    assert answer.info["metadata"]["attempts"] == "3"
    assert answer.info["metadata"]["last_error"]


def test_the_same_id_is_handled_once_and_other_contents_are_refused(shared, key):
    name = key()
    first, again = (
        ask(shared, "Probe/Add", {"probe": name, "delta": 5}, callboard_message_id="order-7")
        for _ in range(2)
    )
    assert first.json == again.json == {"value": "5"}
    assert "callboard-duplicate" not in first.headers
    assert again.headers["callboard-duplicate"] == "true"
    other = ask(shared, "Probe/Add", {"probe": name, "delta": 6}, callboard_message_id="order-7")
    other.is_ours(409, "already_exists", "MESSAGE_ID_REUSED")


def query(**parameters: str) -> str:
    return "/probe.v1.Probe/Look?" + urllib.parse.urlencode({"connect": "v1"} | parameters)


def test_a_read_only_method_takes_a_get(shared, key):
    name = key()
    ask(shared, "Probe/Add", {"probe": name, "delta": 5})
    text = json.dumps({"probe": name})
    answer = send(shared.port, "GET", query(encoding="json", message=text))
    assert (answer.status, answer.json["value"]) == (200, "5")
    encoded = probe.LookRequest(probe=name).SerializeToString()
    in_base64 = base64.urlsafe_b64encode(encoded).decode().rstrip("=")
    answer = send(shared.port, "GET", query(encoding="proto", base64="1", message=in_base64))
    assert probe.LookResponse.FromString(answer.body).value == 5


def test_a_get_changes_nothing(shared, key):
    message = urllib.parse.quote(json.dumps({"probe": key(), "delta": 1}))
    path = f"/probe.v1.Probe/Add?connect=v1&encoding=json&message={message}"
    answer = send(shared.port, "GET", path)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    answer = send(shared.port, "GET", query(encoding="json"))
    answer.is_ours(400, "invalid_argument", "INVALID_REQUEST")


def test_an_error_is_an_http_error_to_urllib(shared):
    request = urllib.request.Request(f"{shared.url}/probe.v1.Probe/Add", b"{}", JSON)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)
    assert caught.value.code == 400
    assert json.load(caught.value)["code"] == "invalid_argument"


def test_the_services_beside_the_actors_take_json_too(shared, key):
    name = key()
    message = {
        "address": {"type": "probe.v1.Probe", "key": name},
        "method": "Add",
        "json": json.dumps({"delta": 5}),
    }
    path = "/callboard.v1.Gateway/Ask"
    answer = send(shared.port, "POST", path, json.dumps({"message": message}).encode(), JSON)
    assert answer.status == 200, answer
    assert json.loads(answer.json["json"]) == {"value": "5"}
    answer = send(shared.port, "POST", path, b'{"colour": 1}', JSON)
    answer.is_ours(400, "invalid_argument", "INVALID_REQUEST")
    assert answer.info["metadata"]["field"] == "colour"
    answer = send(shared.port, "POST", path, b"{}", JSON)
    assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
    answer = send(shared.port, "POST", "/grpc.health.v1.Health/Check", b"{}", JSON)
    assert (answer.status, answer.json) == (200, {"status": "SERVING"})
    # What has streams is not there.
    answer = send(shared.port, "POST", "/callboard.v1.Gateway/TellStream", b"{}", JSON)
    answer.is_ours(501, "unimplemented", "UNKNOWN_METHOD")
