"""Rules of protovalidate that a .proto sets for its requests."""

import subprocess

import grpc
import pytest
from conftest import Devs, function_folder
from google.rpc import error_details_pb2

from harness import database, web
from harness.generic import generic, message
from harness.paths import PROBE_PROTOS, binary
from harness.status import refused
from harness.stubs import gateway, probe

RULES = {
    'import "callboard/v1/options.proto";': 'import "callboard/v1/options.proto";\n'
    'import "buf/validate/validate.proto";',
    "message AddRequest {\n"
    "  // Which probe.\n"
    "  string probe = 1 [(callboard.v1.field) = { key: true }];\n"
    "  // What to add.\n"
    "  int64 delta = 2;": """message AddRequest {
  option (buf.validate.message).cel = {
    id: "add.unlucky", message: "thirteen is not for long names",
    expression: "this.delta != 13 || this.probe.size() < 10"
  };
  string probe = 1 [(callboard.v1.field) = { key: true }, (buf.validate.field).string.min_len = 3];
  int64 delta = 2 [(buf.validate.field).int64 = { gte: -100, lte: 100 }];""",
}


def ruled() -> str:
    """The probe's .proto, with rules."""
    source = (PROBE_PROTOS / "probe.proto").read_text()
    for before, after in RULES.items():
        assert before in source
        source = source.replace(before, after)
    field = source.index("string probe = 1 [", source.index("message LookRequest {"))
    at = source.index("[", field) + 1
    return source[:at] + "(buf.validate.field).string.max_len = 20, " + source[at:]


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    devs = Devs(tmp_path_factory.mktemp("validation"))
    protos = devs.folder / "protos"
    protos.mkdir()
    (protos / "probe.proto").write_text(ruled())
    functions = {"e2e-actor": binary("e2e-actor")}
    yield devs(function_folder(devs.folder / "project", protos, functions)).start()
    devs.clean_up()


BROKEN = [
    ({"probe": "ab", "delta": 1}, {"probe": "3 char"}),
    ({"probe": "abc", "delta": 101}, {"delta": "100"}),
    ({"probe": "abc", "delta": -101}, {"delta": "100"}),
    ({"probe": "abcdefghij", "delta": 13}, {"": "thirteen is not for long names"}),
    ({"probe": "ab", "delta": 101}, {"probe": "3 char", "delta": "100"}),
]


def assert_tells(bad: error_details_pb2.BadRequest, expected: dict[str, str]) -> None:
    told = {violation.field: violation.description for violation in bad.field_violations}
    assert told.keys() == expected.keys(), told
    for field, words in expected.items():
        assert words in told[field], told


@pytest.mark.parametrize(("request_", "expected"), BROKEN)
def test_grpc_tells_each_broken_rule_and_stores_nothing(dev, request_, expected):
    before = _log(dev)
    error = refused(dev.probe().Add, probe.AddRequest(**request_), timeout=20)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert_tells(error.detail(error_details_pb2.BadRequest), expected)
    assert error.detail(error_details_pb2.RetryInfo) is None
    assert error.metadata["violations"] == str(len(expected))
    assert _log(dev) == before


@pytest.mark.parametrize(("request_", "expected"), BROKEN)
def test_connect_tells_each_broken_rule(dev, request_, expected):
    answer = web.ask(dev, "Probe/Add", request_)
    answer.is_ours(400, "invalid_argument", "INVALID_REQUEST")
    assert_tells(answer.detail(error_details_pb2.BadRequest), expected)


def test_a_request_that_keeps_its_rules_is_handled(dev):
    assert dev.probe().Add(probe.AddRequest(probe="good", delta=13), timeout=20).value == 13
    assert web.ask(dev, "Probe/Add", {"probe": "good", "delta": 2}).json == {"value": "15"}


def test_a_key_from_metadata_is_checked_with_the_request(dev):
    call = dev.probe().Add
    error = refused(
        call, probe.AddRequest(delta=1), timeout=20, metadata=[("callboard-key", "ab")]
    )
    assert_tells(error.detail(error_details_pb2.BadRequest), {"probe": "3 char"})


def test_calls_by_name_keep_the_rules_too(dev):
    stub = generic(dev.channel())
    for send in (stub.Ask, stub.Tell):
        kind = {"Ask": gateway.AskRequest, "Tell": gateway.TellRequest}
        request = kind["Ask" if send is stub.Ask else "Tell"]
        bad = request(message=message("ab", "Add", '{"delta": 200}'))
        error = refused(send, bad, timeout=20)
        error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
        expected = {"probe": "3 char", "delta": "100"}
        assert_tells(error.detail(error_details_pb2.BadRequest), expected)


def test_a_read_keeps_the_rules_too(dev):
    error = refused(dev.probe().Look, probe.LookRequest(probe="x" * 21), timeout=20)
    assert_tells(error.detail(error_details_pb2.BadRequest), {"probe": "20 char"})


def test_check_tells_of_a_rule_that_cannot_be_used(tmp_path):
    broken = ruled().replace("this.delta != 13 ||", "this.deltas != 13 &&")
    (tmp_path / "probe.proto").write_text(broken)
    checked = subprocess.run(
        [binary("callboard"), "check", tmp_path], capture_output=True, text=True, timeout=60
    )
    assert checked.returncode == 1
    assert "probe.v1.AddRequest" in checked.stderr
    assert "deltas" in checked.stderr


def test_the_rules_are_there_to_be_imported(tmp_path):
    written = subprocess.run(
        [binary("callboard"), "protos", tmp_path], capture_output=True, text=True, timeout=60
    )
    assert written.returncode == 0
    assert (tmp_path / "buf" / "validate" / "validate.proto").exists()


def _log(dev) -> list[dict]:
    """The messages that are stored."""
    items = database.items(dev)["callboard-mailboxes"]
    return [item for item in items if item["k"]["S"].startswith("m#")]
