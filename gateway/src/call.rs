//! The whole life of a call.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callboard_mailbox::limits::DELAY_MAX;
use callboard_mailbox::message::{Digest, Kind, Message};
use callboard_mailbox::reply::{Outcome, ReplyKey};
use callboard_mailbox::store::Cancelled;
use callboard_mailbox::{Address, MessageId, Sequence, Store, Timestamp};
use tokio::sync::{SemaphorePermit, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::catalog::Route;
use crate::delay;
use crate::gateway::Gateway;
use crate::lane::{Command, Envelope};
use crate::read;
use crate::refusal::{Refusal, Stored};
use crate::replies::{Answered, Ticket};

/// The longest time by which the gateway answers before the caller's deadline,
/// so that the answer, and not the caller's own timer, tells what happened.
const ANSWER_EARLIER_MAX: Duration = Duration::from_millis(50);

/// The longest deadline that is kept; a later one counts as this. An ask that
/// takes longer is better sent as a tell.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3_600);

/// A call, as a door took it in.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The path, `/bank.v1.Account/Deposit`.
    pub path: String,
    /// The encoded request.
    pub payload: Bytes,
    /// How long the caller waits.
    pub timeout: Option<Duration>,
    /// Headers that travel with the message.
    pub headers: Vec<(String, String)>,
    /// The id that the caller gives the message: sent again with the same id, it
    /// is processed once. A read-only ask is no message, and its id means nothing:
    /// it is taken so that a client may give one to every call.
    pub message_id: Option<MessageId>,
    /// When the message is delivered; `None` for at once. Only for tells.
    pub deliver: Option<Deliver>,
}

/// When a message is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliver {
    /// So long after the gateway has taken it.
    After(Duration),
    /// At a time, or at once when it is over.
    At(Timestamp),
}

/// A call's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The encoded response.
    pub payload: Bytes,
    /// What became of the message; `None` for a read-only ask, which is none.
    pub receipt: Option<Receipt>,
}

/// What is known of a stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its id.
    pub message_id: MessageId,
    /// Its place in its mailbox's log; `None` for a delayed message and for one
    /// that was sent before.
    pub sequence: Option<Sequence>,
    /// Whether it was sent before, and this is what became of it then.
    pub duplicate: bool,
}

/// Why a call has no answer, and what is known of its message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{refusal}")]
pub struct Refused {
    /// Why there is no answer.
    pub refusal: Refusal,
    /// The message, when it is stored.
    pub receipt: Option<Box<Receipt>>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, receipt: None }
    }
}

