//! From the environment of a function to its log and to where its spans go. They are flushed after
//! each response has been posted, before Lambda freezes the environment.
//!
//! With the feature `otlp` off, `export/off.rs` is in its place: a log, and no spans.

use std::sync::Arc;
use std::task;

use aws_config::SdkConfig;
use callboard_mailbox_dynamodb::{DynamoDbStore, Tables};
use callboard_telemetry::logs::{self, Format, Style};
use callboard_telemetry::pipeline::{ACTIVATION_FLUSH_MAX, Error, Pipeline, Settings};
use callboard_telemetry::store::Watch;
use futures::FutureExt;
use futures::future::BoxFuture;
use lambda_extension::Extension;
use lambda_runtime::LambdaInvocation;
use lambda_runtime::tower::{Layer, Service};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, warn};
use tracing_subscriber::EnvFilter;

use crate::environment::database;
use crate::stats::Units;
use crate::trace::Trace;

/// What the spans are said to be of where the environment does not name its function.
const SERVICE: &str = "callboard-function";

/// The name of the extension: that of `lambda_runtime`. An author whose `main` has registered it
/// before, for an end of his own, keeps his.
const EXTENSION: &str = "_lambda-rust-runtime-no-op-graceful-shutdown-helper";

/// How Lambda says in which form it wants the log.
const LOG_FORMAT: &str = "AWS_LAMBDA_LOG_FORMAT";

/// Where the spans of this process go. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Exports {
    pipeline: Arc<Pipeline>,
    trace: Trace,
}

impl Exports {
    /// Begins the log, and to export what the variables `OTEL_*` say. A value of theirs that is
    /// bad is a line in the log: no message waits for telemetry.
    pub(crate) fn start(filter: EnvFilter) -> Self {
        let (exports, wrong) = match Self::read(&|name| std::env::var(name).ok()) {
            Ok(exports) => (exports, None),
            Err(error) => (Self::off(), Some(error)),
        };
        let is_json = std::env::var(LOG_FORMAT).is_ok_and(|it| it.eq_ignore_ascii_case("json"));
        let format = if is_json { Format::Json } else { Format::Text };
        // CloudWatch and the local host add the time to text; of JSON, Lambda reads it.
        let style = Style { format, ansi: false, time: is_json, target: false };
        // A subscriber that the function has set before is left in place.
        let _ = logs::init(style, filter, exports.trace.tracer());
        exports.pipeline.warn();
        if let Some(error) = wrong {
            error!(%error, "no spans are exported");
        }
        exports
    }

    /// What variables say.
    fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let settings = Settings::read(SERVICE, variable)?;
        // Environments come and go, and each would be a series of its own in metrics.
        let pipeline = Pipeline::start_spans(&settings)?;
        let trace = Trace::of(&pipeline, &settings);
        Ok(Self { pipeline: Arc::new(pipeline), trace })
    }

    fn off() -> Self {
        Self { pipeline: Arc::new(Pipeline::off()), trace: Trace::off() }
    }

    /// What makes the spans.
    pub(crate) fn trace(&self) -> Trace {
        self.trace.clone()
    }

    /// The store over the tables of the function's account. Its requests are spans below what
    /// makes them, and what they consume is counted.
    pub(crate) fn store(&self, config: &SdkConfig, tables: Tables, units: Units) -> DynamoDbStore {
        let count = move |operation, table: &str, consumed| units.add(operation, table, consumed);
        let watch = Watch::new(self.trace.tracer(), count);
        DynamoDbStore::new(database(config).watched(Arc::new(watch)), tables)
    }

    /// Has what is left exported when Lambda ends the environment. Lambda tells only those
    /// functions of their end that have an extension, so one is registered, if there is anything
    /// to export. A function that cannot have one goes on without.
    pub(crate) async fn end_with_environment(&self) {
        if !self.pipeline.is_on() {
            return;
        }
        let end = match end_of_environment().await {
            Ok(end) => end,
            Err(error) => {
                return warn!(%error, "spans may be lost when Lambda ends this environment");
            }
        };
        let pipeline = Arc::clone(&self.pipeline);
        tokio::spawn(async move {
            end.await;
            pipeline.shutdown(ACTIVATION_FLUSH_MAX).await;
            std::process::exit(0);
        });
    }
}

/// Has Lambda tell when it ends the environment, which is when the future that this returns does.
async fn end_of_environment() -> Result<impl Future<Output = ()>, lambda_runtime::Error> {
    let extension = Extension::new().with_events(&[]).with_extension_name(EXTENSION);
    let extension = extension.register().await?;
    // It asks for events, of which there are none: Lambda waits until it does.
    tokio::spawn(extension.run());
    let mut ends = signal(SignalKind::terminate())?;
    Ok(async move {
        ends.recv().await;
    })
}

impl<S> Layer<S> for Exports {
    type Service = Flushing<S>;

    fn layer(&self, inner: S) -> Flushing<S> {
        Flushing { inner, pipeline: Arc::clone(&self.pipeline) }
    }
}

/// Performs invocations as another does, who posts their responses, and flushes after each.
#[derive(Clone)]
pub(crate) struct Flushing<S> {
    inner: S,
    pipeline: Arc<Pipeline>,
}

impl<S> Service<LambdaInvocation> for Flushing<S>
where
    S: Service<LambdaInvocation, Response = ()>,
    S::Future: Send + 'static,
    S::Error: Send,
{
    type Response = ();
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<(), S::Error>>;

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> task::Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let performed = self.inner.call(invocation);
        let pipeline = Arc::clone(&self.pipeline);
        let flushed = async move {
            let posted = performed.await;
            // Whether it succeeded is in the log of the pipeline, and no matter of the invocation.
            let _ = pipeline.flush(ACTIVATION_FLUSH_MAX).await;
            posted
        };
        flushed.boxed()
    }
}

#[cfg(test)]
mod tests;
