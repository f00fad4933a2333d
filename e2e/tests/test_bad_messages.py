"""Messages that are framed well and are bad in themselves: protobuf, JSON, queries."""

import json
from pathlib import Path

import grpc
import pytest
from conftest import function_folder

from harness.paths import COUNTER_PROTOS, binary
from harness.status import refused
from harness.stubs import gateway, probe
from harness.web import JSON, PROTO, Answer, send
from test_bad_frames import assert_nothing_is_stored

ADD = "/probe.v1.Probe/Add"
ASK, LOOK = "/callboard.v1.Gateway/Ask", "/probe.v1.Probe/Look"
PUT = "/strange.v1.Strange/Put"

# An actor type without a function: what is taken is refused with ACTOR_NOT_DEPLOYED, and
# what is not with INVALID_REQUEST.
STRANGE = """syntax = "proto3";
package strange.v1;
import "callboard/v1/options.proto";
import "google/protobuf/struct.proto";
service Strange {
  option (callboard.v1.actor) = {};
  rpc Put(PutRequest) returns (PutResponse);
}
message PutRequest {
  string strange = 1 [(callboard.v1.field) = { key: true }];
  Tree tree = 2;
  google.protobuf.Value value = 3;
  map<string, double> weights = 4;
}
message Tree { Tree branch = 1; repeated Tree more = 2; string name = 3; }
message PutResponse {}
"""


@pytest.fixture(scope="module")
def strange(_shared_devs, tmp_path_factory):
    """A `callboard dev` that serves it."""
    folder = tmp_path_factory.mktemp("strange")
    protos = folder / "protos"
    protos.mkdir()
    (protos / "strange.proto").write_text(STRANGE)
    counter = Path(COUNTER_PROTOS / "counter.proto")
    (protos / counter.name).write_text(counter.read_text())
    return _shared_devs(function_folder(folder, protos, {"counter": binary("counter")})).start()


