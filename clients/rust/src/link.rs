//! What a client and all that is made with it share: the connection, the
//! settings, and the calls that are open.

use std::fmt;
use std::future::Future;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use futures::FutureExt;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::Status;

use crate::credentials::Credentials;
use crate::retry::RetryPolicy;
use crate::wire::{self, Wire};

/// How long open calls may go on when the client is closed.
const GRACE: Duration = Duration::from_secs(2);

/// What can be set of calls.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) ask_timeout: Duration,
    pub(crate) tell_timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) credentials: Credentials,
}

pub(crate) struct Link {
    pub(crate) settings: Settings,
    /// `None` once the client is closed: stubs may be kept longer, and must not
    /// keep the connection open.
    wire: RwLock<Option<Wire>>,
    open: TaskTracker,
    ended: CancellationToken,
}

/// A call that [`Link::close`] waits for, until this is dropped.
pub(crate) type Open = TaskTrackerToken;

impl Link {
    pub(crate) fn new(wire: Wire, settings: Settings) -> Self {
        Self {
            settings,
            wire: RwLock::new(Some(wire)),
            open: TaskTracker::new(),
            ended: CancellationToken::new(),
        }
    }

    /// Begins a call.
    ///
    /// # Errors
    /// When the client is closed or about to be.
    pub(crate) fn begin(&self) -> Result<Open, Status> {
        // Counted first, so that who closes meanwhile waits for it.
        let open = self.open.token();
        match self.open.is_closed() {
            true => Err(Status::cancelled("the client is closed; nothing was sent")),
            false => Ok(open),
        }
    }

    pub(crate) fn wire(&self) -> Result<Wire, Status> {
        let wire = self.wire.read().unwrap_or_else(PoisonError::into_inner);
        wire.clone().ok_or_else(closed)
    }

    /// Waits until open calls may go on no longer.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Does something until the deadline, or the end of the client.
    pub(crate) async fn within<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        tokio::select! {
            biased;
            done = work => done,
            () = sleep_until(deadline) => Err(wire::deadline_exceeded()),
            () = self.ended() => Err(closed()),
        }
    }

    /// Waits before the next attempt.
    pub(crate) async fn pause(&self, deadline: Instant, wait: Duration) -> Result<(), Status> {
        self.within(deadline, sleep(wait).map(Ok)).await
    }

    /// Ends all calls, and the connection with the last of them.
    pub(crate) async fn close(&self) {
        self.open.close();
        // What is still open then, ends.
        let _ = timeout(GRACE, self.open.wait()).await;
        self.ended.cancel();
        self.wire.write().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The client was closed while something was on its way.
pub(crate) fn closed() -> Status {
    Status::cancelled("the client was closed before the answer came; the message may be stored")
}
