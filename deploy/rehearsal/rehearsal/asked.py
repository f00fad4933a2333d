"""What a request asks for, as IAM sees it.

For DynamoDB: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html. A
transaction has no action of its own: each of its items is the action that it would be alone. A batch of writes has
one, and what it writes needs no other.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from rehearsal.policy import Ask


@dataclass(frozen=True)
class Account:
    """What ARNs have of an account, and the partition keys of its tables and indexes."""

    id: str
    region: str
    # By the table's name, or `table/index/INDEX`.
    partition_keys: dict[str, str]

    def table(self, name: str) -> str:
        return f"arn:aws:dynamodb:{self.region}:{self.id}:table/{name}"

    def function(self, name: str) -> str:
        return f"arn:aws:lambda:{self.region}:{self.id}:function:{name}"


# The actions that are about one item, by the name of their part in a transaction.
TRANSACTED = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}

# What is asked of a table as a whole, and names no partition.
OF_TABLES = {
    "CreateTable",
    "DescribeContinuousBackups",
    "DescribeTable",
    "DescribeTimeToLive",
    "UpdateTimeToLive",
}


def of_dynamodb(account: Account, operation: str, body: bytes) -> list[Ask]:
    """Of the operation in `x-amz-target`, without its version."""
    request = json.loads(body)
    if operation in OF_TABLES:
        return [Ask(f"dynamodb:{operation}", account.table(request["TableName"]))]
    return [
        Ask(f"dynamodb:{action}", account.table(resource), keys)
        for action, resource, keys in _READERS[operation](account, operation, request)
    ]


Read = Iterator[tuple[str, str, tuple[str, ...]]]


def _one_item(account: Account, operation: str, request: dict) -> Read:
    table = request["TableName"]
    yield operation, table, (_partition(account, table, request.get("Key") or request["Item"]),)


def _transaction(account: Account, _: str, request: dict) -> Read:
    for item in request["TransactItems"]:
        [(kind, part)] = item.items()
        yield from _one_item(account, TRANSACTED[kind], part)


def _batch_get(account: Account, operation: str, request: dict) -> Read:
    for table, wanted in request["RequestItems"].items():
        yield operation, table, tuple(_partition(account, table, key) for key in wanted["Keys"])


def _batch_write(account: Account, operation: str, request: dict) -> Read:
    for table, writes in request["RequestItems"].items():
        keys = []
        for write in writes:
            [part] = write.values()
            keys.append(_partition(account, table, part.get("Key") or part["Item"]))
        yield operation, table, tuple(keys)


def _query(account: Account, operation: str, request: dict) -> Read:
    resource = request["TableName"]
    if index := request.get("IndexName"):
        resource += f"/index/{index}"
    name = account.partition_keys[resource]
    condition = request["KeyConditionExpression"]
    for short, long in request.get("ExpressionAttributeNames", {}).items():
        condition = re.sub(rf"{re.escape(short)}\b", long, condition)
    # An expression has it in one place, or DynamoDB would refuse it.
    [value] = re.findall(rf"(?:^|[\s(]){re.escape(name)}\s*=\s*(:\w+)", condition)
    yield operation, resource, (_text(request["ExpressionAttributeValues"][value]),)


_READERS: dict[str, Callable[[Account, str, dict], Read]] = {
    "BatchGetItem": _batch_get,
    "BatchWriteItem": _batch_write,
    "DeleteItem": _one_item,
    "GetItem": _one_item,
    "PutItem": _one_item,
    "Query": _query,
    "TransactWriteItems": _transaction,
    "UpdateItem": _one_item,
}


def _partition(account: Account, table: str, item: dict) -> str:
    return _text(item[account.partition_keys[table]])


def _text(value: dict) -> str:
    [text] = value.values()
    return text


def of_lambda(account: Account, method: str, path: str) -> list[Ask]:
    """Of an invocation: a function, perhaps with a qualifier behind it."""
    invoked = re.fullmatch(
        r"/2015-03-31/functions/([^/?]+)/invocations(?:\?Qualifier=([^&]+))?", path
    )
    if method != "POST" or invoked is None:
        raise ValueError(f"a request to Lambda that this does not know: {method} {path}")
    name, qualifier = (unquote(part) if part else None for part in invoked.groups())
    # By ARN, too, it is the same.
    name = name.rpartition(":function:")[2]
    return [
        Ask("lambda:InvokeFunction", account.function(f"{name}:{qualifier}" if qualifier else name))
    ]
