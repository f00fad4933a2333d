"""One story of a message, as a collector gets it: who is whose parent, and who is linked."""

import json
import os
import re
import signal
import time
import urllib.error
import urllib.request

import pytest
from opentelemetry.instrumentation.grpc import client_interceptor
from opentelemetry.instrumentation.grpc.grpcext import intercept_channel
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from harness.collector import Agent, Caller, Collector
from harness.generic import generic, message
from harness.paths import PROBE_PROTOS
from harness.ports import free_port
from harness.status import refused
from harness.stubs import gateway, probe, probe_grpc
from harness.until import until

TYPE = "probe.v1.Probe"
SEND, PROCESS, COMMIT, RUN = (f"{what} {TYPE}" for what in ("send", "process", "commit", "run"))
INVOKE = "invoke e2e-actor"


@pytest.fixture(scope="module")
def collector():
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture(scope="module")
def traced(_shared_devs, collector):
    """A `callboard dev` whose spans go to the collector."""
    dev = _shared_devs.probe()
    dev.environment |= collector.environment
    dev.private = free_port()
    return dev.spawn_ready(f"--private-listen=127.0.0.1:{dev.private}", "--log-format=json")


def metrics(dev) -> str:
    url = f"http://127.0.0.1:{dev.private}/metrics"
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        return answer.read().decode()


def test_an_ask_stays_in_its_callers_trace(traced, collector, key):
    caller = Caller()
    name = key()
    traced.probe().Add(probe.AddRequest(probe=name, delta=1), timeout=30, metadata=caller.metadata)
    call = f"{TYPE}/Add"
    story = collector.until(caller.trace, call, SEND, INVOKE, RUN, PROCESS, COMMIT)
    assert {span.trace for span in story.spans} == {caller.trace}
    call, send, invoke, run, process, commit = (
        story.one(each) for each in (call, SEND, INVOKE, RUN, PROCESS, COMMIT)
    )
    assert (call.kind, call.parent) == ("SERVER", caller.span)
    assert call.attributes["rpc.response.status_code"] == "OK"
    assert (send.kind, send.parent) == ("PRODUCER", call.id)
    assert (invoke.kind, invoke.parent) == ("CLIENT", send.id)
    assert (run.kind, run.parent) == ("SERVER", invoke.id)
    assert (process.kind, process.parent, process.links) == ("CONSUMER", send.id, [run.id])
    assert (commit.kind, commit.parent) == ("CLIENT", process.id)
    assert any(each.startswith("TransactWriteItems") for each in story.below(commit)), str(story)
    # Its place in the log, and the lease.
    stores = [each for each in story.below(send) if each.startswith(("PutItem", "UpdateItem"))]
    assert len(stores) >= 2, str(story)
    assert (call.service, run.service) == ("callboard-gateway", "e2e-actor")
    assert invoke.attributes["callboard.run.end"] == "released"
    assert name not in "".join(str(span.otlp) for span in collector.all())


def test_a_tell_begins_a_linked_trace(traced, collector, key):
    caller = Caller()
    request = probe.NoteRequest(probe=key(), delta=1)
    traced.probe().Note(request, timeout=30, metadata=caller.metadata)
    story = collector.until(caller.trace, f"{TYPE}/Note", SEND, INVOKE, RUN, PROCESS, COMMIT)
    send, run, process, commit = (story.one(each) for each in (SEND, RUN, PROCESS, COMMIT))
    assert send.trace == run.trace == caller.trace
    assert process.trace == commit.trace != caller.trace
    assert (process.parent, sorted(process.links)) == ("", sorted([send.id, run.id]))
    assert commit.parent == process.id


