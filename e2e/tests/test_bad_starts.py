"""`callboard dev` that cannot start says what is wrong, and what to do."""

import socket
from pathlib import Path

import pytest
from conftest import function_folder

from harness.dev import assert_no_panic
from harness.paths import PROBE_PROTOS, binary

END_SECONDS = 30

HEADER = """syntax = "proto3";
package bad.v1;
import "callboard/v1/options.proto";
"""

ADD = """
message AddRequest {
  string probe = 1 [(callboard.v1.field) = { key: true }];
}
message AddResponse {
  int64 value = 1;
}
"""

PROTOS = {
    "a syntax error": (
        HEADER + "service Bad {\n  rpc Add(AddRequest) returns AddResponse;\n}\n" + ADD,
        ["bad.proto:5"],
    ),
    "a type that does not exist": (
        HEADER + "service Bad {\n  rpc Add(AddRequest) returns (Nothing);\n}\n" + ADD,
        ["bad.proto:5", "Nothing"],
    ),
    "a request without a key field": (
        HEADER
        + """service Bad {
  option (callboard.v1.actor) = {};
  rpc Add(AddRequest) returns (AddResponse);
}
message AddRequest { int64 delta = 1; }
message AddResponse { int64 value = 1; }
""",
        ["bad.proto:8", "bad.v1.AddRequest", "key", "help:"],
    ),
    "two services of one actor type": (
        HEADER
        + """service One {
  option (callboard.v1.actor) = { type: "bad.v1.Same" };
  rpc Add(AddRequest) returns (AddResponse);
}
service Two {
  option (callboard.v1.actor) = { type: "bad.v1.Same" };
  rpc Add(AddRequest) returns (AddResponse);
}
"""
        + ADD,
        ["bad.proto:8", "bad.v1.Same", "bad.v1.One", "help:"],
    ),
    "an option of a service on a message": (
        HEADER + "message Wrong {\n  option (callboard.v1.actor) = {};\n}\n",
        ["bad.proto:5", "callboard.v1.actor"],
    ),
    "an option of a handler outside of an actor": (
        HEADER
        + """service Bad {
  rpc Add(AddRequest) returns (AddResponse) {
    option (callboard.v1.handler) = { tell: true };
  }
}
"""
        + ADD,
        ["bad.proto:5", "`Add`", "`Bad` is no actor", "help:"],
    ),
    "an unknown option": (
        HEADER
        + """service Bad {
  option (callboard.v1.actor) = { colour: "red" };
  rpc Add(AddRequest) returns (AddResponse);
}
"""
        + ADD,
        ["bad.proto:5", "callboard.v1.actor", "colour"],
    ),
    "a tell that answers": (
        HEADER
        + """service Bad {
  option (callboard.v1.actor) = {};
  rpc Add(AddRequest) returns (AddResponse) {
    option (callboard.v1.handler) = { tell: true };
  }
}
"""
        + ADD,
        ["bad.proto:6", "AddResponse", "help:"],
    ),
    "a stream": (
        HEADER
        + """service Bad {
  option (callboard.v1.actor) = {};
  rpc Add(stream AddRequest) returns (AddResponse);
}
"""
        + ADD,
        ["bad.proto:6", "Add", "stream"],
    ),
    "no actor at all": (
        HEADER + "message Lonely {}\n",
        ["callboard.v1.actor", "help:"],
    ),
}


def fails(dev, *words: str) -> str:
    """It ends by itself with an error that has these words; what it printed."""
    dev.spawn()
    code = dev.exit_code(END_SECONDS)
    output = dev.output_of_run()
    assert code == 1, output
    assert_no_panic(output)
    for word in words:
        assert word in output, f"{word} is missing in:\n{output}"
    return output


@pytest.mark.parametrize("name", PROTOS)
def test_bad_protos_are_told_with_file_and_line(devs, tmp_path, name):
    source, words = PROTOS[name]
    folder = tmp_path / "project"
    (folder / "proto").mkdir(parents=True)
    (folder / "proto" / "bad.proto").write_text(source)
    function_folder(folder, Path("proto"), {"counter": binary("counter")})
    fails(devs(folder), *words)


def test_a_folder_of_protos_that_is_not_there_is_named(devs, tmp_path):
    folder = function_folder(tmp_path / "project", Path("nowhere"), {"counter": binary("counter")})
    fails(devs(folder), str(folder / "nowhere"), "no such")


def test_a_port_in_use_is_named(devs):
    dev = devs.probe()
    with socket.create_server(("127.0.0.1", dev.port)):
        fails(dev, dev.target, "--listen")


def test_a_data_folder_that_cannot_be_made_is_named(devs):
    dev = devs.probe()
    dev.data = Path("/dev/null/x")
    fails(dev, "/dev/null/x")


def test_a_data_folder_that_another_one_uses_is_named(devs):
    first, second = devs.probe().start(), devs.probe()
    second.data = first.data
    fails(second, str(first.data))
    # The first one is not disturbed.
    assert first.process.poll() is None
    first.stop()


def test_a_folder_that_is_not_there_is_named(devs, tmp_path):
    fails(devs(tmp_path / "nowhere"), str(tmp_path / "nowhere"))


def test_a_folder_without_protos_is_named(devs, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    fails(devs(folder), str(folder), ".proto")


def test_a_folder_without_crate_and_settings_is_told_what_to_put_there(devs, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "probe.proto").write_text((PROBE_PROTOS / "probe.proto").read_text())
    fails(devs(folder), str(folder), "no Cargo.toml", "callboard.toml", "[functions.")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("colour = 1\n", ["callboard.toml", "colour", "protos", "functions"]),
        ('[functions.a]\ncomand = "x"\n', ["callboard.toml", "comand", "command"]),
        ('[functions.a]\ncommand = "x"\nconcurrency = 0\n', ["a", "concurrency", "1 to 1000"]),
        ('[functions.a]\ncommand = "x"\ntimeout_seconds = 0\n', ["a", "time"]),
        ("[functions\n", ["callboard.toml", "line 1"]),
    ],
)
def test_bad_settings_are_named(devs, tmp_path, settings, words):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "callboard.toml").write_text(settings)
    (folder / "probe.proto").write_text((PROBE_PROTOS / "probe.proto").read_text())
    fails(devs(folder), *words)


def test_two_functions_of_one_actor_type_are_named(devs, tmp_path):
    commands = {"one": binary("e2e-actor"), "two": binary("e2e-actor")}
    folder = function_folder(tmp_path / "project", PROBE_PROTOS, commands)
    fails(devs(folder), "one", "two", "probe.v1.Probe", "actors = ")
