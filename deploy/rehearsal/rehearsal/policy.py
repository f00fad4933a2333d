"""Whether a policy of IAM allows what is asked for.

It knows what the policies of the templates have, and refuses to judge anything else: an element that it did not know
and let pass would make a test of it worthless.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

LEADING_KEYS = "dynamodb:LeadingKeys"


@dataclass(frozen=True)
class Ask:
    """One action on one resource, and the keys of the partitions that it names."""

    action: str
    resource: str
    leading_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grant:
    """One action on one resource that a statement allows."""

    sid: str
    action: str
    resource: str


@dataclass(frozen=True)
class Statement:
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: dict = field(hash=False)

    @classmethod
    def read(cls, written: dict) -> "Statement":
        unknown = written.keys() - {"Sid", "Effect", "Action", "Resource", "Condition"}
        if unknown or written["Effect"] != "Allow":
            raise ValueError(f"a statement that this does not know: {written}")
        condition = written.get("Condition", {})
        for operator, keys in condition.items():
            if operator not in _OPERATORS or keys.keys() != {LEADING_KEYS}:
                raise ValueError(f"a condition that this does not know: {operator} {keys}")
        return cls(
            written["Sid"], _texts(written["Action"]), _texts(written["Resource"]), condition
        )

    def grants(self) -> Iterator[Grant]:
        for action in self.actions:
            for resource in self.resources:
                yield Grant(self.sid, action, resource)

    def allows(self, ask: Ask) -> list[Grant]:
        """By what of it this is allowed."""
        for operator, keys in self.condition.items():
            if not _OPERATORS[operator](ask.leading_keys, _texts(keys[LEADING_KEYS])):
                return []
        # Names of actions are the same in capitals.
        return [
            grant
            for grant in self.grants()
            if _is_like(ask.action.lower(), grant.action.lower())
            and _is_like(ask.resource, grant.resource)
        ]


class Policy:
    """All policies of a role together."""

    def __init__(self, documents: Iterable[dict]) -> None:
        self.statements = [
            Statement.read(statement)
            for document in documents
            for statement in document["Statement"]
        ]

    def grants(self) -> set[Grant]:
        return {grant for statement in self.statements for grant in statement.grants()}

    def allows(self, ask: Ask) -> list[Grant]:
        """By what this is allowed; nothing when it is not."""
        return [grant for statement in self.statements for grant in statement.allows(ask)]


def _for_all_values_like(keys: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    """Also when there are none: so IAM has it."""
    return all(any(_is_like(key, pattern) for pattern in patterns) for key in keys)


def _null(keys: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    [wants_none] = patterns
    return (not keys) == (wants_none == "true")


_OPERATORS = {"ForAllValues:StringLike": _for_all_values_like, "Null": _null}


def _texts(written: str | list[str]) -> tuple[str, ...]:
    return (written,) if isinstance(written, str) else tuple(written)


def _is_like(text: str, pattern: str) -> bool:
    """A `*` stands for any characters, a `?` for one."""
    parts = (
        {"*": ".*", "?": "."}.get(part, re.escape(part)) for part in re.split(r"([*?])", pattern)
    )
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None
