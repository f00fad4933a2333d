//! What is in the place of `trace.rs` without the feature `otlp`: nothing is told.

use std::collections::HashMap;
use std::marker::PhantomData;

use callboard_mailbox::clock::Timestamp;
use callboard_mailbox::commit::{Commit, Committed};
use callboard_mailbox::drain::{End, Ran, Run};
use callboard_mailbox::message::AnswerTo;
use callboard_mailbox::{Address, Message};
use tonic::Code;

/// Makes no spans.
#[derive(Clone, Copy, Debug)]
pub struct Trace;

/// A span that is none.
#[derive(Debug)]
pub(crate) struct Span;

#[expect(dead_code, reason = "it is read where there are spans")]
pub(crate) struct Invoked<'a> {
    pub(crate) actor_type: &'a str,
    pub(crate) id: Option<&'a str>,
    pub(crate) is_cold: bool,
    pub(crate) epoch: Option<u64>,
    pub(crate) headers: &'a HashMap<String, String>,
}

pub(crate) struct Story<'a>(PhantomData<&'a ()>);

impl Trace {
    /// One that makes no spans.
    #[must_use]
    pub fn off() -> Self {
        Self
    }

    pub(crate) fn run(&self, _: &Invoked<'_>) -> Span {
        Span
    }

    pub(crate) fn read(&self, _: &Span, _: &Address, _: &Message) -> Span {
        Span
    }

    pub(crate) fn send(&self, _: &Address, _: &mut Message, _: &'static str) {}

    pub(crate) fn reply(&self, to: AnswerTo, _: usize) -> AnswerTo {
        to
    }
}

impl Span {
    pub(crate) fn none() -> Self {
        Self
    }

    pub(crate) async fn within<F: Future>(&self, future: F) -> F::Output {
        future.await
    }

    pub(crate) fn failed(&self, _: &'static str, _: impl ToString) {}

    pub(crate) fn refused(&self, _: Code) {}

    pub(crate) fn ended(&self, _: End) {}
}

impl<'a> Story<'a> {
    pub(crate) fn new(_: &'a Trace, _: &'a Span, _: &'a str) -> Self {
        Self(PhantomData)
    }

    pub(crate) fn process(&self, _: &Address, _: &Run, _: bool, _: Timestamp) -> Span {
        Span
    }

    pub(crate) fn processed(&mut self, _: Span, _: &Run, _: Option<&Ran>) {}

    pub(crate) fn commit(&self, _: &Commit) -> Span {
        Span
    }

    pub(crate) fn committed(&mut self, _: Span, _: &Commit, _: &Committed) {}
}
