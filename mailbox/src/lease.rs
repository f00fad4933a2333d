//! The lease: the right to run one actor until a time.

use std::time::Duration;

use crate::address::Address;
use crate::append::Tail;
use crate::clock::{Timestamp, millis};
use crate::commit::LeaseAfter;
use crate::message::Segment;
use crate::record::{Epoch, Record};

/// How long leases are, and how coarsely the due index follows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Terms {
    /// How long a lease lasts unless it is renewed. Each commit renews it.
    pub length: Duration,
    /// `due` is the end of the lease rounded up to a multiple of this. A
    /// coarser step makes fewer index writes and a later recovery: after a
    /// crash of both gateway and actor, at most lease + step + sweep period.
    pub due_step: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self { length: Duration::from_secs(10), due_step: Duration::from_secs(60) }
    }
}

impl Terms {
    /// The request for a lease on an actor, as of `now`. `token` is random.
    #[must_use]
    pub fn wake(&self, address: &Address, now: Timestamp, token: u64) -> Wake {
        let until = now.plus(self.length);
        Wake { token, now, until, due: self.due(address, until) }
    }

    /// The renewal of a lease, as of `now`.
    #[must_use]
    pub fn renewed(&self, address: &Address, now: Timestamp) -> LeaseAfter {
        let until = now.plus(self.length);
        LeaseAfter::Renewed { until, due: self.due(address, until) }
    }

    /// `due` for a time at which somebody must look: rounded up to the step, each
    /// actor with an offset of its own, so that not all are due in one moment.
    #[must_use]
    pub fn due(&self, address: &Address, time: Timestamp) -> Timestamp {
        let step = millis(self.due_step).max(1);
        let offset = Duration::from_millis(u64::from(address.hash()) % step);
        time.minus(offset).round_up(self.due_step).plus(offset)
    }
}

/// A request to lease an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wake {
    /// Tells this request from others, so that a request whose answer was lost
    /// can be made again.
    pub token: u64,
    /// The time at which the lease is asked for.
    pub now: Timestamp,
    /// The end of the lease.
    pub until: Timestamp,
    /// When a sweeper must have looked, should the holder vanish.
    pub due: Timestamp,
}

/// The right to run one actor until a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The actor.
    pub address: Address,
    /// The actor's record under this lease.
    pub record: Record,
}

impl Lease {
    /// What goes with the invocation that runs the actor: of the segments at
    /// hand, in order, those that follow the head without a hole; and whether
    /// the run is to query the mailbox for others.
    ///
    /// It need not when these reach up to the tail: whoever looks after the run
    /// finds what others have put behind. A run that is handed nothing must
    /// query, or it would find nothing again and again.
    #[must_use]
    pub fn hand_over<'a>(
        &self,
        at_hand: impl IntoIterator<Item = &'a Segment>,
        tail: Option<Tail>,
    ) -> (Vec<Segment>, bool) {
        let mut next = self.record.next_segment();
        let mut segments = Vec::new();
        for segment in at_hand {
            if segment.first() == next {
                next = segment.last().next();
                segments.push(segment.clone());
            }
        }
        let reach_the_tail = tail.is_some_and(|tail| tail.sequence().next() == next);
        let more = segments.is_empty() || !reach_the_tail;
        (segments, more)
    }

    /// The fencing token of this lease.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.record.epoch
    }
}

/// The answer to a request for a lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Woken {
    /// The actor is leased to the one who asked.
    Granted(Lease),
    /// Somebody holds the lease, or the mailbox waits or is paused. In any case
    /// its record has `due` set. That the lease is held is not the end of the matter: the
    /// holder may be dead, and then the sweeper finds it.
    Refused(Record),
}

/// Decides on a request: the record under the new lease, or `None`.
#[must_use]
pub fn grant(record: &Record, wake: &Wake) -> Option<Record> {
    let is_over = |time: Option<Timestamp>| time.is_none_or(|time| time <= wake.now);
    let may = is_over(record.lease_until) && is_over(record.not_before) && record.paused.is_none();
    may.then(|| Record {
        epoch: record.epoch.next(),
        lease_until: Some(wake.until),
        lease_token: wake.token,
        // Counted when the lease is taken, so that a run that ends in an
        // out-of-memory kill or a time-out counts too.
        attempt: record.attempt + 1,
        not_before: None,
        due: Some(wake.due),
        ..record.clone()
    })
}

/// What it means that a record did not let a lease be granted: somebody else is
/// first, or an earlier try of this request, whose answer was lost, succeeded.
#[must_use]
pub fn refused(address: &Address, record: Record, wake: &Wake) -> Woken {
    if record.lease_until == Some(wake.until) && record.lease_token == wake.token {
        return Woken::Granted(Lease { address: address.clone(), record });
    }
    Woken::Refused(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(key: &str) -> Address {
        Address::new("test.v1.A", key).expect("an address")
    }

    #[test]
    fn a_lease_is_granted_when_none_is_live_and_nothing_waits() {
        let wake = Terms::default().wake(&address("a"), Timestamp(100_000), 1);
        let at = |ms| Some(Timestamp(ms));
        let cases = [
            (None, None, None, true),
            (at(100_000), None, None, true),
            (at(100_001), None, None, false),
            (None, at(100_000), None, true),
            (None, at(100_001), None, false),
            (None, None, Some("maintenance".to_owned()), false),
        ];
        for (lease_until, not_before, paused, granted) in cases {
            let record = Record { lease_until, not_before, paused, ..Record::default() };
            let leased = grant(&record, &wake);
            assert_eq!(leased.is_some(), granted, "{record:?}");
            if let Some(leased) = leased {
                assert_eq!((leased.epoch, leased.attempt), (Epoch(1), 1));
                assert_eq!((leased.lease_until, leased.due), (at(110_000), Some(wake.due)));
            }
        }
    }

    #[test]
    fn due_is_within_a_step_after_the_lease_and_spread_over_actors() {
        let until = Timestamp(1_000_000);
        let mut seen = std::collections::BTreeSet::new();
        for n in 0..100 {
            let address = address(&n.to_string());
            let due = Terms::default().due(&address, until);
            assert!(due >= until && due < until.plus(Duration::from_secs(60)), "{due}");
            // A busy actor writes the index once a step.
            assert_eq!(Terms::default().due(&address, due), due);
            seen.insert(due);
        }
        assert!(seen.len() > 90, "{} of 100", seen.len());
    }
}
