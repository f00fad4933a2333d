//! Which mailboxes have work, as far as the lanes of this gateway know: for its metrics.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use callboard_mailbox::{Address, Timestamp};
use callboard_telemetry::Metrics;
use callboard_telemetry::metrics::Mailbox;

/// The mailboxes that have work.
#[derive(Debug, Default)]
pub(crate) struct Busy(Mutex<HashMap<Address, Work>>);

/// What waits in a mailbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// How many messages.
    pub(crate) messages: u64,
    /// When the first of them was sent.
    pub(crate) since: Timestamp,
}

impl Busy {
    /// A mailbox has this work now, or none.
    pub(crate) fn set(&self, address: &Address, work: Option<Work>) {
        let mut busy = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match work {
            Some(work) => match busy.get_mut(address) {
                Some(known) => *known = work,
                None => drop(busy.insert(address.clone(), work)),
            },
            None => drop(busy.remove(address)),
        }
    }

    /// Has the metrics tell of it.
    pub(crate) fn tell(&self, metrics: &Metrics, now: Timestamp) {
        let busy = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        metrics.found(busy.iter().map(|(address, work)| Mailbox {
            actor_type: address.actor_type(),
            messages: work.messages,
            oldest: now.since(work.since),
        }));
    }
}
