//! What a collector gets, over each protocol.
#![cfg(feature = "grpc")]

use std::time::Duration;

use callboard_telemetry::attributes::{self, Message, Rpc};
use callboard_telemetry::pipeline::{Flushed, Pipeline, Settings};
use callboard_telemetry::{Place, context};
use mock_collector::{MockServer, Protocol, ServerHandle, TestSpan};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// Longer than any test needs.
const LONG: Duration = Duration::from_secs(20);

const MESSAGE: Message<'_> = Message {
    actor_type: "bank.v1.Account",
    key: None,
    method: "Deposit",
    id: "m-1",
    kind: "ask",
    bytes: 12,
};

fn settings(server: &ServerHandle, protocol: &str, more: &[(&str, &str)]) -> Settings {
    let endpoint = format!("http://{}", server.addr());
    let read = Settings::read("gateway", &|name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(endpoint.clone()),
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some(protocol.to_owned()),
        "OTEL_RESOURCE_ATTRIBUTES" => Some("deployment.environment.name=test".to_owned()),
        name => more.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
    });
    read.expect("the settings are valid")
}

async fn server(protocol: Protocol) -> ServerHandle {
    MockServer::builder().protocol(protocol).start().await.expect("it listens")
}

fn named<'a>(spans: &'a [TestSpan], name: &str) -> &'a TestSpan {
    let found = spans.iter().find(|span| span.span().name == name);
    found.unwrap_or_else(|| {
        let names: Vec<_> = spans.iter().map(|span| &span.span().name).collect();
        panic!("{name} is among {names:?}")
    })
}

/// An ask, as gateway and function tell of it.
fn ask(pipeline: &Pipeline) {
    let tracer = pipeline.tracer();
    let nobody = opentelemetry::Context::new();
    let call = tracer
        .begin(Place::Under(&nobody), || attributes::call(Rpc::Grpc, "bank.v1.Account/Deposit"));
    let send = tracer.begin(Place::Under(&call.context()), || attributes::send(&MESSAGE));
    let mut headers = Vec::new();
    send.into_message(&mut headers);
    drop(send);
    // In the function, from what is in the mailbox.
    let sender = context::of_message(&headers).expect("the message has its sender's context");
    let run = tracer.begin(Place::Alone, || attributes::run("bank.v1.Account", "i-1", true, 7));
    let links = run.span_context().into_iter().collect();
    let process = tracer.begin_linked(Place::Under(&sender), links, None, || {
        attributes::process(&MESSAGE, 2, 0.25)
    });
    process.fail("handler_failed", "no funds");
    drop(process);
    let tell = tracer.begin(Place::After(&sender), || attributes::commit("bank.v1.Account", 1));
    drop((tell, run));
    call.set(attributes::status("OK"));
}

#[tokio::test]
async fn spans_arrive_as_they_were_made_over_each_protocol_with_and_without_compression() {
    for (name, protocol) in [("grpc", Protocol::Grpc), ("http/protobuf", Protocol::HttpBinary)] {
        for compression in ["none", "gzip"] {
            let server = server(protocol).await;
            let more = [("OTEL_EXPORTER_OTLP_COMPRESSION", compression)];
            let pipeline = Pipeline::start(&settings(&server, name, &more)).expect("it starts");
            ask(&pipeline);
            assert_eq!(pipeline.flush(LONG).await, Flushed::Done, "{name}, {compression}");
            server.with_collector(|collector| check(collector.spans())).await;
            assert_eq!(pipeline.dropped_spans(), 0);
        }
    }
}

