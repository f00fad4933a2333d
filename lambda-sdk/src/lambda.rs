//! The front: invocations in, results out.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use callboard_mailbox::clock::Timestamp;
use callboard_mailbox::drain::{Drain, End};
use callboard_mailbox::lease::Terms;
use callboard_mailbox::retry::Backoff;
use callboard_mailbox::{Address, Epoch, Lease, Record, Segment, Sequence};
use callboard_mailbox_dynamodb::{DynamoDbStore, Tables, connect, schema};
use callboard_proto::pb::{
    self, ActivationEnd, ActivationResult, Invocation, InvocationResult, Pong, invocation::Task,
    invocation_result,
};
use lambda_runtime::{LambdaEvent, service_fn};
use prost::Message;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::activation::{self, Finished, Surroundings};
use crate::actor::{Actor, Service};
use crate::error::{Error, Result};

/// The environment variable with the prefix of the tables' names.
const TABLE_PREFIX: &str = "CALLBOARD_TABLE_PREFIX";

/// The longest time before the function's deadline at which the run hands over.
const HANDOVER_MAX: Duration = Duration::from_secs(5);

/// A JSON payload that carries a protobuf message.
#[derive(Serialize, Deserialize)]
struct Envelope {
    callboard: String,
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
    let handler = service_fn(|event: LambdaEvent<Envelope>| {
        let store = &store;
        async move {
            let deadline = Timestamp(event.context.deadline);
            let task = open(&event.payload)?;
            let result = perform::<A>(store, task, deadline).await?;
            Ok::<_, lambda_runtime::Error>(Envelope {
                callboard: BASE64_STANDARD.encode(result.encode_to_vec()),
            })
        }
    });
    lambda_runtime::run(handler).await.map_err(Error::retried)
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

async fn perform<A: Actor>(
    store: &DynamoDbStore,
    task: Task,
    deadline: Timestamp,
) -> std::result::Result<InvocationResult, lambda_runtime::Error> {
    let result = match task {
        Task::Ping(pb::Ping {}) => invocation_result::Result::Pong(Pong {
            actor_types: vec![A::Service::TYPE.to_owned()],
            sdk_version: env!("CARGO_PKG_VERSION").to_owned(),
        }),
        Task::Activation(activation) => {
            let mut drain = drain::<A>(activation)?;
            let surroundings = Surroundings {
                store,
                clock: Arc::new(|| SystemTime::now().into()),
                stop_at: stop_at(SystemTime::now().into(), deadline),
                backoff: Backoff::default(),
            };
            let finished = activation::run::<A, _>(&surroundings, &mut drain).await?;
            invocation_result::Result::Activation(report(&drain, finished)?)
        }
    };
    Ok(InvocationResult { result: Some(result) })
}

/// When a run that begins now begins its last message.
fn stop_at(now: Timestamp, deadline: Timestamp) -> Timestamp {
    let handover = (deadline.since(now) / 3).min(HANDOVER_MAX);
    deadline.minus(handover)
}

fn drain<A: Actor>(
    activation: pb::Activation,
) -> std::result::Result<Drain, lambda_runtime::Error> {
    let address = Address::parse(&activation.address)?;
    let served = A::Service::TYPE;
    if address.actor_type() != served {
        let asked = address.actor_type();
        return Err(format!("this function serves {served}, and it was invoked for {asked}").into());
    }
    let record = Record {
        head: Sequence(activation.head),
        partial: activation.partial,
        epoch: Epoch(activation.epoch),
        lease_until: Some(Timestamp(activation.lease_until_ms)),
        attempt: activation.attempt,
        state: activation.state,
        ..Record::default()
    };
    let segments = activation
        .segments
        .into_iter()
        .map(|segment| Segment::from_encoded(Sequence(segment.first), segment.messages))
        .collect::<std::result::Result<Vec<_>, _>>()?;
    let terms = Terms {
        length: Duration::from_millis(activation.lease_ms),
        due_step: Duration::from_millis(activation.due_step_ms),
    };
    let reply_retention = Duration::from_millis(activation.reply_retention_ms);
    let lease = Lease { address, record };
    Ok(Drain::new(&lease, &segments, activation.more, terms, reply_retention)?)
}

fn report(
    drain: &Drain,
    finished: Finished,
) -> std::result::Result<ActivationResult, lambda_runtime::Error> {
    let (end, not_before_ms) = match finished.end {
        End::Released => (ActivationEnd::Released, 0),
        End::Deferred { not_before } => (ActivationEnd::BackingOff, not_before.0),
        End::Fenced => (ActivationEnd::Fenced, 0),
        End::Stopped => (ActivationEnd::OutOfTime, 0),
        End::Hole { at } => return Err(format!("message {at} is missing in the mailbox").into()),
    };
    let replies = finished.replies.into_iter().map(|reply| pb::Reply {
        message_id: reply.id.as_str().to_owned(),
        code: reply.outcome.code(),
        body: reply.outcome.body().clone(),
    });
    Ok(ActivationResult {
        head: drain.head().0,
        end: end.into(),
        not_before_ms,
        replies: replies.collect(),
    })
}
