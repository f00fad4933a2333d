"""What requests ask for, as IAM sees it."""

import json

import pytest

from rehearsal.asked import Account, of_dynamodb, of_lambda
from rehearsal.policy import Ask

KEYS = {"boxes": "a", "boxes/index/due": "g", "replies": "id"}
ACCOUNT = Account("1", "r", KEYS)
BOXES, REPLIES = ACCOUNT.table("boxes"), ACCOUNT.table("replies")


def asked(operation: str, **request) -> list[Ask]:
    return of_dynamodb(ACCOUNT, operation, json.dumps(request).encode())


def key(value: str) -> dict:
    return {"a": {"S": value}, "k": {"S": "!"}}


def test_an_operation_on_one_item_is_its_action_on_the_partition():
    assert asked("GetItem", TableName="boxes", Key=key("x")) == [
        Ask("dynamodb:GetItem", BOXES, ("x",))
    ]
    put = asked("PutItem", TableName="replies", Item={"id": {"S": "y"}, "a": {"S": "no key here"}})
    assert put == [Ask("dynamodb:PutItem", REPLIES, ("y",))]


def test_a_transaction_is_the_action_of_each_of_its_items():
    items = [
        {"Update": {"TableName": "boxes", "Key": key("x")}},
        {"Put": {"TableName": "replies", "Item": {"id": {"S": "y"}}}},
        {"Delete": {"TableName": "boxes", "Key": key("z")}},
        {"ConditionCheck": {"TableName": "boxes", "Key": key("w")}},
    ]
    assert asked("TransactWriteItems", TransactItems=items) == [
        Ask("dynamodb:UpdateItem", BOXES, ("x",)),
        Ask("dynamodb:PutItem", REPLIES, ("y",)),
        Ask("dynamodb:DeleteItem", BOXES, ("z",)),
        Ask("dynamodb:ConditionCheckItem", BOXES, ("w",)),
    ]


def test_batches_are_actions_of_their_own_for_each_table_with_all_keys():
    reads = {"boxes": {"Keys": [key("x"), key("y")]}, "replies": {"Keys": [{"id": {"S": "z"}}]}}
    assert asked("BatchGetItem", RequestItems=reads) == [
        Ask("dynamodb:BatchGetItem", BOXES, ("x", "y")),
        Ask("dynamodb:BatchGetItem", REPLIES, ("z",)),
    ]
    writes = {"boxes": [{"DeleteRequest": {"Key": key("x")}}, {"PutRequest": {"Item": key("y")}}]}
    assert asked("BatchWriteItem", RequestItems=writes) == [
        Ask("dynamodb:BatchWriteItem", BOXES, ("x", "y"))
    ]


def test_a_query_names_its_partition_and_its_index():
    values = {":address": {"S": "x"}, ":first": {"S": "m#"}, ":shard": {"N": "3"}}
    query = lambda condition, **more: asked(
        "Query",
        TableName="boxes",
        KeyConditionExpression=condition,
        ExpressionAttributeValues=values,
        **more,
    )
    of_table = [Ask("dynamodb:Query", BOXES, ("x",))]
    assert query("a = :address AND k BETWEEN :first AND :last") == of_table
    assert (
        query("#k > :first AND #p=:address", ExpressionAttributeNames={"#p": "a", "#k": "k"})
        == of_table
    )
    of_index = [Ask("dynamodb:Query", f"{BOXES}/index/due", ("3",))]
    assert query("g = :shard AND due <= :by", IndexName="due") == of_index


@pytest.mark.parametrize(
    "operation", ["Scan", "ExecuteStatement", "TransactGetItems", "DeleteTable"]
)
def test_an_operation_that_it_does_not_know_is_an_error(operation):
    with pytest.raises(KeyError):
        asked(operation, TableName="boxes")


@pytest.mark.parametrize(
    "path",
    [
        "callboard-bank%3Alive/invocations",
        "callboard-bank:live/invocations",
        "callboard-bank/invocations?Qualifier=live",
    ],
)
def test_an_invocation_is_of_a_function_with_its_alias(path):
    invoked = of_lambda(ACCOUNT, "POST", f"/2015-03-31/functions/{path}")
    assert invoked == [Ask("lambda:InvokeFunction", ACCOUNT.function("callboard-bank:live"))]


def test_nothing_else_is_asked_of_lambda():
    with pytest.raises(ValueError):
        of_lambda(ACCOUNT, "GET", "/2015-03-31/functions/callboard-bank")
