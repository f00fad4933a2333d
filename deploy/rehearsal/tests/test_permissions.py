"""What the roles of the templates allow is what is done: no more and no less."""

import re
from collections.abc import Iterator

import boto3
import pytest
from harness.paths import REPOSITORY

from rehearsal import scenarios
from rehearsal.asked import Account
from rehearsal.emulator import ACCOUNT, REGION
from rehearsal.policy import Ask, Grant
from rehearsal.recorder import Seen
from rehearsal.world import DEPLOYER, FUNCTIONS, GATEWAY, World

# The one that is denied something on purpose.
DENIED = scenarios.without_its_peers_types_a_function_is_denied_and_goes_on_when_it_has_them

# Rights that AWS itself uses in the role's name, where no test sees it: role, and the statement.
OF_AWS = {
    # Lambda writes what a function prints.
    ("actor", "Log"),
}

# The statements that the gateway's role has with `Admin` alone.
OF_ADMIN = {"States", "Directory", "ForgetReplies"}

ACCOUNT_OF_ARNS = Account(ACCOUNT, REGION, {})
MAILBOXES = ACCOUNT_OF_ARNS.table("callboard-mailboxes")
REPLIES = ACCOUNT_OF_ARNS.table("callboard-replies")


@pytest.fixture
def played(world: World) -> World:
    """After all scenarios."""
    for scenario in scenarios.ALL:
        scenarios.play(world, scenario)
    return world


def by_roles(world: World) -> Iterator[Seen]:
    return (seen for seen in world.log.seen if seen.role != DEPLOYER)


def kind(role: str) -> str:
    """All functions have the role of one template."""
    return GATEWAY if role == GATEWAY else "actor"


def granted(world: World) -> set[tuple[str, Grant]]:
    roles = {world.gateway_role: GATEWAY} | {
        world.function_role(function): "actor" for function in FUNCTIONS
    }
    return {(kind, grant) for role, kind in roles.items() for grant in world.policy(role).grants()}


def test_every_request_is_allowed(played):
    assert played.log.failures == []
    denied = {
        (seen.role, ask)
        for seen in by_roles(played)
        if seen.scenario != DENIED.__name__
        for ask in seen.denied
    }
    assert denied == set()


def test_what_is_denied_on_purpose_is_an_answer_to_a_peer_and_nothing_else(played):
    denied = [
        (seen.role, ask.action, ask.resource)
        for seen in by_roles(played)
        if seen.scenario == DENIED.__name__
        for ask in seen.denied
    ]
    assert set(denied) == {("callboard-archive", "dynamodb:PutItem", REPLIES)}


def test_every_right_is_used(played):
    used = {
        (kind(seen.role), grant)
        for seen in by_roles(played)
        for grants in seen.grants
        for grant in grants
    }
    unused = granted(played) - used
    assert {(role, grant) for role, grant in unused if (role, grant.sid) not in OF_AWS} == set()
    assert OF_AWS <= {(role, grant.sid) for role, grant in unused}, (
        "what AWS uses was used by us, or is gone"
    )


def test_without_admin_the_gateway_needs_no_right_of_admin(played):
    for seen in by_roles(played):
        if seen.role == GATEWAY and seen.scenario not in scenarios.ADMIN:
            for ask, grants in zip(seen.asks, seen.grants, strict=True):
                assert {grant.sid for grant in grants} - OF_ADMIN, (seen.scenario, ask)


def test_functions_invoke_nobody_and_gateways_nothing_but_the_alias(played):
    invoked = {
        (seen.role, ask.resource)
        for seen in by_roles(played)
        if seen.operation == "Invoke"
        for ask in seen.asks
    }
    assert invoked == {
        (GATEWAY, ACCOUNT_OF_ARNS.function(f"{function}:live")) for function in FUNCTIONS
    }


def test_every_operation_that_is_in_the_code_was_seen(worlds):
    """One that is new there needs a scenario here, so that its rights are looked at."""
    seen = set()
    for engine in ("ministack", "dynamodb-local"):
        world = worlds(engine)
        for scenario in scenarios.ALL:
            scenarios.play(world, scenario)
        seen |= {each.operation for each in world.log.seen}
    client = boto3.client("dynamodb", region_name=REGION)
    operations = client.meta.method_to_api_mapping
    source = "".join(
        file.read_text() for file in (REPOSITORY / "mailbox-dynamodb" / "src").rglob("*.rs")
    )
    in_code = {
        operations[name] for name in re.findall(r"\.(\w+)\(\)", source) if name in operations
    }
    assert "TransactWriteItems" in in_code
    assert in_code - seen == set()


