//! Spans on their way out. They are exported a moment after they end, in batches. When more end
//! than can be exported, the newest are dropped, and counted: no handler waits for a collector.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use tokio::sync::{Notify, mpsc};

use super::settings::Queue;
use super::worker::{Failure, Source};

/// How often a batch is exported until it is given up. A collector may refuse one for what is in
/// it, and that must not stop those after it.
const BATCH_TRIES: u32 = 3;

/// How many spans were dropped.
#[derive(Clone, Debug, Default)]
pub(super) struct Dropped(Arc<AtomicU64>);

impl Dropped {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, spans: usize) {
        self.0.fetch_add(spans as u64, Ordering::Relaxed);
    }
}

/// The way in: called with each span that ends, by whoever ends it.
#[derive(Debug)]
pub(super) struct Entrance {
    queue: mpsc::Sender<SpanData>,
    batch_max: usize,
    is_full: Arc<Notify>,
    dropped: Dropped,
}

/// The way out.
pub(super) struct Exit<E> {
    queue: mpsc::Receiver<SpanData>,
    settings: Queue,
    is_full: Arc<Notify>,
    dropped: Dropped,
    exporter: E,
    timeout: Duration,
    /// Spans that the exporter has not taken yet.
    batch: Vec<SpanData>,
    /// How often it did not.
    tries: u32,
}

/// A queue of spans to an exporter.
pub(super) fn queue<E: SpanExporter>(
    settings: Queue,
    timeout: Duration,
    mut exporter: E,
    resource: &Resource,
    dropped: &Dropped,
) -> (Entrance, Exit<E>) {
    exporter.set_resource(resource);
    let (sender, receiver) = mpsc::channel(settings.spans_max);
    let (is_full, dropped) = (Arc::new(Notify::new()), dropped.clone());
    let entrance = Entrance {
        queue: sender,
        batch_max: settings.batch_max,
        is_full: Arc::clone(&is_full),
        dropped: dropped.clone(),
    };
    let batch = Vec::with_capacity(settings.batch_max);
    let exit =
        Exit { queue: receiver, settings, is_full, dropped, exporter, timeout, batch, tries: 0 };
    (entrance, exit)
}

impl SpanProcessor for Entrance {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if self.queue.try_send(span).is_err() {
            self.dropped.add(1);
        } else if self.queue.max_capacity() - self.queue.capacity() >= self.batch_max {
            self.is_full.notify_one();
        }
    }

    /// Does nothing, since it must not block; see [`super::Pipeline::flush`].
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    /// Does nothing, since it must not block; see [`super::Pipeline::shutdown`].
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl<E: SpanExporter + 'static> Source for Exit<E> {
    const NAME: &'static str = "spans";

    async fn due(&mut self) {
        if self.batch.is_empty() && self.queue.recv_many(&mut self.batch, 1).await == 0 {
            // Nobody ends spans any more.
            std::future::pending::<()>().await;
        }
        tokio::select! {
            biased;
            () = self.is_full.notified() => {}
            () = tokio::time::sleep(self.settings.delay) => {}
        }
    }

    async fn export(&mut self) -> Result<bool, Failure> {
        while self.batch.len() < self.settings.batch_max {
            match self.queue.try_recv() {
                Ok(span) => self.batch.push(span),
                Err(_) => break,
            }
        }
        if self.batch.is_empty() {
            return Ok(false);
        }
        // A copy, since the exporter keeps what it could not send.
        let exporting = self.exporter.export(self.batch.clone());
        let failure = match tokio::time::timeout(self.timeout, exporting).await {
            Ok(Ok(())) => {
                (self.tries, _) = (0, self.batch.clear());
                return Ok(!self.queue.is_empty());
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {:?}", self.timeout),
        };
        self.tries += 1;
        if self.tries >= BATCH_TRIES {
            self.dropped.add(self.batch.len());
            (self.tries, _) = (0, self.batch.clear());
        }
        Err(failure)
    }
}

#[cfg(test)]
mod tests;
