//! From the standard `OTEL_*` variables to spans and metrics that are exported, or to nothing at
//! no cost.
//!
//! The SDK of OpenTelemetry reads few of these variables by itself (the limits of spans), and
//! OTLP's exporters warn of values that they do not know and go on. So they are read here:
//!
//! | variable | values |
//! | --- | --- |
//! | `OTEL_SDK_DISABLED` | `true`: nothing is exported |
//! | `OTEL_EXPORTER_OTLP_ENDPOINT`, `…_TRACES_ENDPOINT`, `…_METRICS_ENDPOINT` | a URL; **without one nothing is exported**, unless the next says `otlp` |
//! | `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER` | `otlp`, `none`; for metrics also `prometheus`, which is served anyway |
//! | `OTEL_EXPORTER_OTLP_PROTOCOL`\* | `http/protobuf` (the default), `grpc` |
//! | `OTEL_EXPORTER_OTLP_HEADERS`\* | `name=value,…`, percent-encoded |
//! | `OTEL_EXPORTER_OTLP_TIMEOUT`\* | milliseconds, 10000 |
//! | `OTEL_EXPORTER_OTLP_COMPRESSION`\* | `gzip`, `none` |
//! | `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` | `cumulative`, `delta` |
//! | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | what is said of the program |
//! | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | `parentbased_always_on` (the default), `parentbased_traceidratio`, … |
//! | `OTEL_PROPAGATORS` | `tracecontext,baggage` or `none`; what else is beside `tracecontext` is ignored |
//! | `OTEL_BSP_SCHEDULE_DELAY`, `OTEL_BSP_MAX_QUEUE_SIZE`, `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | 200 ms, 2048, 512 |
//! | `OTEL_METRIC_EXPORT_INTERVAL` | milliseconds, 60000 |
//! | `CALLBOARD_TRACE_TELLS` | `linked` (the default) or `children`: [`crate::story`] |
//! | `CALLBOARD_TRACE_KEYS` | `true`: spans of messages have the key of their actor |
//!
//! \* Each also with `_TRACES_` or `_METRICS_` in it. Logs are not exported: they go to standard
//! error, with the ids of their trace ([`crate::logs`]).

mod client;
mod exporter;
mod patience;
#[cfg(feature = "prometheus")]
mod prometheus;
mod queue;
mod reader;
mod resource;
mod sampler;
pub mod settings;
mod worker;

use std::time::Duration;

use opentelemetry::metrics::{Meter, MeterProvider, ObservableCounter};
use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanExporter};
use opentelemetry_semantic_conventions::SCHEMA_URL;
use opentelemetry_semantic_conventions::attribute::FAAS_MAX_MEMORY;

pub use sampler::Sampling;
pub use settings::{Protocol, Settings, Target};
pub use worker::Flushed;

use crate::metrics::Metrics;
use crate::span::Tracer;
use queue::Dropped;
use worker::Worker;

/// The longest time that an activation in Lambda waits until its spans are exported.
pub const ACTIVATION_FLUSH_MAX: Duration = Duration::from_millis(100);

/// Who made the spans and metrics, as receivers are told.
const SCOPE: &str = "callboard";

/// The most links of a span: a batch, of 500 messages at most, links to each of them.
const LINKS_MAX: u32 = 512;

/// Why nothing can be exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A variable has a value that is not known.
    #[error(transparent)]
    Settings(#[from] settings::Error),
    /// A target cannot be exported to.
    #[error("telemetry cannot be exported: {0}")]
    Target(String),
    /// The program was built without this protocol.
    #[error("OTEL_EXPORTER_OTLP_PROTOCOL asks for {0:?}, which this program was built without")]
    NotBuiltIn(Protocol),
}

/// What makes spans and metrics, and what exports them. One a process.
#[derive(Debug)]
pub struct Pipeline {
    tracer: Tracer,
    metrics: Metrics,
    spans: Option<Worker>,
    readings: Option<Worker>,
    propagates: bool,
    ignored: Vec<String>,
    dropped: Dropped,
    #[cfg(feature = "prometheus")]
    text: Option<prometheus::Text>,
    _dropped: Option<ObservableCounter<u64>>,
    // They end what they provide when they are dropped.
    _traces: Option<SdkTracerProvider>,
    _meters: Option<SdkMeterProvider>,
}

impl Pipeline {
    /// One that makes and exports nothing.
    ///
    /// ```
    /// use callboard_telemetry::Pipeline;
    ///
    /// assert!(!Pipeline::off().tracer().is_on());
    /// ```
    #[must_use]
    pub fn off() -> Self {
        Self {
            tracer: Tracer::off(),
            metrics: Metrics::off(),
            spans: None,
            readings: None,
            propagates: true,
            ignored: Vec::new(),
            dropped: Dropped::default(),
            #[cfg(feature = "prometheus")]
            text: None,
            _dropped: None,
            _traces: None,
            _meters: None,
        }
    }

    /// Begins to export as settings say. It needs a Tokio runtime, on which it exports.
    ///
    /// ```no_run
    /// use callboard_telemetry::pipeline::{Pipeline, Settings};
    ///
    /// # fn main() -> Result<(), callboard_telemetry::pipeline::Error> {
    /// let pipeline = Pipeline::start(&Settings::from_env("callboard-gateway")?)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When a target is none that can be exported to. That nobody listens there is no error.
    pub fn start(settings: &Settings) -> Result<Self, Error> {
        let mut pipeline = Self::start_spans(settings)?;
        pipeline.start_metrics(settings)?;
        Ok(pipeline)
    }

