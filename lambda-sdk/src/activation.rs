//! One run of an actor: query, handle, commit, release.
//!
//! What to do next is decided by [`Drain`]; this module does it.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bytes::Bytes;
use callboard_mailbox::clock::{Clock, Timestamp};
use callboard_mailbox::drain::{Drain, End, Ran, Run, Step};
use callboard_mailbox::limits::REPLY_BYTES_MAX;
use callboard_mailbox::message::DecodeError;
use callboard_mailbox::reply::{Outcome, ReplyKey, error_text};
use callboard_mailbox::retry::Backoff;
use callboard_mailbox::store;
use callboard_mailbox::{Reply, Store};
use futures::FutureExt;
use prost::Message as _;
use tonic::Status;
use tracing::{error, warn};

use crate::actor::{Actor, Service};
use crate::context::Context;
use crate::error::{Error, too_large};
use crate::state::{self, Held};

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

/// The largest error of a handler, as an encoded `google.rpc.Status`. It travels
/// in HTTP/2 trailers, and many clients take no more than 8 KiB of them.
const STATUS_BYTES_MAX: usize = 4 * 1024;

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
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) end: End,
    pub(crate) replies: Vec<Reply>,
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

/// Why a run broke off. Its lease runs out, or whoever invoked it ends it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Runs an actor until its mailbox seems empty, or it must stop.
pub(crate) async fn run<A: Actor, S: Store>(
    surroundings: &Surroundings<'_, S>,
    drain: &mut Drain,
) -> Result<Finished, Broken> {
    let Surroundings { store, clock, stop_at, .. } = surroundings;
    let mut held: Option<Held<A>> = None;
    let mut replies = Newest::default();
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
                let state = persist(|| store.state(drain.address(), spilled)).await?;
                drain.state_loaded(state);
            }
            Step::Run(run) => {
                if let Some(ran) = handle_and_renew(surroundings, &mut held, drain, &run).await? {
                    drain.ran(ran, clock());
                }
            }
            Step::Commit(commit) => {
                let committed = persist(|| store.commit(&commit)).await?;
                replies.extend(drain.committed(committed));
            }
            Step::End(end) => return Ok(Finished { end, replies: replies.kept.into() }),
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
) -> Result<Option<Ran>, Broken> {
    let Surroundings { store, clock, backoff, .. } = surroundings;
    let (address, state) = (drain.address().clone(), drain.state().cloned());
    let timers = drain.timers().map(|(name, at)| (name.to_owned(), at)).collect();
    let context = Context::new(&address, run, clock(), timers);
    let mut handling = std::pin::pin!(handle(held, context, state.as_ref(), run, backoff));
    loop {
        let wait = drain.renew_at().since(clock());
        tokio::select! {
            biased;
            ran = &mut handling => return Ok(Some(ran)),
            () = tokio::time::sleep(wait) => {}
        }
        let renewal = drain.renewal(clock());
        let committed = persist(|| store.commit(&renewal)).await?;
        if !drain.renewed(&renewal, &committed) {
            return Ok(None);
        }
    }
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
async fn handle<A: Actor>(
    held: &mut Option<Held<A>>,
    context: Context<'_>,
    state: Option<&Bytes>,
    run: &Run,
    backoff: &Backoff,
) -> Ran {
    let actor_type = context.actor_type().to_owned();
    let result = match held.take().filter(|held| held.is_at(state)) {
        Some(current) => call(current, context, run).await,
        None => match Held::load(state) {
            Ok(loaded) => call(loaded, context, run).await,
            Err(unreadable) => Err(unreadable.into()),
        },
    };
    let error = match result {
        Ok((ran, current)) => {
            *held = Some(current);
            return ran;
        }
        Err(error) => error,
    };
    let Run { message, attempt, .. } = run;
    if let Some(status) = error.status() {
        return Ran::Refused { outcome: outcome(status) };
    }
    let delay = backoff.delay(*attempt, fastrand::f64());
    error!(
        actor_type, message.id = %message.id, method = message.method, attempt,
        retry_in = ?delay, %error, "the handler failed"
    );
    Ran::Failed { delay, error: error_text(error.to_string()) }
}

async fn call<A: Actor>(
    mut held: Held<A>,
    mut context: Context<'_>,
    run: &Run,
) -> Result<(Ran, Held<A>), Error> {
    let message = &run.message;
    let handler =
        A::Service::dispatch(held.actor(), &message.method, &message.payload, &mut context);
    let response = AssertUnwindSafe(handler).catch_unwind().await;
    let response = response.map_err(|panic| Error::retried(panic_message(&*panic)))??;
    if response.len() > REPLY_BYTES_MAX {
        return Err(too_large("reply", REPLY_BYTES_MAX, response.len()));
    }
    let state = match held.changed() {
        Ok(state) => state,
        Err(state::Error::TooLarge(size)) => {
            return Err(too_large("state", callboard_mailbox::limits::STATE_BYTES_MAX, size));
        }
        Err(error) => return Err(error.into()),
    };
    Ok((Ran::Done { state, response, effects: context.into_effects() }, held))
}

/// The stored form of an error: its code, and all of it as `google.rpc.Status`.
fn outcome(status: &Status) -> Outcome {
    let encoded = match status.details() {
        [] => tonic_types::pb::Status {
            code: status.code().into(),
            message: status.message().to_owned(),
            details: Vec::new(),
        }
        .encode_to_vec()
        .into(),
        details => Bytes::copy_from_slice(details),
    };
    if encoded.len() > STATUS_BYTES_MAX {
        let smaller = too_large("error", STATUS_BYTES_MAX, encoded.len());
        return outcome(smaller.status().expect("too large is terminal"));
    }
    let code = i32::from(status.code()).unsigned_abs();
    Outcome::Failed { code, status: encoded }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the handler panicked: {}", text.unwrap_or("no message"))
}

#[cfg(test)]
mod tests;
