//! What becomes of a call: its answer, or why there is none.

use std::time::Duration;

use bytes::Bytes;
use callboard_mailbox::message::Digest;
use callboard_mailbox::reply::{Outcome, ReplyKey};
use callboard_mailbox::{Address, MessageId, Reply, Sequence, Store};
use tokio::time::{Instant, timeout_at};

use crate::gateway::Gateway;
use crate::refusal::{Refusal, Stored};
use crate::replies::{Answered, Ticket};

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
    /// The actor's key, when the gateway has made it.
    pub new_key: Option<String>,
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
    /// Waits for the reply to a message that was sent before. It ends as the ask
    /// would have.
    ///
    /// # Errors
    /// [`Refusal::AwaitTimeout`] when there is none at the deadline; else what the
    /// message ended with.
    pub async fn reply(
        &self,
        address: &Address,
        message_id: &MessageId,
        timeout: Option<Duration>,
    ) -> Result<Bytes, Refusal> {
        let _open = self.admit()?;
        let deadline = self.deadline(timeout, true);
        let key = ReplyKey::new(address, message_id);
        let mut ticket = self.replies.wait_for(key.clone());
        // Most replies that are asked for so late are there.
        let too_late = |_| Refusal::AwaitTimeout { message_id: message_id.clone() };
        let answered = match timeout_at(deadline, self.stored_reply(&key)).await {
            Ok(Ok(Some(answered))) if answered.outcome != Outcome::Later => answered,
            Ok(known) => {
                if matches!(known, Ok(Some(_))) {
                    self.replies.left_open(&key);
                }
                // Also when it could not be read: it is read again and again.
                timeout_at(deadline, ticket.ended()).await.map_err(too_late)??
            }
            Err(elapsed) => return Err(too_late(elapsed)),
        };
        response(answered.outcome, message_id)
    }

    /// What became of a message that was sent with this id before, as far as the
    /// reply table shows. It may lag; then the message is dropped when it runs.
    pub(crate) async fn stored_reply(&self, key: &ReplyKey) -> Result<Option<Answered>, Refusal> {
        Ok(self.stored_replies(std::slice::from_ref(key)).await?.pop().flatten())
    }

    /// As [`Gateway::stored_reply`], of several ids that differ, in their order; at most
    /// as many as one request of the database takes, 100.
    pub(crate) async fn stored_replies(
        &self,
        keys: &[ReplyKey],
    ) -> Result<Vec<Option<Answered>>, Refusal> {
        let replies = self.store.replies(keys, (self.clock)()).await;
        let replies = replies.map_err(|error| Refusal::from_store(&error, Stored::No))?;
        let answered = |reply: Reply| Answered { outcome: reply.outcome, digest: reply.digest };
        Ok(replies.into_iter().map(|reply| reply.map(answered)).collect())
    }
}

/// Waits for the reply to a message that is stored.
pub(crate) async fn wait(
    mut ticket: Ticket,
    deadline: Instant,
    digest: Option<Digest>,
    receipt: Receipt,
) -> Result<Answer, Refused> {
    let refusal = match timeout_at(deadline, ticket.ended()).await {
        Ok(Ok(answered)) => return answer(true, answered, digest, receipt),
        Ok(Err(refusal)) => refusal,
        Err(_) => Refusal::AskTimeout { message_id: receipt.message_id.clone() },
    };
    Err(Refused { refusal, receipt: Some(Box::new(receipt)) })
}

/// What a caller gets from a stored reply. If he does not wait for it he only
/// learns that the message was taken; and nobody learns the reply to another
/// message of the same id.
pub(crate) fn answer(
    awaits_reply: bool,
    answered: Answered,
    digest: Option<Digest>,
    receipt: Receipt,
) -> Result<Answer, Refused> {
    let message_id = receipt.message_id.clone();
    if answered.digest != digest {
        return Err(Refusal::MessageIdReused { message_id }.into());
    }
    let outcome = match answered.outcome {
        Outcome::Cancelled => Outcome::Cancelled,
        _ if !awaits_reply => Outcome::Ok(Bytes::new()),
        outcome => outcome,
    };
    match response(outcome, &message_id) {
        Ok(payload) => Ok(Answer { payload, receipt: Some(receipt) }),
        Err(refusal) => Err(Refused { refusal, receipt: Some(Box::new(receipt)) }),
    }
}

/// The response of a message that has ended.
fn response(outcome: Outcome, message_id: &MessageId) -> Result<Bytes, Refusal> {
    let message_id = message_id.clone();
    Err(match outcome {
        Outcome::Ok(payload) => return Ok(payload),
        Outcome::Cancelled => Refusal::Cancelled { message_id },
        Outcome::Failed { code, status } => Refusal::Handler { code, status },
        Outcome::DeadLettered { attempts, error } => {
            Refusal::DeadLettered { message_id, attempts, error }
        }
        // Whoever waits for it is not given it; see `Replies::end`.
        Outcome::Later => Refusal::Internal { detail: "the answer is still to come".into() },
    })
}