    /// As [`Pipeline::start`], without metrics whatever the settings say: for a program that has
    /// none, which is smaller by what exports them.
    ///
    /// # Errors
    /// As there.
    pub fn start_spans(settings: &Settings) -> Result<Self, Error> {
        let exporter = settings.traces.as_ref().map(|target| {
            let exporter = exporter::spans(target)?;
            Ok::<_, Error>((exporter, target.timeout))
        });
        Ok(Self::spans_with(settings, exporter.transpose()?))
    }

    /// As [`Pipeline::start`], with an exporter of spans of the caller's own and the longest time
    /// that an export takes: for tests, and for a program that shows spans itself.
    ///
    /// # Errors
    /// As there.
    pub fn start_with<E: SpanExporter + 'static>(
        settings: &Settings,
        exporter: Option<(E, Duration)>,
    ) -> Result<Self, Error> {
        let mut pipeline = Self::spans_with(settings, exporter);
        pipeline.start_metrics(settings)?;
        Ok(pipeline)
    }

    fn spans_with<E: SpanExporter + 'static>(
        settings: &Settings,
        exporter: Option<(E, Duration)>,
    ) -> Self {
        let ignored = settings.ignored.clone();
        let mut pipeline = Self { propagates: settings.propagates, ignored, ..Self::off() };
        if let Some((exporter, timeout)) = exporter {
            let resource = resource(settings);
            let (entrance, exit) =
                queue::queue(settings.queue, timeout, exporter, &resource, &pipeline.dropped);
            let provider = SdkTracerProvider::builder()
                .with_resource(resource)
                .with_sampler(settings.sampling)
                .with_max_links_per_span(LINKS_MAX)
                .with_span_processor(entrance)
                .build();
            let follows_caller = settings.sampling.follows_caller;
            let sdk = provider.tracer_with_scope(scope());
            pipeline.tracer = Tracer::new(sdk, follows_caller, settings.habits);
            pipeline.spans = Some(Worker::start(exit));
            pipeline._traces = Some(provider);
        }
        pipeline
    }

    fn start_metrics(&mut self, settings: &Settings) -> Result<(), Error> {
        let mut builder = SdkMeterProvider::builder().with_resource(resource(settings));
        if let Some(target) = &settings.metrics {
            let temporality =
                if settings.delta { Temporality::Delta } else { Temporality::Cumulative };
            let exporter = exporter::metrics(target, temporality)?;
            let (reader, reading) =
                reader::reading(exporter, settings.metric_interval, target.timeout);
            builder = builder.with_reader(reader);
            self.readings = Some(Worker::start(reading));
        }
        #[cfg(feature = "prometheus")]
        {
            let (reader, text) = prometheus::text()?;
            builder = builder.with_reader(reader);
            self.text = Some(text);
        }
        if settings.metrics.is_some() || cfg!(feature = "prometheus") {
            let provider = builder.build();
            let meter: Meter = provider.meter_with_scope(scope());
            self.metrics = Metrics::new(&meter);
            let dropped = self.dropped.clone();
            self._dropped = Some(
                meter
                    .u64_observable_counter("callboard.trace.spans.dropped")
                    .with_unit("{span}")
                    .with_description("Spans that ended and could not be exported")
                    .with_callback(move |counter| counter.observe(dropped.count(), &[]))
                    .build(),
            );
            self._meters = Some(provider);
        }
        Ok(())
    }

    /// What makes spans.
    #[must_use]
    pub fn tracer(&self) -> &Tracer {
        &self.tracer
    }

    /// What counts and measures.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whether the caller's trace context is read and passed on.
    #[must_use]
    pub fn propagates(&self) -> bool {
        self.propagates
    }

    /// Says in the log what of the settings is ignored: for when there is a log, which begins
    /// after the pipeline.
    pub fn warn(&self) {
        if !self.ignored.is_empty() {
            let ignored = self.ignored.join(", ");
            tracing::warn!(ignored, "OTEL_PROPAGATORS has names that are not known here");
        }
    }

    /// Whether anything is exported.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.spans.is_some() || self.readings.is_some()
    }

    /// How many spans were dropped, because more ended than could be exported.
    #[must_use]
    pub fn dropped_spans(&self) -> u64 {
        self.dropped.count()
    }

    /// Has all spans exported that have ended. It never takes longer than `max`, and after two
    /// failures in a row it returns at once, but for a try once in 1 to 60 s. Metrics go at their
    /// own interval: they say the same later.
    pub async fn flush(&self, max: Duration) -> Flushed {
        match &self.spans {
            Some(worker) => worker.flush(max).await,
            None => Flushed::Done,
        }
    }

    /// Has everything exported, metrics too, and ends. It never takes longer than `max`. Spans
    /// that end later are dropped.
    pub async fn shutdown(&self, max: Duration) -> Flushed {
        let of = async |worker: &Option<Worker>| match worker {
            Some(worker) => worker.shutdown(max).await,
            None => Flushed::Done,
        };
        match tokio::join!(of(&self.spans), of(&self.readings)) {
            (Flushed::Done, Flushed::Done) => Flushed::Done,
            _ => Flushed::Failed,
        }
    }

    /// All metrics as Prometheus text, for its scraper; empty when nothing is measured.
    #[cfg(feature = "prometheus")]
    #[must_use]
    pub fn prometheus_text(&self) -> String {
        self.text.as_ref().map(prometheus::Text::render).unwrap_or_default()
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder(SCOPE)
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(SCHEMA_URL)
        .build()
}

fn resource(settings: &Settings) -> Resource {
    let attributes = settings.resource.iter().map(|(key, value)| {
        // The only one that is a number.
        let number = (key == FAAS_MAX_MEMORY).then(|| value.parse::<i64>().ok()).flatten();
        let value = number.map_or_else(|| Value::from(value.clone()), Value::from);
        KeyValue::new(key.clone(), value)
    });
    Resource::builder_empty().with_attributes(attributes).build()
}
