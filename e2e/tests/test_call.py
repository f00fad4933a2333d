"""`callboard call`."""

import json
import subprocess

import pytest

from harness.dev import assert_no_panic
from harness.paths import PROBE_PROTOS, binary
from harness.ports import free_port


@pytest.fixture
def call(shared):
    def call(*arguments: str, gateway: str = shared.url, stdin: str = ""):
        command = [binary("callboard"), "call", "--gateway", gateway, *arguments]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )
        assert_no_panic(done.stdout + done.stderr)
        return done

    return call


def test_call_prints_the_response_as_json(call, key):
    address = f"probe.v1.Probe/{key()}"
    done = call(address, "Add", '{"delta": 5}')
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"value": "5"}
    done = call(address, "Get")
    assert json.loads(done.stdout) == {"value": "5", "deltas": ["5"]}


def test_call_reads_the_request_from_its_input(call, key):
    done = call(f"probe.v1.Probe/{key()}", "Add", "-", stdin='{"delta": "7"}')
    assert (done.returncode, json.loads(done.stdout)) == (0, {"value": "7"})


def test_call_reads_the_types_from_a_folder(call, key):
    done = call(f"probe.v1.Probe/{key()}", "Add", '{"delta": 1}', "--protos", str(PROBE_PROTOS))
    assert (done.returncode, json.loads(done.stdout)) == (0, {"value": "1"})


def test_call_tells_what_became_of_the_message(call, key):
    done = call(f"probe.v1.Probe/{key()}", "Note", '{"delta": 1}', "--verbose")
    assert (done.returncode, json.loads(done.stdout)) == (0, {})
    assert "callboard-sequence: 1\n" in done.stderr
    assert "callboard-message-id: " in done.stderr


def test_call_reads(call, key):
    done = call(f"probe.v1.Probe/{key()}", "Look", "--verbose")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["value"] == "0"


@pytest.mark.parametrize("method", ["Receive", "OnSlow"])
def test_call_makes_no_call_that_only_actors_may_make(call, key, method):
    done = call(f"probe.v1.Probe/{key()}", method)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: only actors may send {method}\n"


def test_call_prints_code_reason_and_metadata_of_an_error(call, key):
    request = {"code": 9, "message": "the curtain is down", "reason": "CURTAIN_DOWN"}
    name = key()
    done = call(f"probe.v1.Probe/{name}", "Refuse", json.dumps(request))
    assert (done.returncode, done.stdout) == (1, "")
    assert "FailedPrecondition" in done.stderr and "the curtain is down" in done.stderr
    assert "reason: CURTAIN_DOWN (probe.example)" in done.stderr
    assert f"probe: {name}" in done.stderr


def test_call_prints_the_id_of_a_message_whose_answer_is_late(call, key):
    request = '{"milliseconds": 3000, "delta": 1}'
    done = call(f"probe.v1.Probe/{key()}", "Slow", request, "--timeout", "1")
    assert done.returncode == 1
    assert "DeadlineExceeded" in done.stderr
    assert "reason: ASK_TIMEOUT (callboard.dev)" in done.stderr
    assert "message_id: " in done.stderr


def test_call_names_the_methods_that_there_are(call):
    done = call("probe.v1.Probe/a", "Subtract", "{}")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no method Subtract" in done.stderr
    for method in ("Add", "Get", "Note", "Slow", "PanicOnce"):
        assert method in done.stderr


def test_call_names_the_actor_types_that_there_are(call):
    done = call("probe.v1.Prob/a", "Add", "{}")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no actor type probe.v1.Prob;" in done.stderr and "probe.v1.Probe" in done.stderr


def test_call_says_that_no_gateway_runs(call):
    gateway = f"http://127.0.0.1:{free_port()}"
    done = call("probe.v1.Probe/a", "Add", "{}", gateway=gateway)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"no gateway answers at {gateway}" in done.stderr
    assert "callboard dev" in done.stderr and "--gateway" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["probe.v1.Probe/a", "Add", "{"], ["not a probe.v1.AddRequest in JSON"]),
        (["probe.v1.Probe/a", "Add", '{"colour": 1}'], ["colour"]),
        (["probe.v1.Probe/a", "Add", '{"delta": "many"}'], ["not a probe.v1.AddRequest in JSON"]),
        (["probe.v1.Probe/a", "Add", '{"probe": "b"}'], ["another probe than the address"]),
        (["probe.v1.Probe", "Add", "{}"], ["error: "]),
        (["probe.v1.Probe/", "Add", "{}"], ["error: "]),
        (["probe.v1.Probe/a", "Add", "{}", "--timeout=-1"], ["--timeout"]),
        (["probe.v1.Probe/a", "Add", "{}", "--protos", "/no/such/folder"], ["/no/such/folder"]),
    ],
)
def test_call_says_what_is_wrong_with_its_arguments(call, arguments, words):
    done = call(*arguments)
    assert done.returncode != 0 and done.stdout == ""
    for word in words:
        assert word in done.stderr


def test_call_without_arguments_exits_with_2(call):
    done = call()
    assert done.returncode == 2
    assert "Usage:" in done.stderr
