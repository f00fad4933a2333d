//! How functions are invoked: by AWS Lambda or, in development, in this process.

use bytes::Bytes;
use futures::future::BoxFuture;

/// What invokes functions by their names.
pub trait Invoker: Send + Sync {
    /// Invokes a function once, with a payload that is JSON, and waits for its answer.
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Bytes,
    ) -> BoxFuture<'a, Result<Answer, Error>>;
}

/// What a function answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its result.
    Response(Bytes),
    /// Its run failed: `{"errorType": …, "errorMessage": …}`.
    FunctionError(Bytes),
}

/// Why there is no answer, with what Lambda said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such function.
    #[error("there is no such function: {0}")]
    Missing(String),
    /// It is not invoked, now or later.
    #[error("it cannot be invoked: {0}")]
    Denied(String),
    /// It was not started, and may be later.
    #[error("it was not started: {0}")]
    Busy(String),
    /// Nobody knows what became of it.
    #[error("it did not answer: {0}")]
    Unanswered(String),
}
