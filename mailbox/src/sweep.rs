//! The sweep: what to do with a record that is due.
//!
//! The sweeper is part of correctness, not a convenience: after a crash it is
//! the only one who looks. Several sweepers need no coordination, since every
//! one of their writes is conditional on the epoch.

use crate::clock::Timestamp;
use crate::lease::Terms;
use crate::message::Sequence;
use crate::record::{Epoch, Record};

/// What to do next with an actor that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Read its record, then call [`Sweep::read`].
    Read,
    /// Write this, then call [`Sweep::settled`].
    Settle(Settle),
    /// Look whether there is a segment at this place, then call
    /// [`Sweep::looked`].
    Look(Sequence),
    /// Something is deliverable: wake the actor.
    Wake,
    /// There is nothing more to do.
    Done,
}

/// One look at an actor that is due.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sweep {
    terms: Terms,
    step: Step,
    epoch: Epoch,
}

impl Sweep {
    /// Begins to look at an actor.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        Self { terms, step: Step::Read, epoch: Epoch::default() }
    }

    /// What to do next.
    #[must_use]
    pub fn step(&self) -> Step {
        self.step
    }

    /// Takes the record, as of `now`.
    pub fn read(&mut self, record: Option<&Record>, now: Timestamp) {
        self.step = match record {
            Some(record) => self.decide(record, now),
            None => Step::Done,
        };
    }

    fn decide(&mut self, record: &Record, now: Timestamp) -> Step {
        let settle = |action| Step::Settle(Settle { epoch: record.epoch, action });
        let Some(due) = record.due.filter(|due| *due <= now) else { return Step::Done };
        self.epoch = record.epoch;
        match record.lease_until.max(record.not_before) {
            Some(end) if end > now => {
                settle(Action::MoveDue { from: due, to: end.round_up(self.terms.due_step) })
            }
            // The holder may yet live, with a clock behind ours: callers whose
            // wake it refuses count on it. Only under a new epoch are they sure
            // to be seen, by us or by the next one who is granted a lease.
            Some(_) => settle(Action::Fence),
            None => Step::Look(record.next_segment()),
        }
    }

    /// Takes the answer to [`Step::Settle`]: the record after it, or `None`
    /// when somebody else was first.
    pub fn settled(&mut self, record: Option<&Record>) {
        let fenced = match self.step {
            Step::Settle(Settle { action: Action::Fence, .. }) => record,
            _ => None,
        };
        self.step = match fenced {
            Some(record) => {
                self.epoch = record.epoch;
                Step::Look(record.next_segment())
            }
            None => Step::Done,
        };
    }

    /// Takes the answer to [`Step::Look`].
    pub fn looked(&mut self, found: bool) {
        self.step = match found {
            true => Step::Wake,
            // On condition that the epoch is the one from before the look.
            false => Step::Settle(Settle { epoch: self.epoch, action: Action::ClearDue }),
        };
    }
}

/// A write of a sweeper or a gateway to a record that it holds no lease on. It
/// is conditional on the epoch. It leaves head and state as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settle {
    /// The epoch that the record must still have.
    pub epoch: Epoch,
    /// What to write.
    pub action: Action,
}

/// What a [`Settle`] writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Moves `due`, on condition that it is still `from`.
    MoveDue {
        /// The old value.
        from: Timestamp,
        /// The new value.
        to: Timestamp,
    },
    /// Ends a lease or a wait that is over, and gives the record a new epoch.
    Fence,
    /// Ends the lease of a holder that is gone, if it did not release it, and
    /// lets the mailbox wait.
    Defer {
        /// When the mailbox is tried again.
        not_before: Timestamp,
        /// Whether the lease counts as an attempt at the next message; it does
        /// not when its holder never ran.
        counts: bool,
    },
    /// Removes `due`, on condition that there is neither lease nor wait.
    ClearDue,
}

/// Decides on a settle: the record after it, or `None` when its condition does
/// not hold.
#[must_use]
pub fn apply(record: &Record, settle: &Settle) -> Option<Record> {
    if record.epoch != settle.epoch {
        return None;
    }
    let idle = Record { lease_until: None, not_before: None, ..record.clone() };
    match settle.action {
        Action::MoveDue { from, to } => {
            (record.due == Some(from)).then(|| Record { due: Some(to), ..record.clone() })
        }
        Action::Fence => Some(Record { epoch: record.epoch.next(), ..idle }),
        Action::Defer { not_before, counts } => record.lease_until.map(|_| Record {
            epoch: record.epoch.next(),
            attempt: record.attempt - u32::from(!counts && record.attempt > 0),
            not_before: Some(not_before),
            due: Some(not_before),
            ..idle
        }),
        Action::ClearDue => record.is_idle().then_some(Record { due: None, ..idle }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn due_now() -> Record {
        Record { due: Some(NOW), epoch: Epoch(3), ..Record::default() }
    }

    /// What a sweep decides on a record, and the record after that.
    fn decided(record: &Record) -> (Sweep, Option<Record>) {
        let mut sweep = Sweep::new(Terms::default());
        sweep.read(Some(record), NOW);
        let Step::Settle(settle) = sweep.step() else { return (sweep, None) };
        let after = apply(record, &settle);
        sweep.settled(after.as_ref());
        (sweep, after)
    }

    #[test]
    fn a_live_lease_moves_due_on() {
        let record = Record { lease_until: Some(Timestamp(1_010_000)), ..due_now() };
        let (sweep, after) = decided(&record);
        assert_eq!(after.and_then(|record| record.due), Some(Timestamp(1_020_000)));
        assert_eq!(sweep.step(), Step::Done);
    }

    #[test]
    fn a_lease_that_ran_out_is_fenced_before_the_look() {
        let record = Record { lease_until: Some(NOW), ..due_now() };
        let (mut sweep, after) = decided(&record);
        let after = after.expect("the record is unchanged");
        assert_eq!((after.epoch, after.lease_until), (Epoch(4), None));
        assert_eq!(sweep.step(), Step::Look(Sequence(1)));
        sweep.looked(false);
        let clear = Settle { epoch: Epoch(4), action: Action::ClearDue };
        assert_eq!(sweep.step(), Step::Settle(clear));
        sweep.settled(apply(&after, &clear).as_ref());
        assert_eq!(sweep.step(), Step::Done);
    }

    #[test]
    fn an_idle_record_with_messages_is_woken() {
        let mut sweep = Sweep::new(Terms::default());
        sweep.read(Some(&due_now()), NOW);
        assert_eq!(sweep.step(), Step::Look(Sequence(1)));
        sweep.looked(true);
        assert_eq!(sweep.step(), Step::Wake);
    }

    #[test]
    fn due_is_cleared_only_from_an_idle_record_of_the_same_epoch() {
        let clear = Settle { epoch: Epoch(3), action: Action::ClearDue };
        assert_eq!(apply(&due_now(), &clear).expect("idle").due, None);
        let at = Some(NOW);
        for held in [
            Record { lease_until: at, ..due_now() },
            Record { not_before: at, ..due_now() },
            Record { epoch: Epoch(4), ..due_now() },
        ] {
            assert_eq!(apply(&held, &clear), None, "{held:?}");
        }
    }

    #[test]
    fn a_record_that_is_not_due_is_left_alone() {
        let later = Record { due: Some(Timestamp(NOW.0 + 1)), ..due_now() };
        for record in [later, Record::default()] {
            let (sweep, after) = decided(&record);
            assert_eq!((sweep.step(), after), (Step::Done, None));
        }
    }
}
