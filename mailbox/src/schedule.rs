//! A parcel that a gateway puts into a mailbox: durable, and sure to be looked
//! for at its time, before its sender is told. A state machine without I/O.

use crate::clock::Timestamp;
use crate::parcel::Parcel;
use crate::record::Record;

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Put the parcel, on condition that its slot is empty; then call
    /// [`Delay::put`]. Made again as it is when its answer was lost: an occupied
    /// slot holds this very message.
    Put(Box<Parcel>),
    /// Make sure that somebody looks then; then call [`Delay::scheduled`].
    Schedule(Timestamp),
    /// The parcel is durable and is sure to be delivered.
    Done,
}

/// A delayed message on its way into a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Delay {
    parcel: Parcel,
    at: Timestamp,
    step: u8,
}

impl Delay {
    /// Begins to put a parcel that is deliverable at `at`.
    #[must_use]
    pub fn new(parcel: Parcel, at: Timestamp) -> Self {
        Self { parcel, at, step: 0 }
    }

    /// What to do next. The same answer until an answer to it is given.
    #[must_use]
    pub fn step(&self) -> Step {
        match self.step {
            0 => Step::Put(Box::new(self.parcel.clone())),
            1 => Step::Schedule(self.at),
            _ => Step::Done,
        }
    }

    /// The parcel is in its slot.
    pub fn put(&mut self) {
        self.step = 1;
    }

    /// Somebody will look.
    pub fn scheduled(&mut self) {
        self.step = 2;
    }

    /// Whether the parcel is durable.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.step > 0
    }
}

/// Decides how somebody is made to look at a mailbox at a time: the record after
/// it, or `None` when somebody will look in any case.
///
/// Whoever holds the lease, and whoever ends a wait or a pause, looks after that.
/// An idle record gets a new epoch even when it is due earlier: a sweeper may
/// have looked just before the parcel came, and be about to remove `due`.
#[must_use]
pub fn apply(record: &Record, at: Timestamp) -> Option<Record> {
    record.is_idle().then(|| Record {
        epoch: record.epoch.next(),
        due: Some(record.due.map_or(at, |due| due.min(at))),
        ..record.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Epoch;

    #[test]
    fn an_idle_record_is_due_at_the_earlier_time_and_has_a_new_epoch() {
        let at = Timestamp(50);
        for (due, expected) in [(None, 50), (Some(Timestamp(40)), 40), (Some(Timestamp(60)), 50)] {
            let after = apply(&Record { due, ..Record::default() }, at).expect("it is idle");
            assert_eq!((after.due, after.epoch), (Some(Timestamp(expected)), Epoch(1)));
        }
    }

    #[test]
    fn who_holds_a_lease_looks_after_it() {
        let held = Record { lease_until: Some(Timestamp(9)), ..Record::default() };
        let waiting = Record { not_before: Some(Timestamp(9)), ..Record::default() };
        let paused = Record { paused: Some("maintenance".into()), ..Record::default() };
        for record in [held, waiting, paused] {
            assert_eq!(apply(&record, Timestamp(50)), None);
        }
    }
}
