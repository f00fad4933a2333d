//! The answer to an ask, and the receipt of a message whose id must not be used
//! again.

use bytes::Bytes;
use prost::Message as _;

use crate::address::Address;
use crate::clock::Timestamp;
use crate::limits::ERROR_BYTES_MAX;
use crate::message::{Digest, MessageId};

/// The key of a reply: `address/message id`. An id has no meaning outside of
/// its mailbox, so two actors may have messages of the same id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyKey(String);

impl ReplyKey {
    /// The key of the reply to a message.
    #[must_use]
    pub fn new(address: &Address, id: &MessageId) -> Self {
        // An actor's key may hold a '/', an id may not: the last one parts them.
        Self(format!("{address}/{id}"))
    }

    /// What the keys of all replies of an actor begin with.
    #[must_use]
    pub fn prefix(address: &Address) -> Self {
        Self(format!("{address}/"))
    }

    /// The key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a message ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The encoded response; empty for the receipt of a tell.
    Ok(Bytes),
    /// The handler's error.
    Failed {
        /// Its gRPC status code, 1 to 16.
        code: u32,
        /// The encoded `google.rpc.Status`.
        status: Bytes,
    },
    /// It was set aside after its last attempt.
    DeadLettered {
        /// How often it was tried.
        attempts: u32,
        /// The error of the last attempt.
        error: String,
    },
    /// It was cancelled before it was due.
    Cancelled,
    /// It is done, and its answer comes later: from another message, or from the
    /// actor to which it was forwarded.
    Later,
}

/// Codes beyond those of gRPC, 0 to 16. Numbers are for ever.
const DEAD_LETTERED: u32 = 100;
const CANCELLED: u32 = 101;
const LATER: u32 = 102;

/// What is stored of a dead letter beside its code.
#[derive(Clone, PartialEq, prost::Message)]
struct DeadLettered {
    #[prost(uint32, tag = "1")]
    attempts: u32,
    #[prost(string, tag = "2")]
    error: String,
}

impl Outcome {
    /// The stored form: a number, 0 for OK, and bytes.
    #[must_use]
    pub fn parts(&self) -> (u32, Bytes) {
        match self {
            Self::Ok(response) => (0, response.clone()),
            Self::Failed { code, status } => (*code, status.clone()),
            Self::DeadLettered { attempts, error } => {
                let wire = DeadLettered { attempts: *attempts, error: error.clone() };
                (DEAD_LETTERED, wire.encode_to_vec().into())
            }
            Self::Cancelled => (CANCELLED, Bytes::new()),
            Self::Later => (LATER, Bytes::new()),
        }
    }

    /// Reads what [`Outcome::parts`] made.
    #[must_use]
    pub fn from_parts(code: u32, body: Bytes) -> Self {
        match code {
            0 => Self::Ok(body),
            DEAD_LETTERED => {
                // Of bytes that cannot be read, what is left is that it is dead.
                let DeadLettered { attempts, error } =
                    DeadLettered::decode(body).unwrap_or_default();
                Self::DeadLettered { attempts, error }
            }
            CANCELLED => Self::Cancelled,
            LATER => Self::Later,
            code => Self::Failed { code, status: body },
        }
    }

    /// How many bytes the outcome takes, about.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Ok(body) | Self::Failed { status: body, .. } => body.len(),
            Self::DeadLettered { error, .. } => error.len(),
            Self::Cancelled | Self::Later => 0,
        }
    }
}

/// An error text as it is stored: cut to its limit.
#[must_use]
pub fn error_text(mut text: String) -> String {
    if text.len() > ERROR_BYTES_MAX {
        let mut end = ERROR_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

/// The stored answer to one message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    /// The message that it answers.
    pub id: MessageId,
    /// The answer.
    pub outcome: Outcome,
    /// What the message asked for, where others may send its id.
    pub digest: Option<Digest>,
    /// When it may be deleted.
    pub expires: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_reads_back_as_it_was() {
        for outcome in [
            Outcome::Ok(Bytes::from_static(b"yes")),
            Outcome::Failed { code: 9, status: Bytes::from_static(b"no") },
            Outcome::DeadLettered { attempts: 7, error: "boom".into() },
            Outcome::Cancelled,
            Outcome::Later,
        ] {
            let (code, body) = outcome.parts();
            assert_eq!(Outcome::from_parts(code, body), outcome);
        }
    }

    #[test]
    fn a_long_error_is_cut_between_characters() {
        let text = error_text("\u{fc}".repeat(600) + "x");
        assert_eq!(text.len(), 1_024);
        assert_eq!(error_text("short".into()), "short");
    }
}
