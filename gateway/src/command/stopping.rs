//! How `dev` and `serve` stop: on which signal, and in which order.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use callboard_gateway::Gateway;
use callboard_mailbox::Store;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long calls are still taken on connections whose clients have been told to
/// make another one: those were on their way when they were told.
const LAST_CALLS: Duration = Duration::from_millis(500);

/// Ctrl-C and SIGTERM. Each time they are told is told once, from when it is made.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    pub(crate) async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// How long a gateway takes to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How long it is still called after it has told that it goes.
    pub(crate) delay: Duration,
    /// How long open calls and running invocations may take after that.
    pub(crate) grace: Duration,
}

/// Stops a gateway and its public port: health first, so that load balancers turn
/// away; then its connections; then its calls. Whether everything was done in time;
/// what was not is safe in the mailboxes.
pub(crate) async fn stop<S: Store + 'static>(
    gateway: &Arc<Gateway<S>>,
    mut server: JoinHandle<()>,
    listening: &CancellationToken,
    pace: Pace,
) -> bool {
    gateway.leave();
    sleep(pace.delay).await;
    listening.cancel();
    let is_idle = timeout(LAST_CALLS, &mut server).await.is_ok();
    gateway.stop_accepting();
    let drained = gateway.drain(pace.grace).await;
    if !is_idle {
        // Its own time ends a little after the grace, for answers on their way out.
        let _ = server.await;
    }
    drained
}
