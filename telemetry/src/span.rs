//! Spans, made and ended where the work is done. They cost nothing where nobody traces, and
//! little where the caller decided that his trace is not kept.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::baggage::{BaggageExt, KeyValueMetadata};
use opentelemetry::trace::{
    FutureExt, Link, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, TraceState,
    Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;

use crate::attributes::ERROR_TYPE;
use crate::context;
use crate::story::{Habits, Tells};

/// What a span is, before it begins. [`crate::attributes`] has all that there are.
#[derive(Clone, Debug)]
pub struct Description {
    /// Its name, one of few.
    pub name: Cow<'static, str>,
    /// What it is to those beside it.
    pub kind: SpanKind,
    /// What is said of it.
    pub attributes: Vec<KeyValue>,
}

/// Where a span belongs.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// Into the trace of another span, or into one of its own when there is none.
    Under(&'a Context),
    /// Into a trace of its own, with a link to whoever caused it. Baggage goes along.
    After(&'a Context),
    /// Into a trace of its own.
    Alone,
}

/// What makes spans. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tracer {
    sdk: Option<SdkTracer>,
    follows_caller: bool,
    habits: Habits,
}

/// The most bytes of what a span says of its failure: it may be anybody's text.
pub const FAILURE_BYTES_MAX: usize = 1024;

/// A span that goes on until it is dropped.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct Span {
    context: Option<Context>,
    /// Whether it is another one's, who ends it.
    is_borrowed: bool,
}

impl Tracer {
    /// One that makes none.
    #[must_use]
    pub fn off() -> Self {
        Self { sdk: None, follows_caller: true, habits: Habits::default() }
    }

    pub(crate) fn new(sdk: SdkTracer, follows_caller: bool, habits: Habits) -> Self {
        Self { sdk: Some(sdk), follows_caller, habits }
    }

    /// How the processing of a message is traced that nobody waits for.
    #[must_use]
    pub fn tells(&self) -> Tells {
        self.habits.tells
    }

    /// An actor's key, if spans are to have it.
    #[must_use]
    pub fn key<'a>(&self, key: &'a str) -> Option<&'a str> {
        Some(key).filter(|_| self.habits.keys)
    }

    /// Whether it makes any.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.sdk.is_some()
    }

    pub(crate) fn sdk(&self) -> Option<&SdkTracer> {
        self.sdk.as_ref()
    }

    /// Begins a span.
    ///
    /// ```
    /// use callboard_telemetry::span::{Place, Tracer};
    /// use callboard_telemetry::{attributes, context};
    ///
    /// # let (tracer, headers) = (Tracer::off(), http::HeaderMap::new());
    /// let caller = context::of_request(&headers).unwrap_or_default();
    /// let rpc = attributes::Rpc::Grpc;
    /// let span = tracer.begin(Place::Under(&caller), || {
    ///     attributes::call(rpc, "bank.v1.Account/Deposit")
    /// });
    /// # drop(span);
    /// ```
    pub fn begin(&self, place: Place<'_>, describe: impl FnOnce() -> Description) -> Span {
        self.begin_linked(place, Vec::new(), None, describe)
    }

    /// Begins a span with links to others, and at an earlier time if one is given.
    pub fn begin_linked(
        &self,
        place: Place<'_>,
        links: Vec<SpanContext>,
        since: Option<SystemTime>,
        describe: impl FnOnce() -> Description,
    ) -> Span {
        let Some(sdk) = &self.sdk else { return Span::none() };
        let mut links = links;
        // Whoever sent a message decides of what follows from it, whatever else is linked.
        let mut is_unwanted = false;
        let parent = match place {
            Place::Under(context) => Cow::Borrowed(context),
            Place::After(cause) => {
                let sender = cause.span().span_context().clone();
                is_unwanted = sender.is_valid() && !sender.is_sampled();
                // The first one, since it is the cause.
                links.splice(..0, Some(sender).filter(SpanContext::is_valid));
                Cow::Owned(with_baggage_of(cause))
            }
            Place::Alone => Cow::Owned(Context::new()),
        };
        if self.follows_caller && (is_unwanted || is_left_out(&parent, &links)) {
            // Those who are called next are told what was decided.
            let decided = match place {
                Place::After(cause) => cause.clone(),
                _ => parent.into_owned(),
            };
            return Span { context: Some(decided), is_borrowed: true };
        }
        let Description { name, kind, attributes } = describe();
        let mut builder = SpanBuilder::from_name(name).with_kind(kind).with_attributes(attributes);
        builder.start_time = since;
        if !links.is_empty() {
            builder.links =
                Some(links.iter().map(|link| Link::new(bare(link), Vec::new(), 0)).collect());
        }
        let span = sdk.build_with_context(builder, &parent);
        Span { context: Some(parent.with_span(span)), is_borrowed: false }
    }
}

