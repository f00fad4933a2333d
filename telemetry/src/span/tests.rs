use opentelemetry::trace::{SpanId, TraceFlags, TraceId, TraceState, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};

use super::*;
use crate::attributes;
use crate::pipeline::Sampling;

struct Rig {
    tracer: Tracer,
    exporter: InMemorySpanExporter,
    _provider: SdkTracerProvider,
}

fn rig(sampling: Sampling) -> Rig {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampling)
        .with_simple_exporter(exporter.clone())
        .build();
    let tracer = Tracer::new(provider.tracer("test"), sampling.follows_caller, Habits::default());
    Rig { tracer, exporter, _provider: provider }
}

impl Rig {
    fn ended(&self) -> Vec<SpanData> {
        self.exporter.get_finished_spans().expect("it is not shut down")
    }
}

fn caller(sampled: bool) -> Context {
    let flags = TraceFlags::default().with_sampled(sampled);
    let (trace, span) = (TraceId::from(7), SpanId::from(8));
    let context = Context::new().with_baggage([KeyValue::new("tenant", "a")]);
    let state = TraceState::from_key_value([("vendor", "x")]).expect("valid");
    context.with_remote_span_context(SpanContext::new(trace, span, flags, true, state))
}

fn commit() -> Description {
    attributes::commit("bank.v1.Account", 1)
}

#[test]
fn a_span_under_another_is_in_its_trace() {
    let rig = rig(Sampling::default());
    rig.tracer.begin(Place::Under(&caller(true)), commit).end();
    let [span] = rig.ended().try_into().expect("one span");
    assert_eq!(span.span_context.trace_id(), TraceId::from(7));
    assert_eq!(span.parent_span_id, SpanId::from(8));
}

#[test]
fn a_span_after_another_has_a_trace_of_its_own_a_link_and_the_baggage() {
    let rig = rig(Sampling { ratio: 0.0, follows_caller: true });
    let span = rig.tracer.begin(Place::After(&caller(true)), commit);
    assert_eq!(span.context().baggage().get("tenant").map(|tenant| tenant.as_str()), Some("a"));
    span.end();
    let [span] = rig.ended().try_into().expect("the caller's decision holds");
    assert_ne!(span.span_context.trace_id(), TraceId::from(7));
    assert_eq!(span.parent_span_id, SpanId::INVALID);
    assert_eq!(span.links[0].span_context.span_id(), SpanId::from(8));
    assert_eq!(span.links[0].span_context.trace_state().header(), "");
}

#[test]
fn what_the_caller_does_not_keep_is_not_made_but_passed_on() {
    let rig = rig(Sampling::default());
    let caller = caller(false);
    let span = rig.tracer.begin(Place::Under(&caller), || panic!("it is not kept"));
    let mut headers = Vec::new();
    span.into_message(&mut headers);
    let sender = context::sender_of(&headers).expect("it is passed on");
    assert_eq!((sender.span_id(), sender.is_sampled()), (SpanId::from(8), false));
    span.end();
    rig.tracer.begin(Place::After(&caller), || panic!("it is not kept either")).end();
    // Also not where it is linked to somebody whose trace is kept.
    let kept = vec![self::caller(true).span().span_context().clone()];
    let place = Place::After(&caller);
    rig.tracer.begin_linked(place, kept, None, || panic!("the sender decides")).end();
    assert!(rig.ended().is_empty());
}

#[test]
fn an_error_is_an_attribute_and_a_status() {
    let rig = rig(Sampling::default());
    let span = rig.tracer.begin(Place::Alone, commit);
    span.fail("handler_failed", "no funds");
    drop(span);
    let [span] = rig.ended().try_into().expect("one span");
    assert_eq!(span.status, Status::error("no funds"));
    assert!(span.attributes.contains(&KeyValue::new(ERROR_TYPE, "handler_failed")));
}

#[test]
fn no_failure_is_told_at_any_length() {
    let rig = rig(Sampling::default());
    let span = rig.tracer.begin(Place::Alone, commit);
    span.fail("handler_failed", format!("-{}", "ü".repeat(10_000)));
    drop(span);
    let [span] = rig.ended().try_into().expect("one span");
    let Status::Error { description } = span.status else { panic!("it failed") };
    assert_eq!(description.len(), FAILURE_BYTES_MAX - 1);
}

#[test]
fn a_span_ends_though_its_context_is_kept() {
    let rig = rig(Sampling::default());
    let span = rig.tracer.begin(Place::Alone, commit);
    let kept = span.context();
    drop(span);
    assert_eq!(rig.ended().len(), 1);
    assert!(kept.span().span_context().is_valid());
}

#[test]
fn where_nobody_traces_headers_stay_as_they_are() {
    let headers = vec![("traceparent".to_owned(), "the caller's own".to_owned())];
    let mut same = headers.clone();
    let span = Tracer::off().begin(Place::Alone, || panic!("nobody traces"));
    span.into_message(&mut same);
    assert_eq!(same, headers);
    assert!(span.span_context().is_none() && !span.is_recording());
}
