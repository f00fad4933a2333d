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
    invoke(tracer, "f", &[cause(1, true)]).end();
    invoke(tracer, "f", &[cause(1, true), cause(2, true)]).end();
    invoke(tracer, "f", &[]).end();
    let [one, several, none] = exported(&rig).await.try_into().expect("three spans");
    assert_eq!((one.parent_span_id, links(&one)), (SpanId::from(1), vec![]));
    assert_eq!(several.parent_span_id, SpanId::INVALID);
    assert_eq!(links(&several), [SpanId::from(1), SpanId::from(2)]);
    assert_eq!((none.parent_span_id, links(&none)), (SpanId::INVALID, vec![]));
}

#[tokio::test]
async fn what_nobody_keeps_is_not_kept_by_the_function_either() {
    let rig = pipeline();
    for causes in [vec![cause(1, false)], vec![cause(1, false), cause(2, false)]] {
        let told = headers(&invoke(rig.0.tracer(), "f", &causes));
        assert!(told[context::TRACEPARENT].ends_with("-00"), "{told:?}");
    }
    assert!(exported(&rig).await.is_empty());
}

#[tokio::test]
async fn an_append_is_in_the_first_trace_that_is_kept() {
    let rig = pipeline();
    append(rig.0.tracer(), "a.B", &[cause(1, false), cause(2, true), cause(3, true)]).end();
    let [append] = exported(&rig).await.try_into().expect("one span");
    assert_eq!(append.parent_span_id, SpanId::from(2));
    assert_eq!(links(&append), [SpanId::from(1), SpanId::from(3)]);
}
