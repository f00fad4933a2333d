//! Which answers of DynamoDB mean what to the protocol.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use callboard_mailbox::message::DecodeError;
use callboard_mailbox::store::Error;

/// Codes of errors and of cancelled transactions that mean: nothing was
/// changed, and the same request may succeed later.
const TRANSIENT_CODES: [&str; 8] = [
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "ThrottlingError",
    "ThrottlingException",
    "TransactionConflict",
    "TransactionConflictException",
];

/// Codes that mean: DynamoDB failed, perhaps after it did what was asked.
const UNKNOWN_CODES: [&str; 3] =
    ["InternalServerError", "ServiceUnavailable", "TransactionInProgressException"];

/// What a code means, told with `text`.
pub(crate) fn from_code(code: Option<&str>, text: String) -> Error {
    match code {
        Some(code) if TRANSIENT_CODES.contains(&code) => Error::Throttled(text),
        Some(code) if UNKNOWN_CODES.contains(&code) => Error::Unanswered(text),
        Some("ResourceNotFoundException") => {
            Error::Refused(format!("{text}; make the tables with `callboard tables create`"))
        }
        _ => Error::Refused(text),
    }
}

/// What an error of the SDK means.
pub(crate) fn from_sdk<E>(error: SdkError<E>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    match &error {
        SdkError::ServiceError(service) => {
            let (code, message) = (service.err().code(), service.err().message());
            let status = service.raw().status().as_u16();
            let text = format!(
                "{} ({status}): {}",
                code.unwrap_or("no code"),
                message.unwrap_or("no message")
            );
            match from_code(code, text) {
                Error::Refused(text) if status >= 500 => Error::Unanswered(text),
                meaning => meaning,
            }
        }
        SdkError::ConstructionFailure(_) => Error::Refused(error.to_string()),
        SdkError::DispatchFailure(failure) => {
            let cause = failure.as_connector_error();
            let text =
                cause.map_or_else(|| error.to_string(), |e| DisplayErrorContext(e).to_string());
            Error::Unanswered(text)
        }
        // Without its context, which holds the answer's body.
        _ => Error::Unanswered(error.to_string()),
    }
}

/// What it means that a stored segment cannot be read.
pub(crate) fn from_decode(error: &DecodeError) -> Error {
    Error::Corrupt(error.to_string())
}