/// What a link needs to say. The state is at the spans of that trace, and would be told again for
/// each of a batch.
fn bare(link: &SpanContext) -> SpanContext {
    let (trace, id, flags) = (link.trace_id(), link.span_id(), link.trace_flags());
    SpanContext::new(trace, id, flags, link.is_remote(), TraceState::NONE)
}

/// Whether a trace is not kept: then its spans need not be made.
fn is_left_out(parent: &Context, links: &[SpanContext]) -> bool {
    let span = parent.span();
    let span = span.span_context();
    match span.is_valid() {
        true => !span.is_sampled(),
        false => !links.is_empty() && !links.iter().any(SpanContext::is_sampled),
    }
}

/// A context in no span, that has what the caller says to all that follows.
fn with_baggage_of(cause: &Context) -> Context {
    if cause.baggage().is_empty() {
        return Context::new();
    }
    let baggage = cause.baggage().iter();
    Context::new().with_baggage(baggage.map(|(key, (value, metadata))| {
        KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
    }))
}

impl Span {
    /// One that is none.
    pub fn none() -> Self {
        Self { context: None, is_borrowed: true }
    }

    /// The context inside of it, for spans below it; an empty one when nobody traces.
    #[must_use]
    pub fn context(&self) -> Context {
        self.context.clone().unwrap_or_default()
    }

    /// For a link to it; `None` when nobody traces.
    #[must_use]
    pub fn span_context(&self) -> Option<SpanContext> {
        let context = self.context.as_ref()?.span().span_context().clone();
        Some(context).filter(SpanContext::is_valid)
    }

    /// Whether it is kept, so that it is worth finding out what to say of it.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.context.as_ref().is_some_and(|context| context.span().is_recording())
    }

    /// Puts it into the headers of a message. Where nobody traces, they stay as they are.
    pub fn into_message(&self, headers: &mut Vec<(String, String)>) {
        if let Some(context) = &self.context {
            context::into_message(context, headers);
        }
    }

    /// Says something more of it.
    pub fn set(&self, attribute: KeyValue) {
        if let Some(context) = self.context.as_ref().filter(|_| !self.is_borrowed) {
            context.span().set_attribute(attribute);
        }
    }

    /// Says that it failed: a kind of errors of which there are few, such as a reason, and what
    /// happened, of which 1 KiB is kept.
    pub fn fail(&self, error_type: impl Into<Cow<'static, str>>, what: impl Into<String>) {
        if let Some(context) = self.context.as_ref().filter(|_| self.is_recording()) {
            let span = context.span();
            span.set_attribute(KeyValue::new(ERROR_TYPE, error_type.into()));
            let mut what = what.into();
            what.truncate(what.floor_char_boundary(FAILURE_BYTES_MAX));
            span.set_status(Status::error(what));
        }
    }

    /// Does something within it: spans that are begun in there, also those of `tracing`, are
    /// below it, and lines of the log have its ids.
    pub async fn within<F: Future>(&self, future: F) -> F::Output {
        match &self.context {
            Some(context) => future.with_context(context.clone()).await,
            None => future.await,
        }
    }

    /// Ends it. To drop it does the same.
    pub fn end(self) {}
}

impl Drop for Span {
    fn drop(&mut self) {
        // At once, though others may keep its context.
        if let Some(context) = self.context.take_if(|_| !self.is_borrowed) {
            context.span().end();
        }
    }
}

#[cfg(test)]
mod tests;
