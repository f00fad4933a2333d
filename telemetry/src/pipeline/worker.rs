//! A task that exports what comes from a source, and flushes when it is told to. Whoever waits
//! for it waits as long as he says, whatever the collector does.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{info, warn};

use super::patience::{self, Patience};

/// How many flushes may wait at a time; more of them would wait for nothing.
const ORDERS_MAX: usize = 16;

/// The most exports in a row until the worker looks for orders again.
const EXPORTS_MAX: usize = 64;

/// Why an export failed, for the log.
pub(super) type Failure = String;

/// Where what is to be exported comes from.
pub(super) trait Source: Send + 'static {
    /// What it exports, for the log.
    const NAME: &'static str;

    /// Waits until an export is due. It may be dropped at any time.
    fn due(&mut self) -> impl Future<Output = ()> + Send;

    /// Exports something, which takes no longer than the target allows; whether there is more.
    fn export(&mut self) -> impl Future<Output = Result<bool, Failure>> + Send;
}

/// How a flush ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// All is exported, or nothing was to export.
    Done,
    /// The collector did not take it, or not in time. What still waits is exported later.
    Failed,
    /// The collector has failed too often lately to wait for it.
    Skipped,
}

/// An order to export everything, and who waits for it.
struct Order {
    done: oneshot::Sender<bool>,
    is_last: bool,
}

/// A worker that runs.
#[derive(Debug)]
pub(super) struct Worker {
    orders: mpsc::Sender<Order>,
    patience: Mutex<Patience>,
}

impl Worker {
    /// Starts a worker, which ends when this is dropped.
    pub(super) fn start(source: impl Source) -> Self {
        let (orders, taken) = mpsc::channel(ORDERS_MAX);
        // What is done to export spans is in no span.
        let context = Context::new().with_telemetry_suppressed();
        tokio::spawn(run(source, taken).with_context(context));
        Self { orders, patience: Mutex::default() }
    }

    /// Has everything exported that has come until now.
    pub(super) async fn flush(&self, max: Duration) -> Flushed {
        if !self.patience().try_now(Instant::now()) {
            return Flushed::Skipped;
        }
        let is_done = self.order(max, false).await;
        let mut patience = self.patience();
        if is_done {
            patience.succeeded();
            return Flushed::Done;
        }
        patience.failed(Instant::now());
        Flushed::Failed
    }

    /// Has everything exported, and ends the worker.
    pub(super) async fn shutdown(&self, max: Duration) -> Flushed {
        if self.order(max, true).await { Flushed::Done } else { Flushed::Failed }
    }

    async fn order(&self, max: Duration, is_last: bool) -> bool {
        let (done, answer) = oneshot::channel();
        if self.orders.try_send(Order { done, is_last }).is_err() {
            return false;
        }
        matches!(tokio::time::timeout(max, answer).await, Ok(Ok(true)))
    }

    fn patience(&self) -> std::sync::MutexGuard<'_, Patience> {
        self.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run<S: Source>(mut source: S, mut orders: mpsc::Receiver<Order>) {
    let mut failures: u32 = 0;
    loop {
        let order = tokio::select! {
            biased;
            order = orders.recv() => match order {
                Some(order) => Some(order),
                None => return,
            },
            () = due(&mut source, failures) => None,
        };
        let exported = export_all(&mut source).await;
        failures = match &exported {
            Ok(()) => {
                if failures > 0 {
                    info!(what = S::NAME, failures, "the collector is back");
                }
                0
            }
            Err(error) => {
                // Once, and not with every try.
                if failures == 0 {
                    warn!(what = S::NAME, %error, "the collector does not take what is exported");
                }
                failures.saturating_add(1)
            }
        };
        if let Some(Order { done, is_last }) = order {
            // Whoever waited may have given up.
            let _ = done.send(exported.is_ok());
            if is_last {
                return;
            }
        }
    }
}

/// When the next export is due: after failures only when a while has passed.
async fn due<S: Source>(source: &mut S, failures: u32) {
    if failures > 0 {
        tokio::time::sleep(patience::wait(failures)).await;
    }
    source.due().await;
}

async fn export_all<S: Source>(source: &mut S) -> Result<(), Failure> {
    for _ in 0..EXPORTS_MAX {
        if !source.export().await? {
            break;
        }
    }
    Ok(())
}
