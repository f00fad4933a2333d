//! One run of an actor: query, handle, commit, release.
//!
//! What to do next is decided by [`Drain`]; this module does it.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::Bytes;
use callboard_mailbox::clock::{Clock, Timestamp};
use callboard_mailbox::commit::{Committed, LeaseAfter};
use callboard_mailbox::dead_letter::DeadLetter;
use callboard_mailbox::drain::{Drain, End, Ran, Run, Step};
use callboard_mailbox::limits::REPLY_BYTES_MAX;
use callboard_mailbox::message::{DecodeError, Kind};
use callboard_mailbox::reply::{ReplyKey, error_text};
use callboard_mailbox::retry::Backoff;
use callboard_mailbox::store;
use callboard_mailbox::{Address, Reply, Store};
use callboard_proto::pb::RunStats;
use futures::FutureExt;
use tokio::time::Instant;
use tracing::{Instrument, Span, error, info_span, warn};

use crate::actor::{Actor, Service};
use crate::answer;
use crate::context::Context;
use crate::error::{Error, too_large};
use crate::state::Held;
use crate::stats::Stats;
use crate::trace::{self, Story, Trace};

/// How many items one query asks for. DynamoDB ends a page at 1 MB anyway.
const PAGE_ITEMS: usize = 100;

/// How often an operation of the store is tried again within a run, beyond the
/// tries of the AWS SDK. After that the lease runs out and somebody else goes on.
const STORE_TRIES: u32 = 5;

/// The most bytes of replies in a result. With base64 they fit in the 6 MB that
/// Lambda lets a response have.
const RESULT_REPLY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a reply takes besides its body and its id: tags, lengths, code, digest.
const REPLY_OVERHEAD_BYTES: usize = 48;

/// The waits between those tries.
const STORE_BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(50), factor: 3.0, longest: Duration::from_secs(1) };

/// What a run needs besides the actor's mailbox.
pub(crate) struct Surroundings<'a, S> {
    pub(crate) store: &'a S,
    pub(crate) clock: Clock,
    /// No message is begun after this time.
    pub(crate) stop_at: Timestamp,
    /// How long a mailbox waits after a failed message.
    pub(crate) backoff: Backoff,
    /// What makes the spans below the one of the run.
    pub(crate) trace: &'a Trace,
    pub(crate) span: &'a trace::Span,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) end: End,
    pub(crate) replies: Vec<Reply>,
    /// What it has done, for the gateway's metrics.
    pub(crate) stats: RunStats,
}

/// The newest replies of a run, as many as fit into the invocation's result.
/// The callers of older ones have read them from the reply table by then.
#[derive(Default)]
struct Newest {
    kept: VecDeque<Reply>,
    bytes: usize,
}

impl Newest {
    fn extend(&mut self, replies: Vec<Reply>) {
        for reply in replies {
            self.bytes += size(&reply);
            self.kept.push_back(reply);
        }
        while self.bytes > RESULT_REPLY_BYTES_MAX {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.bytes -= size(&oldest);
        }
    }
}

/// What a reply takes in the result, at most.
fn size(reply: &Reply) -> usize {
    reply.outcome.size() + reply.id.as_str().len() + REPLY_OVERHEAD_BYTES
}

/// What came of an attempt at a message.
pub(crate) struct Handled {
    pub(crate) ran: Ran,
    /// The kind of its failure, if it is tried again.
    pub(crate) failure: Option<&'static str>,
}

/// Why a run broke off. Its lease runs out, or whoever invoked it ends it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Runs an actor until its mailbox seems empty, or it must stop. `held` is the actor
/// as it was kept in memory, if it was, and as it can be kept then.
pub(crate) async fn run<A: Actor, S: Store>(
    surroundings: &Surroundings<'_, S>,
    drain: &mut Drain,
    held: &mut Option<Held<A>>,
) -> Result<Finished, Broken> {
    let finished = run_on(surroundings, drain, held).await;
    // What the last handler made of the actor need not be what was committed, and a run
    // that had nothing to handle has not looked at the state at all.
    let committed = held.take().filter(|held| held.is_at(drain.state()));
    *held = match &finished {
        Ok(Finished { end: End::Fenced, .. }) | Err(_) => None,
        Ok(_) => committed.map(|held| held.at(drain.revision())),
    };
    finished
}

