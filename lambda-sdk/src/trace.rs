//! What a run tells of itself: a span of the run, one of each attempt at a message, of each
//! commit and of what handlers send. What they are called and where they belong is in
//! `callboard-telemetry`; this module knows what happens to messages.
//!
//! With the feature `otlp` off, `trace/off.rs` is in its place, which tells nothing.

use std::collections::HashMap;

use callboard_mailbox::clock::Timestamp;
use callboard_mailbox::commit::{Commit, Committed, LeaseAfter};
use callboard_mailbox::drain::{End, Ran, Run};
use callboard_mailbox::message::{AnswerTo, Kind};
use callboard_mailbox::parcel::Slot;
use callboard_mailbox::{Address, Message, Sequence};
use callboard_telemetry::pipeline::Settings;
use callboard_telemetry::{Pipeline, Place, Tracer, attributes, context};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use tonic::Code;

/// Makes the spans of a function. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trace {
    tracer: Tracer,
    /// Whether the context of a sender is read and passed on.
    propagates: bool,
}

/// A span that goes on until it is dropped.
#[derive(Debug)]
pub(crate) struct Span(callboard_telemetry::Span);

/// What a function was invoked for, as the span of the run tells.
pub(crate) struct Invoked<'a> {
    /// The type of the actor.
    pub(crate) actor_type: &'a str,
    /// What Lambda calls the invocation; `None` when it is none of Lambda's.
    pub(crate) id: Option<&'a str>,
    /// Whether it is the first one of its environment.
    pub(crate) is_cold: bool,
    /// The epoch of the lease; `None` for a read, which has none.
    pub(crate) epoch: Option<u64>,
    /// The context of whoever invoked it.
    pub(crate) headers: &'a HashMap<String, String>,
}

/// The spans of one run.
pub(crate) struct Story<'a> {
    trace: &'a Trace,
    run: &'a Span,
    actor_type: &'a str,
    /// What was run, and is not committed yet.
    uncommitted: Vec<Attempt>,
}

/// An attempt at a message, which has ended.
struct Attempt {
    context: Context,
    sequence: Option<Sequence>,
    id: callboard_mailbox::MessageId,
    has_failed: bool,
}

impl Trace {
    /// One that makes no spans.
    #[must_use]
    pub fn off() -> Self {
        Self { tracer: Tracer::off(), propagates: true }
    }

    /// One whose spans a pipeline exports.
    #[must_use]
    pub fn of(pipeline: &Pipeline, settings: &Settings) -> Self {
        Self { tracer: pipeline.tracer().clone(), propagates: settings.propagates }
    }

    /// The tracer, for the log.
    pub(crate) fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// Begins the span of an invocation.
    pub(crate) fn run(&self, invoked: &Invoked<'_>) -> Span {
        if !self.tracer.is_on() {
            return Span::none();
        }
        let Invoked { actor_type, id, is_cold, epoch, headers } = *invoked;
        let pairs = headers.iter().map(|(name, value)| (name.clone(), value.clone()));
        let gateway = self.sender(&pairs.collect::<Vec<_>>()).unwrap_or_default();
        Span(self.tracer.begin(Place::Under(&gateway), || {
            let (of, at) = (id.unwrap_or_default(), epoch.unwrap_or_default());
            let mut description = attributes::run(actor_type, of, is_cold, at);
            description.attributes.retain(|known| match known.key.as_str() {
                attributes::FAAS_INVOCATION_ID => id.is_some(),
                attributes::EPOCH => epoch.is_some(),
                _ => true,
            });
            description
        }))
    }

    /// Begins the span of a read-only handler, which is a part of its invocation.
    pub(crate) fn read(&self, invocation: &Span, address: &Address, message: &Message) -> Span {
        let place = invocation.0.context();
        Span(self.tracer.begin(Place::Under(&place), || {
            attributes::process(&self.described(address, message, "ask"), 1, 0.0)
        }))
    }

