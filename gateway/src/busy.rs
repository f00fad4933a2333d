//! Which mailboxes have work, as far as the lanes of this gateway know: for its metrics.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use callboard_mailbox::{Address, Timestamp};
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

    /// Hands over each, as it is now.
    pub(crate) fn each(&self, now: Timestamp, tell: &mut dyn FnMut(Mailbox<'_>)) {
        let busy = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (address, work) in busy.iter() {
            let (messages, oldest) = (work.messages, now.since(work.since));
            tell(Mailbox { actor_type: address.actor_type(), messages, oldest });
        }
    }
}