def test_nobody_scans_and_no_right_has_a_wildcard_but_for_the_functions_names(world):
    for _, grant in granted(world):
        assert re.fullmatch(r"\w+:[A-Za-z]+", grant.action), grant
        assert grant.action not in ("dynamodb:Scan", "dynamodb:PartiQLSelect"), grant
        wildcards = grant.resource.count("*")
        if grant.action == "lambda:InvokeFunction":
            assert grant.resource == ACCOUNT_OF_ARNS.function("callboard-*:live")
        elif grant.sid == "Log":
            # A log group's ARN ends so: it stands for the group's streams.
            assert wildcards == grant.resource.endswith(":*"), grant
        else:
            assert wildcards == 0, grant


def asks(action: str, resource: str, *keys: str) -> Ask:
    return Ask(f"dynamodb:{action}", resource, keys)


NOT_FOR_A_COUNTER = [
    asks("GetItem", MAILBOXES, "bank.v1.Account/alice"),
    asks("PutItem", MAILBOXES, "bank.v1.Account/alice"),
    asks("PutItem", REPLIES, "bank.v1.Account/alice/message"),
    # Another type that begins in the same way.
    asks("GetItem", MAILBOXES, "counter.v1.Counters/alice"),
    # One of its own, and one that is not.
    asks("BatchGetItem", MAILBOXES, "counter.v1.Counter/alice", "bank.v1.Account/alice"),
    # No partition is named.
    asks("GetItem", MAILBOXES),
    asks("Scan", MAILBOXES, "counter.v1.Counter/alice"),
    asks("Query", f"{MAILBOXES}/index/due", "3"),
    asks("Query", f"{MAILBOXES}/index/directory", "counter.v1.Counter#3"),
    # It has no use for these.
    asks("DeleteItem", REPLIES, "counter.v1.Counter/alice/message"),
    asks("BatchWriteItem", MAILBOXES, "counter.v1.Counter/alice"),
    asks("DeleteTable", MAILBOXES),
    Ask("lambda:InvokeFunction", ACCOUNT_OF_ARNS.function("callboard-counter:live")),
]

NOT_FOR_A_PEER = [
    asks("GetItem", MAILBOXES, "desk.v1.Archive/attic"),
    asks("UpdateItem", MAILBOXES, "desk.v1.Archive/attic"),
    asks("DeleteItem", MAILBOXES, "desk.v1.Archive/attic"),
    asks("Query", MAILBOXES, "desk.v1.Archive/attic"),
    asks("BatchGetItem", REPLIES, "desk.v1.Archive/attic/message"),
]

NOT_FOR_A_GATEWAY = [
    asks("Scan", MAILBOXES),
    asks("DeleteTable", MAILBOXES),
    asks("CreateTable", MAILBOXES),
    asks("Query", REPLIES, "counter.v1.Counter/alice/message"),
    asks("GetItem", ACCOUNT_OF_ARNS.table("another"), "counter.v1.Counter/alice"),
    # Not its newest code, no version by its number, and no function of others.
    Ask("lambda:InvokeFunction", ACCOUNT_OF_ARNS.function("callboard-counter")),
    Ask("lambda:InvokeFunction", ACCOUNT_OF_ARNS.function("callboard-counter:1")),
    Ask("lambda:InvokeFunction", ACCOUNT_OF_ARNS.function("payroll:live")),
    Ask("lambda:UpdateFunctionCode", ACCOUNT_OF_ARNS.function("callboard-counter:live")),
]


def test_a_function_gets_at_nothing_but_its_own_actors(world):
    policy = world.policy(world.function_role("callboard-counter"))
    assert policy.allows(asks("GetItem", MAILBOXES, "counter.v1.Counter/alice"))
    assert [ask for ask in NOT_FOR_A_COUNTER if policy.allows(ask)] == []


def test_of_its_peers_a_function_reads_and_changes_nothing(world):
    policy = world.policy(world.function_role("callboard-desk"))
    assert policy.allows(asks("PutItem", MAILBOXES, "desk.v1.Archive/attic"))
    assert [ask for ask in NOT_FOR_A_PEER if policy.allows(ask)] == []


def test_a_gateway_gets_at_nothing_but_its_tables_and_functions(world):
    policy = world.policy(world.gateway_role)
    assert policy.allows(
        Ask("lambda:InvokeFunction", ACCOUNT_OF_ARNS.function("callboard-counter:live"))
    )
    assert [ask for ask in NOT_FOR_A_GATEWAY if policy.allows(ask)] == []