    /// Tells that a handler sends a message of this kind, and puts that into the message's
    /// headers. It is below the author's own span, if the handler is in one; the message is
    /// stored later, with the commit.
    pub(crate) fn send(&self, to: &Address, message: &mut Message, kind: &'static str) {
        if !self.tracer.is_on() {
            return;
        }
        let span = self.tracer.begin(Place::Under(&Context::current()), || {
            attributes::send(&self.described(to, message, kind))
        });
        if self.propagates {
            span.into_message(&mut message.headers);
        }
    }

    /// Tells that a handler answers whoever waits since an earlier message: in the trace of him
    /// who waits, with a link to where the answer is given. It goes on there, below this.
    pub(crate) fn reply(&self, to: AnswerTo, size: usize) -> AnswerTo {
        if !self.tracer.is_on() {
            return to;
        }
        let asked = to.traceparent().map(|it| (context::TRACEPARENT.to_owned(), it.to_owned()));
        let asker = self.sender(asked.as_slice());
        let current = Context::current();
        let (place, links) = match &asker {
            Some(asker) => (asker, vec![current.span().span_context().clone()]),
            None => (&current, Vec::new()),
        };
        let links = links.into_iter().filter(SpanContext::is_sampled).collect();
        let (address, id, method) = match &to {
            AnswerTo::Caller { address, id, .. } => (address, id, None),
            AnswerTo::Actor { address, id, method, .. } => (address, id, Some(method)),
        };
        let span = self.tracer.begin_linked(Place::Under(place), links, None, || {
            let mut description = attributes::reply(&attributes::Message {
                actor_type: address.actor_type(),
                key: self.tracer.key(address.key()),
                method: method.map_or("", String::as_str),
                id: id.as_str(),
                kind: "answer",
                bytes: size,
            });
            if method.is_none() {
                let is_method = |known: &KeyValue| known.key.as_str() == attributes::MESSAGE_METHOD;
                description.attributes.retain(|known| !is_method(known));
            }
            description
        });
        if asker.is_none() {
            return to;
        }
        let mut headers = Vec::new();
        span.into_message(&mut headers);
        let parent = headers.into_iter().find(|(name, _)| name == context::TRACEPARENT);
        to.within(parent.map(|(_, value)| value))
    }

    /// The context that came with a message or an invocation.
    fn sender(&self, headers: &[(String, String)]) -> Option<Context> {
        context::of_message(headers).filter(|_| self.propagates)
    }

    fn described<'a>(
        &self,
        to: &'a Address,
        message: &'a Message,
        kind: &'static str,
    ) -> attributes::Message<'a> {
        attributes::Message {
            actor_type: to.actor_type(),
            key: self.tracer.key(to.key()),
            method: &message.method,
            id: message.id.as_str(),
            kind,
            bytes: message.payload.len(),
        }
    }
}

impl Span {
    /// One that is none.
    pub(crate) fn none() -> Self {
        Self(callboard_telemetry::Span::none())
    }

    /// Does something within it.
    pub(crate) async fn within<F: Future>(&self, future: F) -> F::Output {
        self.0.within(future).await
    }

    /// Says that it failed: a kind of failures of which there are few, and what happened.
    pub(crate) fn failed(&self, kind: &'static str, what: impl ToString) {
        if self.0.is_recording() {
            self.0.fail(kind, what.to_string());
        }
    }

    /// Says that the handler refused the message, which is an answer and no failure.
    pub(crate) fn refused(&self, code: Code) {
        self.0.set(attributes::status(attributes::code_name(code.into())));
    }

    /// Says how the run ended.
    pub(crate) fn ended(&self, end: End) {
        let end = match end {
            End::Released => "released",
            End::Deferred { .. } => "backing_off",
            End::Suspended => "suspended",
            End::Fenced => "fenced",
            End::Stopped => "out_of_time",
            End::Hole { .. } => "hole",
        };
        self.0.set(KeyValue::new(attributes::RUN_END, end));
    }
}

impl<'a> Story<'a> {
    /// The story of a run of which nothing has been told yet.
    pub(crate) fn new(trace: &'a Trace, run: &'a Span, actor_type: &'a str) -> Self {
        Self { trace, run, actor_type, uncommitted: Vec::new() }
    }

