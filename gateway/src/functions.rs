//! The actors' Lambda functions: invoking them, and telling apart why one did
//! not do what was asked.

pub mod invoker;
mod lambda;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_config::SdkConfig;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use callboard_proto::pb::{
    Activation, ActivationResult, Invocation, InvocationResult, Ping, Pong, Read, ReadResult,
    invocation::Task, invocation_result,
};
use prost::Message;
use serde::{Deserialize, Serialize};

use self::invoker::Answer;
pub use self::invoker::Invoker;
pub use self::lambda::Lambda;
use crate::refusal::Refusal;

/// How many starts must fail after a crash until the function counts as one that
/// cannot start.
const STARTS: u32 = 2;

/// The functions of the actor types.
pub struct Functions {
    invoker: Arc<dyn Invoker>,
    by_type: RwLock<HashMap<String, Arc<Function>>>,
}

/// One function.
pub struct Function {
    invoker: Arc<dyn Invoker>,
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
    /// The functions by the actor types that they serve, on AWS Lambda; see [`Lambda::new`].
    #[must_use]
    pub fn new(
        config: &SdkConfig,
        endpoint_url: Option<&str>,
        by_type: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self::invoked_by(Arc::new(Lambda::new(config, endpoint_url)), by_type)
    }

    /// The functions by the actor types that they serve, wherever they are.
    #[must_use]
    pub fn invoked_by(
        invoker: Arc<dyn Invoker>,
        by_type: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let functions = Self { invoker, by_type: RwLock::default() };
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
                let (invoker, name) = (Arc::clone(&self.invoker), name.clone());
                Arc::new(Function { invoker, name, unreachable: RwLock::default() })
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
        let payload = match self.invoker.invoke(&self.name, payload.into()).await {
            Ok(Answer::Response(payload)) => payload,
            Ok(Answer::FunctionError(payload)) => {
                let error: FunctionError = serde_json::from_slice(&payload).unwrap_or_default();
                let FunctionError { error_type, error_message } = error;
                return Err(Failure::Crashed(format!("{error_type}: {error_message}")));
            }
            Err(error) => return Err(self.failure(error)),
        };
        *self.unreachable.write().unwrap_or_else(PoisonError::into_inner) = None;
        open(&payload).ok_or_else(|| {
            Failure::Crashed("the answer is not Callboard's; is it an actor's function?".into())
        })
    }

    fn failure(&self, error: invoker::Error) -> Failure {
        match error {
            invoker::Error::Missing(text) => self.note_unreachable(Unreachable::Missing, &text),
            invoker::Error::Denied(text) => self.note_unreachable(Unreachable::Refused, &text),
            invoker::Error::Busy(text) => Failure::Refused(text),
            invoker::Error::Unanswered(text) => Failure::Unanswered(text),
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

fn something_else() -> Failure {
    Failure::Crashed("the function answered something else".into())
}

fn open(payload: &[u8]) -> Option<invocation_result::Result> {
    let envelope: Envelope = serde_json::from_slice(payload).ok()?;
    let bytes = BASE64_STANDARD.decode(envelope.callboard).ok()?;
    InvocationResult::decode(bytes.as_slice()).ok()?.result
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Functions").field("by_type", &self.by_type).finish_non_exhaustive()
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bytes::Bytes;
    use futures::future::BoxFuture;

    use super::*;

    type Told = Result<Answer, invoker::Error>;

    /// Answers in this order.
    struct Script(Mutex<std::vec::IntoIter<Told>>);

    impl Invoker for Script {
        fn invoke<'a>(&'a self, function: &'a str, _payload: Bytes) -> BoxFuture<'a, Told> {
            assert_eq!(function, "f");
            let told = self.0.lock().expect("no test panics with it").next();
            Box::pin(async { told.expect("the script says what is next") })
        }
    }

    async fn activated(script: Vec<Told>) -> (Result<ActivationResult, Failure>, Arc<Function>) {
        let invoker = Arc::new(Script(Mutex::new(script.into_iter())));
        let by_type = [("t.A".to_owned(), "f".to_owned())];
        let functions = Functions::invoked_by(Arc::clone(&invoker) as _, by_type);
        let function = functions.of("t.A").expect("it is assigned");
        let result = function.activate(Activation::default()).await;
        assert_eq!(invoker.0.lock().expect("no test panics with it").len(), 0, "{result:?}");
        (result, function)
    }

    fn says(result: invocation_result::Result) -> Told {
        let result = InvocationResult { result: Some(result) };
        let envelope = Envelope { callboard: BASE64_STANDARD.encode(result.encode_to_vec()) };
        Ok(Answer::Response(serde_json::to_vec(&envelope).expect("it is JSON").into()))
    }

    fn breaks() -> Told {
        let error = br#"{"errorType":"Runtime.ExitError","errorMessage":"signal: killed"}"#;
        Ok(Answer::FunctionError(Bytes::from_static(error)))
    }

    #[tokio::test]
    async fn a_result_is_what_the_function_answered() {
        let said = ActivationResult { head: 7, ..ActivationResult::default() };
        let answer = says(invocation_result::Result::Activation(said.clone()));
        let (result, function) = activated(vec![answer]).await;
        assert_eq!(result, Ok(said));
        assert_eq!(function.unreachable(), None);
    }

    #[tokio::test]
    async fn why_there_is_no_answer_says_whether_the_function_can_run() {
        use Failure::{Refused, Unanswered, Unreachable as Gone};
        let text = || "why".to_owned();
        let cases = [
            (invoker::Error::Missing(text()), Gone(Unreachable::Missing)),
            (invoker::Error::Denied(text()), Gone(Unreachable::Refused)),
            (invoker::Error::Busy(text()), Refused(text())),
            (invoker::Error::Unanswered(text()), Unanswered(text())),
        ];
        for (error, expected) in cases {
            let (result, function) = activated(vec![Err(error)]).await;
            let unreachable = match expected {
                Gone(why) => Some(why),
                _ => None,
            };
            assert_eq!(result, Err(expected));
            assert_eq!(function.unreachable(), unreachable);
        }
    }

    #[tokio::test]
    async fn a_function_whose_run_breaks_off_is_asked_whether_it_still_starts() {
        let pong = || says(invocation_result::Result::Pong(Pong::default()));
        let crashed = Failure::Crashed("Runtime.ExitError: signal: killed".into());
        let (result, function) = activated(vec![breaks(), breaks(), pong()]).await;
        assert_eq!((result, function.unreachable()), (Err(crashed), None));

        let (result, function) = activated(vec![breaks(), breaks(), breaks()]).await;
        assert_eq!(result, Err(Failure::Unreachable(Unreachable::Fails)));
        assert_eq!(function.unreachable(), Some(Unreachable::Fails));
    }

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
