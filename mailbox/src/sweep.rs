//! The sweep: what to do with a record that is due.
//!
//! The sweeper is part of correctness, not a convenience: after a crash it is
//! the only one who looks. Several sweepers need no coordination, since every
//! one of their writes is conditional on the epoch.

use std::time::Duration;

use crate::address::Address;
use crate::clock::Timestamp;
use crate::lease::Terms;
use crate::message::Sequence;
use crate::parcel::{PendingWake, Slot};
use crate::record::{Epoch, Record};

/// How often a sweeper looks at a paused mailbox: only so that what waits in it
/// does not expire.
const PAUSED_PERIOD: Duration = Duration::from_secs(3_600);

/// What to do next with an actor that is due.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Read its record, then call [`Sweep::read`].
    Read,
    /// Write this, then call [`Sweep::settled`].
    Settle(Settle),
    /// Wake these other actors, which this one has sent to; then call
    /// [`Sweep::woke_others`].
    WakeOthers(Vec<PendingWake>),
    /// Look what is next from this place on, then call [`Sweep::looked`].
    Look(Sequence),
    /// Something is deliverable: wake the actor.
    Wake,
    /// There is nothing more to do.
    Done,
}

/// What a look at a mailbox finds first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// A segment of the log, and when it may be deleted.
    Segment {
        /// Its expiry.
        expires: Timestamp,
    },
    /// A parcel from another actor.
    Inbox,
    /// A delayed parcel; nothing is deliverable before its time.
    Delayed {
        /// Its time.
        at: Timestamp,
    },
    /// Nothing.
    Nothing,
}

impl Next {
    /// Whether it is deliverable as of `now`.
    #[must_use]
    pub fn is_deliverable(self, now: Timestamp) -> bool {
        match self {
            Self::Segment { .. } | Self::Inbox => true,
            Self::Delayed { at } => at <= now,
            Self::Nothing => false,
        }
    }

    /// Whether what waits must be kept from expiring: half of the retention of
    /// its oldest segment is over.
    #[must_use]
    pub fn is_old(self, now: Timestamp, retention: Duration) -> bool {
        match self {
            Self::Segment { expires } => expires.since(now) < retention / 2,
            _ => false,
        }
    }
}

/// One look at an actor that is due.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sweep {
    address: Address,
    terms: Terms,
    step: Step,
    epoch: Epoch,
    /// Set for a paused mailbox: `due`, which moves on after the look.
    paused: Option<Timestamp>,
    place: Sequence,
    /// When the first named timer fires.
    timer: Option<Timestamp>,
}

impl Sweep {
    /// Begins to look at an actor.
    #[must_use]
    pub fn new(address: &Address, terms: Terms) -> Self {
        Self {
            address: address.clone(),
            terms,
            step: Step::Read,
            epoch: Epoch::default(),
            paused: None,
            place: Sequence(0),
            timer: None,
        }
    }

    /// Begins to look at an actor after a run of this epoch that released its
    /// lease. The others that it has sent to are `wakes`, the place behind the
    /// last consumed message is `place`.
    #[must_use]
    pub fn after_run(
        address: &Address,
        terms: Terms,
        epoch: Epoch,
        place: Sequence,
        wakes: Vec<PendingWake>,
    ) -> Self {
        let step = if wakes.is_empty() { Step::Look(place) } else { Step::WakeOthers(wakes) };
        Self { step, epoch, place, ..Self::new(address, terms) }
    }

    /// The actor.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The epoch under which it looks.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// What to do next.
    #[must_use]
    pub fn step(&self) -> Step {
        self.step.clone()
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
        self.place = record.next_segment();
        self.timer = record.timers.values().filter_map(Slot::at).min();
        if record.paused.is_some() {
            self.paused = Some(due);
            return Self::look(record);
        }
        match record.lease_until.max(record.not_before) {
            Some(end) if end > now => {
                settle(Action::MoveDue { from: due, to: self.terms.due(&self.address, end) })
            }
            // The holder may yet live, with a clock behind ours: callers whose
            // wake it refuses count on it. Only under a new epoch are they sure
            // to be seen, by us or by the next one who is granted a lease.
            Some(_) => settle(Action::Fence),
            None => Self::look(record),
        }
    }

    /// What a crash may have left behind: first the others, then the mailbox.
    fn look(record: &Record) -> Step {
        match record.wakes.is_empty() {
            true => Step::Look(record.next_segment()),
            false => Step::WakeOthers(record.wakes.clone()),
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
                self.place = record.next_segment();
                Self::look(record)
            }
            None => Step::Done,
        };
    }

    /// The others are awake, or due.
    pub fn woke_others(&mut self) {
        self.step = Step::Look(self.place);
    }

    /// Takes the answer to [`Step::Look`], as of `now`.
    pub fn looked(&mut self, next: Next, now: Timestamp) {
        let action = match (self.paused, next) {
            (Some(from), _) => Action::MoveDue { from, to: now.plus(PAUSED_PERIOD) },
            (None, next) if next.is_deliverable(now) => {
                self.step = Step::Wake;
                return;
            }
            // On condition that the epoch is the one from before the look. A
            // query is not isolated from the transaction that released the
            // lease: it may show the record after it, and not yet the timer.
            (None, Next::Delayed { at }) => {
                Action::Rest { until: Some(self.timer.map_or(at, |timer| timer.min(at))) }
            }
            (None, _) => Action::Rest { until: self.timer },
        };
        self.step = Step::Settle(Settle { epoch: self.epoch, action });
    }
}

/// A write of a sweeper or a gateway to a record that it holds no lease on. It
/// is conditional on the epoch. It leaves head and state as they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settle {
    /// The epoch that the record must still have.
    pub epoch: Epoch,
    /// What to write.
    pub action: Action,
}

/// What a [`Settle`] writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
        /// What ended the holder.
        error: String,
    },
    /// Nothing is deliverable until then, or ever, and the others that the actor
    /// has sent to are awake: sets or removes `due` and forgets pending wakes, on
    /// condition that there is neither lease nor wait nor pause.
    Rest {
        /// When the first delayed parcel is deliverable.
        until: Option<Timestamp>,
    },
}

/// Decides on a settle: the record after it, or `None` when its condition does
/// not hold.
#[must_use]
pub fn apply(record: &Record, settle: &Settle) -> Option<Record> {
    if record.epoch != settle.epoch {
        return None;
    }
    let idle = Record { lease_until: None, not_before: None, ..record.clone() };
    match &settle.action {
        Action::MoveDue { from, to } => {
            (record.due == Some(*from)).then(|| Record { due: Some(*to), ..record.clone() })
        }
        Action::Fence => Some(Record { epoch: record.epoch.next(), ..idle }),
        Action::Defer { not_before, counts, error } => record.lease_until.map(|_| Record {
            epoch: record.epoch.next(),
            attempt: record.attempt - u32::from(!counts && record.attempt > 0),
            error: Some(error.clone()),
            not_before: Some(*not_before),
            due: Some(*not_before),
            ..idle
        }),
        Action::Rest { until } => {
            record.is_idle().then(|| Record { due: *until, wakes: Vec::new(), ..record.clone() })
        }
    }
}

#[cfg(test)]
mod tests;