    /// Begins the span of an attempt at a message; `is_answer` when its method takes answers.
    pub(crate) fn process(
        &self,
        address: &Address,
        run: &Run,
        is_answer: bool,
        now: Timestamp,
    ) -> Span {
        let Trace { tracer, .. } = self.trace;
        if !tracer.is_on() {
            return Span::none();
        }
        let Run { message, attempt, timer, at, .. } = run;
        let is_asked = message.kind == Kind::Ask || message.answer_to.is_some();
        let kind = match timer {
            _ if is_answer => "answer",
            _ if is_asked => "ask",
            Some(_) => "timer",
            None => "tell",
        };
        let sender = self.trace.sender(&message.headers);
        // Whoever asked has waited for an answer, too.
        let place = tracer.tells().place(sender.as_ref(), is_asked || is_answer);
        let links = self.run.0.span_context().into_iter().collect();
        let deliverable = at.unwrap_or_default().max(message.sent_at);
        let waited = now.since(deliverable).as_secs_f64();
        Span(tracer.begin_linked(place, links, None, || {
            attributes::process(&self.trace.described(address, message, kind), *attempt, waited)
        }))
    }

    /// The attempt has ended, and its span with it; `None` when the lease was lost meanwhile.
    pub(crate) fn processed(&mut self, span: Span, run: &Run, ran: Option<&Ran>) {
        let Some(ran) = ran else {
            return span.failed("fenced", "the lease was lost, and nothing of it counts");
        };
        if !self.trace.tracer.is_on() {
            return;
        }
        self.uncommitted.push(Attempt {
            context: span.0.context(),
            sequence: run.sequence,
            id: run.message.id.clone(),
            has_failed: matches!(ran, Ran::Failed { .. }),
        });
    }

    /// Begins the span of a commit: in the trace of the message that it is of, or, if it is of
    /// several, in that of the run, with links to each of them.
    pub(crate) fn commit(&self, commit: &Commit) -> Span {
        let Trace { tracer, .. } = self.trace;
        if !tracer.is_on() {
            return Span::none();
        }
        let of: Vec<_> = self.uncommitted.iter().filter(|attempt| attempt.is_in(commit)).collect();
        let consumed = of.iter().filter(|attempt| attempt.is_consumed(commit)).count();
        let describe = || attributes::commit(self.actor_type, consumed);
        Span(match of[..] {
            [one] => tracer.begin(Place::Under(&one.context), describe),
            _ => {
                let links = of.iter().map(|attempt| attempt.context.span().span_context().clone());
                // As many as a commit consumes at most, which the pipeline keeps.
                let links = links.filter(SpanContext::is_sampled).collect();
                let run = self.run.0.context();
                tracer.begin_linked(Place::Under(&run), links, None, describe)
            }
        })
    }

    /// The commit was answered, and its span ends.
    pub(crate) fn committed(&mut self, span: Span, commit: &Commit, committed: &Committed) {
        match committed {
            Committed::Applied => self.uncommitted.retain(|attempt| !attempt.is_in(commit)),
            // The answer to an earlier try was lost.
            Committed::Conflict(record) if commit.is_in(record) => {
                self.uncommitted.retain(|attempt| !attempt.is_in(commit));
            }
            Committed::Conflict(_) => {
                span.failed("fenced", "somebody else has a newer lease, and nothing of it counts");
                self.uncommitted.clear();
            }
            // All of them run again, without those that were processed before.
            Committed::Duplicates(_) | Committed::Gone(_) => self.uncommitted.clear(),
        }
    }
}

impl Attempt {
    /// Whether a commit consumes the message, or stores that it has failed.
    fn is_in(&self, commit: &Commit) -> bool {
        let stores_failure =
            matches!(commit.lease, LeaseAfter::Deferred { .. } | LeaseAfter::Suspended { .. });
        self.has_failed && stores_failure || self.is_consumed(commit)
    }

    fn is_consumed(&self, commit: &Commit) -> bool {
        let is_parcel = |slot: &Slot| *slot.id() == self.id;
        match self.sequence {
            Some(sequence) => sequence <= commit.head,
            None => commit.consumed.iter().any(is_parcel),
        }
    }
}

#[cfg(test)]
mod tests;
