"""The judge of policies is judged itself."""

import pytest

from rehearsal.policy import LEADING_KEYS, Ask, Grant, Policy

TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/t"
OWN = {
    "ForAllValues:StringLike": {LEADING_KEYS: ["a.A/*", "b.B/*"]},
    "Null": {LEADING_KEYS: "false"},
}


def policy(**statement) -> Policy:
    usual = {"Sid": "It", "Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": TABLE}
    return Policy([{"Version": "2012-10-17", "Statement": [usual | statement]}])


def get(*keys: str, resource: str = TABLE, action: str = "dynamodb:GetItem") -> Ask:
    return Ask(action, resource, keys)


def test_what_no_statement_allows_is_denied():
    assert Policy([]).allows(get("x")) == []
    assert policy().allows(get("x")) == [Grant("It", "dynamodb:GetItem", TABLE)]
    assert policy().allows(get("x", action="dynamodb:PutItem")) == []
    assert policy().allows(get("x", resource=f"{TABLE}2")) == []
    assert policy().allows(get("x", resource=f"{TABLE}/index/due")) == []


def test_actions_are_the_same_in_capitals_and_resources_are_not():
    assert policy().allows(get(action="dynamodb:getitem"))
    assert policy().allows(get(resource=TABLE.upper())) == []


def test_a_star_stands_for_any_characters_and_everything_else_for_itself():
    named = policy(Resource="arn:aws:lambda:r:1:function:callboard-*:live")
    function = lambda name: named.allows(get(resource=f"arn:aws:lambda:r:1:function:{name}"))
    assert function("callboard-bank:live") and function("callboard-:live")
    assert not function("callboard-bank") and not function("callboardXbank:live")
    dotted = policy(Resource="a.b")
    assert dotted.allows(get(resource="a.b")) and not dotted.allows(get(resource="axb"))


def test_all_leading_keys_have_to_be_like_one_of_those_of_the_policy():
    own = policy(Condition=OWN)
    assert own.allows(get("a.A/1")) and own.allows(get("a.A/1", "b.B/1"))
    assert not own.allows(get("a.A/1", "c.C/1"))
    # A pattern with `/` behind the type is not like a longer type.
    assert not own.allows(get("a.AA/1"))
    # Keys have lines and slashes of their own.
    assert own.allows(get("a.A/1/2")) and own.allows(get("a.A/1\n2"))


def test_without_keys_only_null_denies():
    alone = policy(Condition={"ForAllValues:StringLike": OWN["ForAllValues:StringLike"]})
    assert alone.allows(get()), "so IAM has it"
    assert not policy(Condition=OWN).allows(get())
    assert policy(Condition={"Null": {LEADING_KEYS: "true"}}).allows(get())
    assert not policy(Condition={"Null": {LEADING_KEYS: "true"}}).allows(get("a.A/1"))


def test_each_action_on_each_resource_is_a_grant_of_its_own():
    two = policy(Action=["dynamodb:GetItem", "dynamodb:PutItem"], Resource=[TABLE, f"{TABLE}2"])
    assert len(two.grants()) == 4
    assert two.allows(get(resource=f"{TABLE}2")) == [Grant("It", "dynamodb:GetItem", f"{TABLE}2")]


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Deny"},
        {"NotAction": "dynamodb:Scan"},
        {"NotResource": TABLE},
        {"Principal": "*"},
        {"Condition": {"StringEquals": {"kms:ViaService": "dynamodb"}}},
        {"Condition": {"ForAllValues:StringLike": {"dynamodb:Attributes": ["a"]}}},
        {"Condition": {"ForAnyValue:StringLike": {LEADING_KEYS: ["a.A/*"]}}},
    ],
)
def test_what_it_does_not_know_it_does_not_judge(statement):
    with pytest.raises(ValueError):
        policy(**statement)