def test_a_delayed_tell_is_linked_to_its_sender(traced, collector, key):
    caller = Caller()
    metadata = [*caller.metadata, ("callboard-delay", "300ms")]
    traced.probe().Note(probe.NoteRequest(probe=key(), delta=1), timeout=30, metadata=metadata)
    story = collector.until(caller.trace, f"{TYPE}/Note", SEND, PROCESS)
    send, process = story.one(SEND), story.one(PROCESS)
    assert any(each.startswith("PutItem") for each in story.below(send)), str(story)
    assert process.trace != send.trace and send.id in process.links
    assert not story.named(INVOKE), "the sweep that found it is in no story"


def test_each_attempt_is_a_span_with_its_error(traced, collector, key):
    caller = Caller()
    request = probe.FailNoteRequest(probe=key(), times=1, delta=1)
    traced.probe().FailNote(request, timeout=30, metadata=caller.metadata)
    story = collector.until(caller.trace, SEND, PROCESS, PROCESS, INVOKE, INVOKE)
    send, (first, second) = story.one(SEND), story.named(PROCESS)
    assert [invoke.parent for invoke in story.named(INVOKE)] == [send.id] * 2, str(story)
    assert [each.attributes["callboard.attempt"] for each in (first, second)] == [1, 2]
    assert (first.error, second.error) == ("handler_failed", None)
    assert all(send.id in each.links for each in (first, second))


def test_what_an_actor_sends_is_below_what_it_processes(traced, collector, key):
    caller = Caller()
    request = probe.PassRequest(probe=key(), to=key(), amounts=[1])
    traced.probe().Pass(request, timeout=30, metadata=caller.metadata)
    call = f"{TYPE}/Pass"
    story = collector.until(caller.trace, call, SEND, SEND, PROCESS, PROCESS, INVOKE, INVOKE)
    outer, inner = story.named(SEND)
    first, second = story.named(PROCESS)
    invoke, then = story.named(INVOKE)
    assert (invoke.parent, then.parent, then.links) == (outer.id, "", [invoke.id]), str(story)
    assert (first.parent, inner.parent) == (outer.id, first.id)
    assert second.trace != caller.trace and inner.id in second.links


def test_an_ask_that_is_forwarded_stays_in_one_trace(traced, collector, key):
    caller = Caller()
    request = probe.ForwardRequest(probe=key(), to=[key()], delta=5)
    stub = traced.probe()
    assert stub.Forward(request, timeout=30, metadata=caller.metadata).value == 5
    story = collector.until(caller.trace, f"{TYPE}/Forward", SEND, SEND, PROCESS, PROCESS)
    asked, forwarded = story.named(SEND)
    first, second = story.named(PROCESS)
    assert {each.trace for each in (asked, forwarded, first, second)} == {caller.trace}
    assert (first.parent, forwarded.parent) == (asked.id, first.id)
    assert second.parent == forwarded.id


def test_what_an_actor_asks_and_is_told_stays_in_one_trace(traced, collector, key):
    caller = Caller()
    request = probe.GatherRequest(probe=key(), of=[key()], delta=3)
    stub = traced.probe()
    assert stub.Gather(request, timeout=30, metadata=caller.metadata).value == 3
    story = collector.until(caller.trace, f"{TYPE}/Gather", PROCESS, PROCESS, PROCESS)
    gathers, asked, told = story.named(PROCESS)
    assert {each.trace for each in (gathers, asked, told)} == {caller.trace}, str(story)
    kinds = [each.attributes["callboard.message.kind"] for each in (gathers, asked, told)]
    assert kinds == ["ask", "ask", "answer"]


def test_a_timer_is_linked_to_whoever_set_it(traced, collector, key):
    caller = Caller()
    ring = probe.RingRequest(delta=1)
    request = probe.SetTimerRequest(probe=key(), name="tea", milliseconds=300, ring=ring)
    traced.probe().SetTimer(request, timeout=30, metadata=caller.metadata)
    story = collector.until(caller.trace, f"{TYPE}/SetTimer", SEND, SEND, PROCESS, PROCESS)
    (_, sets), (first, fires) = story.named(SEND), story.named(PROCESS)
    assert (first.trace, sets.parent) == (caller.trace, first.id)
    assert fires.trace != caller.trace and sets.id in fires.links
    assert fires.attributes["callboard.message.kind"] == "timer"


