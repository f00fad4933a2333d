//! The gateway's spans below that of a call: who is whose parent, and who is only linked.
//!
//! A message has the context of its `send` span in its headers. Its actor's lane is a task of its
//! own, which serves many: so each message brings its context along.

use std::collections::HashMap;

use callboard_mailbox::limits::{HEADER_BYTES_MAX, SEGMENT_MESSAGES_MAX};
use callboard_mailbox::message::Kind;
use callboard_mailbox::{Address, Message};
use callboard_telemetry::context::{self, HEADERS};
use callboard_telemetry::span::{Place, Span, Tracer};
use callboard_telemetry::{Pipeline, attributes};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};

use crate::door::headers::OWN_PREFIX;
use crate::functions::Failure;

/// The most messages that an invocation or a write is linked to: those of one segment.
pub(crate) const CAUSES_MAX: usize = SEGMENT_MESSAGES_MAX;

/// Begins the span of sending a message, and has the message carry it, as far as it fits beside
/// the message's own headers.
pub(crate) fn send(pipeline: &Pipeline, address: &Address, message: &mut Message) -> Span {
    own_headers(pipeline, &mut message.headers);
    let tracer = pipeline.tracer();
    if !tracer.is_on() {
        return Span::none();
    }
    let parent = sender(&message.headers);
    let span = tracer.begin(Place::Under(&parent), || {
        attributes::send(&attributes::Message {
            actor_type: address.actor_type(),
            key: tracer.key(address.key()),
            method: &message.method,
            id: message.id.as_str(),
            kind: match message.kind {
                Kind::Ask => "ask",
                Kind::Tell => "tell",
            },
            bytes: message.payload.len(),
        })
    });
    span.into_message(&mut message.headers);
    leave_out_what_does_not_fit(&mut message.headers);
    span
}

/// Of the caller's headers those that go along: not the trace context, where settings say so.
fn own_headers(pipeline: &Pipeline, headers: &mut Vec<(String, String)>) {
    if !pipeline.propagates() {
        headers.retain(|(name, _)| !HEADERS.contains(&name.as_str()));
    }
}

/// Baggage first, then the state. What Callboard itself says of the caller does not count.
fn leave_out_what_does_not_fit(headers: &mut Vec<(String, String)>) {
    let counts = |(name, _): &&(String, String)| !name.starts_with(OWN_PREFIX);
    for left_out in HEADERS.iter().rev() {
        let sizes = headers.iter().filter(counts).map(|(name, value)| name.len() + value.len());
        if sizes.sum::<usize>() <= HEADER_BYTES_MAX {
            return;
        }
        headers.retain(|(name, _)| name != left_out);
    }
}

/// Whose span a message is sent in: that of the call; or that of the message's own headers, which
/// those of `callboard.v1.Gateway` may have, when it is of another trace.
fn sender(headers: &[(String, String)]) -> Context {
    let current = Context::current();
    let trace = current.span().span_context().trace_id();
    let is_another = |own: &Context| {
        let own = own.span().span_context().clone();
        own.is_valid() && own.trace_id() != trace
    };
    context::of_message(headers).filter(is_another).unwrap_or(current)
}

/// The context in which messages are stored together. That of several has a span of its own: in
/// the trace of the first that is kept, and linked to the others.
pub(crate) fn append(tracer: &Tracer, actor_type: &str, causes: &[Context]) -> Span {
    let Some((at, parent)) = first_kept(causes) else { return Span::none() };
    let others = causes.iter().enumerate().filter(|(index, _)| *index != at);
    let links = others.filter_map(|(_, cause)| linked(cause)).take(CAUSES_MAX).collect();
    tracer.begin_linked(Place::Under(parent), links, None, || {
        attributes::append(actor_type, causes.len())
    })
}

/// Begins the span of an invocation for messages, and for what other actors have sent in `runs`:
/// in the trace of the message if it is for one alone, or in one of its own that is linked to all;
/// below another's run it would be part of a trace that need not end. It is for none when a sweep
/// is why.
pub(crate) fn invoke(
    tracer: &Tracer,
    function: &str,
    messages: &[Context],
    runs: &[Context],
) -> Span {
    if !tracer.is_on() {
        return Span::none();
    }
    let all = || messages.iter().chain(runs);
    let (place, links) = match (messages, runs, all().next()) {
        ([message], [], _) => (Place::Under(message), Vec::new()),
        // A story that is not kept goes on as one.
        (_, _, Some(first)) if !all().any(is_kept) => (Place::Under(first), Vec::new()),
        _ => (Place::Alone, all().filter_map(linked).take(CAUSES_MAX).collect()),
    };
    tracer.begin_linked(place, links, None, || attributes::invoke(function, messages.len()))
}

/// What a function is told, so that its spans are below this one.
pub(crate) fn headers(span: &Span) -> HashMap<String, String> {
    let mut headers = Vec::new();
    span.into_message(&mut headers);
    headers.into_iter().collect()
}

/// Begins the span of an invocation for a read-only ask, below that of its call, and has the
/// reader see it in the headers.
pub(crate) fn read(
    pipeline: &Pipeline,
    function: &str,
    headers: &mut Vec<(String, String)>,
) -> Span {
    own_headers(pipeline, headers);
    let tracer = pipeline.tracer();
    if !tracer.is_on() {
        return Span::none();
    }
    let call = Context::current();
    let span = tracer.begin(Place::Under(&call), || attributes::invoke(function, 1));
    span.into_message(headers);
    span
}

/// How a run ended that gave no result, in one of few words.
pub(crate) fn failed(failure: &Failure) -> &'static str {
    match failure {
        Failure::Unreachable(_) => "unreachable",
        Failure::Refused(_) => "refused",
        Failure::Crashed(_) => "crashed",
        Failure::Unanswered(_) => "unanswered",
    }
}

fn first_kept(causes: &[Context]) -> Option<(usize, &Context)> {
    let kept = causes.iter().position(is_kept).unwrap_or(0);
    Some((kept, causes.get(kept)?))
}

fn is_kept(cause: &Context) -> bool {
    cause.span().span_context().is_sampled()
}

fn linked(cause: &Context) -> Option<SpanContext> {
    Some(cause.span().span_context().clone()).filter(SpanContext::is_valid)
}

#[cfg(test)]
mod tests;
