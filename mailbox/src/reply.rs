//! The answer to an ask.

use bytes::Bytes;

use crate::address::Address;
use crate::clock::Timestamp;
use crate::message::MessageId;

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

    /// The key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How an ask ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The encoded response.
    Ok(Bytes),
    /// The handler's error.
    Failed {
        /// Its gRPC status code, 1 to 16.
        code: u32,
        /// The encoded `google.rpc.Status`.
        status: Bytes,
    },
}

impl Outcome {
    /// The bytes of the response or status.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        match self {
            Self::Ok(body) | Self::Failed { status: body, .. } => body,
        }
    }

    /// The gRPC status code, 0 for OK.
    #[must_use]
    pub fn code(&self) -> u32 {
        match self {
            Self::Ok(_) => 0,
            Self::Failed { code, .. } => *code,
        }
    }

    /// An outcome from its code and body.
    #[must_use]
    pub fn new(code: u32, body: Bytes) -> Self {
        match code {
            0 => Self::Ok(body),
            code => Self::Failed { code, status: body },
        }
    }
}

/// The stored answer to one message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    /// The message that it answers.
    pub id: MessageId,
    /// The answer.
    pub outcome: Outcome,
    /// When it may be deleted.
    pub expires: Timestamp,
}
