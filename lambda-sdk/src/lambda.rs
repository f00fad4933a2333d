//! The front: invocations in, results out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use callboard_mailbox::clock::{Clock, Timestamp};
use callboard_mailbox::drain::{Drain, End, Run};
use callboard_mailbox::record::Revision;
use callboard_mailbox::reply::Outcome;
use callboard_mailbox::store::snapshot;
use callboard_mailbox::{Address, Store};
use callboard_mailbox_dynamodb::{DynamoDbStore, Tables, schema};
use callboard_proto::pb::{
    self, Invocation, InvocationResult, Pong, invocation::Task, invocation_result,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use lambda_runtime::layers::TracingLayer;
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use prost::Message;
use serde::{Deserialize, Serialize};

use crate::activation::{self, Broken, Finished, Surroundings};
use crate::actor::{Actor, Service};
use crate::answer;
use crate::context::Context;
use crate::environment::aws_config;
use crate::error::{Error, Result};
use crate::export::Exports;
use crate::kept::Kept;
use crate::state::Held;
use crate::stats::Units;
use crate::trace::{Invoked, Trace};
use crate::wire;

/// The environment variable with the prefix of the tables' names.
const TABLE_PREFIX: &str = "CALLBOARD_TABLE_PREFIX";

/// The longest time before the function's deadline at which the run hands over.
const HANDOVER_MAX: Duration = Duration::from_secs(5);

/// A JSON payload that carries a protobuf message.
#[derive(Debug, Serialize, Deserialize)]
pub struct Envelope {
    callboard: String,
}

/// What performs the invocations of a function.
pub struct Handler<S> {
    store: S,
    clock: Clock,
    kinds: Kinds<S>,
    trace: Trace,
    units: Units,
    /// Whether there was an invocation before.
    is_warm: AtomicBool,
}

/// An invocation, as its span tells.
#[derive(Clone, Copy)]
struct Called<'a> {
    id: Option<&'a str>,
    is_cold: bool,
}

/// The actor types of a function, by their names.
type Kinds<S> = BTreeMap<&'static str, Box<dyn Kind<S>>>;

impl<S: Store> Handler<S> {
    /// A handler over a store, with the clock of the process, that serves no actor
    /// type yet.
    #[must_use]
    pub fn new(store: S, clock: Clock) -> Self {
        Self {
            store,
            clock,
            kinds: BTreeMap::new(),
            trace: Trace::off(),
            units: Units::default(),
            is_warm: AtomicBool::new(false),
        }
    }

    /// Tells what it does in spans.
    #[must_use]
    pub fn traced(self, trace: Trace) -> Self {
        Self { trace, ..self }
    }

    /// Tells what its requests consume, with the result of each run.
    fn counting(self, units: Units) -> Self {
        Self { units, ..self }
    }

    /// Serves an actor type as well.
    #[must_use]
    pub fn actor<A: Actor>(mut self) -> Self {
        serve::<A, S>(&mut self.kinds);
        self
    }

    /// Performs one invocation, which Lambda ends at its deadline.
    ///
    /// # Errors
    /// When the invocation cannot be read, or its run broke off.
    pub async fn handle(
        &self,
        envelope: Envelope,
        deadline: Timestamp,
    ) -> std::result::Result<Envelope, lambda_runtime::Error> {
        self.invoked(envelope, deadline, None).await
    }

    /// As [`Handler::handle`], with what Lambda calls the invocation.
    async fn invoked(
        &self,
        envelope: Envelope,
        deadline: Timestamp,
        id: Option<&str>,
    ) -> std::result::Result<Envelope, lambda_runtime::Error> {
        let is_cold = !self.is_warm.swap(true, Ordering::Relaxed);
        let invocation = Called { id, is_cold };
        let result = match open(&envelope)? {
            Task::Ping(pb::Ping {}) => invocation_result::Result::Pong(Pong {
                actor_types: self.kinds.keys().map(|kind| (*kind).to_owned()).collect(),
                sdk_version: env!("CARGO_PKG_VERSION").to_owned(),
            }),
            Task::Activation(activation) => {
                let result = self.activate(activation, deadline, invocation).await?;
                invocation_result::Result::Activation(result)
            }
            Task::Read(read) => invocation_result::Result::Read(self.read(read, invocation).await?),
        };
        let result = InvocationResult { result: Some(result) };
        Ok(Envelope { callboard: BASE64_STANDARD.encode(result.encode_to_vec()) })
    }

