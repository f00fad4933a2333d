//! A process: its clock, its way to the services, and its death.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use callboard_mailbox::Timestamp;
use callboard_mailbox::clock::Clock;
use tokio::time::Instant;

/// What all clocks show in the beginning, give or take their errors: 1 January 2026.
pub(super) const BEGIN: Timestamp = Timestamp(1_767_225_600_000);

/// By how much the clocks of gateways are wrong at most, in milliseconds.
const CLOCK_ERROR_MS_MAX: u64 = 5;

/// How long a request is on its way to the database, and its answer back, in milliseconds.
const DATABASE_MS: RangeInclusive<u64> = 1..=4;

/// The same for an invocation of a function that is warm.
const LAMBDA_MS: RangeInclusive<u64> = 3..=8;

/// A process.
pub(super) struct Process {
    begun: Instant,
    /// What its clock shows at the beginning.
    begin: Timestamp,
    is_gateway: bool,
    is_dead: AtomicBool,
}

impl Process {
    /// A gateway.
    pub(super) fn gateway(begun: Instant) -> Arc<Self> {
        let error = Duration::from_millis(fastrand::u64(..=2 * CLOCK_ERROR_MS_MAX));
        let begin = BEGIN.minus(Duration::from_millis(CLOCK_ERROR_MS_MAX)).plus(error);
        Arc::new(Self { begun, begin, is_gateway: true, is_dead: AtomicBool::new(false) })
    }

    /// The environments of the function.
    pub(super) fn function(begun: Instant) -> Arc<Self> {
        let is_dead = AtomicBool::new(false);
        Arc::new(Self { begun, begin: BEGIN, is_gateway: false, is_dead })
    }

    pub(super) fn is_gateway(&self) -> bool {
        self.is_gateway
    }

    /// Ends it: nothing that it does reaches anybody any more.
    pub(super) fn die(&self) {
        self.is_dead.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::Relaxed)
    }

    pub(super) fn clock(self: &Arc<Self>) -> Clock {
        let process = Arc::clone(self);
        Arc::new(move || process.now())
    }

    pub(super) fn now(&self) -> Timestamp {
        self.begin.plus(self.begun.elapsed())
    }

    /// The way to the database, or back.
    pub(super) async fn to_database(&self) {
        self.travel(DATABASE_MS).await;
    }

    /// The way to Lambda, or back.
    pub(super) async fn to_lambda(&self) {
        self.travel(LAMBDA_MS).await;
    }

    async fn travel(&self, ms: RangeInclusive<u64>) {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(fastrand::u64(ms))).await;
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }
}
