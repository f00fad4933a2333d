//! Errors that answer the caller, and errors that are retried.

use std::any::Any;
use std::fmt;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// What a handler returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a handler did not succeed.
///
/// Every error that is not [terminal](Error::terminal) is retried with
/// back-off, and the mailbox waits, so that order is kept. `?` turns any error
/// into one that is retried.
pub struct Error(Kind);

enum Kind {
    Terminal(Box<Status>),
    Retried(Box<dyn std::error::Error + Send + Sync>),
    /// The handler panicked with this text. It is tried again, too.
    Panicked(String),
    /// The message is done, and its answer comes later.
    Later,
}

impl Error {
    /// The message is done for good: its caller gets this status, with its
    /// details, and what the handler changed is undone.
    ///
    /// ```
    /// use callboard_lambda_sdk::{Error, Status};
    ///
    /// let error = Error::terminal(Status::failed_precondition("the balance is too low"));
    /// assert_eq!(error.status().map(Status::code), Some(tonic::Code::FailedPrecondition));
    /// ```
    #[must_use]
    pub fn terminal(status: Status) -> Self {
        // An error that says OK would be read as a response.
        let status = match status.code() {
            Code::Ok => Status::unknown(status.message()),
            _ => status,
        };
        Self(Kind::Terminal(Box::new(status)))
    }

    /// As [`Error::terminal`], with a status of this code and message.
    ///
    /// ```
    /// use callboard_lambda_sdk::{Code, Error};
    ///
    /// let error = Error::refused(Code::FailedPrecondition, "the balance is too low");
    /// assert_eq!(error.status().map(|status| status.message()), Some("the balance is too low"));
    /// ```
    #[must_use]
    pub fn refused(code: Code, message: impl Into<String>) -> Self {
        Self::terminal(Status::new(code, message))
    }

    /// The message is tried again later.
    pub fn retried(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(Kind::Retried(error.into()))
    }

    /// The actor type has no such method: the function is older than the
    /// gateway's `.proto`. The message waits for a newer function.
    #[must_use]
    pub fn unknown_method(actor_type: &str, method: &str) -> Self {
        Self::retried(format!(
            "this function's {actor_type} has no method {method}; deploy one built from the .proto \
             that the gateway has"
        ))
    }

    /// What a handler's panic is, by what it was given.
    pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self(Kind::Panicked(text.unwrap_or("no message").to_owned()))
    }

    /// What spans and metrics call the failure, when the message is retried.
    pub(crate) fn failure(&self) -> &'static str {
        match self.0 {
            Kind::Panicked(_) => "handler_panicked",
            Kind::Terminal(_) | Kind::Retried(_) | Kind::Later => "handler_failed",
        }
    }

    /// What a handler returns that has no answer of its own.
    pub(crate) fn later() -> Self {
        Self(Kind::Later)
    }

    pub(crate) fn is_later(&self) -> bool {
        matches!(self.0, Kind::Later)
    }

    /// The status of a terminal error; `None` when the message is retried.
    #[must_use]
    pub fn status(&self) -> Option<&Status> {
        match &self.0 {
            Kind::Terminal(status) => Some(status),
            Kind::Retried(_) | Kind::Panicked(_) | Kind::Later => None,
        }
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self::retried(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Terminal(status) => write!(f, "{:?}: {}", status.code(), status.message()),
            Kind::Later => f.write_str("the answer comes later"),
            Kind::Panicked(text) => write!(f, "the handler panicked: {text}"),
            Kind::Retried(error) => {
                write!(f, "{error}")?;
                let mut source = error.source();
                while let Some(cause) = source {
                    write!(f, ": {cause}")?;
                    source = cause.source();
                }
                Ok(())
            }
        }
    }
}

/// As it is displayed, because `main` prints it.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is larger than its limit.
pub(crate) fn too_large(what: &str, limit: usize, size: usize) -> Error {
    let metadata = [
        ("what", what.to_owned()),
        ("limit_bytes", limit.to_string()),
        ("size_bytes", size.to_string()),
    ];
    let details = ErrorDetails::with_error_info(
        "PAYLOAD_TOO_LARGE",
        callboard_proto::ERROR_DOMAIN,
        metadata.map(|(name, value)| (name.to_owned(), value)),
    );
    let text = format!("the {what} has {size} bytes, and at most {limit} are allowed");
    Error::terminal(Status::with_error_details(Code::ResourceExhausted, text, details))
}
