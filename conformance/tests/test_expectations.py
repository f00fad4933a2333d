"""What the runner itself promises of its expectations."""

import pytest

from runner.case import fill
from runner.expect import differences, kind

UUID7 = "01a1faee-f58e-771f-a9ea-db1f3105f357"


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 5}, {"a": "5", "b": 1}),
        ({"a": 0, "b": "", "c": [], "d": None, "e": False}, {}),
        ({"$uuid7": True}, UUID7),
        ({"a": {"$present": False}}, {"a": None}),
        ({"$range": [1, 3]}, 2.5),
        ({"$one_of": [{"a": 1}, {"b": 2}]}, {"b": 2}),
        ({"$not": "a"}, "b"),
        ({"$contains": "ell"}, "hello"),
        ({"$bytes": 3}, "AAAA"),
        ({"$set": ["b", "a"]}, ["a", "b"]),
    ],
)
def test_what_is_met(expected, actual):
    assert differences(expected, actual) == []


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 5}, {"a": 6}),
        ({"a": 5}, {}),
        ({"a": True}, {"a": 1}),
        (["a"], ["a", "b"]),
        ({"$uuid7": True}, UUID7.replace("-7", "-4")),
        ({"$present": True}, None),
        ({"$range": [1, 3]}, None),
        ({"$unique": True}, ["a", "a"]),
        ({"$contains": "x"}, None),
        ("a", None),
    ],
)
def test_what_is_not_met(expected, actual):
    assert differences(expected, actual)


def test_a_reference_is_replaced_by_what_it_names():
    values = {"a": {"b": [1, 2]}, "n": 7}
    assert fill({"x": "${a.b.1}", "y": "n=${n}", "${n}": 1}, values) == {"x": 2, "y": "n=7", 7: 1}
    with pytest.raises(ValueError, match=r"\$\{a\.c\}"):
        fill("${a.c}", values)


@pytest.mark.parametrize(
    "name",
    ["RateLimited", "RateLimitedError", "rate_limited", "RATE_LIMITED", "x.RateLimitedException"],
)
def test_a_kind_is_the_same_in_each_language(name):
    assert kind(name) == "ratelimited"
