//! The whole life of a call.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callboard_mailbox::message::{Kind, Message};
use callboard_mailbox::reply::{Outcome, ReplyKey};
use callboard_mailbox::{Address, MessageId, Sequence, Store};
use tokio::sync::{SemaphorePermit, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::catalog::Route;
use crate::gateway::Gateway;
use crate::lane::{Command, Envelope};
use crate::refusal::{Refusal, Stored};

/// The longest time by which the gateway answers before the caller's deadline,
/// so that the answer, and not the caller's own timer, tells what happened.
const ANSWER_EARLIER_MAX: Duration = Duration::from_millis(50);

/// The longest deadline that is kept; a later one counts as this. An ask that
/// takes longer is better sent as a tell.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3_600);

/// A call, as a door took it in.
#[derive(Clone, Debug)]
pub struct Call {
    /// The path, `/bank.v1.Account/Deposit`.
    pub path: String,
    /// The encoded request.
    pub payload: Bytes,
    /// How long the caller waits.
    pub timeout: Option<Duration>,
    /// Headers that travel with the message.
    pub headers: Vec<(String, String)>,
}

/// A call's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The encoded response.
    pub payload: Bytes,
    /// What became of the message.
    pub receipt: Receipt,
}

/// What is known of a stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its id.
    pub message_id: MessageId,
    /// Its place in its mailbox.
    pub sequence: Sequence,
}

/// Why a call has no answer, and what is known of its message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{refusal}")]
pub struct Refused {
    /// Why there is no answer.
    pub refusal: Refusal,
    /// The message, when it is stored.
    pub receipt: Option<Receipt>,
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
        // Until the message is stored, a gateway that drains waits for it.
        let storing = self.tasks.token();
        let _open = self.admit()?;
        let address = route.address(&call.payload)?;
        self.functions.of(address.actor_type())?;

        let message_id = new_message_id();
        let deadline = self.deadline(&route, call.timeout);
        // Before the message is sent, so that the reply cannot come first.
        let ticket =
            (!route.is_tell()).then(|| self.replies.wait_for(ReplyKey::new(&address, &message_id)));
        let message = self.message(&route, message_id.clone(), call);
        let sequence = self.store_message(&address, message, deadline).await?;
        drop(storing);
        let receipt = Receipt { message_id: message_id.clone(), sequence };

        let Some(mut ticket) = ticket else {
            return Ok(Answer { payload: Bytes::new(), receipt });
        };
        let refusal = match timeout_at(deadline, ticket.ended()).await {
            Ok(Ok(Outcome::Ok(payload))) => return Ok(Answer { payload, receipt }),
            Ok(Ok(Outcome::Failed { code, status })) => Refusal::Handler { code, status },
            Ok(Err(refusal)) => refusal,
            Err(_) => Refusal::AskTimeout { message_id },
        };
        Err(Refused { refusal, receipt: Some(receipt) })
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

    fn message(&self, route: &Route, id: MessageId, call: Call) -> Message {
        let sent_at = (self.clock)();
        let kind = if route.is_tell() { Kind::Tell } else { Kind::Ask };
        let timeout = call.timeout.unwrap_or(self.settings.ask_timeout).min(TIMEOUT_MAX);
        Message {
            id,
            kind,
            method: route.method().to_owned(),
            payload: call.payload,
            sent_at,
            deadline: (kind == Kind::Ask).then(|| sent_at.plus(timeout)),
            headers: call.headers,
        }
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

/// A UUIDv7, so that ids sort by time.
fn new_message_id() -> MessageId {
    MessageId::new(&uuid::Uuid::now_v7().to_string()).expect("a UUID is a valid id")
}
