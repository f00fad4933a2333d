//! The front: invocations in, results out.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use callboard_mailbox::Store;
use callboard_mailbox::clock::{Clock, Timestamp};
use callboard_mailbox::drain::End;
use callboard_mailbox_dynamodb::{DynamoDbStore, Tables, connect, schema};
use callboard_proto::pb::{
    self, Invocation, InvocationResult, Pong, invocation::Task, invocation_result,
};
use futures::FutureExt;
use lambda_runtime::{LambdaEvent, service_fn};
use prost::Message;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::activation::{self, Finished, Surroundings};
use crate::actor::{Actor, Service};
use crate::error::{Error, Result};
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

/// What performs the invocations of an actor type's function.
pub struct Handler<S> {
    store: S,
    clock: Clock,
}

impl<S: Store> Handler<S> {
    /// A handler over a store, with the clock of the process.
    #[must_use]
    pub fn new(store: S, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Performs one invocation, which Lambda ends at its deadline.
    ///
    /// # Errors
    /// When the invocation cannot be read, or its run broke off.
    pub async fn handle<A: Actor>(
        &self,
        envelope: Envelope,
        deadline: Timestamp,
    ) -> std::result::Result<Envelope, lambda_runtime::Error> {
        let task = open(&envelope)?;
        let result = self.perform::<A>(task, deadline).await?;
        Ok(Envelope { callboard: BASE64_STANDARD.encode(result.encode_to_vec()) })
    }

    async fn perform<A: Actor>(
        &self,
        task: Task,
        deadline: Timestamp,
    ) -> std::result::Result<InvocationResult, lambda_runtime::Error> {
        let result = match task {
            Task::Ping(pb::Ping {}) => invocation_result::Result::Pong(Pong {
                actor_types: vec![A::Service::TYPE.to_owned()],
                sdk_version: env!("CARGO_PKG_VERSION").to_owned(),
            }),
            Task::Activation(activation) => {
                let (mut drain, backoff) = wire::open(activation, A::Service::TYPE)?;
                let surroundings = Surroundings {
                    store: &self.store,
                    clock: Arc::clone(&self.clock),
                    stop_at: stop_at((self.clock)(), deadline),
                    backoff,
                };
                // Boxed: what is nested in it would overflow the compiler's limit
                // for types in the crates of actors.
                let run = activation::run::<A, _>(&surroundings, &mut drain).boxed();
                let Finished { end, replies } = run.await?;
                if let End::Hole { at } = end {
                    return Err(format!("message {at} is missing in the mailbox").into());
                }
                invocation_result::Result::Activation(wire::report(&drain, end, replies))
            }
        };
        Ok(InvocationResult { result: Some(result) })
    }
}

/// Serves an actor type: polls Lambda for invocations and runs them, until the
/// environment ends. The function's `main` does nothing else.
///
/// It reads `CALLBOARD_TABLE_PREFIX` (default `callboard`), `RUST_LOG` (default
/// `info`), and what the AWS SDK reads, `AWS_ENDPOINT_URL_DYNAMODB` among it.
///
/// # Errors
/// When it runs outside of Lambda, or Lambda cannot be reached.
pub async fn run<A: Actor>() -> Result<()> {
    log();
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return Err(Error::retried(
            "this is an actor's Lambda function, and AWS_LAMBDA_RUNTIME_API is not set; run it \
             with `callboard dev`, or deploy it",
        ));
    }
    let config = aws_config::load_from_env().await;
    let prefix = std::env::var(TABLE_PREFIX);
    let tables = Tables::new(prefix.as_deref().unwrap_or(schema::DEFAULT_PREFIX));
    let store = DynamoDbStore::new(connect(&config, None), tables);
    let handler = Handler::new(store, Arc::new(|| SystemTime::now().into()));
    let performed = service_fn(|event: LambdaEvent<Envelope>| {
        handler.handle::<A>(event.payload, Timestamp(event.context.deadline))
    });
    lambda_runtime::run(performed).await.map_err(Error::retried)
}

fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // CloudWatch and the local host add the time. A subscriber that the
    // function has set before is left in place.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .try_init();
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