def test_a_crash_shows_as_a_failed_invocation_and_a_further_attempt(traced, collector, events, key):
    caller = Caller()
    request = probe.SlowNoteRequest(probe=key(), milliseconds=700, delta=1, file=str(events))
    traced.probe().SlowNote(request, timeout=30, metadata=caller.metadata)
    until("the handler runs", lambda: events.read("start", request.probe))
    for pid in traced.function_pids():
        os.kill(pid, signal.SIGKILL)
    story = collector.until(caller.trace, SEND, INVOKE, INVOKE, PROCESS)
    send, process, (invoke, *again) = story.one(SEND), story.one(PROCESS), story.named(INVOKE)
    assert (invoke.parent, invoke.error) == (send.id, "crashed")
    assert not invoke.otlp.status.message, "what a function says of itself stays in the log"
    assert {each.parent for each in again} == {send.id}, str(story)
    assert process.attributes["callboard.attempt"] == 2
    assert send.id in process.links


def test_what_a_stream_sends_is_below_its_call(traced, collector, key):
    caller, name, call = Caller(), key(), "callboard.v1.Gateway/TellStream"
    tells = [
        gateway.TellStreamRequest(
            tell=gateway.TellRequest(message=message(name, "Note", probe.NoteRequest(delta=delta)))
        )
        for delta in (1, 2, 3, 4, 5)
    ]
    stub = generic(traced.channel())
    assert len(list(stub.TellStream(iter(tells), timeout=30, metadata=caller.metadata))) == 5
    story = collector.until(caller.trace, call, *[SEND] * 5)
    assert [send.parent for send in story.named(SEND)] == [story.one(call).id] * 5, str(story)
    assert story.one(call).attributes["rpc.response.status_code"] == "OK"


def test_a_message_by_name_may_be_in_a_trace_of_its_own(traced, collector, key):
    of_call, own = Caller(), Caller()
    sent = message(key(), "Add", probe.AddRequest(delta=1), headers=dict(own.metadata))
    request = gateway.AskRequest(message=sent)
    generic(traced.channel()).Ask(request, timeout=30, metadata=of_call.metadata)
    collector.until(of_call.trace, "callboard.v1.Gateway/Ask")
    assert collector.until(own.trace, SEND, PROCESS).one(SEND).parent == own.span


def test_a_read_is_in_its_callers_trace(traced, collector, key):
    caller = Caller()
    traced.probe().Look(probe.LookRequest(probe=key()), timeout=30, metadata=caller.metadata)
    story = collector.until(caller.trace, f"{TYPE}/Look", INVOKE, PROCESS)
    call, invoke, process = (story.one(each) for each in (f"{TYPE}/Look", INVOKE, PROCESS))
    assert (invoke.parent, process.trace) == (call.id, caller.trace)
    assert not story.named(SEND), "a read is no message"


def test_what_a_caller_does_not_keep_is_kept_nowhere_and_passed_on(traced, collector, key):
    caller = Caller(is_sampled=False)
    request = probe.ContextRequest(probe=key())
    answer = traced.probe().Context(request, timeout=30, metadata=caller.metadata)
    assert answer.traceparent == caller.metadata[0][1]
    # What comes after it has come, and so would it have.
    later = Caller()
    traced.probe().Context(probe.ContextRequest(probe=key()), timeout=30, metadata=later.metadata)
    collector.until(later.trace, PROCESS, COMMIT)
    assert not collector.of(caller.trace)


