//! What a status says.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use callboard_proto::{ERROR_DOMAIN, pb};
use prost::Message;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::kind::ErrorKind;
use crate::receipt::Receipt;

/// What a call failed with: a gRPC status, with its details read.
///
/// It is made from a [`Status`], so `?` turns what a stub returns into it.
/// [`kind`](Self::kind) says what a program can do; the rest, why it failed.
///
/// ```
/// use callboard_client::{Error, ErrorKind};
///
/// fn is_worth_another_try(error: &Error) -> bool {
///     matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::MailboxFull)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    // Boxed, because a status with its details is large and results carry it.
    inner: Box<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    status: Status,
    details: ErrorDetails,
    metadata: HashMap<String, String>,
    message_id: Option<String>,
    receipt: Option<Receipt>,
}

/// A field of the request, or a metadata entry, that is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// The field's path, or the entry's name.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

/// The source of a status that the client hands to a stub: the id that the
/// message was sent with, which no gateway may have answered.
#[derive(Debug)]
struct Sent {
    message_id: String,
    status: Status,
}

impl Error {
    /// What can be done about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The gRPC status code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.inner.status.code()
    }

    /// The text for people.
    #[must_use]
    pub fn message(&self) -> &str {
        self.inner.status.message()
    }

    /// Why the call failed, for programs: `ASK_TIMEOUT`. Those of Callboard's own
    /// are [`ErrorReason`](crate::ErrorReason)'s.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.inner.details.error_info().map(|info| info.reason.as_str())
    }

    /// Whose reason it is: [`ERROR_DOMAIN`] for Callboard's own.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        self.inner.details.error_info().map(|info| info.domain.as_str())
    }

    /// The facts of the reason; `error_reason.proto` lists those of each of
    /// Callboard's own.
    #[must_use]
    pub fn metadata(&self) -> &HashMap<String, String> {
        &self.inner.metadata
    }

    /// After which time the same call may succeed; `None` when the error does not
    /// say so.
    #[must_use]
    pub fn retry_delay(&self) -> Option<Duration> {
        self.inner.details.retry_info().and_then(|info| info.retry_delay)
    }

    /// What is wrong with the request.
    #[must_use]
    pub fn field_violations(&self) -> Vec<FieldViolation> {
        let request = self.inner.details.bad_request();
        let violations = request.into_iter().flat_map(|request| &request.field_violations);
        violations
            .map(|violation| FieldViolation {
                field: violation.field.clone(),
                description: violation.description.clone(),
            })
            .collect()
    }

    /// The id that the message was sent with. Sent again with it, the message is
    /// handled once. `None` when the error is of no message.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        self.inner.message_id.as_deref()
    }

    /// What became of the message, when it is known to be stored.
    #[must_use]
    pub fn receipt(&self) -> Option<&Receipt> {
        self.inner.receipt.as_ref()
    }

    /// All details of the status that gRPC has types for.
    #[must_use]
    pub fn details(&self) -> &ErrorDetails {
        &self.inner.details
    }

    /// The status as it came.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.inner.status
    }

    /// The error of a message that was sent, or could not be.
    pub(crate) fn sent(mut status: Status, message_id: &str) -> Self {
        let sent = Sent { message_id: message_id.to_owned(), status: status.clone() };
        status.set_source(Arc::new(sent));
        Self::from(status)
    }

    /// The error that an answer has instead of a reply.
    pub(crate) fn answered(answered: &pb::Status, message_id: &str) -> Self {
        let code = Code::from_i32(answered.code);
        let details = answered.encode_to_vec().into();
        Self::sent(Status::with_details(code, answered.message.clone(), details), message_id)
    }

    /// The error of one of the messages that ended together.
    pub(crate) fn of_message(&self, message_id: &str) -> Self {
        Self::sent(self.inner.status.clone(), message_id)
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let metadata = info.map(|info| info.metadata.clone()).unwrap_or_default();
        let receipt = Receipt::read(status.metadata().as_ref());
        let is_own = info.is_some_and(|info| info.domain == ERROR_DOMAIN);
        let sent = status.source().and_then(|source| source.downcast_ref::<Sent>());
        let message_id = sent
            .map(|sent| sent.message_id.clone())
            .or_else(|| receipt.as_ref().map(|receipt| receipt.message_id.clone()))
            .or_else(|| is_own.then(|| metadata.get("message_id").cloned()).flatten());
        let of_reason = info.filter(|_| is_own).and_then(|info| ErrorKind::of_reason(&info.reason));
        let kind = match of_reason {
            Some(kind) => kind,
            None if is_own => ErrorKind::of_code(status.code(), ErrorKind::Internal),
            // What the gateway has stored and does not refuse itself was answered
            // by the actor.
            None if info.is_some_and(|info| !info.domain.is_empty()) || receipt.is_some() => {
                ErrorKind::Handler
            }
            None => ErrorKind::of_code(status.code(), ErrorKind::Handler),
        };
        Self { inner: Box::new(Inner { kind, status, details, metadata, message_id, receipt }) }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        error.inner.status
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(self.code()))?;
        if let Some(reason) = self.reason() {
            write!(f, " ({reason})")?;
        }
        write!(f, ": {}", self.message())
    }
}

impl StdError for Error {
    /// What went wrong below gRPC, such as a connection that broke.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        cause(&self.inner.status)
    }
}

fn cause(status: &Status) -> Option<&(dyn StdError + 'static)> {
    let source = status.source()?;
    match source.downcast_ref::<Sent>() {
        Some(sent) => sent.source(),
        None => Some(source),
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the message is {}", self.message_id)
    }
}

impl StdError for Sent {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        cause(&self.status)
    }
}

/// A request that cannot even be sent, refused as the gateway would.
pub(crate) fn invalid(field: &str, detail: &str) -> Status {
    let facts = [("field", field), ("detail", detail)];
    let facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let reason = pb::ErrorReason::InvalidRequest.reason();
    let mut details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, facts);
    details.add_bad_request_violation(field, detail);
    Status::with_error_details(Code::InvalidArgument, format!("{field}: {detail}"), details)
}

/// The code as gRPC spells it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