fn check(spans: &[TestSpan]) {
    assert_eq!(spans.len(), 5);
    let call = named(spans, "bank.v1.Account/Deposit").span();
    let send = named(spans, "send bank.v1.Account").span();
    let run = named(spans, "run bank.v1.Account").span();
    let process = named(spans, "process bank.v1.Account");
    let commit = named(spans, "commit bank.v1.Account").span();
    assert_eq!(call.parent_span_id, Vec::<u8>::new());
    assert_eq!(send.parent_span_id, call.span_id);
    assert_eq!(process.span().parent_span_id, send.span_id);
    assert_eq!(process.span().trace_id, call.trace_id);
    assert_eq!(process.span().links[0].span_id, run.span_id);
    assert_ne!(commit.trace_id, call.trace_id);
    assert_eq!(commit.links[0].span_id, send.span_id);
    use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
    let kinds = [call, send, run, process.span(), commit].map(|span| span.kind());
    let expected = [
        SpanKind::Server,
        SpanKind::Producer,
        SpanKind::Server,
        SpanKind::Consumer,
        SpanKind::Client,
    ];
    assert_eq!(kinds, expected);
    let status = process.span().status.as_ref().expect("it failed");
    assert_eq!(status.message, "no funds");
    let keys: Vec<_> =
        process.resource_attrs().iter().map(|attribute| attribute.key.as_str()).collect();
    for key in ["service.name", "service.version", "deployment.environment.name"] {
        assert!(keys.contains(&key), "{key} is in {keys:?}");
    }
}

#[tokio::test]
async fn metrics_arrive_at_the_end_at_the_latest_over_each_protocol() {
    for (name, protocol) in [("grpc", Protocol::Grpc), ("http/protobuf", Protocol::HttpBinary)] {
        let server = server(protocol).await;
        let pipeline = Pipeline::start(&settings(&server, name, &[])).expect("it starts");
        let took = Duration::from_millis(30);
        pipeline.metrics().called(Rpc::Grpc, Some("bank.v1.Account/Deposit"), "OK", took);
        pipeline.metrics().dead_lettered("bank.v1.Account", 1);
        assert_eq!(pipeline.shutdown(LONG).await, Flushed::Done, "{name}");
        let check = |collector: &mock_collector::MockCollector| {
            collector
                .expect_histogram("rpc.server.call.duration")
                .with_attribute("rpc.method", "bank.v1.Account/Deposit")
                .with_attribute("rpc.response.status_code", "OK")
                .with_count_eq(1)
                .assert_exists();
            collector
                .expect_metric_with_name("callboard.message.dead_letters")
                .with_attribute("messaging.destination.name", "bank.v1.Account")
                .assert_exists();
        };
        server.with_collector(check).await;
    }
}

#[tokio::test]
async fn a_batch_is_linked_to_all_of_its_messages() {
    let server = server(Protocol::HttpBinary).await;
    let settings = settings(&server, "http/protobuf", &[]);
    let pipeline = Pipeline::start(&settings).expect("it starts");
    let span = |number: u64| {
        let (trace, id) = (TraceId::from(7), SpanId::from(number));
        SpanContext::new(trace, id, TraceFlags::SAMPLED, true, TraceState::default())
    };
    // As many as a segment has, which a commit may consume.
    let links = (1..=500).map(span).collect();
    let commit = || attributes::commit("bank.v1.Account", 500);
    pipeline.tracer().begin_linked(Place::Alone, links, None, commit).end();
    assert_eq!(pipeline.flush(LONG).await, Flushed::Done);
    server.with_collector(|it| assert_eq!(it.spans()[0].span().links.len(), 500)).await;
}

#[tokio::test]
async fn spans_come_without_a_flush_too() {
    let server = server(Protocol::HttpBinary).await;
    let settings = settings(&server, "http/protobuf", &[]);
    let pipeline = Pipeline::start(&settings).expect("it starts");
    ask(&pipeline);
    server.wait_for_spans(5, LONG).await.expect("they come");
}

#[tokio::test]
async fn a_sampler_that_keeps_nothing_exports_nothing() {
    let server = server(Protocol::HttpBinary).await;
    let more = [("OTEL_TRACES_SAMPLER", "parentbased_always_off")];
    let settings = settings(&server, "http/protobuf", &more);
    let pipeline = Pipeline::start(&settings).expect("it starts");
    ask(&pipeline);
    assert_eq!(pipeline.shutdown(LONG).await, Flushed::Done);
    server.with_collector(|collector| assert_eq!(collector.span_count(), 0)).await;
}
