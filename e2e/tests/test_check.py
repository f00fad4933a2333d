"""`callboard check`: what .proto files are, and what they would break."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from grpc_tools import protoc

from harness.dev import assert_no_panic
from harness.paths import COUNTER_PROTOS, REPOSITORY, binary


# The delta of Add; that of Note is the same.
DELTA, AFTER = "int64 delta = 2;", "\n}\n\nmessage AddResponse"


def check(*arguments: str | Path) -> subprocess.CompletedProcess:
    command = [binary("callboard"), "check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert_no_panic(done.stdout + done.stderr)
    return done


@pytest.fixture
def changed(tmp_path):
    """A copy of the counter's files with something else in them."""

    def changed(*changes: tuple[str, str]) -> Path:
        folder = tmp_path / "new"
        shutil.copytree(COUNTER_PROTOS, folder)
        file = folder / "counter.proto"
        text = file.read_text()
        for before, after in changes:
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        file.write_text(text)
        return folder

    return changed


def line_of(file: Path, text: str) -> int:
    [line] = [n for n, line in enumerate(file.read_text().splitlines(), 1) if text in line]
    return line


def descriptor_set(folder: Path, to: Path) -> Path:
    arguments = [
        "protoc",
        f"-I{folder}",
        f"-I{REPOSITORY / 'proto'}",
        f"-I{Path(sys.modules['grpc_tools'].__file__).parent / '_proto'}",
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={to}",
        "counter.proto",
    ]
    assert protoc.main(arguments) == 0
    return to


def test_check_lists_the_actors():
    done = check(COUNTER_PROTOS)
    assert (done.returncode, done.stderr) == (0, "")
    assert "counter.v1.Counter" in done.stdout and "AddRequest → AddResponse" in done.stdout


def test_nothing_breaks_where_nothing_has_changed(changed):
    done = check(changed(), "--against", COUNTER_PROTOS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "nothing breaks\n", "")


def test_an_addition_breaks_nothing(changed):
    more = (DELTA + AFTER, f"{DELTA}\n  string why = 3;{AFTER}")
    done = check(changed(more), "--against", COUNTER_PROTOS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "nothing breaks\n", "")


def test_what_breaks_is_told_with_file_line_and_advice(changed):
    old = COUNTER_PROTOS / "counter.proto"
    text = (DELTA + AFTER, f"string delta = 2;{AFTER}")
    folder = changed(text, ("rpc Note(", "rpc Notice("))
    done = check(folder, "--against", COUNTER_PROTOS)
    assert (done.returncode, done.stderr) == (1, "error: 4 changes break something\n")
    callers, queued = done.stdout.split("breaks queued messages:\n")
    assert callers.startswith("breaks callers:\n")
    delta = line_of(folder / "counter.proto", "string delta = 2;")
    place = f"  {folder / 'counter.proto'}:{delta}:3: `counter.v1.AddRequest.delta`"
    assert f"{place} was int64 and is string: " in callers
    assert f"{place} was int64 and is string: " in queued
    assert "    help: keep the field as it was, and add a field" in callers
    gone = f"  {old}:{line_of(old, 'rpc Note(')}:3: the method "
    assert f"{gone}`counter.v1.Counter.Note` is gone: callers are refused\n" in callers
    assert f"{gone}`counter.v1.Counter.Note` is gone: messages, timers" in queued
    assert "    help: keep the method, as `internal: true`, until nothing waits for it\n" in queued


def test_a_type_that_loses_its_name_orphans_its_state(changed):
    option = "option (callboard.v1.actor) = {{{}}};"
    folder = changed((option.format(""), option.format(' type: "c" ')))
    done = check(folder, "--against", COUNTER_PROTOS)
    assert done.returncode == 1
    state = done.stdout.split("breaks stored state:\n")[1]
    assert "the actor type `counter.v1.Counter` is now `c`: nobody finds the state" in state
    assert "    help: keep its name: `option (callboard.v1.actor) = { type: " in state


def test_what_breaks_nothing_may_be_worth_knowing(changed):
    renamed = (DELTA + AFTER, f'int64 step = 2 [json_name = "delta"];{AFTER}')
    done = check(changed(renamed), "--against", COUNTER_PROTOS)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("worth knowing, for callers:\n")
    assert "the number 2 of `counter.v1.AddRequest` was `delta` and is `step`\n" in done.stdout
    assert done.stdout.endswith("nothing breaks\n")


def test_both_sides_may_be_descriptor_sets(changed, tmp_path):
    old = descriptor_set(COUNTER_PROTOS, tmp_path / "old.binpb")
    assert check(COUNTER_PROTOS, "--against", old).stdout == "nothing breaks\n"
    folder = changed((DELTA + AFTER, f"string delta = 2;{AFTER}"))
    new = descriptor_set(folder, tmp_path / "new.binpb")
    for side in (folder, new):
        done = check(side, "--against", old)
        assert done.returncode == 1
        assert "counter.proto:" in done.stdout and "was int64 and is string" in done.stdout


def test_what_cannot_be_read_is_named(tmp_path):
    (tmp_path / "broken.proto").write_text('syntax = "proto3";\nmessage {}\n')
    done = check(COUNTER_PROTOS, "--against", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{tmp_path / 'broken.proto'}:2:9" in done.stderr
    nonsense = tmp_path / "nonsense.binpb"
    nonsense.write_bytes(b"nonsense")
    done = check(nonsense)
    assert done.returncode == 1 and "descriptor set" in done.stderr
    done = check(COUNTER_PROTOS, "--against", tmp_path / "nowhere")
    assert done.returncode == 1 and "there is no such file or folder" in done.stderr
