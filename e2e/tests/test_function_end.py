"""What becomes of a function's spans when Lambda ends its environment."""

import signal

import pytest

from harness.collector import Collector
from harness.environment import REFUSED, Environment
from harness.paths import binary


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def environment(collector, tmp_path):
    """Makes environments whose functions export when they are told to, and not by themselves."""
    made = []

    def make(**more) -> Environment:
        never = {"OTEL_BSP_SCHEDULE_DELAY": "3600000"}
        more = {**collector.environment, **never, **more}
        log = tmp_path / "function.log"
        made.append(Environment(binary("e2e-actor"), log, "probe.v1.Probe/a", **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_spans_that_are_left_are_exported_at_the_end(environment, collector):
    function = environment()
    # Its response is posted, and not taken: so nothing is exported yet.
    function.has_asked("/invocation/an-invocation/")
    assert collector.all() == []
    function.process.send_signal(signal.SIGTERM)
    assert function.process.wait(10) == 0
    spans = {span.name: span for span in collector.all()}
    run = spans["run probe.v1.Probe"]
    assert run.error == "broken_off"
    assert len(spans) > 1, "the requests to the database are there, too"
    # What the database says of itself is in the log alone.
    assert all(span.otlp.status.message == "" for span in spans.values())
    assert REFUSED["message"] not in str([span.otlp for span in spans.values()])


def test_a_function_that_cannot_have_an_extension_runs_all_the_same(environment):
    function = environment(register=403)
    function.has_asked("/invocation/an-invocation/")
    assert "spans may be lost when Lambda ends this environment" in function.log.read_text()
    function.process.send_signal(signal.SIGTERM)
    assert function.process.wait(10) == -signal.SIGTERM, "nobody else is in the way of its end"