    async fn activate(
        &self,
        mut activation: pb::Activation,
        deadline: Timestamp,
        Called { id, is_cold }: Called<'_>,
    ) -> std::result::Result<pb::ActivationResult, lambda_runtime::Error> {
        let headers = std::mem::take(&mut activation.headers);
        let epoch = Some(activation.epoch);
        let (mut drain, backoff) = wire::open(activation)?;
        let kind = self.kind(drain.address())?;
        let actor_type = drain.address().actor_type();
        let run = self.trace.run(&Invoked { actor_type, id, is_cold, epoch, headers: &headers });
        let surroundings = Surroundings {
            store: &self.store,
            clock: Arc::clone(&self.clock),
            stop_at: stop_at((self.clock)(), deadline),
            backoff,
            trace: &self.trace,
            span: &run,
        };
        let finished = run.within(kind.activate(&surroundings, &mut drain)).await;
        let Finished { end, replies, mut stats } =
            // What the store says of itself is for the log.
            finished.inspect_err(|_| run.failed("broken_off", ""))?;
        run.ended(end);
        if let End::Hole { at } = end {
            let error = format!("message {at} is missing in the mailbox");
            run.failed("hole", &error);
            return Err(error.into());
        }
        stats.consumed = self.units.told();
        Ok(wire::report(&drain, end, replies, stats))
    }

    async fn read(
        &self,
        read: pb::Read,
        Called { id, is_cold }: Called<'_>,
    ) -> std::result::Result<pb::ReadResult, lambda_runtime::Error> {
        let headers = read.headers.clone();
        let (address, run) = wire::open_read(read, (self.clock)())?;
        let kind = self.kind(&address)?;
        let actor_type = address.actor_type();
        let invoked = Invoked { actor_type, id, is_cold, epoch: None, headers: &headers };
        let invocation = self.trace.run(&invoked);
        let snapshot = invocation.within(snapshot(&self.store, &address)).await;
        let snapshot = snapshot.inspect_err(|_| invocation.failed("broken_off", ""))?;
        let (revision, state) = match snapshot {
            Some((record, state)) => (record.revision, state),
            None => (Revision::default(), None),
        };
        let process = self.trace.read(&invocation, &address, &run.message);
        let now = run.message.sent_at;
        let context = Context::new(&address, &run, now, Vec::new(), &self.trace);
        let response = process.within(kind.read(&context, revision, state, &run)).await;
        let outcome = match response {
            Ok(response) => Outcome::Ok(response),
            Err(error) => match error.status() {
                Some(status) => {
                    process.refused(status.code());
                    answer::failed(status)
                }
                // The caller tries again; the log tells the error.
                None => {
                    process.failed(error.failure(), &error);
                    return Err(error.to_string().into());
                }
            },
        };
        let (code, body) = outcome.parts();
        Ok(pb::ReadResult { code, body })
    }

    fn kind(&self, address: &Address) -> std::result::Result<&dyn Kind<S>, String> {
        let asked = address.actor_type();
        self.kinds.get(asked).map(|kind| &**kind).ok_or_else(|| {
            let served: Vec<_> = self.kinds.keys().copied().collect();
            format!("this function serves {}, and it was invoked for {asked}", served.join(", "))
        })
    }
}

/// One of the actor types of a function. Its futures are boxed: what is nested in
/// them would overflow the compiler's limit for types in the crates of actors.
trait Kind<S>: Send + Sync {
    fn activate<'a>(
        &'a self,
        surroundings: &'a Surroundings<'_, S>,
        drain: &'a mut Drain,
    ) -> BoxFuture<'a, std::result::Result<Finished, Broken>>;

    fn read<'a>(
        &'a self,
        context: &'a Context<'_>,
        revision: Revision,
        state: Option<Bytes>,
        run: &'a Run,
    ) -> BoxFuture<'a, Result<Bytes>>;
}

fn serve<A: Actor, S: Store>(kinds: &mut Kinds<S>) {
    kinds.insert(A::Service::TYPE, Box::new(Of::<A>::default()));
}

/// An actor type, and those of its actors that are kept in memory.
struct Of<A> {
    kept: Mutex<Kept<A>>,
}

impl<A> Default for Of<A> {
    fn default() -> Self {
        Self { kept: Mutex::default() }
    }
}

impl<A: Actor> Of<A> {
    fn take(&self, address: &Address) -> Option<Held<A>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).take(address)
    }

    fn keep(&self, address: &Address, held: Option<Held<A>>) {
        if let Some(held) = held {
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).keep(address.clone(), held);
        }
    }
}

