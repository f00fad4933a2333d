//! A process of the simulated world: it can die, freeze, and err about the time.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::config::{AsyncSleep, Sleep};
use callboard_mailbox::Timestamp;
use callboard_mailbox::clock::Clock;
use tokio::time::Instant;

use super::signal::Signal;

/// What all clocks show at the start of a run, give or take their errors:
/// 1 January 2026, in milliseconds since 1970.
const BEGIN: Timestamp = Timestamp(1_767_225_600_000);

/// What a process is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A gateway, with the sweeper in it.
    Gateway,
    /// An environment of the actor's Lambda function.
    Function,
    /// Who makes the tables and reads them in the end: nothing befalls it.
    Observer,
}

/// A process. All that it does outside of itself goes through its own clients,
/// which ask it first whether it [runs](Process::runs).
pub(super) struct Process {
    name: String,
    role: Role,
    started: Instant,
    /// By how much its clock is ahead, in milliseconds.
    ahead: AtomicI64,
    frozen_until: Mutex<Option<Instant>>,
    death: Signal,
    /// Ends each freeze, and puts the clock right.
    calm: Arc<Signal>,
}

impl Process {
    /// A process whose clock is `ahead`, in a world that `started` and that
    /// will calm down.
    pub(super) fn new(
        role: Role,
        name: String,
        ahead: i64,
        started: Instant,
        calm: Arc<Signal>,
    ) -> Arc<Self> {
        Arc::new(Self {
            name,
            role,
            started,
            ahead: AtomicI64::new(ahead),
            frozen_until: Mutex::default(),
            death: Signal::default(),
            calm,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// Returns as soon as the process can do something: at once, when its freeze
    /// is over, or never, because a dead process does nothing any more.
    pub(super) async fn runs(&self) {
        loop {
            if self.is_dead() {
                std::future::pending::<()>().await;
            }
            let frozen_until = *self.frozen_until.lock().unwrap_or_else(PoisonError::into_inner);
            match frozen_until.filter(|until| *until > Instant::now()) {
                Some(until) if !self.calm.is_raised() => tokio::select! {
                    biased;
                    () = self.calm.raised() => {}
                    () = tokio::time::sleep_until(until) => {}
                },
                _ => return,
            }
        }
    }

    /// Ends it. What it has sent is on its way still.
    pub(super) fn die(&self) {
        self.death.raise();
    }

    pub(super) fn is_dead(&self) -> bool {
        self.death.is_raised()
    }

    /// Waits for its death.
    pub(super) async fn died(&self) {
        self.death.raised().await;
    }

    /// Lets it do nothing for a while, as a machine that is paused.
    pub(super) fn freeze(&self, length: Duration) {
        let until = Instant::now() + length;
        *self.frozen_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// Sets its clock to another error, in milliseconds.
    pub(super) fn set_ahead(&self, ahead: i64) {
        self.ahead.store(ahead, Ordering::Relaxed);
    }

    /// What its clock shows: the true time when all is calm.
    pub(super) fn now(&self) -> Timestamp {
        let true_time = BEGIN.plus(self.started.elapsed());
        let ahead = if self.calm.is_raised() { 0 } else { self.ahead.load(Ordering::Relaxed) };
        Timestamp(true_time.0.saturating_add_signed(ahead))
    }

    /// Its clock.
    pub(super) fn clock(self: &Arc<Self>) -> Clock {
        let process = Arc::clone(self);
        Arc::new(move || process.now())
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// How the AWS SDK waits in a process: while it is frozen, and when it is dead,
/// no time-out of it ends.
#[derive(Debug)]
pub(super) struct Sleeper(pub(super) Arc<Process>);

impl AsyncSleep for Sleeper {
    fn sleep(&self, duration: Duration) -> Sleep {
        let process = Arc::clone(&self.0);
        Sleep::new(async move {
            tokio::time::sleep(duration).await;
            process.runs().await;
        })
    }
}
