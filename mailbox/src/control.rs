//! What an operator does to a mailbox: pause, resume, purge.

use crate::clock::Timestamp;
use crate::message::Sequence;
use crate::record::Record;

/// An operator's write to a record. It takes the next epoch, so that a run which
/// is going on commits nothing any more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Control {
    /// Nothing runs from now on; messages are still accepted.
    Pause {
        /// Why, for whoever resumes it.
        reason: String,
        /// When a sweeper looks first, so that what waits does not expire.
        due: Timestamp,
    },
    /// What waits runs, the failed message from its first attempt.
    Resume {
        /// The time: the mailbox is due at once.
        now: Timestamp,
    },
    /// What waits in the log up to a place is given up. Parcels have to be
    /// removed one by one after it; timers stay, they are the actor's own.
    Purge {
        /// The end of the log.
        through: Sequence,
    },
}

/// The record when a dead letter is put back into the mailbox: due at once, with
/// the next epoch, as a schedule makes it; in the same write as the parcel, since
/// nobody would look for it otherwise if the operator's gateway died.
#[must_use]
pub fn redriven(record: &Record, now: Timestamp) -> Record {
    Record { epoch: record.epoch.next(), lease_until: None, due: Some(now), ..record.clone() }
}

/// Decides on an operator's write: the record after it, or `None` when there is
/// nothing to do.
#[must_use]
pub fn apply(record: &Record, control: &Control) -> Option<Record> {
    let fenced = Record {
        epoch: record.epoch.next(),
        lease_until: None,
        not_before: None,
        ..record.clone()
    };
    match control {
        Control::Pause { reason, due } => record.paused.is_none().then(|| Record {
            paused: Some(reason.clone()),
            due: Some(*due),
            ..fenced
        }),
        Control::Resume { now } => record.paused.is_some().then(|| Record {
            paused: None,
            error: None,
            attempt: 0,
            due: Some(*now),
            ..fenced
        }),
        Control::Purge { through } => (record.head < *through).then(|| Record {
            head: *through,
            partial: 0,
            // The state is as it was, and a commit under way is fenced by the
            // epoch; still, the head has moved.
            revision: record.revision.next(),
            attempt: 0,
            error: None,
            ..fenced
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Epoch;

    const NOW: Timestamp = Timestamp(1_000);

    #[test]
    fn a_paused_mailbox_stays_due_and_a_resumed_one_is_due_at_once() {
        let pause = Control::Pause { reason: "maintenance".into(), due: Timestamp(5_000) };
        let running = Record { lease_until: Some(NOW), attempt: 3, ..Record::default() };
        let paused = apply(&running, &pause).expect("it was not paused");
        assert_eq!((paused.epoch, paused.lease_until), (Epoch(1), None));
        assert_eq!(paused.due, Some(Timestamp(5_000)));
        assert_eq!(apply(&paused, &pause), None);
        let resumed = apply(&paused, &Control::Resume { now: NOW }).expect("it was paused");
        assert_eq!((resumed.due, resumed.attempt, resumed.paused), (Some(NOW), 0, None));
    }

    #[test]
    fn a_purge_moves_the_head_and_fences_the_run() {
        let record = Record { head: Sequence(2), partial: 1, attempt: 4, ..Record::default() };
        let purged = apply(&record, &Control::Purge { through: Sequence(9) }).expect("it moves");
        assert_eq!((purged.head, purged.partial, purged.attempt), (Sequence(9), 0, 0));
        assert_eq!(purged.epoch, Epoch(1));
        assert_eq!(apply(&purged, &Control::Purge { through: Sequence(9) }), None);
    }
}
