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
pub(crate) fn from_sdk<E, R>(error: SdkError<E, R>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned);
    let text = DisplayErrorContext(&error).to_string();
    match &error {
        SdkError::ServiceError(service) => {
            let message = service.err().message().unwrap_or("no message");
            let text = format!("{}: {message}", code.as_deref().unwrap_or("no code"));
            from_code(code.as_deref(), text)
        }
        SdkError::ConstructionFailure(_) => Error::Refused(text),
        _ => Error::Unanswered(text),
    }
}

/// What it means that a stored segment cannot be read.
pub(crate) fn from_decode(error: &DecodeError) -> Error {
    Error::Corrupt(error.to_string())
}
