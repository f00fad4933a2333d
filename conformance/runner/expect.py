"""What a case expects, compared with what there is.

A mapping is met by one that has at least these entries; an entry that is not there
counts as the default of protobuf's JSON (0, "", false, [] or null). A whole number is
met by its digits, as protobuf's JSON writes an int64. A mapping with one entry whose
name begins with `$` is a matcher; README.md lists them."""

import base64
import re
from typing import Any

_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_MISSING = object()


def differences(expected: Any, actual: Any, where: str = "") -> list[str]:
    """What is not as it is expected, each with its path."""
    if isinstance(expected, dict):
        matcher = next(iter(expected), "")
        if len(expected) == 1 and str(matcher).startswith("$"):
            return _matched(str(matcher), expected[matcher], actual, where)
        actual = {} if actual is _MISSING else actual
        if not isinstance(actual, dict):
            return [f"{where}: a mapping is expected, and it is {actual!r}"]
        found = []
        for name, value in expected.items():
            found += differences(value, actual.get(name, _MISSING), f"{where}.{name}")
        return found
    if isinstance(expected, list):
        actual = [] if actual is _MISSING else actual
        if not isinstance(actual, list) or len(actual) != len(expected):
            return [f"{where}: {expected!r} is expected, and it is {actual!r}"]
        found = []
        for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
            found += differences(one, other, f"{where}[{index}]")
        return found
    if actual is _MISSING:
        is_met = expected in (0, "", False, None)
    elif isinstance(expected, int) and not isinstance(expected, bool) and isinstance(actual, str):
        is_met = actual == str(expected)
    else:
        is_met = type(expected) is type(actual) and expected == actual
    shown = "absent" if actual is _MISSING else repr(actual)
    return [] if is_met else [f"{where}: {expected!r} is expected, and it is {shown}"]


def _matched(matcher: str, argument: Any, actual: Any, where: str) -> list[str]:
    is_there = actual is not _MISSING and actual is not None
    match matcher:
        case "$present":
            is_met = is_there == bool(argument)
        case "$uuid7":
            is_met = isinstance(actual, str) and bool(_UUID7.fullmatch(actual))
        case "$range":
            low, high = argument
            value = 0 if actual is _MISSING else actual
            is_met = isinstance(value, int | float) and low <= value <= high
        case "$one_of":
            is_met = any(not differences(one, actual) for one in argument)
        case "$not":
            is_met = bool(differences(argument, actual))
        case "$contains":
            is_met = isinstance(actual, str | list) and argument in actual
        case "$bytes":
            size = 0 if actual is _MISSING else len(base64.b64decode(actual))
            is_met = size == argument
        case "$size":
            is_met = is_there and len(actual) == argument
        case "$unique":
            is_met = isinstance(actual, list) and len(set(actual)) == len(actual)
        case "$numbered":
            prefix, count, others = argument
            numbered = [f"{prefix}{number}" for number in range(count)]
            ids = actual if isinstance(actual, list) else []
            is_met = ids[:count] == numbered and len(ids) == count + others
        case "$set":
            is_met = isinstance(actual, list) and sorted(actual) == sorted(argument)
        case _:
            raise ValueError(f"no matcher is called {matcher}")
    shown = "absent" if actual is _MISSING else repr(actual)[:300]
    return [] if is_met else [f"{where}: {matcher} {argument!r} is expected, and it is {shown}"]


def kind(name: str) -> str:
    """The name of an error's class or kind, as all languages have it in common:
    `RateLimitedError`, `rate_limited` and `RATE_LIMITED` are `ratelimited`."""
    letters = re.sub(r"[^a-z]", "", name.rpartition(".")[2].lower())
    for suffix in ("error", "exception"):
        if len(letters) > len(suffix):
            letters = letters.removesuffix(suffix)
    return letters
