//! What a recorder writes down.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::answer::{Answer, Digest, Reply};
use super::message::{Actor, Kind, Message};

/// One thing that happened.
///
/// `at` is no time but a count: what happens later has a higher one. Only what
/// one sender does is compared, so each sender may count for itself. Where two
/// counts are equal, nothing is said about which was first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A sender began a call. To be counted before anything leaves the sender.
    Sent {
        /// When.
        at: u64,
        /// What it sends.
        message: Message,
        /// Tells this call from others that send the same message.
        attempt: u32,
        /// To whom.
        actor: Actor,
        /// What it waits for.
        kind: Kind,
    },
    /// The call ended. To be counted after the answer was received.
    Answered {
        /// When.
        at: u64,
        /// What was sent.
        message: Message,
        /// Which of the calls that sent it.
        attempt: u32,
        /// What the sender was told.
        answer: Answer,
    },
    /// A message is among what an actor committed.
    Effect {
        /// The actor.
        actor: Actor,
        /// Where it stands there: the first effect is at 1, the next one at 2.
        place: u64,
        /// The message.
        message: Message,
        /// The epoch of the activation that committed it, where that is known.
        epoch: Option<u64>,
        /// What its response must be, where that is known.
        reply: Option<Digest>,
    },
    /// A reply is stored, whether or not anybody was told of it. Also how the
    /// failure of a tell is recorded.
    Reply {
        /// Whose reply.
        message: Message,
        /// The reply.
        reply: Reply,
    },
    /// A message is stored no more, and will never take effect.
    SetAside {
        /// The message.
        message: Message,
        /// Why.
        reason: Reason,
    },
}

/// Why a message will never take effect, and is not lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It failed too often, and is kept elsewhere.
    DeadLettered,
    /// Somebody took it back.
    Cancelled,
    /// It was not handled in time.
    Expired,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DeadLettered => "dead-lettered",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        })
    }
}
