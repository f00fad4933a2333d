use std::time::Duration;

use callboard_telemetry::pipeline::Settings;
use opentelemetry::trace::{SpanId, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};

use super::*;

fn pipeline() -> (Pipeline, InMemorySpanExporter) {
    let settings = Settings::read("test", &|_| None).expect("nothing is set");
    let exporter = InMemorySpanExporter::default();
    let exported = Some((exporter.clone(), Duration::from_secs(1)));
    (Pipeline::start_with(&settings, exported).expect("it starts"), exporter)
}

fn cause(number: u64, is_kept: bool) -> Context {
    let flags = TraceFlags::default().with_sampled(is_kept);
    let (trace, span) = (TraceId::from(u128::from(number)), SpanId::from(number));
    let sender = SpanContext::new(trace, span, flags, true, TraceState::default());
    Context::new().with_remote_span_context(sender)
}

async fn exported((pipeline, exporter): &(Pipeline, InMemorySpanExporter)) -> Vec<SpanData> {
    pipeline.flush(Duration::from_secs(5)).await;
    exporter.get_finished_spans().expect("it is not shut down")
}

fn links(span: &SpanData) -> Vec<SpanId> {
    span.links.iter().map(|link| link.span_context.span_id()).collect()
}

#[tokio::test]
async fn an_invocation_for_one_is_in_its_trace_and_one_for_several_is_linked() {
    let rig = pipeline();
    let tracer = rig.0.tracer();
    invoke(tracer, "f", &[cause(1, true)], &[]).end();
    invoke(tracer, "f", &[cause(1, true), cause(2, true)], &[]).end();
    invoke(tracer, "f", &[], &[]).end();
    let [one, several, none] = exported(&rig).await.try_into().expect("three spans");
    assert_eq!((one.parent_span_id, links(&one)), (SpanId::from(1), vec![]));
    assert_eq!(several.parent_span_id, SpanId::INVALID);
    assert_eq!(links(&several), [SpanId::from(1), SpanId::from(2)]);
    assert_eq!((none.parent_span_id, links(&none)), (SpanId::INVALID, vec![]));
}

#[tokio::test]
async fn what_nobody_keeps_is_not_kept_by_the_function_either() {
    let rig = pipeline();
    let unkept = [cause(1, false), cause(2, false)];
    for (messages, runs) in [(1, 0), (2, 0), (0, 1), (0, 2), (1, 1)] {
        let told = headers(&invoke(rig.0.tracer(), "f", &unkept[..messages], &unkept[..runs]));
        assert!(told[context::TRACEPARENT].ends_with("-00"), "{told:?}");
    }
    assert!(exported(&rig).await.is_empty());
}

#[tokio::test]
async fn an_invocation_for_what_others_have_sent_is_linked_to_their_runs() {
    let rig = pipeline();
    invoke(rig.0.tracer(), "f", &[], &[cause(7, true)]).end();
    invoke(rig.0.tracer(), "f", &[cause(1, true)], &[cause(7, true)]).end();
    let [sent, both] = exported(&rig).await.try_into().expect("two spans");
    assert_eq!((sent.parent_span_id, links(&sent)), (SpanId::INVALID, vec![SpanId::from(7)]));
    assert_eq!(both.parent_span_id, SpanId::INVALID);
    assert_eq!(links(&both), [SpanId::from(1), SpanId::from(7)]);
}

#[tokio::test]
async fn an_invocation_is_linked_to_as_many_as_a_batch_has() {
    let rig = pipeline();
    let causes: Vec<_> = (1..=600).map(|number| cause(number, true)).collect();
    invoke(rig.0.tracer(), "f", &causes, &[]).end();
    let [span] = exported(&rig).await.try_into().expect("one span");
    assert_eq!(span.links.len(), SEGMENT_MESSAGES_MAX);
}

fn message(headers: &[(&str, &str)]) -> Message {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Message {
        headers: headers.iter().map(own).collect(),
        ..Message::new(
            callboard_mailbox::MessageId::new("m").expect("an id"),
            Kind::Tell,
            "Note",
            bytes::Bytes::new(),
            callboard_mailbox::Timestamp(0),
        )
    }
}

#[tokio::test]
async fn the_context_is_left_out_where_a_messages_own_headers_take_the_room() {
    let (pipeline, _) = pipeline();
    let address = Address::new("a.B", "c").expect("an address");
    for (own, expected) in [
        (HEADER_BYTES_MAX - 1, vec!["own"]),
        (HEADER_BYTES_MAX - 100, vec!["own", "traceparent"]),
        (HEADER_BYTES_MAX - 200, vec!["own", "traceparent", "baggage"]),
    ] {
        let own = "x".repeat(own - "own".len());
        let mut message = message(&[("own", &own), ("callboard-principal", "key:alice")]);
        let call = context::of_message(&[("baggage".into(), format!("a={}", "y".repeat(40)))]);
        let _within = call.expect("it has baggage").attach();
        send(&pipeline, &address, &mut message).end();
        let names = message.headers.iter().map(|(name, _)| name.as_str());
        let names: Vec<_> = names.filter(|name| !name.starts_with(OWN_PREFIX)).collect();
        assert_eq!(names, expected);
    }
}

#[test]
fn a_reader_sees_no_context_of_the_caller_where_none_is_passed_on() {
    let settings = Settings::read("test", &|name| {
        Some("none".to_owned()).filter(|_| name == "OTEL_PROPAGATORS")
    });
    let settings = settings.expect("it is known");
    let exporter = None::<(InMemorySpanExporter, Duration)>;
    let pipeline = Pipeline::start_with(&settings, exporter).expect("it starts");
    let mut headers = message(&[("baggage", "a=1"), ("own", "x")]).headers;
    read(&pipeline, "f", &mut headers).end();
    assert_eq!(headers, [("own".to_owned(), "x".to_owned())]);
}

#[tokio::test]
async fn an_append_is_in_the_first_trace_that_is_kept() {
    let rig = pipeline();
    append(rig.0.tracer(), "a.B", &[cause(1, false), cause(2, true), cause(3, true)]).end();
    let [append] = exported(&rig).await.try_into().expect("one span");
    assert_eq!(append.parent_span_id, SpanId::from(2));
    assert_eq!(links(&append), [SpanId::from(1), SpanId::from(3)]);
}
