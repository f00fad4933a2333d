//! Invocations through the AWS SDK.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{DisplayErrorContext, SdkError};
use aws_sdk_lambda::operation::invoke::InvokeError;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::invoker::{Answer, Error, Invoker};

/// How long a connection to Lambda may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an invocation may take: Lambda's own longest, and a little.
const INVOCATION_TIMEOUT: Duration = Duration::from_secs(15 * 60 + 10);

/// AWS Lambda, or an emulator of it.
#[derive(Debug)]
pub struct Lambda(Client);

impl Lambda {
    /// Lambda, reached as the configuration says. `endpoint_url` names an emulator or a VPC
    /// endpoint.
    #[must_use]
    pub fn new(config: &SdkConfig, endpoint_url: Option<&str>) -> Self {
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
        Self(Client::from_conf(builder.build()))
    }
}

impl Invoker for Lambda {
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Bytes,
    ) -> BoxFuture<'a, Result<Answer, Error>> {
        let request = self
            .0
            .invoke()
            .function_name(function)
            .invocation_type(InvocationType::RequestResponse)
            .payload(Blob::new(payload));
        async move {
            let output = request.send().await.map_err(|error| explain(&error))?;
            let payload = output.payload.map(Blob::into_inner).unwrap_or_default().into();
            Ok(match output.function_error {
                Some(_) => Answer::FunctionError(payload),
                None => Answer::Response(payload),
            })
        }
        .boxed()
    }
}

fn explain(error: &SdkError<InvokeError>) -> Error {
    let text = match error.as_service_error() {
        Some(service) => service.meta().to_string(),
        // Without its context, which may hold the answer's body.
        None if matches!(error, SdkError::ResponseError(_)) => error.to_string(),
        None => DisplayErrorContext(error).to_string(),
    };
    match error {
        SdkError::ServiceError(context) => match context.err() {
            InvokeError::ResourceNotFoundException(_) => Error::Missing(text),
            InvokeError::TooManyRequestsException(_)
            | InvokeError::Ec2ThrottledException(_)
            | InvokeError::EniLimitReachedException(_)
            | InvokeError::ResourceNotReadyException(_)
            | InvokeError::ServiceException(_) => Error::Busy(text),
            _ if context.raw().status().as_u16() >= 500 => Error::Busy(text),
            _ => Error::Denied(text),
        },
        SdkError::DispatchFailure(_) if is_connection_refused(error) => Error::Busy(text),
        SdkError::ConstructionFailure(_) => Error::Denied(text),
        _ => Error::Unanswered(text),
    }
}

/// Whether no connection came about, so that nothing can have been started.
fn is_connection_refused(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
    })
}