def varint(value: int) -> bytes:
    encoded = b""
    while value > 0x7F:
        encoded, value = encoded + bytes([value & 0x7F | 0x80]), value >> 7
    return encoded + bytes([value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def tree(depth: int, number: int = 1) -> bytes:
    """A PutRequest with a tree that is so deep."""
    inner = b""
    for _ in range(depth):
        inner = field(number, inner)
    return field(1, b"a") + field(2, inner)


def put(dev, encoded: bytes):
    return refused(dev.channel().unary_unary(PUT), encoded, timeout=20)


@pytest.mark.parametrize("number", [1, 2])
def test_a_message_that_is_nested_deeply_is_refused(strange, number):
    put(strange, tree(90, number)).is_ours(
        grpc.StatusCode.FAILED_PRECONDITION, "ACTOR_NOT_DEPLOYED"
    )
    for depth in (101, 1_000, 40_000):
        put(strange, tree(depth, number)).is_ours(
            grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"
        )


# What JSON has deep in it, in a field where it belongs.
DEEP = {
    "tree": lambda depth: '{"tree":' + '{"branch":' * depth + "{}" + "}" * depth + "}",
    "lists": lambda depth: '{"value":' + "[" * depth + "]" * depth + "}",
    "objects": lambda depth: '{"value":' + '{"a":' * depth + "1" + "}" * depth + "}",
}


@pytest.mark.parametrize("what", DEEP)
def test_json_that_is_nested_deeply_is_refused(strange, what):
    def told(depth: int) -> Answer:
        text = DEEP[what](depth).replace("{", '{"strange":"a",', 1)
        return send(strange.port, "POST", PUT, text.encode(), JSON)

    told(20).is_ours(400, "failed_precondition", "ACTOR_NOT_DEPLOYED")
    for depth in (101, 1_000, 20_000):
        told(depth).is_ours(400, "invalid_argument", "INVALID_REQUEST")


# What is put behind a good message, or instead of it.
ENCODINGS = {
    "a group in a group, a hundred times": b"\x1b" * 150 + b"\x1c" * 150,
    "groups without an end": b"\x1b" * 100_000,
    "a group that ends and never began": b"\x1c",
    "a group that ends as another": b"\x1b\x24",
    "a wire type that there is not": b"\x1f\x00",
    "another wire type that there is not": b"\x1e\x00",
    "a field without a number": b"\x00\x00",
    "a number of a field that is too large": b"\xff\xff\xff\xff\xff\x01\x00",
    "a tag of eleven bytes": b"\x90" + b"\x80" * 9 + b"\x00\x01",
    "a number of eleven bytes": b"\x10" + b"\xff" * 10 + b"\x01",
    "a number that breaks off": b"\x10\xff",
    "a length beyond the end": b"\x1a\x7f",
    "a length of 2^63": b"\x1a" + b"\xff" * 8 + b"\x7f",
    "a fixed number that breaks off": b"\x19\0\0\0",
    "a key of another wire type": b"\x08\x01",
    "text that is not UTF-8": b"\x0a\x02\xc3\x28",
    "half a surrogate as UTF-8": b"\x0a\x03\xed\xa0\x80",
    "a key with a control character": b"\x0a\x02a\x07",
    "an empty key": b"\x0a\x00",
}


@pytest.mark.parametrize("what", ENCODINGS)
def test_what_no_protobuf_has_is_refused(shared, key, what):
    name = key()
    encoded = probe.AddRequest(probe=name, delta=1).SerializeToString() + ENCODINGS[what]
    error = refused(shared.channel().unary_unary(ADD), encoded, timeout=20)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    answer = send(shared.port, "POST", ADD, encoded, PROTO)
    answer.is_ours(400, "invalid_argument", "INVALID_REQUEST")
    assert_nothing_is_stored(shared, name)


def test_fields_that_nobody_knows_travel_with_the_message(shared, key):
    name = key()
    encoded = probe.AddRequest(probe=name, delta=1).SerializeToString()
    unknown = varint(500 << 3) + b"\x07" + field(501, b"\xff") + varint(502 << 3 | 5) + b"\0" * 4
    answer = shared.channel().unary_unary(ADD)(unknown + encoded + unknown, timeout=30)
    assert probe.AddResponse.FromString(answer).value == 1


def test_of_a_field_that_comes_twice_the_last_one_counts(shared, key):
    first, last = key(), key()
    both = [probe.AddRequest(probe=name, delta=delta) for name, delta in ((first, 1), (last, 2))]
    encoded = b"".join(request.SerializeToString() for request in both)
    shared.channel().unary_unary(ADD)(encoded, timeout=30)
    text = f'{{"probe":"{first}","delta":1,"probe":"{last}","delta":2}}'
    assert send(shared.port, "POST", ADD, text.encode(), JSON).json == {"value": "4"}
    assert_nothing_is_stored(shared, first)


# Of each the field that is named.
ODDITIES = {
    '{"probe":"NAME","delta":NaN}': "delta",
    '{"probe":"NAME","delta":"NaN"}': "delta",
    '{"probe":"NAME","delta":Infinity}': "delta",
    '{"probe":"NAME","delta":1e400}': "delta",
    '{"probe":"NAME","delta":1.5}': "delta",
    '{"probe":"NAME","delta":9223372036854775808}': "delta",
    '{"probe":"NAME","delta":"-9223372036854775809"}': "delta",
    '{"probe":"NAME","delta":' + "9" * 100_000 + "}": "delta",
    '{"probe":"NAME","delta":1e' + "9" * 1_000 + "}": "delta",
    '{"probe":"NAME","delta":01}': "delta",
    '{"probe":"NAME","delta":"0x1"}': "delta",
    '{"probe":"NAME","delta":" 1"}': "delta",
    '{"probe":"NAME","delta":true}': "delta",
    '{"probe":"NAME","delta":[1]}': "delta",
    '{"probe":"NAME","delta":' + "[" * 5_000 + "]" * 5_000 + "}": "delta",
    '{"probe":"NAME","more":' + "[" * 5_000 + "]" * 5_000 + "}": "more",
    '{"probe":"NAME","more":' + '{"a":' * 5_000 + "1" + "}" * 5_001: "more",
    '{"probe":"NAME\\ud800","delta":1}': "probe",
    '{"probe":"NAME\\udc00\\ud800","delta":1}': "probe",
    '{"probe":"NAME\\u0000","delta":1}': "probe",
    '{"probe":"NAME\n","delta":1}': "probe",
    '{"probe":["NAME"],"delta":1}': "probe",
    '{"probe":null,"delta":1}': "probe",
    '{"__proto__":{},"probe":"NAME"}': "__proto__",
    '{"@type":"a","probe":"NAME"}': "@type",
    '{"1":"NAME"}': "1",
    '\ufeff{"probe":"NAME"}': "body",
    '{"probe":"NAME","delta":1,}': "body",
    '{"probe":"NAME","delta":1} {}': "body",
    '{"probe":"NAME","delta":1}// more': "body",
    "{'probe':'NAME'}": "body",
    '{"probe":"NAME","delta":1': "body",
    '[{"probe":"NAME"}]': "body",
    '"NAME"': "body",
    "null": "body",
}


@pytest.mark.parametrize("number", range(len(ODDITIES)))
def test_odd_json_is_refused_and_names_the_field(shared, key, number):
    name = key()
    text, named = list(ODDITIES.items())[number]
    answer = send(shared.port, "POST", ADD, text.replace("NAME", name).encode(), JSON)
    answer.is_ours(400, "invalid_argument", "INVALID_REQUEST")
    assert answer.info["metadata"]["field"] == named
    assert len(answer.json["message"]) < 500, "an error does not repeat what was sent"
    assert_nothing_is_stored(shared, name)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1"])
def test_json_is_utf_8(shared, encoding):
    body = '{"probe":"é","delta":1}'.encode(encoding)
    answer = send(shared.port, "POST", ADD, body, JSON)
    answer.is_ours(400, "invalid_argument", "INVALID_REQUEST")


@pytest.mark.parametrize(
    "text",
    ['{"weights":{"a":NaN}}', '{"weights":{"a":1e999}}', '{"value":NaN}', '{"value":1e999}'],
)
def test_numbers_that_json_has_not_are_refused(strange, text):
    text = text.replace("{", '{"strange":"a",', 1)
    answer = send(strange.port, "POST", PUT, text.encode(), JSON)
    answer.is_ours(400, "invalid_argument", "INVALID_REQUEST")


@pytest.mark.parametrize("timeout", ["-1", "+1", "1e3", "1.5", "1 000", "0x10", "99999999999"])
def test_an_absurd_timeout_is_refused(shared, key, timeout):
    name = key()
    body = json.dumps({"probe": name, "delta": 1}).encode()
    answer = send(shared.port, "POST", ADD, body, JSON | {"connect-timeout-ms": timeout})
    answer.is_ours(400, "invalid_argument", "INVALID_REQUEST")
    assert_nothing_is_stored(shared, name)


# Of each query the parameter that is named. %7B%22probe%22%3A%22 is {"probe":".
QUERIES = {
    "message=%": "message",
    "message=%7": "message",
    "message=%zz": "message",
    "message=%7B%22probe%22%3A%22%ff%22%7D": "message",
    "message=%7B%22probe%22%3A%22%ed%a0%80%22%7D": "message",
    "message=%7B%22probe%22%3A%22%c0%af%22%7D": "message",
    "message=%7B%22probe%22%3A%22%00%22%7D": "probe",
    "message=%257B%257D": "body",
    "message=": "body",
    "message=+": "body",
    "message=%7B%7D&base64=1": "message",
    "message=e30=A&base64=1": "message",
    "message=%7B%7D&compression=gzip": "content-encoding",
}


@pytest.mark.parametrize("query", QUERIES)
def test_a_bad_query_is_refused_and_names_what_is_bad(shared, query):
    answer = send(shared.port, "GET", f"{LOOK}?connect=v1&encoding=json&{query}")
    answer.is_ours(400, "invalid_argument", "INVALID_REQUEST")
    assert answer.info["metadata"]["field"] == QUERIES[query]


def test_a_call_by_name_is_checked_as_any_other(shared, key):
    name = key()
    address = gateway.Address(type="probe.v1.Probe", key=name)
    for payload in ({"json": '{"delta":NaN}'}, {"json": "["}, {"encoded": b"\x10\xff"}):
        sent = gateway.Message(address=address, method="Add", **payload)
        request = gateway.AskRequest(message=sent)
        error = refused(
            shared.channel().unary_unary(ASK), request.SerializeToString(), timeout=20
        )
        error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert_nothing_is_stored(shared, name)
