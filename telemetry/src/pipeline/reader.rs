//! Metrics on their way out: read once an interval, and when a flush is due.

use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, Temporality};
use tokio::time::Instant;

use super::worker::{Failure, Source};

/// A reader that provider and exporter share.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<ManualReader>);

impl MetricReader for Shared {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    /// Does nothing: the last export comes after it.
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

/// Reads metrics, and exports them.
pub(super) struct Reading<E> {
    reader: Shared,
    exporter: E,
    interval: Duration,
    timeout: Duration,
    read: ResourceMetrics,
    next: Instant,
}

/// A reader for the provider, and what exports from it.
pub(super) fn reading<E: PushMetricExporter>(
    exporter: E,
    interval: Duration,
    timeout: Duration,
) -> (Shared, Reading<E>) {
    let reader = ManualReader::builder().with_temporality(exporter.temporality()).build();
    let reader = Shared(Arc::new(reader));
    let (read, next) = (ResourceMetrics::default(), Instant::now() + interval);
    (reader.clone(), Reading { reader, exporter, interval, timeout, read, next })
}

impl<E: PushMetricExporter> Source for Reading<E> {
    const NAME: &'static str = "metrics";

    async fn due(&mut self) {
        tokio::time::sleep_until(self.next).await;
    }

    async fn export(&mut self) -> Result<bool, Failure> {
        self.next = Instant::now() + self.interval;
        self.reader.collect(&mut self.read).map_err(|error| error.to_string())?;
        if self.read.scope_metrics().next().is_none() {
            return Ok(false);
        }
        let exporting = self.exporter.export(&self.read);
        match tokio::time::timeout(self.timeout, exporting).await {
            Ok(Ok(())) => Ok(false),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {:?}", self.timeout)),
        }
    }
}
