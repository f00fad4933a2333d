//! The actors' Lambda functions: invoking them, and telling apart why one did
//! not do what was asked.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{DisplayErrorContext, SdkError};
use aws_sdk_lambda::operation::invoke::InvokeError;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use callboard_proto::pb::{
    Activation, ActivationResult, Invocation, InvocationResult, Ping, Pong, Read, ReadResult,
    invocation::Task, invocation_result,
};
use prost::Message;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// How long a connection to Lambda may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an invocation may take: Lambda's own longest, and a little.
const INVOCATION_TIMEOUT: Duration = Duration::from_secs(15 * 60 + 10);

/// How many starts must fail after a crash until the function counts as one that
/// cannot start.
const STARTS: u32 = 2;

/// The functions of the actor types.
#[derive(Debug)]
pub struct Functions {
    client: Client,
    by_type: RwLock<HashMap<String, Arc<Function>>>,
}

/// One function.
pub struct Function {
    client: Client,
    name: String,
    /// Why it cannot run, as far as its last invocation told.
    unreachable: RwLock<Option<Unreachable>>,
}

/// Why an invocation gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The function does not exist, must not be invoked, or dies at its start.
    #[error("the function cannot run: {0}")]
    Unreachable(Unreachable),
    /// It was not started: Lambda is over its rate, or cannot be reached.
    #[error("Lambda did not take the invocation: {0}")]
    Refused(String),
    /// It was started, and its run broke off.
    #[error("the run broke off: {0}")]
    Crashed(String),
    /// No answer came. It may be running.
    #[error("Lambda did not answer: {0}")]
    Unanswered(String),
}

/// Why a function cannot run, in words that callers may read. What Lambda or
/// the function itself says stays in the log: it may name accounts and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// Lambda does not know it.
    #[error("its function does not exist")]
    Missing,
    /// Lambda refuses to invoke it.
    #[error("its function cannot be invoked; the gateway's log says why")]
    Refused,
    /// It ends before it takes an invocation, or it is no actor's function.
    #[error("its function fails at its start; the function's log says why")]
    Fails,
}

/// A JSON payload that carries a protobuf message.
#[derive(Serialize, Deserialize)]
struct Envelope {
    callboard: String,
}

/// What Lambda answers when a function failed.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FunctionError {
    error_type: String,
    error_message: String,
}

impl Functions {
    /// The functions by the actor types that they serve, reached as the
    /// configuration says. `endpoint_url` names an emulator or a VPC endpoint.
    #[must_use]
    pub fn new(
        config: &SdkConfig,
        endpoint_url: Option<&str>,
        by_type: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_timeout(INVOCATION_TIMEOUT);
        let mut builder = aws_sdk_lambda::config::Builder::from(config)
            .timeout_config(timeouts.build())
            // An invocation belongs to one lease. A new try takes a new one.
            .retry_config(RetryConfig::disabled());
        if let Some(url) = endpoint_url {
            builder = builder.endpoint_url(url);
        }
        let client = Client::from_conf(builder.build());
        let functions = Self { client, by_type: RwLock::default() };
        functions.assign(by_type);
        functions
    }

    /// Takes other functions for some actor types; those that are not named keep
    /// theirs. A function that is there already stays the same, and so does what is
    /// known of it.
    pub fn assign(&self, by_type: impl IntoIterator<Item = (String, String)>) {
        let known = self.all().into_iter().map(|function| (function.name.clone(), function));
        let mut by_name: HashMap<_, _> = known.collect();
        let mut function = |name: String| {
            let new = || {
                let (client, name) = (self.client.clone(), name.clone());
                Arc::new(Function { client, name, unreachable: RwLock::default() })
            };
            Arc::clone(by_name.entry(name.clone()).or_insert_with(new))
        };
        let assigned: Vec<_> =
            by_type.into_iter().map(|(kind, name)| (kind, function(name))).collect();
        self.by_type.write().unwrap_or_else(PoisonError::into_inner).extend(assigned);
    }

    /// The function of an actor type.
    ///
    /// # Errors
    /// When it has none.
    pub fn of(&self, actor_type: &str) -> Result<Arc<Function>, Refusal> {
        let by_type = self.by_type.read().unwrap_or_else(PoisonError::into_inner);
        by_type.get(actor_type).cloned().ok_or_else(|| Refusal::NotDeployed {
            actor_type: actor_type.to_owned(),
            function: None,
            detail: "no function is configured for it".into(),
            message_id: None,
        })
    }

    /// Every function, once.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Function>> {
        let by_type = self.by_type.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = by_type.values().cloned().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all.dedup_by(|a, b| a.name == b.name);
        all
    }
}

