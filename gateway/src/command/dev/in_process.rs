//! Invocations of the local Lambda host within this process.

use bytes::Bytes;
use callboard_gateway::functions::Invoker;
use callboard_gateway::functions::invoker::{Answer, Error};
use callboard_local::lambda::{self, Refusal};
use futures::FutureExt as _;
use futures::future::BoxFuture;

/// The host, asked without HTTP and the AWS SDK.
pub(super) struct InProcess(pub(super) lambda::Invoker);

impl Invoker for InProcess {
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Bytes,
    ) -> BoxFuture<'a, Result<Answer, Error>> {
        async move {
            match self.0.invoke(function, payload).await {
                Ok(lambda::Answer::Response(payload)) => Ok(Answer::Response(payload)),
                Ok(lambda::Answer::FunctionError(payload)) => Ok(Answer::FunctionError(payload)),
                Err(refusal) => Err(explain(&refusal)),
            }
        }
        .boxed()
    }
}

/// What the gateway makes of Lambda's own answers.
fn explain(refusal: &Refusal) -> Error {
    let text = refusal.to_string();
    match refusal {
        Refusal::UnknownFunction { .. } => Error::Missing(text),
        Refusal::FunctionBusy | Refusal::HostBusy | Refusal::Stopping | Refusal::Internal => {
            Error::Busy(text)
        }
        Refusal::RequestTooLarge
        | Refusal::EventTooLarge
        | Refusal::InvalidContent(_)
        | Refusal::InvalidParameter(_) => Error::Denied(text),
    }
}
