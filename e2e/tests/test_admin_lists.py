"""`callboard admin types`, `actors` and `state`; who may use any of it."""

import json

import grpc
import pytest
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from harness.admin import PROBE, Admin, address, is_not_found
from harness.paths import PROBE_PROTOS
from harness.ports import free_port
from harness.status import refused
from harness.stubs import admin, admin_grpc, example, probe, probe_grpc
from harness.until import until

COMMANDS = [
    "types",
    "actors",
    "describe",
    "peek",
    "dead-letters",
    "redrive",
    "discard",
    "pause",
    "resume",
    "purge",
    "cancel",
    "delete",
    "state",
]


@pytest.fixture
def run(shared) -> Admin:
    return Admin(shared)


def test_types_tells_what_the_gateway_serves(run):
    [line] = run.text("types").splitlines()
    assert line.split()[:2] == [PROBE, "e2e-actor"]
    [told] = run.json("types")["actorTypes"]
    assert (told["type"], told["service"], told["function"]) == (PROBE, PROBE, "e2e-actor")
    assert {"Add", "Note", "Look", "OnSlow"} <= set(told["methods"])
    assert told["trouble"] == ""


def test_actors_lists_those_with_a_prefix_in_the_order_of_their_keys(run, shared, key):
    prefix, stub = f"{key()}/eu", shared.probe()
    names = [prefix, f"{prefix}/a b", f"{prefix}/ü", *(f"{prefix}/{n:02}" for n in range(30))]
    for name in [*names, f"{prefix[:-1]}t"]:
        stub.Note(probe.NoteRequest(probe=name, delta=1), timeout=30)
    expected = [f"{PROBE}/{name}" for name in sorted(names)]
    listed = lambda *options: run.text("actors", PROBE, "--prefix", prefix, *options).splitlines()
    until("all are listed", lambda: listed() == expected)

    done = run("actors", PROBE, "--prefix", prefix, "--limit", "7")
    assert done.stdout.splitlines() == expected[:7]
    assert "there are more" in done.stderr
    told = run.json("actors", PROBE, "--prefix", f"{prefix}/0")["actors"]
    assert told == [{"type": PROBE, "key": f"{prefix}/{n:02}"} for n in range(10)]
    assert run.text("actors", PROBE, "--prefix", f"{prefix}/none") == ""


def test_actors_come_in_pages(run, shared, key):
    prefix, stub = f"{key()}-", shared.probe()
    names = [f"{prefix}{n}" for n in range(9)]
    for name in names:
        stub.Note(probe.NoteRequest(probe=name, delta=1), timeout=30)
    admins = run.stub()

    def pages(size: int) -> list[list[str]]:
        found, token = [], ""
        while True:
            request = admin.ListActorsRequest(
                type=PROBE, key_prefix=prefix, page_size=size, page_token=token
            )
            page = admins.ListActors(request, timeout=30)
            found.append([actor.key for actor in page.actors])
            token = page.next_page_token
            if not token:
                return found

    until("all are listed", lambda: pages(100) == [names])
    assert pages(4) == [names[:4], names[4:8], names[8:]]
    assert pages(9) == [names]
    without = admin.ListActorsRequest(type=PROBE, page_size=501)
    error = refused(admins.ListActors, without, timeout=30)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.metadata["field"] == "page_size"


def test_a_type_that_nobody_serves_is_no_empty_list(run):
    for command in ("actors", "dead-letters"):
        done = run(command, "probe.v1.Prob")
        assert (done.returncode, done.stdout) == (1, "")
        assert "knows no actor type probe.v1.Prob" in done.stderr


def test_state_prints_json_as_it_is_stored(run, shared, key):
    name, stub = key(), shared.probe()
    stub.Add(probe.AddRequest(probe=name, delta=2**53 + 1), timeout=30)
    text = run.text("state", f"{PROBE}/{name}")
    assert str(2**53 + 1) in text and text.startswith("{")
    told = run.json("state", f"{PROBE}/{name}")
    assert told["json"] + "\n" == text
    assert (told["encoding"], told["version"], told["revision"]) == ("STATE_ENCODING_JSON", 0, "1")


def test_state_is_read_also_when_it_is_large(run, shared, key):
    name, stub = key(), shared.probe()
    stub.Grow(probe.GrowRequest(probe=name, bytes=600_000), timeout=30)
    assert len(run.text("state", f"{PROBE}/{name}")) > 600_000
    assert int(run.json("describe", f"{PROBE}/{name}")["stateBytes"]) > 600_000


def test_state_of_an_actor_that_has_none_is_null(run, shared, key):
    name = key()
    metadata = [("callboard-delay", "1h")]
    shared.probe().Note(probe.NoteRequest(probe=name, delta=1), timeout=30, metadata=metadata)
    assert run.text("state", f"{PROBE}/{name}") == "null\n"


