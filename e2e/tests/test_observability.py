"""What the docs, the dashboard and the alerts say of metrics is what gateways tell."""

import json
import os
import re
import signal
import urllib.request
from collections import defaultdict

import pytest

from harness.dev import Dev, Gateway
from harness.events import Events
from harness.paths import REPOSITORY, TRIAL_PROTOS
from harness.ports import free_port
from harness.proxy import Proxy
from harness.status import refused
from harness.stubs import trial, trial_grpc
from harness.until import until

FILES = REPOSITORY / "deploy" / "observability"

# The lease of 10 s that a dead run had, and the tries of a wake that is lost.
RECOVERY_SECONDS = 40

# A line of Prometheus' text.
SERIES = re.compile(r"^(\w+)(?:\{(.*)\})? [-+.\w]+$", re.MULTILINE)

# What the queries have besides metrics and labels.
PROMQL = {"histogram_quantile", "increase", "max", "min", "offset", "rate", "sum", "unless"}


class Told:
    """What gateways have told of themselves so far."""

    def __init__(self) -> None:
        self.metrics: set[str] = set()
        # The labels that all series of a name have.
        self.labels: dict[str, set[str]] = {}
        # The labels of any, with their values: `le="1"`.
        self.values: dict[str, set[str]] = defaultdict(set)

    def look(self, port: int) -> set[str]:
        """Looks at a gateway; all metrics so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        # `target_info` names the gateway.
        self.metrics |= set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)) - {"target_info"}
        for name, labels in SERIES.findall(text):
            self.values[name] |= set(re.findall(r'\w+=".*?"', labels))
            found = set(re.findall(r'(\w+)="', labels))
            self.labels[name] = self.labels.get(name, found) & found
        return self.metrics


def documented() -> set[str]:
    """The metrics in the table of the docs."""
    text = (REPOSITORY / "docs" / "observability.md").read_text()
    _, _, table = text.partition("| metric (Prometheus) |")
    rows = table.partition("\n\n")[0].splitlines()
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


class Beside:
    """A gateway whose database is behind a proxy."""

    def __init__(self, dev: Dev) -> None:
        self.private, self.proxy = free_port(), Proxy(dev.endpoint("database"))
        options = [
            f"--protos={TRIAL_PROTOS}",
            "--function=trial.v1.Lenient=e2e-lenient",
            f"--private-listen=127.0.0.1:{self.private}",
        ]
        environment = {
            "AWS_ENDPOINT_URL_DYNAMODB": self.proxy.url,
            "AWS_ENDPOINT_URL_LAMBDA": dev.endpoint("functions"),
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        self.gateway = Gateway(options, environment, dev.log.with_suffix(".beside.log"))
        self.stub = trial_grpc.LenientStub(self.gateway.channel)

    def end(self) -> None:
        self.gateway.process.kill()
        self.gateway.stop()
        self.proxy.close()


@pytest.fixture(scope="module")
def told(_shared_devs, tmp_path_factory) -> Told:
    """What there is to tell when all that is counted has happened."""
    dev, private, told = _shared_devs.trial(), free_port(), Told()
    dev.spawn_ready(f"--private-listen=127.0.0.1:{private}")
    events = Events(tmp_path_factory.mktemp("observability") / "events")

    # A gateway loses its database during two runs: one dies, and its lease cannot be ended. The
    # other one fails, and cannot be woken again.
    beside, calls = Beside(dev), []
    for name, milliseconds in (("dies", 3_000), ("fails", 1_000)):
        request = trial.FailRequest(trial=name, file=str(events), milliseconds=milliseconds)
        calls.append(beside.stub.Fail.future(request, timeout=60))
        until("it runs", lambda: events.read(probe=name))
    beside.proxy.cut()
    [run] = events.read(probe="dies")
    os.kill(run.pid, signal.SIGKILL)

    # Meanwhile one that takes longer than a sweep fails for good, and a call is refused.
    stub = dev.lenient()
    stub.Note(trial.NoteRequest(trial="dies", delta=1), timeout=10)
    doomed = trial.FailRequest(trial="doomed", milliseconds=1_500)
    calls.append(stub.Fail.future(doomed, timeout=60))
    refused(stub.Add, trial.AddRequest(), timeout=10)
    dev.strict().FailNote(trial.FailNoteRequest(trial="suspended"), timeout=10)
    # What is due soon is found by the next sweep, and so is late.
    soon = [("callboard-delay", "10ms")]
    for name in ("soon-1", "soon-2", "soon-3"):
        stub.Note(trial.NoteRequest(trial=name, delta=1), timeout=10, metadata=soon)

    def everything() -> bool:
        told.look(private)
        return documented() <= told.look(beside.private)

    try:
        until("all metrics", everything, RECOVERY_SECONDS)
    except AssertionError as late:
        raise AssertionError(f"{late}: {documented() - told.metrics} are missing") from None
    finally:
        for call in calls:
            call.cancel()
        beside.end()
    return told


def test_the_docs_have_each_metric(told):
    assert told.metrics == documented()


def queries() -> dict[str, tuple[str, set[str]]]:
    """The queries of dashboard and alerts, and the labels that their texts show."""
    shown = re.compile(r"\{\{ *(?:\$labels\.)?(\w+) *\}\}")
    found = {}
    for panel in json.loads((FILES / "dashboard.json").read_text())["panels"]:
        for target in panel["targets"]:
            name = f"{panel['title']} ({target['refId']})"
            found[name] = target["expr"], set(shown.findall(target["legendFormat"]))
    rules = re.sub(r"^ *#.*\n", "", (FILES / "alerts.yaml").read_text(), flags=re.MULTILINE)
    for rule in rules.split("- alert: ")[1:]:
        [query] = re.findall(r"expr:(.*?)\n +(?:for|annotations):", rule, re.DOTALL)
        found[rule.split("\n")[0]] = query, set(shown.findall(rule))
    return found


@pytest.mark.parametrize("name", queries())
def test_a_query_asks_for_series_and_labels_that_there_are(told, name):
    whole, shown = queries()[name]
    for query in re.split(r"\bor\b", whole):
        by = {label for group in re.findall(r"by \((.*?)\)", query) for label in group.split(", ")}
        only = set(re.findall(r'\w+=".*?"', query))
        rest = re.sub(r"by \(.*?\)|\[.*?\]|\{.*?\}", "", query)
        series = set(re.findall(r"\b[a-z_]\w+", rest)) - PROMQL
        assert series, query
        for each in series:
            assert each in told.labels, f"{query}: there is no {each}"
            assert by <= told.labels[each], f"{query}: {each} has {told.labels[each]}"
            assert only <= told.values[each], f"{query}: {each} has {told.values[each]}"
        assert shown <= by, f"{name} shows {shown}, and asks by {by}"
