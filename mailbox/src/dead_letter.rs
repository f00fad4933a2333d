//! Messages that were set aside after their last attempt.

use crate::address::Address;
use crate::clock::Timestamp;
use crate::message::{Message, MessageId};

/// The key of a dead letter in its mailbox. They are listed in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// When it was set aside.
    pub at: Timestamp,
    /// The message's id.
    pub id: MessageId,
}

/// Where a dead letter lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The actor.
    pub address: Address,
    /// The key in its mailbox.
    pub key: Key,
}

/// A message that was set aside, so that those behind it run. It stays until
/// somebody redrives or discards it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeadLetter {
    /// The message.
    pub message: Message,
    /// When it was set aside.
    pub at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// The error of its last attempt.
    pub error: String,
}

impl DeadLetter {
    /// Its key in its mailbox.
    #[must_use]
    pub fn key(&self) -> Key {
        Key { at: self.at, id: self.message.id.clone() }
    }
}
