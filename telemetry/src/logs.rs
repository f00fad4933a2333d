//! Lines of the log, for people or for machines, each with the ids of the trace and the span in
//! which it was written. And spans that a handler's author makes with `tracing`: they become
//! spans of the trace, below the one that processes his message.

mod line;

use opentelemetry_sdk::trace::SdkTracer;
use tracing::{Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{EnvFilter, FilterFn, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::span::Tracer;
use line::WithIds;

/// The crates whose spans are not the author's: Callboard makes its own, and those of what exports
/// them would be exported in turn.
const OTHERS: [&str; 10] = [
    "callboard",
    "h2",
    "hyper",
    "lambda_runtime",
    "opentelemetry",
    "reqwest",
    "rustls",
    "tokio",
    "tonic",
    "tower",
];

/// What the names of more such crates begin with.
const OTHER_PREFIXES: [&str; 6] =
    ["aws_", "callboard_", "hyper_", "opentelemetry_", "tokio_", "tower_"];

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why a text is no format.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a log is written as text or json, and not as {0:?}")]
pub struct UnknownFormat(String);

impl std::str::FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(UnknownFormat(other.to_owned())),
        }
    }
}

/// How a log is written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// How lines look.
    pub format: Format,
    /// Whether they are in colours; only text is.
    pub ansi: bool,
    /// Whether they begin with the time. CloudWatch adds it by itself.
    pub time: bool,
    /// Whether they tell the module that wrote them.
    pub target: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { format: Format::Text, ansi: false, time: true, target: true }
    }
}

/// Writes the log of this process to standard error from now on.
///
/// # Errors
/// When the process has a log already.
pub fn init(style: Style, filter: EnvFilter, tracer: &Tracer) -> Result<(), TryInitError> {
    subscriber(style, filter, tracer, std::io::stderr).try_init()
}

/// What writes a log, to anywhere.
///
/// ```
/// use callboard_telemetry::logs::{self, Format, Style};
///
/// let style = Style { format: Format::Json, ..Style::default() };
/// let tracer = callboard_telemetry::Tracer::off();
/// let log = logs::subscriber(style, "info".parse()?, &tracer, std::io::stdout);
/// tracing::subscriber::with_default(log, || tracing::info!("a line of JSON"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn subscriber<W>(
    style: Style,
    filter: EnvFilter,
    tracer: &Tracer,
    writer: W,
) -> impl Subscriber + Send + Sync + for<'a> LookupSpan<'a>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let spans = tracer.sdk().map(|sdk| spans(sdk.clone()));
    tracing_subscriber::registry().with(filter).with(spans).with(lines(style, writer))
}

/// A layer that makes spans of a trace from those of `tracing`, but for Callboard's own. It is
/// part of [`subscriber`]; whoever has a subscriber of his own may add it.
pub fn spans<S>(tracer: SdkTracer) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let filter: FilterFn<fn(&Metadata<'_>) -> bool> = filter_fn(is_of_author);
    // Activated, so that the lines within have its ids, and Callboard's spans are below it.
    let layer = OpenTelemetryLayer::new(tracer).with_context_activation(true);
    layer.with_location(false).with_threads(false).with_filter(filter)
}

/// Lines are lines, and no events of spans: they would be exported with each of them.
fn is_of_author(metadata: &Metadata<'_>) -> bool {
    let origin = metadata.target().split("::").next().unwrap_or_default();
    let is_other =
        OTHERS.contains(&origin) || OTHER_PREFIXES.iter().any(|prefix| origin.starts_with(prefix));
    metadata.is_span() && !is_other
}

fn lines<S, W>(style: Style, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let Style { format, ansi, time, target } = style;
    let ansi = ansi && format == Format::Text;
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(ansi);
    let event = tracing_subscriber::fmt::format().with_target(target).with_ansi(ansi);
    match (format, time) {
        (Format::Text, true) => layer.event_format(WithIds::text(event)).boxed(),
        (Format::Text, false) => layer.event_format(WithIds::text(event.without_time())).boxed(),
        (Format::Json, true) => {
            layer.json().event_format(WithIds::json(event.json().flatten_event(true))).boxed()
        }
        (Format::Json, false) => {
            let event = event.json().flatten_event(true).without_time();
            layer.json().event_format(WithIds::json(event)).boxed()
        }
    }
}

#[cfg(test)]
mod tests;
