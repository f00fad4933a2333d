"""What lies in the DynamoDB of a `callboard dev`."""

import json
import urllib.request

# Where gateways send messages to find out whether they get through. One may be on its way
# at any time.
CANARY = "callboard.v1.Canary/canary"

TABLES = ("callboard-mailboxes", "callboard-replies")

# The embedded database asks nobody who they are, but it wants the header.
_HEADERS = {
    "content-type": "application/x-amz-json-1.0",
    "authorization": "AWS4-HMAC-SHA256 Credential=local/20300101/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=0",
    "x-amz-date": "20300101T000000Z",
}


def items(dev) -> dict[str, list[dict]]:
    """All items of all tables but those of canaries, in an order of their own."""
    # The order of the attributes in an item is another one each time.
    text = lambda item: json.dumps(item, sort_keys=True)
    is_actors = lambda item: CANARY not in text(item)
    return {table: sorted(filter(is_actors, _scan(dev, table)), key=text) for table in TABLES}


def canaries(dev) -> list[dict]:
    """The canaries that are on their way."""
    return [item for item in _scan(dev, TABLES[0]) if CANARY in json.dumps(item)]


def make_table(dev, request: dict) -> None:
    """Makes a table."""
    _call(dev.endpoint("database"), "CreateTable", request)


def _scan(dev, table: str) -> list[dict]:
    found, request = [], {"TableName": table, "ConsistentRead": True}
    while True:
        answer = _call(dev.endpoint("database"), "Scan", request)
        found += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return found
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _call(url: str, operation: str, request: dict) -> dict:
    headers = {**_HEADERS, "x-amz-target": f"DynamoDB_20120810.{operation}"}
    body = json.dumps(request).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
        return json.load(answer)