impl<A: Actor, S: Store> Kind<S> for Of<A> {
    fn activate<'a>(
        &'a self,
        surroundings: &'a Surroundings<'_, S>,
        drain: &'a mut Drain,
    ) -> BoxFuture<'a, std::result::Result<Finished, Broken>> {
        let run = async move {
            let address = drain.address().clone();
            let mut held = self.take(&address);
            let finished = activation::run(surroundings, drain, &mut held).await;
            self.keep(&address, held);
            finished
        };
        run.boxed()
    }

    fn read<'a>(
        &'a self,
        context: &'a Context<'_>,
        revision: Revision,
        state: Option<Bytes>,
        run: &'a Run,
    ) -> BoxFuture<'a, Result<Bytes>> {
        let read = async move {
            let held = self.take(context.address());
            let (response, held) = activation::read(held, context, state.as_ref(), run).await;
            self.keep(context.address(), held.map(|held| held.at(revision)));
            response
        };
        read.boxed()
    }
}

/// A function that serves several actor types.
///
/// ```text
/// #[tokio::main]
/// async fn main() -> Result<()> {
///     Function::new().actor::<Account>().actor::<Transfer>().run().await
/// }
/// ```
#[derive(Default)]
#[must_use = "a function is run by `run`"]
pub struct Function {
    kinds: Kinds<DynamoDbStore>,
}

impl Function {
    /// A function that serves no actor type yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves an actor type as well.
    pub fn actor<A: Actor>(mut self) -> Self {
        serve::<A, _>(&mut self.kinds);
        self
    }

    /// As [`run`], for all of its actor types.
    ///
    /// # Errors
    /// As there.
    pub async fn run(self) -> Result<()> {
        let filter = tracing_subscriber::EnvFilter::try_from_default_env()
            .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
        let exports = Exports::start(filter);
        if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
            return Err(Error::retried(
                "this is an actor's Lambda function, and AWS_LAMBDA_RUNTIME_API is not set; run it \
                 with `callboard dev`, or deploy it",
            ));
        }
        let config = aws_config(&|name| std::env::var(name).ok());
        let prefix = std::env::var(TABLE_PREFIX);
        let tables = Tables::new(prefix.as_deref().unwrap_or(schema::DEFAULT_PREFIX));
        let units = Units::default();
        let store = exports.store(&config, tables, units.clone());
        let clock: Clock = Arc::new(|| SystemTime::now().into());
        let handler = Handler::new(store, clock).traced(exports.trace()).counting(units);
        let handler = Arc::new(Handler { kinds: self.kinds, ..handler });
        let performed = service_fn(move |event: LambdaEvent<Envelope>| {
            let handler = Arc::clone(&handler);
            let performed = async move {
                let LambdaEvent { payload, context, .. } = event;
                let deadline = Timestamp(context.deadline);
                handler.invoked(payload, deadline, Some(&context.request_id)).await
            };
            performed.boxed()
        });
        exports.end_with_environment().await;
        // The outermost layer is the last one: it flushes when the response has been posted.
        let runtime = Runtime::new(performed).layer(TracingLayer::new()).layer(exports);
        // Boxed for the same reason.
        Box::pin(runtime.run()).await.map_err(Error::retried)
    }
}

/// Serves an actor type: polls Lambda for invocations and runs them, until the
/// environment ends. The function's `main` does nothing else. For several actor types
/// see [`Function`].
///
/// It reads `CALLBOARD_TABLE_PREFIX` (default `callboard`), `RUST_LOG` (default
/// `info`), `AWS_LAMBDA_LOG_FORMAT` (`JSON` for a log in JSON), the variables
/// `OTEL_*` for traces, and of what the AWS SDK reads the variables that are for a
/// function: `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
/// `AWS_SESSION_TOKEN`, which Lambda sets, and `AWS_ENDPOINT_URL_DYNAMODB` or
/// `AWS_ENDPOINT_URL`, `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`.
///
/// # Errors
/// When it runs outside of Lambda, or Lambda cannot be reached.
pub async fn run<A: Actor>() -> Result<()> {
    Function::new().actor::<A>().run().await
}

fn open(envelope: &Envelope) -> std::result::Result<Task, lambda_runtime::Error> {
    let bytes = BASE64_STANDARD.decode(&envelope.callboard)?;
    let invocation = Invocation::decode(bytes.as_slice())?;
    invocation.task.ok_or_else(|| "the invocation has a task that this SDK does not know".into())
}

/// When a run that begins now begins its last message.
fn stop_at(now: Timestamp, deadline: Timestamp) -> Timestamp {
    let handover = (deadline.since(now) / 3).min(HANDOVER_MAX);
    deadline.minus(handover)
}

#[cfg(test)]
mod tests;