def test_nothing_of_it_is_kept_later_either(traced, collector, key):
    before, caller, stub = time.time_ns(), Caller(is_sampled=False), traced.probe()
    given, failed = key(), key()

    def value(name: str) -> int:
        request = probe.GetRequest(probe=name)
        return stub.Get(request, timeout=30, metadata=caller.metadata).value

    sent = probe.PassRequest(probe=key(), to=given, amounts=[3])
    stub.Pass(sent, timeout=30, metadata=caller.metadata)
    fails = probe.FailNoteRequest(probe=failed, times=1, delta=2)
    stub.FailNote(fails, timeout=30, metadata=caller.metadata)
    until("what was sent is received", lambda: value(given) == 3)
    until("what has failed is tried again", lambda: value(failed) == 2)
    # What comes after it has come, and so would it have.
    later = Caller()
    stub.Add(probe.AddRequest(probe=key(), delta=1), timeout=30, metadata=later.metadata)
    collector.until(later.trace, PROCESS, COMMIT)
    theirs = {span.id for span in collector.of(later.trace)}
    since = [span for span in collector.all() if span.otlp.start_time_unix_nano > before]
    assert not [span.name for span in since if span.id not in theirs]


def test_a_handler_sees_the_state_and_the_baggage_of_its_caller(traced, key):
    more = [("tracestate", "vendor=1"), ("baggage", "tenant=a")]
    request = probe.ContextRequest(probe=key())
    metadata = [*Caller().metadata, *more]
    answer = traced.probe().Context(request, timeout=30, metadata=metadata)
    assert (answer.tracestate, answer.baggage) == ("vendor=1", "tenant=a")


def test_an_invocation_is_for_no_message_that_another_gateway_had_handled(
    traced, collector, events, key
):
    second = traced.second_gateway(PROBE_PROTOS, TYPE, "e2e-actor")
    name, other = key(), probe_grpc.ProbeStub(second.channel)
    slow = probe.SlowNoteRequest(probe=name, milliseconds=700, delta=1, file=str(events))
    other.SlowNote(slow, timeout=30)
    until("the handler runs", lambda: events.read("start", name))
    request, metadata = probe.NoteRequest(probe=name, delta=2), Caller().metadata
    traced.probe().Note(request, timeout=30, metadata=metadata)
    got = probe.GetRequest(probe=name)
    until("both are handled", lambda: other.Get(got, timeout=30).value == 3)
    caller = Caller()
    request = probe.AddRequest(probe=name, delta=3)
    traced.probe().Add(request, timeout=30, metadata=caller.metadata)
    story = collector.until(caller.trace, SEND, INVOKE)
    send, invoke = story.one(SEND), story.one(INVOKE)
    assert (invoke.parent, invoke.links) == (send.id, []), str(story)


def test_a_bad_parent_costs_the_trace_and_not_the_message(traced, key):
    metadata = [("traceparent", "00-nonsense-01")]
    stub = traced.probe()
    assert stub.Add(probe.AddRequest(probe=key(), delta=2), timeout=30, metadata=metadata).value == 2


def test_a_refused_call_has_its_reason_in_span_metric_and_log(traced, collector, key):
    caller = Caller()
    metadata = [*caller.metadata, ("callboard-colour", "red")]
    request = probe.AddRequest(probe=key(), delta=1)
    refused(traced.probe().Add, request, timeout=10, metadata=metadata)
    call = collector.until(caller.trace, f"{TYPE}/Add").one(f"{TYPE}/Add")
    assert call.attributes["rpc.response.status_code"] == "INVALID_ARGUMENT"
    assert call.error is None, "the caller is to blame"
    line = until("a line of the log", lambda: log_line(traced, caller.trace))
    assert (line["code"], line["reason"]) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert line["method"] == f"{TYPE}/Add"
    counted = [each for each in metrics(traced).splitlines() if "INVALID_ARGUMENT" in each]
    assert any(f'rpc_method="{TYPE}/Add"' in each for each in counted), counted


