"""What callers may do who are known: at every door, and call by call."""

import json
import subprocess

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from harness import database
from harness.paths import binary
from harness.status import refused
from harness.stubs import admin, admin_grpc, gateway, gateway_grpc, probe, probe_grpc
from harness.tokens import new_key
from harness.web import JSON, Answer, send, start

PROBE = "probe.v1.Probe"
DENIED = (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")

POLICY = """
claims = ["team"]

[[allow]]
who = ["key:user"]
actors = ["probe.v1.Probe"]
methods = ["Add", "Note", "Look", "Slow"]
keys = ["${sub}", "${team}/*"]

[[allow]]
who = ["key:maker"]
actors = ["probe.v1.*"]
methods = ["Begin"]
new_keys = true

[[allow]]
who = ["key:waiter"]
actors = ["probe.v1.Probe"]
methods = ["callboard.v1.Gateway/Await", "callboard.v1.Gateway/Cancel"]
keys = ["user"]

[[allow]]
who = ["key:operator"]
admin = ["ListActorTypes", "Describe*"]
reflection = true

[[allow]]
who = ["key:all"]
actors = ["*"]
methods = ["*"]
keys = ["*"]
"""


class Keys:
    """A `callboard dev`, and a key for everybody in its policy."""

    def __init__(self, dev, folder) -> None:
        self.metadata = {}
        entries = ""
        for name in ("user", "maker", "waiter", "operator", "all"):
            key, entry = new_key(name)
            self.metadata[name] = [("callboard-api-key", key)]
            entries += entry + 'claims = { team = "red" }\n'
        (folder / "keys.toml").write_text(entries)
        (folder / "policy.toml").write_text(POLICY)
        self.dev = start(
            dev,
            f"--api-keys={folder / 'keys.toml'}",
            f"--policy={folder / 'policy.toml'}",
            "--allow-origin=https://app.example",
        )
        self.channel = dev.channel()
        self.probe = probe_grpc.ProbeStub(self.channel)
        self.gateway = gateway_grpc.GatewayStub(self.channel)

    def options(self, who: str) -> dict:
        return {"metadata": self.metadata[who], "timeout": 10}

    def web(self, who: str | None, path: str, body: bytes, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return send(self.dev.port, "POST", path, body, dict(self.metadata.get(who, [])) | named)


@pytest.fixture(scope="module")
def keys(_shared_devs, tmp_path_factory) -> Keys:
    return Keys(_shared_devs.probe(), tmp_path_factory.mktemp("keys"))


def message(method: str, key: str) -> "gateway.Message":
    address = gateway.Address(type=PROBE, key=key)
    return gateway.Message(address=address, method=method, json='{"delta": 1}')


def test_only_what_is_allowed_is_done_at_every_door(keys):
    keys.probe.Add(probe.AddRequest(probe="user", delta=1), **keys.options("user"))
    keys.probe.Add(probe.AddRequest(probe="red/1", delta=1), **keys.options("user"))
    before = database.items(keys.dev)
    body = json.dumps({"probe": "other", "delta": 1}).encode()
    for key in ("other", "red", "red/1/2", "blue/1", "user/1", "USER", "*"):
        request = probe.AddRequest(probe=key, delta=1)
        error = refused(keys.probe.Add, request, **keys.options("user"))
        error.is_ours(*DENIED)
        assert error.metadata == {"path": "/probe.v1.Probe/Add"}
        assert "policy" in error.message and key not in error.message
    for call in [
        # Another method, and another principal.
        lambda: keys.probe.Get(probe.GetRequest(probe="user"), **keys.options("user")),
        lambda: keys.probe.Add(probe.AddRequest(probe="user"), **keys.options("maker")),
        lambda: keys.probe.Add(probe.AddRequest(probe="user"), **keys.options("operator")),
        # Headers that change a call do not change whose it is.
        lambda: keys.probe.Add(
            probe.AddRequest(delta=1),
            metadata=[*keys.metadata["user"], ("callboard-key", "other")],
            timeout=10,
        ),
        lambda: keys.probe.Note(
            probe.NoteRequest(probe="other"),
            metadata=[*keys.metadata["user"], ("callboard-delay", "5s")],
            timeout=10,
        ),
        lambda: keys.probe.Slow(
            probe.SlowRequest(probe="other"),
            metadata=[*keys.metadata["user"], ("callboard-mode", "tell")],
            timeout=10,
        ),
        # A read is no exception.
        lambda: keys.probe.Look(probe.LookRequest(probe="other"), **keys.options("user")),
    ]:
        refused(call).is_ours(*DENIED)

    answer = keys.web("user", "/probe.v1.Probe/Add", body, **JSON)
    answer.is_ours(403, "permission_denied", "PERMISSION_DENIED")
    query = "/probe.v1.Probe/Look?connect=v1&encoding=json&message=%7B%22probe%22%3A%22other%22%7D"
    headers = dict(keys.metadata["user"])
    assert send(keys.dev.port, "GET", query, None, headers).status == 403
    assert send(keys.dev.port, "GET", query.replace("other", "user"), None, headers).status == 200
    assert send(keys.dev.port, "GET", query, None, {}).status == 401
    raw = probe.AddRequest(probe="other", delta=1).SerializeToString()
    frame = b"\0" + len(raw).to_bytes(4, "big") + raw
    for who, status in [("user", "7"), (None, "16")]:
        kind = "application/grpc-web"
        answer = keys.web(who, "/probe.v1.Probe/Add", frame, content_type=kind)
        assert (answer.status, answer.headers["grpc-status"]) == (200, status)
        assert answer.headers["content-type"].startswith(kind)
    assert database.items(keys.dev) == before


def test_internal_methods_are_for_nobody(keys):
    request = probe.ReceiveRequest(probe="user")
    for who in ("user", "all"):
        error = refused(keys.probe.Receive, request, **keys.options(who))
        error.is_ours(grpc.StatusCode.PERMISSION_DENIED, "INTERNAL_METHOD")


def test_calls_by_name_are_looked_at_one_by_one(keys):
    options = keys.options("user")
    own = keys.gateway.Ask(gateway.AskRequest(message=message("Add", "user")), **options)
    assert own.receipt.message_id
    for call in [
        lambda: keys.gateway.Ask(gateway.AskRequest(message=message("Add", "other")), **options),
        lambda: keys.gateway.Tell(gateway.TellRequest(message=message("Note", "other")), **options),
        lambda: keys.gateway.Ask(gateway.AskRequest(message=message("Get", "user")), **options),
    ]:
        refused(call).is_ours(*DENIED)

    many = [message("Add", key) for key in ("user", "other", "red/2")]
    # What is not even JSON tells nothing of the method to who may not send it.
    secret = gateway.Message(
        address=gateway.Address(type=PROBE, key="user"), method="Get", json='{"x": 1}'
    )
    refused(keys.gateway.Ask, gateway.AskRequest(message=secret), **options).is_ours(*DENIED)
    answer = keys.web("user", "/probe.v1.Probe/Get", b'{"x": 1}', **JSON)
    answer.is_ours(403, "permission_denied", "PERMISSION_DENIED")

    results = keys.gateway.AskMany(gateway.AskManyRequest(messages=many), **options)
    told = {result.index: result.WhichOneof("result") for result in results}
    assert told == {0: "response", 1: "error", 2: "response"}

    tells = [
        gateway.TellStreamRequest(tell=gateway.TellRequest(message=message("Note", key)))
        for key in ("user", "red/3", "other", "user")
    ]
    stream = keys.gateway.TellStream(iter(tells), **options)
    receipts = []
    with pytest.raises(grpc.RpcError) as caught:
        for receipt in stream:
            receipts.append(receipt)
    assert (caught.value.code(), len(receipts)) == (grpc.StatusCode.PERMISSION_DENIED, 2)


def test_who_waits_or_cancels_needs_a_permission_of_its_own(keys):
    note = gateway.TellRequest(message=message("Add", "user"))
    note.message.message_id = "to-be-awaited"
    keys.gateway.Tell(note, **keys.options("user"))
    wait = gateway.AwaitRequest(address=note.message.address, message_id="to-be-awaited")
    cancel = gateway.CancelRequest(address=note.message.address, message_id="no-such-message")
    # To send is not to read what others are told.
    refused(keys.gateway.Await, wait, **keys.options("user")).is_ours(*DENIED)
    refused(keys.gateway.Cancel, cancel, **keys.options("user")).is_ours(*DENIED)
    for who in ("waiter", "all"):
        assert keys.gateway.Await(wait, **keys.options(who)).encoded
        assert not keys.gateway.Cancel(cancel, **keys.options(who)).cancelled
    wait.address.key = "other"
    refused(keys.gateway.Await, wait, **keys.options("waiter")).is_ours(*DENIED)


def test_a_new_key_is_one_thing_and_a_given_one_another(keys):
    assert keys.probe.Begin(probe.BeginRequest(), **keys.options("maker"))
    given = probe.BeginRequest(probe="other")
    refused(keys.probe.Begin, given, **keys.options("maker")).is_ours(*DENIED)
    refused(keys.probe.Begin, probe.BeginRequest(), **keys.options("user")).is_ours(*DENIED)
    # The same id of somebody else is another actor's.
    made = set()
    for who in ("maker", "all", "maker"):
        metadata = [*keys.metadata[who], ("callboard-message-id", "order-1")]
        _, call = keys.probe.Begin.with_call(probe.BeginRequest(), metadata=metadata, timeout=10)
        made.add(dict(call.initial_metadata())["callboard-key"])
    assert len(made) == 2


def test_a_message_tells_its_actor_who_has_sent_it(keys):
    request = probe.ContextRequest(probe="seen")
    assert keys.probe.Context(request, **keys.options("all")).principal == "key:all"
    # Nobody can say it for himself, or for another.
    forged = ("callboard-principal", "key:user")
    metadata = [*keys.metadata["all"], forged]
    error = refused(keys.probe.Context, request, metadata=metadata, timeout=10)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    asked = gateway.AskRequest(message=message("Context", "seen"))
    asked.message.json = "{}"
    asked.message.headers[forged[0]] = forged[1]
    error = refused(keys.gateway.Ask, asked, **keys.options("all"))
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


def test_operators_and_reflection_need_their_permissions(keys):
    stub = admin_grpc.AdminStub(keys.channel)
    types, purge = admin.ListActorTypesRequest(), admin.PurgeRequest()
    assert stub.ListActorTypes(types, **keys.options("operator")).actor_types
    # To send everything everywhere is not to look into mailboxes.
    for who in ("user", "all"):
        refused(stub.ListActorTypes, types, **keys.options(who)).is_ours(*DENIED)
    refused(stub.Purge, purge, **keys.options("operator")).is_ours(*DENIED)
    path = "/callboard.v1.Admin/Purge"
    assert keys.web("operator", path, b"{}", **JSON).status == 403
    assert keys.web("all", "/callboard.v1.Admin/ListActorTypes", b"{}", **JSON).status == 403
    assert keys.web(None, "/callboard.v1.Admin/ListActorTypes", b"{}", **JSON).status == 401
    # No other way of writing a path leads around it.
    for path in ("//callboard.v1.Admin/Purge", "/callboard.v1.Admin%2FPurge", "/callboard.v1.admin/Purge"):
        assert keys.web("all", path, b"{}", **JSON).status == 501, path

    reflection = reflection_pb2_grpc.ServerReflectionStub(keys.channel)
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    ask = lambda who: list(reflection.ServerReflectionInfo(iter([asked]), **keys.options(who)))
    assert ask("operator")[0].list_services_response.service
    refused(ask, "all").is_ours(*DENIED)


def test_health_is_for_everybody(keys):
    health = health_pb2_grpc.HealthStub(keys.channel)
    assert health.Check(health_pb2.HealthCheckRequest(), timeout=10).status
    # Bad credentials do not take it away.
    metadata = [("callboard-api-key", "cb_wrong")]
    assert health.Check(health_pb2.HealthCheckRequest(), metadata=metadata, timeout=10).status
    assert keys.web(None, "/grpc.health.v1.Health/Check", b"{}", **JSON).status == 200


def test_a_page_may_send_credentials(keys):
    asks = {
        "origin": "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,callboard-api-key,content-type",
    }
    # The question itself has none.
    answer = send(keys.dev.port, "OPTIONS", "/probe.v1.Probe/Add", None, asks)
    assert answer.status == 204
    assert answer.headers["access-control-allow-headers"] == asks["access-control-request-headers"]
    body = json.dumps({"probe": "user", "delta": 1}).encode()
    answer = keys.web(None, "/probe.v1.Probe/Add", body, **JSON, origin="https://app.example")
    assert answer.status == 401
    assert answer.headers["access-control-allow-origin"] == "https://app.example"


def test_reflection_can_be_switched_off(devs):
    dev = start(devs.probe(), "--no-reflection")
    reflection = reflection_pb2_grpc.ServerReflectionStub(dev.channel())
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    error = refused(lambda: list(reflection.ServerReflectionInfo(iter([asked]), timeout=10)))
    assert error.code == grpc.StatusCode.UNIMPLEMENTED
    command = [binary("callboard"), "call", "probe.v1.Probe/a", "Add", f"--gateway={dev.url}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1 and "--protos" in done.stderr
    # Where nobody is asked who he is, credentials do no harm.
    metadata = [("callboard-api-key", "cb_x"), ("authorization", "Bearer x")]
    assert dev.probe().Add(probe.AddRequest(probe="a", delta=1), metadata=metadata, timeout=10)
