//! What a sender is told.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a call ended for its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A tell was answered with OK.
    Acknowledged,
    /// An ask was answered by the actor.
    Replied(Reply),
    /// A status says that the message is stored and will be processed:
    /// `ASK_TIMEOUT`, `UNAVAILABLE` with `stored: yes`, `ACTOR_NOT_DEPLOYED`
    /// with a message id.
    Queued,
    /// A status says that the message is not stored: `UNAVAILABLE` with
    /// `stored: no`, `ACTOR_NOT_DEPLOYED` without a message id, and whatever is
    /// wrong with the request itself.
    Refused,
    /// Nobody knows whether the message is stored: `SEND_TIMEOUT`, `stored:
    /// unknown`, `INTERNAL`, a connection that broke, a sender that was killed.
    Unknown,
}

/// What an actor answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The response of a handler that succeeded.
    Response(Digest),
    /// The status of a handler that failed for good. Its change was undone, so
    /// its message is consumed without an effect.
    Status(Digest),
}

/// Stands for a reply's content: two replies with the same digest are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Digest(pub u64);

impl Answer {
    /// Whether the sender knows by it that its message is stored.
    #[must_use]
    pub fn says_stored(self) -> bool {
        matches!(self, Self::Acknowledged | Self::Replied(_) | Self::Queued)
    }
}

impl Digest {
    /// The digest of a reply's bytes, the same in every process (FNV-1a).
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let begin = 0xcbf2_9ce4_8422_2325_u64;
        let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Self(bytes.iter().fold(begin, fold))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acknowledged => f.write_str("acknowledged"),
            Self::Replied(reply) => write!(f, "answered with {reply}"),
            Self::Queued => f.write_str("said to be queued"),
            Self::Refused => f.write_str("refused"),
            Self::Unknown => f.write_str("left in doubt"),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(digest) => write!(f, "response {digest}"),
            Self::Status(digest) => write!(f, "status {digest}"),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}