def test_a_state_of_protobuf_is_told_by_its_message(devs):
    auction, auction_grpc = example("auction")
    dev = devs.example("auction").start()
    stub = auction_grpc.AuctionStub(dev.channel())
    open_lamp = auction.OpenRequest(auction="lamp", lot="a lamp")
    open_lamp.duration.FromSeconds(600)
    stub.Open(open_lamp, timeout=30)
    run = Admin(dev)
    assert run.json("state", "auction.v1.Auction/lamp")["encoding"] == "STATE_ENCODING_PROTOBUF"
    state = json.loads(run.text("state", "auction.v1.Auction/lamp"))
    assert (state["lot"], state["phase"]) == ("a lamp", "PHASE_OPEN")
    [timer] = run.json("describe", "auction.v1.Auction/lamp")["timers"]
    assert timer["name"]
    dev.stop()


def test_every_call_refuses_an_actor_without_mailbox_and_a_bad_address(run, key):
    stub, nobody, bad = run.stub(), address(key()), address("", PROBE)
    calls = {
        stub.DescribeMailbox: lambda a: admin.DescribeMailboxRequest(address=a),
        stub.PeekMessages: lambda a: admin.PeekMessagesRequest(address=a),
        stub.ListDeadLetters: lambda a: admin.ListDeadLettersRequest(address=a),
        stub.RedriveDeadLetter: lambda a: admin.RedriveDeadLetterRequest(address=a, message_id="x"),
        stub.DiscardDeadLetter: lambda a: admin.DiscardDeadLetterRequest(address=a, message_id="x"),
        stub.Pause: lambda a: admin.PauseRequest(address=a, reason="x"),
        stub.Resume: lambda a: admin.ResumeRequest(address=a),
        stub.Purge: lambda a: admin.PurgeRequest(address=a),
        stub.DeleteActor: lambda a: admin.DeleteActorRequest(address=a),
        stub.ReadState: lambda a: admin.ReadStateRequest(address=a),
    }
    for call, request in calls.items():
        is_not_found(refused(call, request(nobody), timeout=30), "mailbox")
        error = refused(call, request(bad), timeout=30)
        error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
        assert error.metadata["field"] == "address.key"
    cancel = admin.CancelMessageRequest(address=nobody, message_id="x")
    is_not_found(refused(stub.CancelMessage, cancel, timeout=30), "delayed message")


def test_a_page_token_that_nobody_gave_is_refused(run, shared, key):
    name, stub = key(), run.stub()
    shared.probe().Note(probe.NoteRequest(probe=name, delta=1), timeout=30)
    there = address(name)
    for call, request in [
        (stub.PeekMessages, admin.PeekMessagesRequest(address=there, page_token="log:0:0")),
        (stub.ListDeadLetters, admin.ListDeadLettersRequest(address=there, page_token="x")),
    ]:
        error = refused(call, request, timeout=30)
        error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
        assert error.metadata["field"] == "page_token"


def test_web_pages_make_no_calls_of_operators(devs):
    # Pages that may call actors.
    dev = devs.probe().spawn("--allow-origin=*")
    until("it serves", lambda: "Ctrl-C stops it" in dev.output(), 60)
    run, metadata = Admin(dev), [("origin", "https://app.example.com")]
    request = probe.AddRequest(probe="a", delta=1)
    assert dev.probe().Add(request, timeout=30, metadata=metadata).value == 1
    delete = admin.DeleteActorRequest(address=address("a"))
    error = refused(run.stub().DeleteActor, delete, timeout=30, metadata=metadata)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.metadata["field"] == "origin"
    assert run.text("state", f"{PROBE}/a") != "null\n"
    dev.stop()


def test_serve_lets_nobody_do_it_unless_it_is_told_to(devs):
    dev = devs.probe().start()
    second = dev.second_gateway(PROBE_PROTOS, PROBE, "e2e-actor")
    stub = admin_grpc.AdminStub(second.channel)
    error = refused(stub.ListActorTypes, admin.ListActorTypesRequest(), timeout=30)
    error.is_ours(grpc.StatusCode.UNIMPLEMENTED, "UNKNOWN_METHOD")
    names = ProtoReflectionDescriptorDatabase(second.channel).get_services()
    assert PROBE in names and "callboard.v1.Admin" not in names
    probe_grpc.ProbeStub(second.channel).Add(probe.AddRequest(probe="a", delta=1), timeout=30)
    run = Admin(dev)
    run.url = second.url
    done = run("types")
    assert done.returncode == 1 and "callboard serve --admin" in done.stderr

    third = dev.second_gateway(PROBE_PROTOS, PROBE, "e2e-actor", "--admin")
    run.url = third.url
    assert run.text("state", f"{PROBE}/a")
    assert "callboard.v1.Admin" in ProtoReflectionDescriptorDatabase(third.channel).get_services()


def test_what_is_no_gateway_is_told(run):
    run.url = f"http://127.0.0.1:{free_port()}"
    done = run("types")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"no gateway answers at {run.url}" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(run, command):
    text = run.text(command, "--help")
    assert f"  callboard admin {command}" in text
    assert "Example" in text


def test_an_address_without_key_is_refused(run):
    for bad in ("probe.v1.Probe", "probe.v1.Probe/", "/alice"):
        done = run("describe", bad)
        assert done.returncode != 0 and "error: " in done.stderr
