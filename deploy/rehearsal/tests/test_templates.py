"""The templates are what is deployed, but for what the emulator does not know."""

import difflib
import json

import botocore.exceptions
import pytest

from rehearsal.templates import UNKNOWN, template, types, without


def test_no_more_is_cut_out_than_is_said():
    whole = template("gateway")
    cut = without(whole, UNKNOWN)
    assert types(cut) == types(whole) - UNKNOWN
    assert UNKNOWN <= types(whole), "what is not in a template need not be cut out"
    assert "DependsOn: [Listener, GrpcRule, FromLoadBalancer]" in whole
    assert "DependsOn: [Listener, GrpcRule]" in cut
    changes = list(difflib.unified_diff(whole.splitlines(), cut.splitlines(), n=0, lineterm=""))[2:]
    assert [line for line in changes if line.startswith("+")] == [
        "+    DependsOn: [Listener, GrpcRule]"
    ]


@pytest.mark.parametrize("name", ["tables", "actor"])
def test_the_others_have_nothing_to_cut_out(name):
    assert types(template(name))
    assert without(template(name), UNKNOWN) == template(name)


@pytest.mark.parametrize("kind", sorted(UNKNOWN))
def test_what_is_cut_out_the_emulator_does_not_know(worlds, kind):
    asked = json.dumps({"Resources": {"It": {"Type": kind}}})
    cloudformation = worlds("ministack").emulator.client("cloudformation")
    with pytest.raises(botocore.exceptions.ClientError, match="Unrecognized resource types"):
        cloudformation.validate_template(TemplateBody=asked)
