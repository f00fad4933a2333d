//! What is sent, and to whom.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A message, as its sender counts. It is the same message however often it is
/// sent: with the same id, that is. What is sent again under a new id is a new
/// message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Message {
    /// Who sends it.
    pub sender: u32,
    /// Which of its sender's messages it is.
    pub number: u64,
}

/// An actor. Which address it has, the recorder knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Actor(pub u32);

/// What a sender waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Until the message is durable.
    Tell,
    /// For the actor's reply.
    Ask,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {} of sender {}", self.number, self.sender)
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "actor {}", self.0)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tell => "a tell",
            Self::Ask => "an ask",
        })
    }
}