async fn run_on<A: Actor, S: Store>(
    surroundings: &Surroundings<'_, S>,
    drain: &mut Drain,
    held: &mut Option<Held<A>>,
) -> Result<Finished, Broken> {
    let Surroundings { store, clock, stop_at, trace, span, .. } = surroundings;
    let mut replies = Newest::default();
    let mut story = Story::new(trace, span, A::Service::TYPE);
    let mut stats = Stats::default();
    loop {
        let now = clock();
        match drain.step(now, now >= *stop_at) {
            Step::Query(first) => {
                let read = || store.deliverable(drain.address(), first, clock(), PAGE_ITEMS);
                let page = persist(read).await?;
                drain.loaded(&page)?;
            }
            Step::QueryInbox => {
                let read = || store.inbox(drain.address(), clock(), PAGE_ITEMS);
                let page = persist(read).await?;
                drain.inbox_loaded(&page);
            }
            Step::FindReply(id) => {
                let key = [ReplyKey::new(drain.address(), &id)];
                let found = persist(|| store.replies(&key, clock())).await?;
                drain.reply_found(found.iter().any(Option::is_some), clock());
            }
            Step::LoadState(spilled) => {
                let kept = held.as_ref().and_then(|held| held.stored_at(drain.revision()));
                let state = match kept {
                    Some(state) => Some(state),
                    None => persist(|| store.state(drain.address(), spilled)).await?,
                };
                drain.state_loaded(state);
            }
            Step::Run(run) => {
                let is_answer = A::Service::ANSWERS.contains(&run.message.method.as_str());
                let process = story.process(drain.address(), &run, is_answer, now);
                let handled = handle_and_renew(surroundings, held, drain, &run, &process);
                stats.begun(&run, now);
                let begun = Instant::now();
                let ran = process.within(handled).await;
                // What the store says of itself is for the log.
                let handled = ran.inspect_err(|_| process.failed("broken_off", ""))?;
                story.processed(process, &run, handled.as_ref().map(|handled| &handled.ran));
                if let Some(Handled { ran, failure }) = handled {
                    stats.handled(&run, failure, begun.elapsed());
                    drain.ran(ran, clock());
                }
            }
            Step::Commit(commit) => {
                let span = story.commit(&commit);
                let committed = span.within(persist(|| store.commit(&commit))).await;
                let committed = committed.inspect_err(|_| span.failed("store", ""))?;
                story.committed(span, &commit, &committed);
                if committed == Committed::Applied {
                    stats.committed(&commit, drain.head());
                    commit.dead_letters.iter().for_each(tell_of);
                    if let LeaseAfter::Suspended { reason } = &commit.lease {
                        let actor_type = drain.address().actor_type();
                        error!(
                            actor_type,
                            error = reason,
                            "the mailbox is paused: its first message failed for good"
                        );
                    }
                }
                replies.extend(drain.committed(committed));
            }
            Step::End(end) => {
                let (replies, stats) = (replies.kept.into(), stats.told());
                return Ok(Finished { end, replies, stats });
            }
        }
    }
}

/// Runs the handler, and keeps the lease while it takes long; `None` when the
/// lease is lost. Then the handler is given up: it could commit nothing.
async fn handle_and_renew<A: Actor, S: Store>(
    surroundings: &Surroundings<'_, S>,
    held: &mut Option<Held<A>>,
    drain: &mut Drain,
    run: &Run,
    process: &trace::Span,
) -> Result<Option<Handled>, Broken> {
    let Surroundings { store, clock, backoff, trace, .. } = surroundings;
    let (address, state) = (drain.address().clone(), drain.state().cloned());
    let timers = drain.timers().map(|(name, at)| (name.to_owned(), at)).collect();
    let context = Context::new(&address, run, clock(), timers, trace);
    let handling = handle(held, context, state.as_ref(), run, backoff, process);
    let mut handling = std::pin::pin!(handling.instrument(span(&address, run)));
    loop {
        let wait = drain.renew_at().since(clock());
        tokio::select! {
            biased;
            handled = &mut handling => return Ok(Some(handled)),
            () = tokio::time::sleep(wait) => {}
        }
        let renewal = drain.renewal(clock());
        let committed = persist(|| store.commit(&renewal)).await?;
        if !drain.renewed(&renewal, &committed) {
            return Ok(None);
        }
    }
}

fn tell_of(letter: &DeadLetter) {
    let DeadLetter { message, attempts, error, .. } = letter;
    error!(
        message.id = %message.id, method = message.method, attempts, error,
        "the message is set aside after its last attempt"
    );
}

/// What a handler logs is in this span. Without the key: it may name a person.
fn span(address: &Address, run: &Run) -> Span {
    let Run { message, attempt, .. } = run;
    info_span!(
        "process",
        actor_type = address.actor_type(),
        message.id = %message.id,
        method = message.method,
        attempt,
    )
}

