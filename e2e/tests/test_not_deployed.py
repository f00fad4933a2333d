"""An actor type without a function that runs."""

import time

import grpc
from conftest import function_folder

from harness.paths import COUNTER_PROTOS, PROBE_PROTOS, binary
from harness.status import refused
from harness.stubs import counter, probe
from harness.until import until

# A caller is not kept waiting for a function that dies at its start.
PROMPT_SECONDS = 5


def test_a_function_that_dies_at_its_start_shows_its_last_words(devs, broken):
    dev = devs(broken).start()
    assert "cannot find the sheet music" in dev.output()
    dev.stop()


def test_messages_to_a_function_that_dies_at_its_start_wait_for_a_better_one(devs, broken, events):
    dev = devs(broken).start()
    stub = dev.probe()
    stub.Note(probe.NoteRequest(probe="a", delta=1), timeout=30)
    for delta in (2, 3):
        began = time.monotonic()
        error = refused(stub.Add, probe.AddRequest(probe="a", delta=delta), timeout=30)
        assert time.monotonic() - began < PROMPT_SECONDS
        error.is_ours(grpc.StatusCode.FAILED_PRECONDITION, "ACTOR_NOT_DEPLOYED")
        assert error.metadata["actor_type"] == "probe.v1.Probe"
        assert error.metadata["function"] == "e2e-actor"
        assert "log says why" in error.metadata["detail"]
        assert error.metadata["message_id"] == error.trailers["callboard-message-id"]
    slow = probe.SlowNoteRequest(probe="a", milliseconds=0, delta=4, file=str(events))
    stub.SlowNote(slow, timeout=30)
    dev.stop()

    script = broken / "dies-at-start"
    script.unlink()
    script.symlink_to(binary("e2e-actor"))
    dev.start()
    until("the messages are processed", lambda: events.read("end"), 20)
    answer = dev.probe().Get(probe.GetRequest(probe="a"), timeout=30)
    assert list(answer.deltas) == [1, 2, 3, 4]
    dev.stop()


def test_a_function_that_is_mended_while_the_gateway_runs_is_used(devs, broken, events):
    dev = devs(broken).start()
    stub = dev.probe()
    request = probe.SlowNoteRequest(probe="a", milliseconds=0, delta=1, file=str(events))
    stub.SlowNote(request, timeout=30)
    script = broken / "dies-at-start"
    script.unlink()
    script.symlink_to(binary("e2e-actor"))
    until("the message is processed", lambda: events.read("end"), 20)
    assert stub.Add(probe.AddRequest(probe="a", delta=1), timeout=30).value == 2
    dev.stop()


def test_a_function_that_is_not_there_is_named(devs, tmp_path):
    folder = function_folder(tmp_path / "f", PROBE_PROTOS, {"ghost": tmp_path / "no-such-binary"})
    dev = devs(folder).start()
    began = time.monotonic()
    error = refused(dev.probe().Add, probe.AddRequest(probe="a", delta=1), timeout=30)
    assert time.monotonic() - began < PROMPT_SECONDS
    error.is_ours(grpc.StatusCode.FAILED_PRECONDITION, "ACTOR_NOT_DEPLOYED")
    assert "log says why" in error.metadata["detail"]
    assert "no-such-binary" in dev.output()
    dev.stop()


def test_an_actor_type_without_function_is_not_deployed_and_the_others_are_served(devs, tmp_path):
    protos = tmp_path / "protos"
    protos.mkdir()
    for source in (PROBE_PROTOS / "probe.proto", COUNTER_PROTOS / "counter.proto"):
        (protos / source.name).write_text(source.read_text())
    folder = function_folder(tmp_path / "f", protos, {"counter": binary("counter")})
    dev = devs(folder).start()
    assert "probe.v1.Probe has no function" in dev.output()

    for method, request in [
        ("Add", probe.AddRequest(probe="a", delta=1)),
        ("Note", probe.NoteRequest(probe="a", delta=1)),
    ]:
        error = refused(getattr(dev.probe(), method), request, timeout=10)
        error.is_ours(grpc.StatusCode.FAILED_PRECONDITION, "ACTOR_NOT_DEPLOYED")
        assert error.metadata["actor_type"] == "probe.v1.Probe"
        assert "message_id" not in error.metadata, "it is not stored"
    request = counter.AddRequest(counter="a", delta=1)
    assert dev.counter().Add(request, timeout=30).value == 1
    dev.stop()