impl<S: Store + 'static> Gateway<S> {
    /// Takes a call from its path and bytes to its answer. Whoever drops the
    /// future gives up the answer, not the message.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn call(self: &Arc<Self>, call: Call) -> Result<Answer, Refused> {
        let route = self.catalog.route(&call.path)?;
        if route.is_internal() {
            return Err(Refusal::InternalMethod { path: call.path }.into());
        }
        // Until the message is stored, a gateway that drains waits for it.
        let storing = self.tasks.token();
        let _open = self.admit()?;
        let address = route.address(&call.payload)?;
        self.functions.of(address.actor_type())?;

        let deadline = self.deadline(&route, call.timeout);
        let at = self.delivery(&route, call.deliver)?;
        if route.is_read_only() {
            let payload = read::answer(self, &route, &address, call, deadline).await?;
            return Ok(Answer { payload, receipt: None });
        }
        let is_given = call.message_id.is_some();
        let message = self.message(&route, call, at);
        let (message_id, digest) = (message.id.clone(), message.digest());
        let key = ReplyKey::new(&address, &message_id);
        if is_given {
            let known = timeout_at(deadline, self.stored_reply(&key)).await;
            let known = known.map_err(|_| Refusal::SendTimeout { message_id: message_id.clone() });
            if let Some(answered) = known?? {
                let receipt = Receipt { message_id, sequence: None, duplicate: true };
                let is_open = answered.outcome == Outcome::Later && !route.is_tell();
                if !is_open || answered.digest != digest {
                    return answer(&route, answered, digest, receipt);
                }
                // It is handled, and only its answer is missing: to send it again
                // would not bring it nearer.
                drop(storing);
                let ticket = self.replies.wait_for(key.clone());
                self.replies.left_open(&key);
                return wait(&route, ticket, deadline, digest, receipt).await;
            }
        }
        // Before the message is sent, so that the reply cannot come first.
        let ticket = (!route.is_tell()).then(|| self.replies.wait_for(key));
        let sequence = match at {
            None => Some(self.store_message(&address, message, deadline).await?),
            Some(at) => {
                delay::store(self, &address, message, at, deadline).await?;
                None
            }
        };
        drop(storing);
        let receipt = Receipt { message_id, sequence, duplicate: false };

        match ticket {
            Some(ticket) => wait(&route, ticket, deadline, digest, receipt).await,
            None => Ok(Answer { payload: Bytes::new(), receipt: Some(receipt) }),
        }
    }

    /// Cancels a delayed message that is not yet due; false when no delayed
    /// message of this id waits.
    ///
    /// # Errors
    /// When the database does not answer: then it may be cancelled.
    pub async fn cancel(&self, address: &Address, id: &MessageId) -> Result<bool, Refusal> {
        let expires = (self.clock)().plus(self.settings.reply_retention);
        match self.store.cancel(address, id, expires).await {
            Ok(cancelled) => Ok(cancelled == Cancelled::Done),
            Err(error) => Err(Refusal::from_store(&error, Stored::Unknown)),
        }
    }

    fn admit(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        let unavailable =
            |detail: &str| Refusal::Unavailable { detail: detail.to_owned(), stored: Stored::No };
        if self.draining.is_cancelled() {
            return Err(unavailable("the gateway is shutting down"));
        }
        self.open_calls.try_acquire().map_err(|_| unavailable("too many calls are open"))
    }

    fn deadline(&self, route: &Route, timeout: Option<Duration>) -> Instant {
        let default = match route.is_tell() {
            true => self.settings.tell_timeout,
            false => self.settings.ask_timeout,
        };
        let timeout = timeout.unwrap_or(default).min(TIMEOUT_MAX);
        Instant::now() + timeout - (timeout / 10).min(ANSWER_EARLIER_MAX)
    }

    /// When a message is delivered; `None` for at once.
    fn delivery(
        &self,
        route: &Route,
        deliver: Option<Deliver>,
    ) -> Result<Option<Timestamp>, Refusal> {
        let now = (self.clock)();
        let (field, at) = match deliver {
            None => return Ok(None),
            Some(Deliver::After(delay)) => ("callboard-delay", now.plus(delay)),
            Some(Deliver::At(at)) => ("callboard-deliver-at", at),
        };
        let invalid = |detail: String| Refusal::Invalid { field: field.to_owned(), detail };
        if !route.is_tell() {
            return Err(invalid("an ask cannot be delayed, since its caller waits".into()));
        }
        if at.since(now) > DELAY_MAX {
            let days = DELAY_MAX.as_secs() / 86_400;
            return Err(invalid(format!("a message is delayed by {days} days at most")));
        }
        Ok(Some(at).filter(|at| *at > now))
    }

    fn message(&self, route: &Route, call: Call, at: Option<Timestamp>) -> Message {
        let sent_at = (self.clock)();
        let kind = if route.is_tell() { Kind::Tell } else { Kind::Ask };
        let timeout = call.timeout.unwrap_or(self.settings.ask_timeout).min(TIMEOUT_MAX);
        let receipt = call.message_id.is_some() || at.is_some();
        let new = || {
            let mut random = [0; 10];
            random.fill_with(|| fastrand::u8(..));
            MessageId::from_time(sent_at, &random)
        };
        Message {
            id: call.message_id.unwrap_or_else(new),
            kind,
            method: route.method().to_owned(),
            payload: call.payload,
            sent_at,
            deadline: (kind == Kind::Ask).then(|| sent_at.plus(timeout)),
            headers: call.headers,
            receipt,
            sender: None,
            answer_to: None,
        }
    }

    /// What became of a message that was sent with this id before, as far as the
    /// reply table shows. It may lag; then the message is dropped when it runs.
    async fn stored_reply(&self, key: &ReplyKey) -> Result<Option<Answered>, Refusal> {
        let replies = self.store.replies(std::slice::from_ref(key), (self.clock)()).await;
        let mut replies = replies.map_err(|error| Refusal::from_store(&error, Stored::No))?;
        let reply = replies.pop().flatten();
        Ok(reply.map(|reply| Answered { outcome: reply.outcome, digest: reply.digest }))
    }

    /// Hands a message to its actor's lane; its place once it is durable and
    /// somebody is sure to drain the mailbox.
    async fn store_message(
        self: &Arc<Self>,
        address: &Address,
        message: Message,
        deadline: Instant,
    ) -> Result<Sequence, Refusal> {
        let message_id = message.id.clone();
        let (sender, stored) = oneshot::channel();
        self.to_lane(address, Command::Send(Envelope { message, stored: sender }))?;
        match timeout_at(deadline, stored).await {
            Ok(Ok(stored)) => stored,
            Ok(Err(_)) => Err(Refusal::Internal {
                detail: "the actor's lane broke; the message may be stored".into(),
            }),
            Err(_) => Err(Refusal::SendTimeout { message_id }),
        }
    }
}

/// Waits for the reply to a message that is stored.
async fn wait(
    route: &Route,
    mut ticket: Ticket,
    deadline: Instant,
    digest: Option<Digest>,
    receipt: Receipt,
) -> Result<Answer, Refused> {
    let refusal = match timeout_at(deadline, ticket.ended()).await {
        Ok(Ok(answered)) => return answer(route, answered, digest, receipt),
        Ok(Err(refusal)) => refusal,
        Err(_) => Refusal::AskTimeout { message_id: receipt.message_id.clone() },
    };
    Err(Refused { refusal, receipt: Some(Box::new(receipt)) })
}

/// What a caller gets from a stored reply. Of a tell he only learns that it was
/// taken; and nobody learns the reply to another message of the same id.
fn answer(
    route: &Route,
    answered: Answered,
    digest: Option<Digest>,
    receipt: Receipt,
) -> Result<Answer, Refused> {
    let message_id = receipt.message_id.clone();
    if answered.digest != digest {
        return Err(Refusal::MessageIdReused { message_id }.into());
    }
    let refusal = match answered.outcome {
        Outcome::Cancelled => Refusal::Cancelled { message_id },
        _ if route.is_tell() => {
            return Ok(Answer { payload: Bytes::new(), receipt: Some(receipt) });
        }
        Outcome::Ok(payload) => return Ok(Answer { payload, receipt: Some(receipt) }),
        Outcome::Failed { code, status } => Refusal::Handler { code, status },
        Outcome::DeadLettered { attempts, error } => {
            Refusal::DeadLettered { message_id, attempts, error }
        }
        // Whoever waits for it is not given it; see `Replies::end`.
        Outcome::Later => Refusal::Internal { detail: "the answer is still to come".into() },
    };
    Err(Refused { refusal, receipt: Some(Box::new(receipt)) })
}
