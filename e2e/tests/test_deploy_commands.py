"""The commands for the way onto AWS: `tables check`, `deploy plan`, `package`."""

import json
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import database
from harness.dev import assert_no_panic
from harness.paths import COUNTER, REPOSITORY, binary

# As Lambda calls them.
OWN = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
OTHER = {"x86_64": "arm64", "arm64": "x86_64"}[OWN]
TEMPLATES = REPOSITORY / "deploy"


def callboard(*arguments: str | Path, seconds: float = 60, **variables: str):
    """The command, whatever comes of it."""
    own = {n: v for n, v in os.environ.items() if not n.startswith(("CALLBOARD_", "AWS_"))}
    done = subprocess.run(
        [binary("callboard"), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env=own | variables,
    )
    assert_no_panic(done.stdout + done.stderr)
    return done


@pytest.mark.parametrize(
    "command", [["tables", "check"], ["deploy", "plan"], ["package"], ["health"]]
)
def test_help_shows_an_example(command):
    done = callboard(*command, "--help")
    assert done.returncode == 0
    assert re.search(rf"Examples?:\n  callboard {' '.join(command)}", done.stdout), done.stdout


# ---- tables check


def check(dev, *options: str) -> subprocess.CompletedProcess:
    return callboard(
        "tables",
        "check",
        *options,
        AWS_ENDPOINT_URL_DYNAMODB=dev.endpoint("database"),
        AWS_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="local",
        AWS_SECRET_ACCESS_KEY="local",
    )


def test_tables_that_callboard_has_made_can_be_used(shared):
    done = check(shared)
    assert (done.returncode, done.stderr) == (0, "")
    *warnings, last = done.stdout.splitlines()
    assert last == "Callboard can use the tables"
    assert warnings and all(": warning: " in line for line in warnings), done.stdout
    assert any("--deletion-protection-enabled" in line for line in warnings)


def test_tables_that_are_not_there_are_told(shared):
    done = check(shared, "--table-prefix", "nowhere")
    assert (done.returncode, done.stderr) == (
        1,
        "error: 2 things that Callboard needs are not there\n",
    )
    for table in ("nowhere-mailboxes", "nowhere-replies"):
        assert f"{table}: error: there is no such table; make it with" in done.stdout


def test_tables_that_are_others_are_told(devs):
    dev = devs.counter().start()

    def key(**attributes: str) -> dict:
        kinds = ("HASH", "RANGE")
        return {
            "KeySchema": [
                {"AttributeName": name, "KeyType": kind} for name, kind in zip(attributes, kinds)
            ],
            "AttributeDefinitions": [
                {"AttributeName": name, "AttributeType": of} for name, of in attributes.items()
            ],
        }

    mailboxes = {"TableName": "other-mailboxes", **key(a="S", k="N")}
    capacity = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
    database.make_table(dev, {**mailboxes, "ProvisionedThroughput": capacity})
    replies = {"TableName": "other-replies", **key(id="S"), "BillingMode": "PAY_PER_REQUEST"}
    database.make_table(dev, replies)
    done = check(dev, "--table-prefix", "other")
    assert done.returncode == 1
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    for table, words in [
        ("other-mailboxes", "its key is a: S, k: N, and must be a: S, k: S"),
        ("other-mailboxes", "the index due is missing"),
        ("other-mailboxes", "the index directory is missing"),
        ("other-mailboxes", "expired items are not deleted"),
        ("other-replies", "expired items are not deleted"),
    ]:
        assert [line for line in errors if line.startswith(table) and words in line], done.stdout
    assert len(errors) == 5, done.stdout
    assert done.stderr == "error: 5 things that Callboard needs are not there\n"
    assert "other-mailboxes: warning: its capacity is provisioned" in done.stdout
    # Those of the gateway beside them are right.
    assert check(dev).returncode == 0


# ---- deploy plan


def plan(*options: str) -> dict:
    done = callboard("deploy", "plan", COUNTER, "--messages-per-second=100", "--json", *options)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def resources(template: Path) -> list[str]:
    """The types of what a template creates with its defaults: without what has a condition."""
    text = template.read_text().split("\nResources:\n")[1].split("\nOutputs:\n")[0]
    each = re.split(r"^  (?=\w+:$)", text, flags=re.MULTILINE)
    always = [part for part in each if not re.search(r"^    Condition: ", part, re.MULTILINE)]
    return sorted(t for part in always for t in re.findall(r"^    Type: (\S+)$", part, re.MULTILINE))


def test_a_plan_has_what_the_templates_create():
    stacks = plan()["stacks"]
    assert [stack["name"] for stack in stacks] == [
        "callboard-tables",
        "callboard-counter",
        "callboard-gateway",
    ]
    for stack in stacks:
        planned = sorted(resource["type"] for resource in stack["resources"])
        assert planned == resources(REPOSITORY / stack["template"]), stack["name"]
    [function] = [r for r in stacks[1]["resources"] if r["type"] == "AWS::Lambda::Function"]
    assert "counter.v1.Counter" in function["what"]


def test_a_plan_adds_up(tmp_path):
    cost = plan()
    for item in cost["items"]:
        assert item["usd"] == pytest.approx(item["units"] * item["price"])
    assert cost["usd_per_month"] == pytest.approx(sum(item["usd"] for item in cost["items"]))
    month = 100 * 730 * 3600
    assert cost["usd_per_million_messages"] == pytest.approx(cost["usd_per_month"] / month * 1e6)
    # Batches, and tells without ids, are cheaper.
    assert plan("--batch=50")["usd_per_month"] < cost["usd_per_month"]
    assert plan("--ask-share=0", "--id-share=0")["usd_per_month"] < cost["usd_per_month"]

    prices = tmp_path / "prices.toml"
    prices.write_text("dynamodb-writes = 1.25\n")
    dearer = plan(f"--prices={prices}", "--region=eu-central-1")
    [before], [after] = (
        [i["usd"] for i in each["items"] if i["what"] == "DynamoDB, writes for messages"]
        for each in (cost, dearer)
    )
    assert after == pytest.approx(2 * before)
    assert dearer["region"] == "eu-central-1"


def test_a_plan_is_for_people_too(tmp_path):
    done = callboard(
        "deploy", "plan", COUNTER, "--messages-per-second=2000", "--region=eu-central-1"
    )
    assert (done.returncode, done.stderr) == (0, "")
    for words in [
        "What the templates create, in eu-central-1:",
        "callboard-counter (deploy/actor.yaml)",
        "list prices of us-east-1 as known in November 2026",
        "These are the prices of us-east-1; give those of eu-central-1 by --prices.",
        "The runs need 200 environments of Lambda, in the mean: raise ReservedConcurrency",
    ]:
        assert words in done.stdout, f"{words} is missing in\n{done.stdout}"
    assert re.search(r"^together +[0-9,]+\.\d\d$", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^for a million messages +\d+\.\d\d$", done.stdout, re.MULTILINE)
    for options, words in [
        ([], "--messages-per-second"),
        (["--messages-per-second=-1"], "not within 0"),
        (["--messages-per-second=1", "--ask-share=2"], "not within 0 and 1"),
        (["--messages-per-second=1", "--batch=501"], "1..=500"),
        (["--messages-per-second=1", "--prices=nowhere.toml"], "nowhere.toml"),
    ]:
        done = callboard("deploy", "plan", COUNTER, *options)
        assert done.returncode != 0
        assert words in done.stderr, done.stderr


# ---- package; what it makes, deploy/rehearsal/tests/test_package.py looks at


def test_what_is_missing_to_build_for_another_machine_is_told(tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    # Nothing else is on the path.
    for name in ("cargo", "rustc"):
        (programs / name).symlink_to(shutil.which(name))
    told = callboard("package", COUNTER, f"--arch={OTHER}", PATH=str(programs))
    assert (told.returncode, told.stdout) == (1, "")
    assert f"this machine lacks what builds for {OTHER}; install it:" in told.stderr
    assert "\n  pip install cargo-zigbuild\n" in told.stderr


def test_what_cannot_be_packaged_is_told(tmp_path):
    told = callboard("package", tmp_path)
    assert told.returncode == 1 and "has no Cargo.toml" in told.stderr
    told = callboard("package", COUNTER, "--bin=discounter")
    assert told.returncode == 1
    assert "the crate has no binary discounter; it has counter" in told.stderr
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "nothing"\n')
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "lib.rs").write_text("")
    told = callboard("package", tmp_path)
    assert told.returncode == 1 and "has no binary" in told.stderr