def test_what_takes_no_door_is_a_refused_call_too(traced, collector):
    caller, call = Caller(), f"{TYPE}/Add"
    headers = {"content-type": "text/plain", **dict(caller.metadata)}
    request = urllib.request.Request(f"{traced.url}/{call}", data=b"{}", headers=headers)
    with pytest.raises(urllib.error.HTTPError, match="415"):
        urllib.request.urlopen(request, timeout=10)
    span = collector.until(caller.trace, call).one(call)
    assert span.attributes["rpc.response.status_code"] == "INVALID_ARGUMENT"
    line = until("a line of the log", lambda: log_line(traced, caller.trace))
    assert (line["code"], line["reason"]) == ("INVALID_ARGUMENT", "Unsupported Media Type")


def log_line(dev, trace: str) -> dict | None:
    lines = [line for line in dev.output_of_run().splitlines() if f'"{trace}"' in line]
    return json.loads(lines[0]) if lines else None


def test_messages_that_are_stored_together_are_linked(traced, collector, key):
    name, stub, callers = key(), traced.probe(), [Caller() for _ in range(30)]
    calls = [
        stub.Note.future(
            probe.NoteRequest(probe=name, delta=1), timeout=30, metadata=caller.metadata
        )
        for caller in callers
    ]
    for call in calls:
        call.result()
    sends = {}
    for caller in callers:
        story = collector.until(caller.trace, SEND, PROCESS)
        sends[caller.trace] = next(s for s in story.named(SEND) if s.trace == caller.trace)
    appends = [
        span
        for span in collector.all()
        if span.name == f"append {TYPE}" and span.trace in sends
    ]
    assert appends, "some of them went with one write"
    for append in appends:
        messages = int(append.attributes["messaging.batch.message_count"])
        assert len(append.links) == messages - 1
        stored = {append.parent, *append.links}
        assert stored <= {send.id for send in sends.values()}


def test_metrics_tell_what_has_happened_and_no_key(traced, key):
    name, stub = key(), traced.probe()
    stub.Add(probe.AddRequest(probe=name, delta=1), timeout=30)
    stub.FailNote(probe.FailNoteRequest(probe=name, times=1, delta=1), timeout=30)
    # It is behind the one that fails, and so is this run's end.
    stub.Add(probe.AddRequest(probe=name, delta=1), timeout=30)
    expected = (
        "callboard_activation_duration_seconds_count",
        "callboard_append_messages_count",
        "callboard_asks_open",
        "callboard_drain_messages_count",
        "callboard_mailbox_wait_duration_seconds_count",
        "callboard_message_retries_total",
        "callboard_store_request_units_total",
        "messaging_process_duration_seconds_count",
        "rpc_server_call_duration_seconds_count",
    )
    text = until(
        "all metrics are there",
        lambda: (found := metrics(traced)) and all(each in found for each in expected) and found,
    )
    assert 'error_type="handler_failed"' in text
    # Only functions commit, and they tell what it consumes.
    assert re.search(r'request_units_total\{.*"TransactWriteItems"\} [1-9]', text)
    assert name not in text


def test_a_mailbox_that_has_work_is_counted(traced, key):
    name, stub = key(), traced.probe()
    slow = stub.SlowNote(probe.SlowNoteRequest(probe=name, milliseconds=2500, delta=1), timeout=30)
    assert slow is not None
    depth = f'callboard_mailbox_depth{{messaging_destination_name="{TYPE}"}}'
    oldest = f'callboard_mailbox_oldest_age_seconds{{messaging_destination_name="{TYPE}"}}'
    until("it is counted", lambda: value(metrics(traced), depth) >= 1)
    until("its age is told", lambda: value(metrics(traced), oldest) > 0)
    until("it is done", lambda: value(metrics(traced), depth) == 0)


def value(text: str, series: str) -> float:
    lines = [line for line in text.splitlines() if line.startswith(f"{series} ")]
    return float(lines[0].rpartition(" ")[2]) if lines else 0


