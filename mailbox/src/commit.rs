//! The commit: the one atomic write by which messages become consumed.

use bytes::Bytes;

use crate::address::Address;
use crate::clock::Timestamp;
use crate::message::{MessageId, Sequence};
use crate::record::{Epoch, Record};
use crate::reply::Reply;

/// One atomic write under a lease. It changes all of what it names or nothing.
///
/// Its condition is that the record's epoch and head are the ones given, and
/// that the lease was not released. The epoch fences off a holder that lost its
/// lease; the head makes a commit that arrives twice, perhaps minutes later,
/// harmless, and so does the lease for one that leaves the head where it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Commit {
    /// The actor.
    pub address: Address,
    /// The epoch of the lease.
    pub epoch: Epoch,
    /// The head before this commit.
    pub from: Sequence,
    /// The head after it.
    pub head: Sequence,
    /// See [`Record::partial`].
    pub partial: u32,
    /// See [`Record::attempt`].
    pub attempt: u32,
    /// The new state; `None` leaves the stored one as it is.
    pub state: Option<Bytes>,
    /// The replies to asks among the consumed messages. None of them may exist.
    pub replies: Vec<Reply>,
    /// What becomes of the lease.
    pub lease: LeaseAfter,
}

/// What becomes of the lease with a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeaseAfter {
    /// It goes on, until a new time.
    Renewed {
        /// The end of the lease.
        until: Timestamp,
        /// When a sweeper must have looked, should the holder vanish.
        due: Timestamp,
    },
    /// It ends. `due` stays, until somebody has looked again.
    Released,
    /// It ends, and the mailbox waits because a message failed.
    Deferred {
        /// When the mailbox is tried again.
        not_before: Timestamp,
    },
}

/// The answer to a commit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Committed {
    /// All of it is durable.
    Applied,
    /// The record's epoch or head was another one; here is the record.
    Conflict(Record),
    /// Messages with these ids were processed before: their replies exist.
    Duplicates(Vec<MessageId>),
}

/// Decides on the record's part of a commit: the record after it, or `None`
/// when the condition does not hold.
#[must_use]
pub fn apply(record: &Record, commit: &Commit) -> Option<Record> {
    let is_held = record.epoch == commit.epoch && record.lease_until.is_some();
    if !is_held || record.head != commit.from {
        return None;
    }
    let mut after = Record {
        head: commit.head,
        partial: commit.partial,
        attempt: commit.attempt,
        ..record.clone()
    };
    if let Some(state) = &commit.state {
        after.state = Some(state.clone());
    }
    match commit.lease {
        LeaseAfter::Renewed { until, due } => {
            after.lease_until = Some(until);
            after.due = Some(due);
        }
        LeaseAfter::Released => after.lease_until = None,
        LeaseAfter::Deferred { not_before } => {
            after.lease_until = None;
            after.not_before = Some(not_before);
            after.due = Some(not_before);
        }
    }
    Some(after)
}

impl Commit {
    /// Whether a record that refused this commit shows that an earlier try of
    /// it, whose answer was lost, had been applied. Under one epoch only one
    /// holder moves the head, and each commit moves it from where it was.
    #[must_use]
    pub fn is_in(&self, record: &Record) -> bool {
        let (lease_until, not_before) = match self.lease {
            LeaseAfter::Renewed { until, .. } => (Some(until), None),
            LeaseAfter::Released => (None, None),
            LeaseAfter::Deferred { not_before } => (None, Some(not_before)),
        };
        let is_after = record.epoch == self.epoch && record.head == self.head;
        let is_same = record.lease_until == lease_until && record.not_before == not_before;
        is_after && (self.head > self.from || is_same)
    }
}