/// Makes the same request again while its failure is transient.
async fn persist<T, F: Future<Output = Result<T, store::Error>>>(
    request: impl Fn() -> F,
) -> Result<T, store::Error> {
    let mut tries = 0;
    loop {
        match request().await {
            Err(error) if error.is_transient() && tries < STORE_TRIES => {
                tries += 1;
                warn!(%error, tries, "the store gave no answer, trying again");
                tokio::time::sleep(STORE_BACKOFF.delay(tries, fastrand::f64())).await;
            }
            answer => return answer,
        }
    }
}

/// Runs the handler on a message. When the message does not succeed, the actor
/// in memory is given up, and with it all that the handler changed.
pub(crate) async fn handle<A: Actor>(
    held: &mut Option<Held<A>>,
    context: Context<'_>,
    state: Option<&Bytes>,
    run: &Run,
    backoff: &Backoff,
    process: &trace::Span,
) -> Handled {
    let called = call(held.take(), context, state, run);
    let error = match AssertUnwindSafe(called).catch_unwind().await {
        Ok(Ok((ran, current))) => {
            *held = Some(current);
            return Handled { ran, failure: None };
        }
        Ok(Err(error)) => error,
        Err(panic) => Error::panicked(&*panic),
    };
    if let Some(status) = error.status() {
        process.refused(status.code());
        let is_awaited = run.message.kind == Kind::Ask || run.message.answer_to.is_some();
        if !is_awaited {
            // Nobody else will ever hear of it.
            warn!(%error, "the handler refused a message whose answer nobody waits for");
        }
        let ran = Ran::Refused { outcome: answer::failed(status) };
        return Handled { ran, failure: None };
    }
    let failure = error.failure();
    process.failed(failure, &error);
    let delay = backoff.delay(run.attempt, fastrand::f64());
    error!(retry_in = ?delay, %error, "the handler failed");
    let ran = Ran::Failed { delay, error: error_text(error.to_string()) };
    Handled { ran, failure: Some(failure) }
}

async fn call<A: Actor>(
    held: Option<Held<A>>,
    mut context: Context<'_>,
    state: Option<&Bytes>,
    run: &Run,
) -> Result<(Ran, Held<A>), Error> {
    let message = &run.message;
    let mut held = current(held, state, &context).await?;
    if held.is_new() {
        held.actor_mut().on_create(&mut context).await?;
    }
    let handler =
        A::Service::dispatch(held.actor_mut(), &message.method, &message.payload, &mut context);
    let response = match handler.await {
        Ok(_) if context.is_later() => {
            return Err(Error::retried(
                "the handler has answered, and promised or forwarded the answer as well",
            ));
        }
        Ok(response) => Some(response),
        Err(error) if error.is_later() => None,
        Err(error) => return Err(error),
    };
    if let Some(size) = response.as_ref().map(Bytes::len).filter(|size| *size > REPLY_BYTES_MAX) {
        return Err(too_large("reply", REPLY_BYTES_MAX, size));
    }
    let state = if context.is_deleted() {
        held.actor_mut().on_delete(&mut context).await?;
        held.deleted()
    } else {
        held.changed()?
    };
    context.check()?;
    Ok((Ran::Done { state, response, effects: context.into_effects() }, held))
}

/// The actor that has this state: the one in memory, or it is read.
async fn current<A: Actor>(
    held: Option<Held<A>>,
    state: Option<&Bytes>,
    context: &Context<'_>,
) -> Result<Held<A>, Error> {
    if let Some(held) = held.filter(|held| held.is_at(state)) {
        return Ok(held);
    }
    let mut held = Held::<A>::load(state)?;
    if !held.is_new() {
        held.actor_mut().on_wake(context).await?;
    }
    Ok(held)
}

/// Runs the handler of a read-only method; its response, and the actor, which may be
/// kept.
pub(crate) async fn read<A: Actor>(
    held: Option<Held<A>>,
    context: &Context<'_>,
    state: Option<&Bytes>,
    run: &Run,
) -> (Result<Bytes, Error>, Option<Held<A>>) {
    let called = async {
        let held = current(held, state, context).await?;
        let Run { message, .. } = run;
        let response =
            A::Service::read(held.actor(), &message.method, &message.payload, context).await;
        Ok((response, held))
    };
    let called = AssertUnwindSafe(called).catch_unwind();
    match called.instrument(span(context.address(), run)).await {
        Ok(Ok((Ok(response), held))) if response.len() > REPLY_BYTES_MAX => {
            (Err(too_large("reply", REPLY_BYTES_MAX, response.len())), Some(held))
        }
        Ok(Ok((response, held))) => (response, Some(held)),
        Ok(Err(error)) => (Err(error), None),
        Err(panic) => (Err(Error::panicked(&*panic)), None),
    }
}

#[cfg(test)]
pub(crate) mod tests;
