//! Metrics as Prometheus text, read when somebody asks.

use opentelemetry_prometheus::PrometheusExporter;
use prometheus::{Registry, TextEncoder};
use tracing::error;

use super::Error;

/// What is read when somebody asks.
#[derive(Debug)]
pub(super) struct Text(Registry);

/// A reader for the provider, and the text of what it reads.
pub(super) fn text() -> Result<(PrometheusExporter, Text), Error> {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        // There is one scope, and a scraper knows whom it scrapes.
        .scope_info_enabled(false)
        .build()
        .map_err(|error| Error::Target(error.to_string()))?;
    Ok((exporter, Text(registry)))
}

impl Text {
    pub(super) fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.0.gather()).unwrap_or_else(|error| {
            error!(%error, "the metrics cannot be written as Prometheus text");
            String::new()
        })
    }
}
