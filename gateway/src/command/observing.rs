//! What is seen of a gateway from outside: its log, its spans and its metrics.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use callboard_telemetry::logs::{self, Format, Style};
use callboard_telemetry::pipeline::{Pipeline, Settings};
use callboard_telemetry::store;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use tracing_subscriber::EnvFilter;

use super::Failure;

/// What the gateway is called in traces, unless `OTEL_SERVICE_NAME` says otherwise.
const SERVICE: &str = "callboard-gateway";

/// How long the last spans and metrics may take on their way out.
const FLUSH_MAX: Duration = Duration::from_secs(2);

/// What is logged unless `RUST_LOG` says otherwise. The embedded DynamoDB warns
/// of every answer that is an error, also of those that are expected.
const LOG_FILTER: &str = "info,dynoxide=error";

#[derive(clap::Args)]
#[command(next_help_heading = "Observing")]
#[group(skip)]
pub(crate) struct Arguments {
    /// How the log is written: for people, or one JSON object a line. Spans and metrics are
    /// exported as the variables OTEL_* say.
    #[arg(long, env = "CALLBOARD_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    #[arg(value_parser = format())]
    log_format: Format,
}

/// What sees the requests to the database.
pub(crate) fn watch_store(telemetry: &Pipeline) -> Arc<store::Watch> {
    let metrics = telemetry.metrics().clone();
    let consumed = move |operation, table: &str, units| metrics.consumed(operation, table, units);
    Arc::new(store::Watch::new(telemetry.tracer(), consumed))
}

fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(["text", "json"]).map(|text| match text.as_str() {
        "json" => Format::Json,
        _ => Format::Text,
    })
}

impl Arguments {
    /// Begins to export what the variables of the environment say, those first that are given
    /// here, and to log.
    pub(crate) fn start(&self, variables: &[(&str, String)]) -> Result<Arc<Pipeline>, Failure> {
        let variable = |name: &str| {
            let given = variables.iter().find(|(given, _)| *given == name);
            given.map(|(_, value)| value.clone()).or_else(|| std::env::var(name).ok())
        };
        let settings = Settings::read(SERVICE, &variable)?;
        let pipeline = Pipeline::start(&settings)?;
        let filter = EnvFilter::try_from_default_env();
        let filter = filter.unwrap_or_else(|_| EnvFilter::new(LOG_FILTER));
        let style = Style {
            format: self.log_format,
            ansi: std::io::stderr().is_terminal(),
            target: false,
            ..Style::default()
        };
        logs::init(style, filter, pipeline.tracer())?;
        pipeline.warn();
        Ok(Arc::new(pipeline))
    }
}

/// Exports what is left, when everything has ended.
pub(crate) async fn finish(pipeline: &Pipeline) {
    pipeline.shutdown(FLUSH_MAX).await;
}
