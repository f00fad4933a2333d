//! Something that happens once, and that many wait for.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Something that happens once.
#[derive(Debug, Default)]
pub(super) struct Signal {
    happened: AtomicBool,
    waiting: Notify,
}

impl Signal {
    /// Lets it happen. Whoever waits goes on.
    pub(super) fn raise(&self) {
        self.happened.store(true, Ordering::Relaxed);
        self.waiting.notify_waiters();
    }

    pub(super) fn is_raised(&self) -> bool {
        self.happened.load(Ordering::Relaxed)
    }

    /// Waits until it has happened.
    pub(super) async fn raised(&self) {
        // Made before the look, so that nothing is missed in between.
        let notified = self.waiting.notified();
        if !self.is_raised() {
            notified.await;
        }
    }
}
