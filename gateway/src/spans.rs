//! The gateway's spans below that of a call: who is whose parent, and who is only linked.
//!
//! A message has the context of its `send` span in its headers. Its actor's lane is a task of its
//! own, which serves many: so each message brings its context along.

use std::collections::HashMap;

use callboard_mailbox::message::Kind;
use callboard_mailbox::{Address, Message};
use callboard_telemetry::context::{self, HEADERS};
use callboard_telemetry::span::{Place, Span, Tracer};
use callboard_telemetry::{Pipeline, attributes};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};

use crate::functions::Failure;

/// The most messages that an invocation is linked to.
pub(crate) const CAUSES_MAX: usize = 128;

/// Begins the span of sending a message, and has the message carry it.
pub(crate) fn send(pipeline: &Pipeline, address: &Address, message: &mut Message) -> Span {
    if !pipeline.propagates() {
        message.headers.retain(|(name, _)| !HEADERS.contains(&name.as_str()));
    }
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
    span
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

/// Begins the span of an invocation for messages: in the trace of the one that it is for, or in
/// one of its own that is linked to all. It is for none when a sweep or another actor is why.
pub(crate) fn invoke(tracer: &Tracer, function: &str, causes: &[Context]) -> Span {
    if !tracer.is_on() {
        return Span::none();
    }
    let (place, links) = match (causes, first_kept(causes)) {
        // A story that is not kept goes on as one.
        ([cause], _) => (Place::Under(cause), Vec::new()),
        ([first, ..], Some((_, kept))) if !is_kept(kept) => (Place::Under(first), Vec::new()),
        (several, _) => (Place::Alone, several.iter().filter_map(linked).collect()),
    };
    tracer.begin_linked(place, links, None, || attributes::invoke(function, None, causes.len()))
}

/// What a function is told, so that its spans are below this one.
pub(crate) fn headers(span: &Span) -> HashMap<String, String> {
    let mut headers = Vec::new();
    span.into_message(&mut headers);
    headers.into_iter().collect()
}

/// Begins the span of an invocation for a read-only ask, below that of its call.
pub(crate) fn read(tracer: &Tracer, function: &str) -> Span {
    if !tracer.is_on() {
        return Span::none();
    }
    tracer.begin(Place::Under(&Context::current()), || attributes::invoke(function, None, 1))
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
