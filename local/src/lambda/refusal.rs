//! Why an invocation was not started, as the Invoke API says it.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// The largest payload of a synchronous invocation, in bytes.
pub(super) const REQUEST_BYTES_MAX: usize = 6 * 1024 * 1024;
/// The largest payload of an asynchronous invocation, in bytes.
pub(super) const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// An error of the Invoke API; but for the last two, no function ran.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The host has no such function.
    #[error("Function not found: {arn}")]
    UnknownFunction {
        /// What the function would be called.
        arn: String,
    },
    /// Every environment of the function stayed busy.
    #[error("Rate Exceeded.")]
    FunctionBusy,
    /// The host as a whole has as much to do as it may.
    #[error("Rate Exceeded.")]
    HostBusy,
    /// The payload of a synchronous invocation is too large.
    #[error(
        "Request must be smaller than {REQUEST_BYTES_MAX} bytes for the InvokeFunction operation"
    )]
    RequestTooLarge,
    /// The payload of an asynchronous invocation is too large.
    #[error("payload is too large for the Event invocation type (limit {EVENT_BYTES_MAX} bytes)")]
    EventTooLarge,
    /// The payload, or the client's context, is not JSON.
    #[error("Could not parse request body into json: {0}")]
    InvalidContent(String),
    /// A header makes no sense.
    #[error("{0}")]
    InvalidParameter(&'static str),
    /// The host takes no invocations any more, or has cut this one off.
    #[error("The host is shutting down.")]
    Stopping,
    /// The task that ran the invocation is gone.
    #[error("The host failed to run the invocation.")]
    Internal,
}

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::UnknownFunction { .. } => StatusCode::NOT_FOUND,
            Self::FunctionBusy | Self::HostBusy => StatusCode::TOO_MANY_REQUESTS,
            Self::RequestTooLarge | Self::EventTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::InvalidContent(_) | Self::InvalidParameter(_) => StatusCode::BAD_REQUEST,
            Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The value of `x-amzn-errortype`.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::UnknownFunction { .. } => "ResourceNotFoundException",
            Self::FunctionBusy | Self::HostBusy => "TooManyRequestsException",
            Self::RequestTooLarge | Self::EventTooLarge => "RequestTooLargeException",
            Self::InvalidContent(_) => "InvalidRequestContentException",
            Self::InvalidParameter(_) => "InvalidParameterValueException",
            Self::Stopping | Self::Internal => "ServiceException",
        }
    }

    pub(super) fn body(&self) -> Value {
        let message = self.to_string();
        let fault = if self.status().is_server_error() { "Service" } else { "User" };
        // Which of the two spellings an SDK reads depends on the exception.
        let mut body = json!({ "Type": fault, "Message": message, "message": message });
        match self {
            Self::FunctionBusy => {
                body["Reason"] = "ReservedFunctionConcurrentInvocationLimitExceeded".into()
            }
            Self::HostBusy => body["Reason"] = "ConcurrentInvocationLimitExceeded".into(),
            _ => {}
        }
        body
    }
}
