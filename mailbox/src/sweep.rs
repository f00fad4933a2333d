//! The sweep: what to do with a record that is due.
//!
//! The sweeper is part of correctness, not a convenience: after a crash it is
//! the only one who looks. Several sweepers need no coordination, since every
//! one of their writes is conditional on the epoch.

use crate::clock::Timestamp;
use crate::lease::Terms;
use crate::record::{Epoch, Record};

/// What to do first with a record from the due index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum First {
    /// Nothing: it is not due any more.
    Nothing,
    /// Write this, and look again when it is due.
    Settle(Settle),
    /// Write this, then look for something deliverable.
    SettleAndLook(Settle),
    /// Look for something deliverable.
    Look,
}

/// A write of a sweeper or a gateway to a record that it holds no lease on. It
/// is conditional on the epoch and changes the lease and `due`, nothing else.
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
    /// Ends a lease whose holder could not run, and lets the mailbox wait.
    Defer {
        /// When the mailbox is tried again.
        not_before: Timestamp,
        /// See [`Record::attempt`].
        attempt: u32,
    },
    /// Removes `due`, on condition that there is neither lease nor wait.
    ClearDue,
}

/// Decides what to do first with a record.
#[must_use]
pub fn first(record: &Record, now: Timestamp, terms: &Terms) -> First {
    let settle = |action| Settle { epoch: record.epoch, action };
    let Some(due) = record.due.filter(|due| *due <= now) else {
        return First::Nothing;
    };
    let end = record.lease_until.max(record.not_before);
    match end {
        Some(end) if end > now => {
            let to = end.round_up(terms.due_step);
            First::Settle(settle(Action::MoveDue { from: due, to }))
        }
        // The holder may yet live, with a clock behind ours: callers whose wake
        // it refuses count on it. Only under a new epoch are they sure to be
        // seen, by us or by the next one who is granted a lease.
        Some(_) => First::SettleAndLook(settle(Action::Fence)),
        None => First::Look,
    }
}

/// Decides what to do after the look. `epoch` is the record's since before it.
#[must_use]
pub fn after_look(found: bool, epoch: Epoch) -> Option<Settle> {
    (!found).then_some(Settle { epoch, action: Action::ClearDue })
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
        Action::Defer { not_before, attempt } => Some(Record {
            epoch: record.epoch.next(),
            attempt,
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

    #[test]
    fn a_live_lease_moves_due_on() {
        let record = Record { lease_until: Some(Timestamp(1_010_000)), ..due_now() };
        let First::Settle(settle) = first(&record, NOW, &Terms::default()) else {
            panic!("the lease is live");
        };
        let after = apply(&record, &settle).expect("the record is unchanged");
        assert_eq!(after.due, Some(Timestamp(1_020_000)));
    }

    #[test]
    fn a_lease_that_ran_out_is_fenced_before_the_look() {
        let record = Record { lease_until: Some(NOW), ..due_now() };
        let First::SettleAndLook(settle) = first(&record, NOW, &Terms::default()) else {
            panic!("the lease is over");
        };
        let after = apply(&record, &settle).expect("the record is unchanged");
        assert_eq!((after.epoch, after.lease_until), (Epoch(4), None));
    }

    #[test]
    fn due_is_cleared_only_from_an_idle_record_of_the_same_epoch() {
        let clear = after_look(false, Epoch(3)).expect("nothing was found");
        assert_eq!(apply(&due_now(), &clear).expect("idle").due, None);
        let at = Some(NOW);
        for held in [
            Record { lease_until: at, ..due_now() },
            Record { not_before: at, ..due_now() },
            Record { epoch: Epoch(4), ..due_now() },
        ] {
            assert_eq!(apply(&held, &clear), None, "{held:?}");
        }
        assert_eq!(after_look(true, Epoch(3)), None);
    }

    #[test]
    fn a_record_that_is_not_due_is_left_alone() {
        let later = Record { due: Some(Timestamp(NOW.0 + 1)), ..due_now() };
        assert_eq!(first(&later, NOW, &Terms::default()), First::Nothing);
        assert_eq!(first(&Record::default(), NOW, &Terms::default()), First::Nothing);
    }
}
