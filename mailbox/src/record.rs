//! The record: the one small item that an actor has.

use std::collections::BTreeMap;
use std::fmt;

use crate::clock::Timestamp;
use crate::message::Sequence;
use crate::parcel::{PendingWake, Slot, Tick};
use crate::state::Stored;

/// The fencing token of a lease. It grows by one with each lease. Every write
/// of an actor's record but the grant of a lease carries it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch of the next lease.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many commits an actor has made. It tells whether a commit was applied
/// whose answer was lost, and whether a state in memory is the committed one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision after the next commit.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What is stored of an actor besides its messages. An actor that never had a
/// message has none, which is the same as the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Record {
    /// The sequence of the last consumed message.
    pub head: Sequence,
    /// How many messages of the segment that `head` lies in are consumed,
    /// when that segment has more; else zero. A segment is found by its first
    /// sequence, so this tells where to begin reading.
    pub partial: u32,
    /// The epoch of the latest lease.
    pub epoch: Epoch,
    /// How many commits there were.
    pub revision: Revision,
    /// The random number of the run that made the latest one.
    pub run: u64,
    /// The end of the lease; absent when it was released.
    pub lease_until: Option<Timestamp>,
    /// The [`crate::lease::Wake::token`] with which the lease was granted.
    pub lease_token: u64,
    /// How often the actor was leased since its last commit.
    pub attempt: u32,
    /// The parcel that `attempt` counts for; `None` for the log's next message.
    pub front: Option<Slot>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// The mailbox waits until then, because a message failed.
    pub not_before: Option<Timestamp>,
    /// Why nothing runs until somebody resumes the mailbox; absent otherwise.
    pub paused: Option<String>,
    /// When a sweeper must have looked at the record; absent when nothing is
    /// deliverable and nobody holds the lease.
    pub due: Option<Timestamp>,
    /// The committed state; absent before the first commit of one.
    pub state: Option<Stored>,
    /// Where each named timer lies.
    pub timers: BTreeMap<String, Slot>,
    /// The tick of the last message that the actor sent.
    pub tick: Tick,
    /// Actors that this one has sent to, and that nobody is known to have woken.
    pub wakes: Vec<PendingWake>,
}

impl Record {
    /// The first sequence of the segment that holds the next message.
    #[must_use]
    pub fn next_segment(&self) -> Sequence {
        Sequence(self.head.0 + 1 - u64::from(self.partial))
    }

    /// Whether nobody runs the actor and the mailbox does not wait. Only then
    /// may `due` be removed.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.lease_until.is_none() && self.not_before.is_none() && self.paused.is_none()
    }
}
