//! Messages outside of the log, each in an item of its own: those that another
//! actor sent within its commit, delayed ones, and timers.

use crate::address::Address;
use crate::clock::Timestamp;
use crate::message::{Message, MessageId};

/// Where a parcel lies in its mailbox. The order of slots is the order in which
/// they are stored and read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// Deliverable at once.
    Inbox {
        /// When its sender sent it, by the sender's own count of time.
        tick: Tick,
        /// The message's id.
        id: MessageId,
    },
    /// Deliverable from a time on.
    Delayed {
        /// That time.
        at: Timestamp,
        /// The message's id.
        id: MessageId,
    },
}

/// A sender's count of time, in microseconds since the Unix epoch: its clock, and
/// never less than one more than before, so that what one actor sends keeps its
/// order whatever the clocks of its functions say (a hybrid logical clock,
/// <https://cse.buffalo.edu/tech-reports/2014-04.pdf>, without its receiving half).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(pub u64);

impl Tick {
    /// The tick after this one, as of `now`.
    #[must_use]
    pub fn next(self, now: Timestamp) -> Self {
        Self(now.0.saturating_mul(1_000).max(self.0 + 1))
    }

    /// The time of the tick.
    #[must_use]
    pub fn time(self) -> Timestamp {
        Timestamp(self.0 / 1_000)
    }
}

impl Slot {
    /// The message's id.
    #[must_use]
    pub fn id(&self) -> &MessageId {
        match self {
            Self::Inbox { id, .. } | Self::Delayed { id, .. } => id,
        }
    }

    /// When it is deliverable; `None` for at once.
    #[must_use]
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Inbox { .. } => None,
            Self::Delayed { at, .. } => Some(*at),
        }
    }
}

/// A message outside of the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Parcel {
    /// Where it lies.
    pub slot: Slot,
    /// The message.
    pub message: Message,
    /// The name of the timer that it is.
    pub timer: Option<String>,
}

/// A parcel for an actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Posted {
    /// The actor.
    pub to: Address,
    /// The message, and where it is put.
    pub parcel: Parcel,
}

/// An actor that somebody must wake, because a parcel was put into its mailbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PendingWake {
    /// The actor.
    pub address: Address,
    /// When the parcel is deliverable; `None` for at once.
    pub at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_senders_ticks_grow_when_its_clock_does_not() {
        let first = Tick::default().next(Timestamp(5));
        assert_eq!(first, Tick(5_000));
        assert_eq!(first.next(Timestamp(5)), Tick(5_001));
        assert_eq!(first.next(Timestamp(1)), Tick(5_001));
        assert_eq!(first.next(Timestamp(6)), Tick(6_000));
    }
}
