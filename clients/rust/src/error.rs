//! What a status says.

use std::collections::HashMap;
use std::time::Duration;

use callboard_proto::ERROR_DOMAIN;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::receipt::Receipt;

/// What a call failed with: a gRPC status, with its details read.
///
/// It is made from a [`Status`], so `?` turns what a stub returns into it. The
/// status is Callboard's own when [`domain`](Self::domain) is [`ERROR_DOMAIN`],
/// and then [`reason`](Self::reason) is one of [`ErrorReason`]'s; otherwise an
/// actor's handler made it, or the way to the gateway.
///
/// ```
/// use callboard_client::{Error, ErrorReason};
///
/// fn is_still_queued(error: &Error) -> bool {
///     error.reason() == Some(ErrorReason::AskTimeout.reason())
/// }
/// ```
///
/// [`ErrorReason`]: crate::ErrorReason
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}{}: {}", name(.inner.status.code()), with_reason(self.reason()), .inner.status.message())]
pub struct Error {
    // Boxed, because a status with its details is large and results carry it.
    inner: Box<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    status: Status,
    details: ErrorDetails,
    metadata: HashMap<String, String>,
}

/// A field of the request, or a metadata entry, that is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// The field's path, or the entry's name.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let metadata = info.map(|info| info.metadata.clone()).unwrap_or_default();
        Self { inner: Box::new(Inner { status, details, metadata }) }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        error.inner.status
    }
}

impl Error {
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

    /// Why the call failed, for programs: `ASK_TIMEOUT`.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.inner.details.error_info().map(|info| info.reason.as_str())
    }

    /// Whose reason it is: `callboard.dev` for Callboard's own.
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

    /// When the same call may succeed. That it is there does not mean that the
    /// message was not stored.
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

    /// The id of the message, when the gateway had given it one. It is known to
    /// be stored when there is a [`receipt`](Self::receipt) too.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        let own = self.domain() == Some(ERROR_DOMAIN);
        let named = || own.then(|| self.inner.metadata.get("message_id")).flatten();
        crate::receipt::message_id(self.inner.status.metadata()).or_else(|| Some(named()?.as_str()))
    }

    /// What became of the message, when it is stored.
    #[must_use]
    pub fn receipt(&self) -> Option<Receipt> {
        Receipt::read(self.inner.status.metadata())
    }

    /// The status as it came.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.inner.status
    }
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

fn with_reason(reason: Option<&str>) -> String {
    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
}
