"""What callers and operators do, one after the other. Each scenario has actors of its own, or leaves those that it
shares with others as they find them."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.duration_pb2 import Duration
from harness.until import until

from rehearsal.stubs import (
    bank,
    bank_grpc,
    counter,
    counter_grpc,
    desk,
    desk_grpc,
    gateway,
    gateway_grpc,
)
from rehearsal.world import World

ASK_SECONDS = 60

COUNTER = "counter.v1.Counter"
DESK = "desk.v1.Desk"

ALL: list[Callable[[World], None]] = []

# Those that only who may `callboard admin` plays.
ADMIN: set[str] = set()


def scenario(play: Callable[[World], None]) -> Callable[[World], None]:
    ALL.append(play)
    return play


def admin_scenario(play: Callable[[World], None]) -> Callable[[World], None]:
    ADMIN.add(play.__name__)
    return scenario(play)


def play(world: World, scenario: Callable[[World], None]) -> None:
    """Plays it, unless it was played already in this world."""
    if scenario.__name__ in world.played:
        return
    world.log.scenario = scenario.__name__
    scenario(world)
    world.log.scenario = ""
    world.played.add(scenario.__name__)


def _message_id(text: str) -> list[tuple[str, str]]:
    return [("callboard-message-id", text)]


def _by_name(world: World) -> gateway_grpc.GatewayStub:
    return gateway_grpc.GatewayStub(world.gateway.channel())


def _address(kind: str, key: str) -> gateway.Address:
    return gateway.Address(type=kind, key=key)


@scenario
def the_health_check_of_the_container_is_good(world: World) -> None:
    done = world.gateway.container_check()
    assert done.returncode == 0, done
    assert world.gateway.command("health").stdout == "SERVING\n"


@scenario
def the_tables_are_those_that_the_gateway_wants(world: World) -> None:
    assert world.tables("create").stdout.count("there already") == 2
    world.tables("check")


@scenario
def a_counter_is_asked_told_and_read(world: World) -> None:
    stub = counter_grpc.CounterStub(world.gateway.channel())
    add = lambda delta, **more: stub.Add(
        counter.AddRequest(counter="alice", delta=delta), timeout=ASK_SECONDS, **more
    )
    assert add(5).value == 5
    for _ in range(10):
        stub.Note(counter.NoteRequest(counter="alice", delta=1), timeout=ASK_SECONDS)
    # Behind all of them.
    assert add(0).value == 15
    assert stub.Get(counter.GetRequest(counter="alice"), timeout=ASK_SECONDS).value == 15
    # With an id it counts once.
    once = _message_id("once")
    assert [add(7, metadata=once).value for _ in range(2)] == [22, 22]
    awaited = gateway.AwaitRequest(address=_address(COUNTER, "alice"), message_id="once")
    reply = _by_name(world).Await(awaited, timeout=ASK_SECONDS)
    assert counter.AddResponse.FromString(reply.encoded).value == 22


@scenario
def many_counters_are_added_to_at_once(world: World) -> None:
    stub = counter_grpc.CounterStub(world.gateway.channel())
    names = [f"counter-{n}" for n in range(5)]
    add = lambda name: stub.Add(counter.AddRequest(counter=name, delta=1), timeout=ASK_SECONDS)
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(add, names * 10))
    read = lambda name: stub.Get(counter.GetRequest(counter=name), timeout=ASK_SECONDS).value
    assert [read(name) for name in names] == [10] * 5


def _note_later(world: World, name: str, message_id: str, seconds: float, delta: int = 1) -> None:
    note = counter.NoteRequest(counter=name, delta=delta)
    message = gateway.Message(
        address=_address(COUNTER, name),
        method="Note",
        encoded=note.SerializeToString(),
        message_id=message_id,
    )
    delay = Duration(seconds=int(seconds), nanos=int(seconds % 1 * 1e9))
    _by_name(world).Tell(gateway.TellRequest(message=message, delay=delay), timeout=ASK_SECONDS)


@scenario
def a_delayed_tell_is_delivered(world: World) -> None:
    stub = counter_grpc.CounterStub(world.gateway.channel())
    _note_later(world, "later", "in-a-second", 1, delta=3)
    value = lambda: stub.Get(counter.GetRequest(counter="later"), timeout=ASK_SECONDS).value
    until("the tell is delivered", lambda: value() == 3)


@scenario
def a_delayed_tell_is_cancelled(world: World) -> None:
    cancel = gateway.CancelRequest(address=_address(COUNTER, "never"), message_id="tomorrow")
    _note_later(world, "never", "tomorrow", 86_400)
    assert _by_name(world).Cancel(cancel, timeout=ASK_SECONDS).cancelled
    assert not _by_name(world).Cancel(cancel, timeout=ASK_SECONDS).cancelled
    # And when the answer to the cancellation is lost, its receipt tells that it was done.
    _note_later(world, "never", "the-day-after", 86_400)
    cancel.message_id = "the-day-after"
    world.database.answers_to_lose.append("TransactWriteItems")
    assert _by_name(world).Cancel(cancel, timeout=ASK_SECONDS).cancelled
    assert not world.database.answers_to_lose


@scenario
def money_is_transferred_and_none_is_made_or_lost_when_the_gateway_is_replaced(
    world: World,
) -> None:
    accounts = [f"account-{n}" for n in range(6)]
    stub = bank_grpc.AccountStub(world.gateway.channel())
    for account in accounts:
        stub.Deposit(bank.DepositRequest(account=account, cents=1_000), timeout=ASK_SECONDS)
    dice = random.Random(7)
    transfers = {f"t-{n}": (*dice.sample(accounts, 2), dice.randrange(1, 600)) for n in range(30)}
    outcomes: dict[str, bool] = {}

    def execute(transfer: str) -> None:
        paying, paid, cents = transfers[transfer]
        request = bank.ExecuteRequest(transfer=transfer, to=paid, cents=cents)
        # `from` is a word of Python's own.
        setattr(request, "from", paying)

        def outcome() -> bool | None:
            # A channel of its own: the gateway changes while this goes on.
            try:
                bank_grpc.TransferStub(world.gateway.channel()).Execute(request, timeout=20)
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.FAILED_PRECONDITION:
                    assert error.details() == "there is not enough in the account", error
                    outcomes[transfer] = False
                    return True
                assert error.code() in (
                    grpc.StatusCode.UNAVAILABLE,
                    grpc.StatusCode.DEADLINE_EXCEEDED,
                ), error
                return None
            outcomes[transfer] = True
            return True

        until(f"{transfer} has an outcome", outcome, 120)

    with ThreadPoolExecutor(6) as callers:
        calls = [callers.submit(execute, transfer) for transfer in transfers]
        until("some are done", lambda: len(outcomes) >= 10, 120)
        world.gateway.stop()
        world.gateway.start()
        for call in calls:
            call.result()

    expected = Counter({account: 1_000 for account in accounts})
    for transfer, (paying, paid, cents) in transfers.items():
        if outcomes[transfer]:
            expected[paying] -= cents
            expected[paid] += cents
    stub = bank_grpc.AccountStub(world.gateway.channel())
    read = lambda account: (
        stub.Balance(bank.BalanceRequest(account=account), timeout=ASK_SECONDS).cents
    )
    assert {account: read(account) for account in accounts} == dict(expected)
    assert set(outcomes.values()) == {True, False}, "all or none were refused"


@scenario
def a_new_version_takes_over_and_what_runs_ends_on_the_old_one(world: World) -> None:
    stub = desk_grpc.DeskStub(world.gateway.channel())
    think = lambda milliseconds: stub.Think.future(
        desk.ThinkRequest(desk="slow", milliseconds=milliseconds), timeout=ASK_SECONDS
    )
    stub.Open(desk.OpenRequest(desk="large"), timeout=ASK_SECONDS)
    # So large that it does not lie in the record.
    stub.Write(desk.WriteRequest(desk="large", bytes=100_000), timeout=ASK_SECONDS)
    read = lambda: stub.Read(desk.ReadRequest(desk="large"), timeout=ASK_SECONDS).bytes
    until("it is written", lambda: read() == 100_000)
    assert think(0).result().version == "1"
    running = think(8_000)
    begun = len(world.log.seen)
    until("it runs", lambda: any(seen.operation == "Invoke" for seen in world.log.seen[begun:]))
    world.deploy_function("callboard-desk", version=2)
    assert not running.done(), "it ended before there was a new version"
    assert running.result().version == "1"
    assert think(0).result().version == "2"
    # The new version has the old one's state.
    assert read() == 100_000


@scenario
def an_ask_is_forwarded_to_an_actor_of_another_function(world: World) -> None:
    stub = desk_grpc.DeskStub(world.gateway.channel())
    pass_on = lambda: (
        stub.Pass(desk.PassRequest(desk="front", archive="attic"), timeout=ASK_SECONDS).papers
    )
    assert [pass_on() for _ in range(3)] == [1, 2, 3]


@scenario
def without_its_peers_types_a_function_is_denied_and_goes_on_when_it_has_them(world: World) -> None:
    denied = "callboard-archive"
    world.deploy_function(denied, version=2, peers="")
    stub = desk_grpc.DeskStub(world.gateway.channel())
    passed = stub.Pass.future(desk.PassRequest(desk="alone", archive="cellar"), timeout=120)
    until(
        "it is denied",
        lambda: any(seen.denied for seen in world.log.seen if seen.role == denied),
        60,
    )
    assert not passed.done()
    world.deploy_function(denied, version=3)
    assert passed.result().papers == 1


def _set_aside(world: World, name: str, *ids: str) -> None:
    """Tells a desk that is closed to write, until it gives up."""
    stub = desk_grpc.DeskStub(world.gateway.channel())
    for message_id in ids:
        write = desk.WriteRequest(desk=name, bytes=10)
        stub.Write(write, timeout=ASK_SECONDS, metadata=_message_id(message_id))
    letters = lambda: world.gateway.admin("dead-letters", f"{DESK}/{name}").get("deadLetters", [])
    until("they are set aside", lambda: len(letters()) == len(ids), 60)


@admin_scenario
def dead_letters_are_redriven_and_discarded(world: World) -> None:
    admin, name = world.gateway.admin, "closed"
    _set_aside(world, name, "first", "second")
    of_type = lambda: admin("dead-letters", DESK).get("deadLetters", [])
    until(
        "they are listed",
        lambda: sum(letter["address"]["key"] == name for letter in of_type()) == 2,
    )
    stub = desk_grpc.DeskStub(world.gateway.channel())
    stub.Open(desk.OpenRequest(desk=name), timeout=ASK_SECONDS)
    admin("redrive", f"{DESK}/{name}", "first")
    read = lambda: stub.Read(desk.ReadRequest(desk=name), timeout=ASK_SECONDS).bytes
    until("it is handled", lambda: read() == 10)
    admin("discard", f"{DESK}/{name}", "second", "--yes")
    assert admin("dead-letters", f"{DESK}/{name}").get("deadLetters", []) == []


@admin_scenario
def an_operator_looks_into_a_mailbox_and_mends_it(world: World) -> None:
    admin, name = world.gateway.admin, "paused"
    actor = f"{DESK}/{name}"
    stub = desk_grpc.DeskStub(world.gateway.channel())
    stub.Open(desk.OpenRequest(desk=name), timeout=ASK_SECONDS)
    stub.Write(desk.WriteRequest(desk=name, bytes=100_000), timeout=ASK_SECONDS)
    read = lambda: stub.Read(desk.ReadRequest(desk=name), timeout=ASK_SECONDS).bytes
    until("it is written", lambda: read() == 100_000)
    assert any(info["type"] == DESK for info in admin("types")["actorTypes"])
    listed = lambda: [
        each["key"] for each in admin("actors", DESK, "--prefix", name).get("actors", [])
    ]
    until("it is listed", lambda: listed() == [name])
    assert '"paper":"xxx' in admin("state", actor)["json"].replace(" ", "")
    admin("pause", actor, "to look at it")
    for number in range(3):
        stub.Write(desk.WriteRequest(desk=name, bytes=number), timeout=ASK_SECONDS)
    described = admin("describe", actor)
    assert (described["paused"], int(described["depth"])) == (True, 3)
    assert len(admin("peek", actor)["messages"]) == 3
    assert int(admin("purge", actor, "--yes")["messages"]) == 3
    admin("resume", actor)
    assert read() == 100_000
    assert admin("delete", actor, "--yes")["state"]
    assert read() == 0


@admin_scenario
def delayed_messages_are_purged(world: World) -> None:
    actor = f"{COUNTER}/purged"
    for number in range(3):
        _note_later(world, "purged", f"message-{number}", 86_400)
    assert world.gateway.admin("describe", actor)["delayed"] == 3
    assert int(world.gateway.admin("purge", actor, "--yes")["messages"]) == 3