impl Function {
    /// Its name or ARN.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why it cannot run, as far as its last invocation told.
    #[must_use]
    pub fn unreachable(&self) -> Option<Unreachable> {
        *self.unreachable.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs an actor under a lease.
    ///
    /// # Errors
    /// When there is no result. A crash is told from a function that dies at
    /// its start by a ping.
    pub async fn activate(&self, activation: Activation) -> Result<ActivationResult, Failure> {
        match self.invoke(Task::Activation(activation)).await {
            Ok(invocation_result::Result::Activation(result)) => Ok(result),
            Ok(_) => Err(self.explain(something_else()).await),
            Err(failure) => Err(self.explain(failure).await),
        }
    }

    /// Has an actor answer a read-only ask.
    ///
    /// # Errors
    /// As [`Function::activate`]. Whatever happened, nothing is changed by it.
    pub async fn read(&self, read: Read) -> Result<ReadResult, Failure> {
        match self.invoke(Task::Read(read)).await {
            Ok(invocation_result::Result::Read(result)) => Ok(result),
            Ok(_) => Err(self.explain(something_else()).await),
            Err(failure) => Err(self.explain(failure).await),
        }
    }

    /// Tells a function that dies at its start from one that crashed.
    async fn explain(&self, failure: Failure) -> Failure {
        if !matches!(failure, Failure::Crashed(_)) {
            return failure;
        }
        let mut dead = String::new();
        // One start may be broken off from outside.
        for _ in 0..STARTS {
            match self.ping().await {
                Err(Failure::Crashed(detail)) => dead = detail,
                Err(gone @ Failure::Unreachable(_)) => return gone,
                _ => return failure,
            }
        }
        self.note_unreachable(Unreachable::Fails, &dead)
    }

    /// Asks whether the function is there and what it serves.
    ///
    /// # Errors
    /// When there is no answer. [`Failure::Crashed`] means here that it dies
    /// at its start, or is no actor's function.
    pub async fn ping(&self) -> Result<Pong, Failure> {
        match self.invoke(Task::Ping(Ping {})).await? {
            invocation_result::Result::Pong(pong) => Ok(pong),
            _ => Err(something_else()),
        }
    }

    async fn invoke(&self, task: Task) -> Result<invocation_result::Result, Failure> {
        let invocation = Invocation { task: Some(task) };
        let envelope = Envelope { callboard: BASE64_STANDARD.encode(invocation.encode_to_vec()) };
        let payload = serde_json::to_vec(&envelope).expect("an envelope is JSON");
        let answer = self
            .client
            .invoke()
            .function_name(&self.name)
            .invocation_type(InvocationType::RequestResponse)
            .payload(Blob::new(payload))
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Err(self.failure(&error)),
        };
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        if answer.function_error.is_some() {
            let error: FunctionError = serde_json::from_slice(&payload).unwrap_or_default();
            let FunctionError { error_type, error_message } = error;
            return Err(Failure::Crashed(format!("{error_type}: {error_message}")));
        }
        *self.unreachable.write().unwrap_or_else(PoisonError::into_inner) = None;
        open(&payload).ok_or_else(|| {
            Failure::Crashed("the answer is not Callboard's; is it an actor's function?".into())
        })
    }

    fn failure(&self, error: &SdkError<InvokeError>) -> Failure {
        let text = match error.as_service_error() {
            Some(service) => service.meta().to_string(),
            // Without its context, which may hold the answer's body.
            None if matches!(error, SdkError::ResponseError(_)) => error.to_string(),
            None => DisplayErrorContext(error).to_string(),
        };
        match error {
            SdkError::ServiceError(context) => match context.err() {
                InvokeError::ResourceNotFoundException(_) => {
                    self.note_unreachable(Unreachable::Missing, &text)
                }
                InvokeError::TooManyRequestsException(_)
                | InvokeError::Ec2ThrottledException(_)
                | InvokeError::EniLimitReachedException(_)
                | InvokeError::ResourceNotReadyException(_)
                | InvokeError::ServiceException(_) => Failure::Refused(text),
                _ if context.raw().status().as_u16() >= 500 => Failure::Refused(text),
                _ => self.note_unreachable(Unreachable::Refused, &text),
            },
            SdkError::DispatchFailure(_) if is_connection_refused(error) => Failure::Refused(text),
            SdkError::ConstructionFailure(_) => self.note_unreachable(Unreachable::Refused, &text),
            _ => Failure::Unanswered(text),
        }
    }

    fn note_unreachable(&self, why: Unreachable, detail: &str) -> Failure {
        let mut noted = self.unreachable.write().unwrap_or_else(PoisonError::into_inner);
        if *noted != Some(why) {
            tracing::error!(function = self.name, detail, "the function cannot run");
        }
        *noted = Some(why);
        Failure::Unreachable(why)
    }
}

/// Whether no connection came about, so that nothing can have been started.
fn is_connection_refused(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
    })
}

fn something_else() -> Failure {
    Failure::Crashed("the function answered something else".into())
}

fn open(payload: &[u8]) -> Option<invocation_result::Result> {
    let envelope: Envelope = serde_json::from_slice(payload).ok()?;
    let bytes = BASE64_STANDARD.decode(envelope.callboard).ok()?;
    InvocationResult::decode(bytes.as_slice()).ok()?.result
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_that_are_assigned_again_stay_the_same() {
        let config =
            SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
        let pairs = |pairs: &[(&str, &str)]| -> Vec<_> {
            pairs.iter().map(|(kind, name)| ((*kind).to_owned(), (*name).to_owned())).collect()
        };
        let functions = Functions::new(&config, None, pairs(&[("t.A", "one"), ("t.B", "one")]));
        let one = functions.of("t.A").expect("it is assigned");
        one.note_unreachable(Unreachable::Fails, "a test");
        functions.assign(pairs(&[("t.B", "two"), ("t.C", "one")]));
        let name = |kind| functions.of(kind).map(|function| function.name().to_owned());
        assert_eq!(name("t.A").as_deref(), Ok("one"), "it was not named");
        assert_eq!(name("t.B").as_deref(), Ok("two"));
        let again = functions.of("t.C").expect("it is assigned");
        assert!(Arc::ptr_eq(&one, &again));
        assert_eq!(again.unreachable(), Some(Unreachable::Fails));
        assert_eq!(functions.all().len(), 2);
        assert!(matches!(functions.of("t.D"), Err(Refusal::NotDeployed { .. })));
    }
}
