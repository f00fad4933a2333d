//! The commit: the one atomic write by which messages become consumed.

use std::collections::BTreeMap;

use crate::address::Address;
use crate::clock::Timestamp;
use crate::dead_letter::DeadLetter;
use crate::lease::Lease;
use crate::message::{MessageId, Sequence};
use crate::parcel::{PendingWake, Posted, Slot, Tick};
use crate::record::{Epoch, Record, Revision};
use crate::reply::Reply;
use crate::state;

/// One atomic write under a lease. It changes all of what it names or nothing.
///
/// Its condition is that the record's epoch and revision are the ones given. The
/// epoch fences off a holder that lost its lease; the revision makes a commit
/// that arrives twice, perhaps minutes later, harmless: a condition is for ever,
/// where a request token holds for ten minutes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Commit {
    /// The actor.
    pub address: Address,
    /// The epoch of the lease.
    pub epoch: Epoch,
    /// The revision before this commit; the one after it is the next.
    pub revision: Revision,
    /// See [`Record::run`].
    pub run: u64,
    /// The head after it.
    pub head: Sequence,
    /// See [`Record::partial`].
    pub partial: u32,
    /// See [`Record::attempt`].
    pub attempt: u32,
    /// See [`Record::front`].
    pub front: Option<Slot>,
    /// See [`Record::error`].
    pub error: Option<String>,
    /// The new state; `None` leaves the stored one as it is.
    pub state: Option<state::Write>,
    /// See [`Record::timers`].
    pub timers: BTreeMap<String, Slot>,
    /// See [`Record::tick`].
    pub tick: Tick,
    /// See [`Record::wakes`].
    pub wakes: Vec<PendingWake>,
    /// What becomes of the lease.
    pub lease: LeaseAfter,
    /// Parcels of this mailbox that are consumed. All of them must exist: a run
    /// that was leased just after a transaction may still have read what that
    /// transaction removes, since a query is not isolated from it.
    pub consumed: Vec<Slot>,
    /// Timers that are cancelled or replaced.
    pub removed: Vec<Slot>,
    /// Parcels that are put into other mailboxes, and timers into this one.
    pub posted: Vec<Posted>,
    /// The replies and receipts of consumed messages. None of them may exist.
    pub replies: Vec<Reply>,
    /// The answers to asks of others, and to asks that were left open before. They
    /// replace what is there.
    pub answers: Vec<Answered>,
    /// Consumed messages that are set aside.
    pub dead_letters: Vec<DeadLetter>,
}

/// The answer to an ask that is not of this commit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Answered {
    /// The actor that was asked.
    pub address: Address,
    /// The answer.
    pub reply: Reply,
}

/// What becomes of the lease with a commit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// It ends, and the mailbox is paused because a message failed for good.
    /// `due` stays, so that a sweeper keeps what waits from expiring.
    Suspended {
        /// Why, for whoever resumes it.
        reason: String,
    },
}

/// The answer to a commit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Committed {
    /// All of it is durable.
    Applied,
    /// The record's epoch or revision was another one; here is the record.
    Conflict(Box<Record>),
    /// Messages with these ids were processed before: their replies exist.
    Duplicates(Vec<MessageId>),
    /// These parcels were consumed before, or purged: they do not exist.
    Gone(Vec<Slot>),
}

impl Commit {
    /// The commit under a lease that releases it and changes nothing else.
    #[must_use]
    pub fn of(lease: &Lease) -> Self {
        let Lease { address, record } = lease.clone();
        Self {
            address,
            epoch: record.epoch,
            revision: record.revision,
            run: record.run,
            head: record.head,
            partial: record.partial,
            attempt: record.attempt,
            front: record.front,
            error: record.error,
            state: None,
            timers: record.timers,
            tick: record.tick,
            wakes: record.wakes,
            lease: LeaseAfter::Released,
            consumed: Vec::new(),
            removed: Vec::new(),
            posted: Vec::new(),
            replies: Vec::new(),
            answers: Vec::new(),
            dead_letters: Vec::new(),
        }
    }

    /// How many items it writes.
    #[must_use]
    pub fn items(&self) -> usize {
        let state =
            self.state.as_ref().map_or(0, |write| write.chunks().len() + write.left_over().len());
        1 + state
            + self.consumed.len()
            + self.removed.len()
            + self.posted.len()
            + self.replies.len()
            + self.answers.len()
            + self.dead_letters.len()
    }

    /// Whether a record that refused this commit shows that an earlier try of
    /// it, whose answer was lost, had been applied. Epoch and revision do not
    /// suffice: an invocation may be delivered twice, and then two runs have one
    /// lease, of which the other one may have made this revision.
    #[must_use]
    pub fn is_in(&self, record: &Record) -> bool {
        record.epoch == self.epoch
            && record.revision == self.revision.next()
            && record.run == self.run
    }
}

/// Decides on the record's part of a commit: the record after it, or `None`
/// when the condition does not hold.
#[must_use]
pub fn apply(record: &Record, commit: &Commit) -> Option<Record> {
    if record.epoch != commit.epoch || record.revision != commit.revision {
        return None;
    }
    let revision = commit.revision.next();
    let mut after = Record {
        head: commit.head,
        partial: commit.partial,
        revision,
        run: commit.run,
        attempt: commit.attempt,
        front: commit.front.clone(),
        error: commit.error.clone(),
        timers: commit.timers.clone(),
        tick: commit.tick,
        wakes: commit.wakes.clone(),
        ..record.clone()
    };
    if let Some(write) = &commit.state {
        after.state = write.stored(revision);
    }
    match &commit.lease {
        LeaseAfter::Renewed { until, due } => {
            after.lease_until = Some(*until);
            after.due = Some(*due);
        }
        LeaseAfter::Released => after.lease_until = None,
        LeaseAfter::Deferred { not_before } => {
            after.lease_until = None;
            after.not_before = Some(*not_before);
            after.due = Some(*not_before);
        }
        LeaseAfter::Suspended { reason } => {
            after.lease_until = None;
            after.paused = Some(reason.clone());
        }
    }
    Some(after)
}
