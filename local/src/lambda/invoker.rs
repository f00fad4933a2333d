//! Synchronous invocations, whoever asks for them: the Invoke API, or the program that the host is
//! part of.

use std::sync::Arc;

use bytes::Bytes;
use serde::de::IgnoredAny;
use tokio::sync::SemaphorePermit;
use uuid::Uuid;

use super::function::{Function, Ticket};
use super::host::Shared;
use super::invocation::{self, Invocation};
use super::outcome::Outcome;
use super::refusal::{REQUEST_BYTES_MAX, Refusal};

/// Invokes the functions of a host without HTTP, the AWS SDK and signatures; cheap to clone.
///
/// It does not keep the host running.
#[derive(Clone)]
pub struct Invoker(pub(super) Arc<Shared>);

/// What a function answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Its result.
    Response(Bytes),
    /// It failed: `{"errorType": …, "errorMessage": …}`, by the function or by the host.
    FunctionError(Bytes),
}

impl Invoker {
    /// Invokes a function, by its name or ARN, with a payload of JSON, and waits for its answer.
    ///
    /// Who drops this before there is an answer does not stop a function that has begun.
    ///
    /// # Errors
    ///
    /// When no function ran, or the host stopped meanwhile.
    pub async fn invoke(&self, function: &str, payload: Bytes) -> Result<Answer, Refusal> {
        let _place = self.0.place()?;
        if payload.len() > REQUEST_BYTES_MAX {
            return Err(Refusal::RequestTooLarge);
        }
        let invocation = Invocation {
            id: Uuid::now_v7().to_string(),
            payload: parsed(payload)?,
            trace: invocation::fresh_trace(),
            client_context: None,
            tenant: None,
        };
        let (function, ticket) = self.0.enter(function)?;
        self.0.answer(function, ticket, invocation).await
    }
}

impl Shared {
    /// A place among the invocations under way.
    pub(super) fn place(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        self.invocations.try_acquire().map_err(|_| Refusal::HostBusy)
    }

    /// The function with a name or ARN, and the right to invoke it.
    pub(super) fn enter(&self, function: &str) -> Result<(Arc<Function>, Ticket), Refusal> {
        let ticket = self.ticket().ok_or(Refusal::Stopping)?;
        let name = function_name(function);
        let function = self
            .function(name)
            .ok_or_else(|| Refusal::UnknownFunction { arn: invocation::arn(&self.region, name) })?;
        Ok((function, ticket))
    }

    /// Runs an invocation as soon as the function has an environment for it.
    pub(super) async fn answer(
        &self,
        function: Arc<Function>,
        ticket: Ticket,
        invocation: Invocation,
    ) -> Result<Answer, Refusal> {
        let slot = function.slot(self.queue_wait).await.ok_or(Refusal::FunctionBusy)?;
        match function.run(slot, ticket, invocation).await {
            Ok(Outcome::Response(body)) => Ok(Answer::Response(body)),
            Ok(Outcome::FunctionError(body)) => Ok(Answer::FunctionError(body)),
            Ok(Outcome::Stopped) => Err(Refusal::Stopping),
            Err(_) => Err(Refusal::Internal),
        }
    }
}

/// A payload as the function gets it.
pub(super) fn parsed(payload: Bytes) -> Result<Bytes, Refusal> {
    if payload.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    match serde_json::from_slice::<IgnoredAny>(&payload) {
        Ok(_) => Ok(payload),
        Err(error) => Err(Refusal::InvalidContent(error.to_string())),
    }
}

/// The bare name in any form in which a function may be addressed: `name`, `123:function:name` or
/// `arn:aws:lambda:region:123:function:name`, each with or without `:qualifier`.
fn function_name(address: &str) -> &str {
    let after = match address.split_once("function:") {
        Some((before, after)) if before.ends_with(':') => after,
        _ => address,
    };
    after.split(':').next().unwrap_or(after)
}

impl std::fmt::Debug for Invoker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invoker").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_many_addresses_and_one_name() {
        let addresses = [
            "bank",
            "bank:live",
            "bank:$LATEST",
            "000000000000:function:bank",
            "000000000000:function:bank:7",
            "arn:aws:lambda:us-east-1:000000000000:function:bank",
            "arn:aws:lambda:us-east-1:000000000000:function:bank:live",
        ];
        for address in addresses {
            assert_eq!(function_name(address), "bank", "{address}");
        }
        assert_eq!(function_name("function:live"), "function");
    }
}