def test_a_stock_client_that_traces_is_in_the_same_story(traced, collector, key):
    exported, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    channel = intercept_channel(traced.channel(), client_interceptor(provider))
    with provider.get_tracer("test").start_as_current_span("the client's own"):
        request = probe.AddRequest(probe=key(), delta=1)
        probe_grpc.ProbeStub(channel).Add(request, timeout=30)
    [client, own] = [span.get_span_context() for span in exported.get_finished_spans()]
    assert client.trace_id == own.trace_id
    story = collector.until(f"{own.trace_id:032x}", f"{TYPE}/Add", PROCESS)
    assert story.one(f"{TYPE}/Add").parent == f"{client.span_id:016x}"


def test_an_idle_gateway_exports_nothing(devs, key):
    # By itself: what other tests began may be tried again for a while.
    collector, dev, caller = Collector(), devs.probe(), Caller()
    try:
        dev.environment |= collector.environment
        dev.start()
        request = probe.AddRequest(probe=key(), delta=1)
        dev.probe().Add(request, timeout=30, metadata=caller.metadata)
        collector.until(caller.trace, COMMIT)
        # The end of that ask: the gateway looks once more what is in the mailbox.
        time.sleep(1)
        before = time.time_ns()
        time.sleep(4)  # four sweeps
        assert not [s.name for s in collector.all() if s.otlp.start_time_unix_nano > before]
    finally:
        collector.close()


def test_tells_may_be_children_and_spans_may_have_keys(devs, collector, key):
    dev, caller, name = devs.probe(), Caller(), key()
    wishes = {"CALLBOARD_TRACE_TELLS": "children", "CALLBOARD_TRACE_KEYS": "true"}
    dev.environment |= collector.environment | wishes
    dev.start()
    request = probe.NoteRequest(probe=name, delta=1)
    dev.probe().Note(request, timeout=30, metadata=caller.metadata)
    story = collector.until(caller.trace, SEND, PROCESS)
    send, process = story.one(SEND), story.one(PROCESS)
    assert (process.trace, process.parent) == (caller.trace, send.id)
    assert [each.attributes["callboard.actor.key"] for each in (send, process)] == [name, name]


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_an_agent_that_others_run_takes_it(devs, collector, key, tmp_path, protocol):
    agent = Agent(collector, (free_port(), free_port()), tmp_path / "agent.log")
    try:
        dev, caller = devs.probe(), Caller()
        endpoint = agent.grpc if protocol == "grpc" else agent.http
        dev.environment |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{endpoint}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OTEL_METRICS_EXPORTER": "none",
        }
        dev.start()
        request = probe.AddRequest(probe=key(), delta=1)
        dev.probe().Add(request, timeout=30, metadata=caller.metadata)
        # Functions are small: they speak HTTP alone.
        theirs = [RUN, PROCESS, COMMIT] if protocol != "grpc" else []
        collector.until(caller.trace, f"{TYPE}/Add", SEND, INVOKE, *theirs)
        dev.stop()
    finally:
        agent.close()


def test_trees_are_shown_in_the_terminal(devs, key):
    dev = devs.probe().spawn_ready("--trace")
    name = key()
    dev.probe().Note(probe.NoteRequest(probe=name, delta=1), timeout=30)
    tree = until("a tree", lambda: tree_of(dev.output_of_run(), f"{TYPE}/Note"))
    for part in (SEND, PROCESS, COMMIT, INVOKE):
        assert part in tree, tree
    assert name not in tree
    dev.stop()


def tree_of(output: str, root: str) -> str | None:
    _, found, rest = output.partition(root)
    return found + rest if COMMIT in rest else None


def test_a_bad_variable_stops_the_gateway(devs):
    dev = devs.probe()
    dev.environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "pigeon"
    dev.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1"
    assert dev.spawn().exit_code() == 1
    assert "OTEL_EXPORTER_OTLP_PROTOCOL" in dev.output() and "pigeon" in dev.output()


def test_an_absent_collector_is_in_nobodys_way(devs, key):
    dev = devs.probe()
    dev.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{free_port()}"
    dev.start()
    for delta in (1, 2):
        request = probe.AddRequest(probe=key(), delta=delta)
        assert dev.probe().Add(request, timeout=30).value == delta
    dev.stop()
