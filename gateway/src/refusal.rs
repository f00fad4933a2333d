//! The one place where errors become gRPC statuses.
//!
//! Every status that Callboard itself makes carries `google.rpc.ErrorInfo`
//! with the domain `callboard.dev`, and what its text says is in its metadata.
//! `proto/callboard/v1/error_reason.proto` lists the reasons.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use callboard_mailbox::{Address, MessageId, store};
use callboard_proto::ERROR_DOMAIN;
use callboard_proto::pb::ErrorReason;
use prost::Message;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// When a caller may try again after UNAVAILABLE, on average: from half of it to
/// half as much again, lest all who were refused come back at once.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Why a call is not answered with a response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No loaded actor type has this service or method.
    #[error("no actor type has the method {path}")]
    UnknownMethod {
        /// The path of the call, `/bank.v1.Account/Deposit`.
        path: String,
    },
    /// The method is for actors alone.
    #[error("only actors may send {path}, and no gateway takes it")]
    InternalMethod {
        /// The path of the call, `/bank.v1.Account/OnTransferred`.
        path: String,
    },
    /// Nobody knows who calls.
    #[error("{}", match given {
        true => "the credentials are not taken; get new ones",
        false => "the call has no credentials, and nobody may call without",
    })]
    Unknown {
        /// Whether there were credentials.
        given: bool,
        /// Whether a token would do.
        bearer: bool,
    },
    /// The caller is known, and may not do this.
    #[error("the caller may not do this; the gateway's policy decides it")]
    Denied {
        /// The path of the call, `/bank.v1.Account/Deposit`.
        path: String,
    },
    /// The actor type has no function, or its function cannot run.
    #[error("the actor type {actor_type} is not deployed: {detail}")]
    NotDeployed {
        /// The actor type.
        actor_type: String,
        /// Its function, if it has one.
        function: Option<String>,
        /// What is wrong, and what to do.
        detail: String,
        /// The message, when it is stored and will be processed.
        message_id: Option<MessageId>,
    },
    /// The request or a metadata entry is not valid.
    #[error("{field}: {detail}")]
    Invalid {
        /// The path of the field, or the name of the metadata entry.
        field: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The request breaks rules that its `.proto` sets for it.
    #[error("the request breaks {} of its rules: {}", violations.len(), listed(violations))]
    BrokenRules {
        /// Which, at least one.
        violations: Vec<FieldViolation>,
    },
    /// Something is larger than its limit.
    #[error("the {what} has {size} bytes, and at most {limit} are allowed")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit, in bytes.
        limit: usize,
        /// Its size, in bytes; at least this many when it was not read whole.
        size: usize,
    },
    /// The deadline passed, and the message is stored and will be processed.
    #[error("the deadline passed before the reply came; message {message_id} will be processed")]
    AskTimeout {
        /// The message.
        message_id: MessageId,
    },
    /// The deadline passed while somebody waited for a reply by its message's id.
    /// Whether there is such a message is not known.
    #[error("the deadline passed, and no reply to message {message_id} is stored")]
    AwaitTimeout {
        /// The message.
        message_id: MessageId,
    },
    /// The deadline of a read-only ask passed. There is no message.
    #[error("the deadline passed before the actor answered; a read-only ask leaves nothing behind")]
    ReadTimeout,
    /// The deadline passed before the message was known to be stored.
    #[error("the deadline passed before message {message_id} was known to be stored")]
    SendTimeout {
        /// The message.
        message_id: MessageId,
    },
    /// Something that the gateway needs does not answer, or it is shutting down.
    #[error("{detail}; the message {}", stored.text())]
    Unavailable {
        /// What is missing.
        detail: String,
        /// What is known about the message.
        stored: Stored,
    },
    /// Too many messages wait in the actor's mailbox. Nothing is stored.
    #[error("{depth_max} messages wait in the actor's mailbox, and no more are taken")]
    MailboxFull {
        /// How many may wait.
        depth_max: u64,
    },
    /// The caller sends, or the actor gets, more than it may. Nothing is stored.
    #[error("{} may {} messages at a rate of {limit}, and this one was too many; it is not stored", match *scope {
        "actor" => "an actor",
        _ => "a caller",
    }, match *scope {
        "actor" => "get",
        _ => "send",
    })]
    RateLimited {
        /// Whose rate it is: `principal` or `actor`.
        scope: &'static str,
        /// The rate.
        limit: String,
        /// When one more may come.
        retry_after: Duration,
    },
    /// The message failed in all of its attempts and was set aside.
    #[error("message {message_id} was set aside after {attempts} attempts: {error}")]
    DeadLettered {
        /// The message.
        message_id: MessageId,
        /// How often it was tried.
        attempts: u32,
        /// The error of the last attempt.
        error: String,
    },
    /// Another message with this id was sent to the actor before.
    #[error("message id {message_id} was used before, for another method or body")]
    MessageIdReused {
        /// The id.
        message_id: MessageId,
    },
    /// The delayed message was cancelled before it was due.
    #[error("message {message_id} was cancelled before it was due")]
    Cancelled {
        /// The message.
        message_id: MessageId,
    },
    /// The handler's own status.
    #[error("the handler answered with status {code}")]
    Handler {
        /// Its gRPC status code.
        code: u32,
        /// The encoded `google.rpc.Status`.
        status: Bytes,
    },
    /// An actor has no mailbox, or its mailbox has no such message.
    #[error("{address} has no {what}{}", message_id.as_ref().map(|id| format!(" {id}")).unwrap_or_default())]
    NotFound {
        /// What is missing.
        what: &'static str,
        /// The actor.
        address: Address,
        /// The message, if it is one.
        message_id: Option<MessageId>,
    },
    /// A mailbox that was to be paused is so already, for another reason.
    #[error("the mailbox of {address} is paused already: {reason}")]
    AlreadyPaused {
        /// The actor.
        address: Address,
        /// Why it is paused.
        reason: String,
    },
    /// A mailbox that was to be resumed is not paused.
    #[error("the mailbox of {address} is not paused")]
    NotPaused {
        /// The actor.
        address: Address,
    },
    /// The database did not do what an operator asked, or did not say so.
    #[error("{detail}; {}", match may_be_done {
        true => "what was asked may be done, wholly or in part",
        false => "nothing was changed",
    })]
    Undone {
        /// What is wrong.
        detail: String,
        /// Whether it may be done.
        may_be_done: bool,
    },
    /// A defect of Callboard, or something stored that cannot be read.
    #[error("{detail}")]
    Internal {
        /// What happened.
        detail: String,
    },
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// The path of the field, `lines[2].amount`; empty for the whole request.
    pub field: String,
    /// What is wrong with it, without its value.
    pub detail: String,
}

/// The first of several violations, and that there are more.
fn listed(violations: &[FieldViolation]) -> String {
    let more = if violations.len() > 1 { "; and others" } else { "" };
    match violations.first() {
        Some(FieldViolation { field, detail }) if field.is_empty() => format!("{detail}{more}"),
        Some(FieldViolation { field, detail }) => format!("{field}: {detail}{more}"),
        None => String::new(),
    }
}

/// Whether a message that got no answer is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is not: it may be sent again.
    No,
    /// It may be: sent again, it might be processed twice.
    Unknown,
    /// It is, and will be processed.
    Yes,
}

impl Stored {
    /// How the status' metadata says it.
    fn word(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Unknown => "unknown",
            Self::Yes => "yes",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::No => "is not stored",
            Self::Unknown => "may be stored",
            Self::Yes => "is stored",
        }
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.to_string();
        let pairs = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let mut extra = ErrorDetails::new();
        let (code, reason, metadata) = match &refusal {
            Refusal::UnknownMethod { path } => {
                (Code::Unimplemented, ErrorReason::UnknownMethod, pairs(&[("path", path)]))
            }
            Refusal::InternalMethod { path } => {
                (Code::PermissionDenied, ErrorReason::InternalMethod, pairs(&[("path", path)]))
            }
            Refusal::Unknown { .. } => {
                (Code::Unauthenticated, ErrorReason::Unauthenticated, pairs(&[]))
            }
            Refusal::Denied { path } => {
                (Code::PermissionDenied, ErrorReason::PermissionDenied, pairs(&[("path", path)]))
            }
            Refusal::NotDeployed { actor_type, function, detail, message_id } => {
                let mut metadata = pairs(&[("actor_type", actor_type), ("detail", detail)]);
                metadata.extend(function.as_ref().map(|f| ("function".to_owned(), f.clone())));
                metadata.extend(
                    message_id.as_ref().map(|id| ("message_id".to_owned(), id.to_string())),
                );
                (Code::FailedPrecondition, ErrorReason::ActorNotDeployed, metadata)
            }
            Refusal::Invalid { field, detail } => {
                extra.add_bad_request_violation(field, detail);
                let metadata = pairs(&[("field", field), ("detail", detail)]);
                (Code::InvalidArgument, ErrorReason::InvalidRequest, metadata)
            }
            Refusal::BrokenRules { violations } => {
                for FieldViolation { field, detail } in violations {
                    extra.add_bad_request_violation(field, detail);
                }
                let first = violations.first();
                let field = first.map_or("", |violation| violation.field.as_str());
                let detail = first.map_or("", |violation| violation.detail.as_str());
                let broken = violations.len().to_string();
                let metadata =
                    pairs(&[("field", field), ("detail", detail), ("violations", &broken)]);
                (Code::InvalidArgument, ErrorReason::InvalidRequest, metadata)
            }
            Refusal::TooLarge { what, limit, size } => {
                let (limit, size) = (limit.to_string(), size.to_string());
                let metadata =
                    pairs(&[("what", what), ("limit_bytes", &limit), ("size_bytes", &size)]);
                (Code::ResourceExhausted, ErrorReason::PayloadTooLarge, metadata)
            }
            Refusal::AskTimeout { message_id } | Refusal::AwaitTimeout { message_id } => {
                let metadata = pairs(&[("message_id", message_id.as_str())]);
                (Code::DeadlineExceeded, ErrorReason::AskTimeout, metadata)
            }
            Refusal::ReadTimeout => (Code::DeadlineExceeded, ErrorReason::AskTimeout, pairs(&[])),
            Refusal::SendTimeout { message_id } => {
                let metadata = pairs(&[("message_id", message_id.as_str())]);
                (Code::DeadlineExceeded, ErrorReason::SendTimeout, metadata)
            }
            Refusal::Unavailable { detail, stored } => {
                // Whoever follows `RetryInfo` blindly must not send it twice.
                if *stored == Stored::No {
                    extra.set_retry_info(Some(soon()));
                }
                let metadata = pairs(&[("detail", detail), ("stored", stored.word())]);
                (Code::Unavailable, ErrorReason::Unavailable, metadata)
            }
            Refusal::MailboxFull { depth_max } => {
                extra.set_retry_info(Some(soon()));
                let metadata = pairs(&[("depth_max", &depth_max.to_string())]);
                (Code::ResourceExhausted, ErrorReason::MailboxFull, metadata)
            }
            Refusal::RateLimited { scope, limit, retry_after } => {
                extra.set_retry_info(Some(*retry_after));
                let metadata = pairs(&[("scope", scope), ("limit", limit)]);
                (Code::ResourceExhausted, ErrorReason::RateLimited, metadata)
            }
            Refusal::DeadLettered { message_id, attempts, error } => {
                let metadata = pairs(&[
                    ("message_id", message_id.as_str()),
                    ("attempts", &attempts.to_string()),
                    ("last_error", error),
                ]);
                (Code::FailedPrecondition, ErrorReason::DeadLettered, metadata)
            }
            Refusal::MessageIdReused { message_id } => {
                let metadata = pairs(&[("message_id", message_id.as_str())]);
                (Code::AlreadyExists, ErrorReason::MessageIdReused, metadata)
            }
            Refusal::Cancelled { message_id } => {
                let metadata = pairs(&[("message_id", message_id.as_str())]);
                (Code::Cancelled, ErrorReason::MessageCancelled, metadata)
            }
            Refusal::NotFound { what, address, message_id } => {
                let mut metadata = pairs(&[("what", what), ("address", address.as_str())]);
                metadata.extend(
                    message_id.as_ref().map(|id| ("message_id".to_owned(), id.to_string())),
                );
                (Code::NotFound, ErrorReason::NotFound, metadata)
            }
            Refusal::AlreadyPaused { address, reason } => {
                let metadata = pairs(&[("address", address.as_str()), ("paused_reason", reason)]);
                (Code::FailedPrecondition, ErrorReason::MailboxPaused, metadata)
            }
            Refusal::NotPaused { address } => {
                let metadata = pairs(&[("address", address.as_str())]);
                (Code::FailedPrecondition, ErrorReason::MailboxNotPaused, metadata)
            }
            Refusal::Undone { detail, may_be_done } => {
                if !may_be_done {
                    extra.set_retry_info(Some(soon()));
                }
                let done = if *may_be_done { "unknown" } else { "no" };
                let metadata = pairs(&[("detail", detail), ("done", done)]);
                (Code::Unavailable, ErrorReason::Unavailable, metadata)
            }
            Refusal::Internal { detail } => {
                (Code::Internal, ErrorReason::Internal, pairs(&[("detail", detail)]))
            }
            Refusal::Handler { code, status } => return handlers(*code, status),
        };
        extra.set_error_info(reason.reason(), ERROR_DOMAIN, metadata);
        Status::with_error_details(code, text, extra)
    }
}

/// When one who was refused may come again.
fn soon() -> Duration {
    RETRY_AFTER.mul_f64(0.5 + fastrand::f64())
}

/// The status that a handler answered with, details and all.
fn handlers(code: u32, encoded: &Bytes) -> Status {
    let code = i32::try_from(code).map_or(Code::Unknown, Code::from_i32);
    match tonic_types::pb::Status::decode(encoded.clone()) {
        Ok(status) if status.details.is_empty() => Status::new(code, status.message),
        Ok(status) => Status::with_details(code, status.message, encoded.clone()),
        Err(_) => Status::new(code, "the handler's status cannot be read"),
    }
}

impl Refusal {
    /// Why, in the one word that programs read; of a handler's own, the code.
    pub(crate) fn reason(&self) -> String {
        let status = Status::from(self.clone());
        let info = status.get_details_error_info();
        info.map_or_else(|| format!("{:?}", status.code()), |info| info.reason)
    }

    /// What a failed request to DynamoDB means to the sender of a message. What
    /// DynamoDB itself says stays in the log: it may name tables, accounts and
    /// keys.
    pub(crate) fn from_store(error: &store::Error, stored: Stored) -> Self {
        match unanswered(error) {
            Ok(detail) => Self::Unavailable { detail: detail.to_owned(), stored },
            Err(corrupt) => corrupt,
        }
    }

    /// What it means to an operator.
    pub(crate) fn from_store_for_operator(error: &store::Error, may_be_done: bool) -> Self {
        match unanswered(error) {
            Ok(detail) => Self::Undone { detail: detail.to_owned(), may_be_done },
            Err(corrupt) => corrupt,
        }
    }
}

/// Why DynamoDB gave no answer; or what it gave cannot be read.
fn unanswered(error: &store::Error) -> Result<&'static str, Refusal> {
    tracing::error!(%error, "a request to DynamoDB failed");
    match error {
        store::Error::Throttled(_) => Ok("the database throttles"),
        store::Error::Unanswered(_) => Ok("the database did not answer"),
        store::Error::Refused(_) => Ok("the database refused the gateway; its log has more"),
        store::Error::Corrupt(_) => Err(Refusal::Internal {
            detail: "something stored in the mailbox cannot be read; the gateway's log has more"
                .to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> MessageId {
        MessageId::new("0198").expect("an id")
    }

    fn address() -> Address {
        Address::new("a.B", "c").expect("an address")
    }

    #[test]
    fn every_refusal_carries_its_reason_and_its_facts() {
        let not_deployed = Refusal::NotDeployed {
            actor_type: "a.B".into(),
            function: Some("f".into()),
            detail: "gone".into(),
            message_id: Some(id()),
        };
        let cases = [
            (
                Refusal::UnknownMethod { path: "/a.B/C".into() },
                Code::Unimplemented,
                "UNKNOWN_METHOD",
                "path",
            ),
            (
                Refusal::InternalMethod { path: "/a.B/C".into() },
                Code::PermissionDenied,
                "INTERNAL_METHOD",
                "path",
            ),
            (
                Refusal::Denied { path: "/a.B/C".into() },
                Code::PermissionDenied,
                "PERMISSION_DENIED",
                "path",
            ),
            (not_deployed, Code::FailedPrecondition, "ACTOR_NOT_DEPLOYED", "message_id"),
            (
                Refusal::Invalid { field: "a.b".into(), detail: "bad".into() },
                Code::InvalidArgument,
                "INVALID_REQUEST",
                "field",
            ),
            (
                Refusal::BrokenRules {
                    violations: vec![FieldViolation { field: "a.b".into(), detail: "bad".into() }],
                },
                Code::InvalidArgument,
                "INVALID_REQUEST",
                "violations",
            ),
            (
                Refusal::TooLarge { what: "message", limit: 1, size: 2 },
                Code::ResourceExhausted,
                "PAYLOAD_TOO_LARGE",
                "limit_bytes",
            ),
            (
                Refusal::AskTimeout { message_id: id() },
                Code::DeadlineExceeded,
                "ASK_TIMEOUT",
                "message_id",
            ),
            (
                Refusal::AwaitTimeout { message_id: id() },
                Code::DeadlineExceeded,
                "ASK_TIMEOUT",
                "message_id",
            ),
            (
                Refusal::SendTimeout { message_id: id() },
                Code::DeadlineExceeded,
                "SEND_TIMEOUT",
                "message_id",
            ),
            (
                Refusal::Unavailable { detail: "x".into(), stored: Stored::No },
                Code::Unavailable,
                "UNAVAILABLE",
                "detail",
            ),
            (Refusal::Internal { detail: "x".into() }, Code::Internal, "INTERNAL", "detail"),
            (
                Refusal::MailboxFull { depth_max: 9 },
                Code::ResourceExhausted,
                "MAILBOX_FULL",
                "depth_max",
            ),
            (
                Refusal::RateLimited {
                    scope: "actor",
                    limit: "1/s".into(),
                    retry_after: Duration::from_secs(1),
                },
                Code::ResourceExhausted,
                "RATE_LIMITED",
                "scope",
            ),
            (
                Refusal::DeadLettered { message_id: id(), attempts: 3, error: "x".into() },
                Code::FailedPrecondition,
                "DEAD_LETTERED",
                "last_error",
            ),
            (
                Refusal::MessageIdReused { message_id: id() },
                Code::AlreadyExists,
                "MESSAGE_ID_REUSED",
                "message_id",
            ),
            (
                Refusal::Cancelled { message_id: id() },
                Code::Cancelled,
                "MESSAGE_CANCELLED",
                "message_id",
            ),
            (
                Refusal::NotFound { what: "mailbox", address: address(), message_id: None },
                Code::NotFound,
                "NOT_FOUND",
                "what",
            ),
            (
                Refusal::AlreadyPaused { address: address(), reason: "x".into() },
                Code::FailedPrecondition,
                "MAILBOX_PAUSED",
                "paused_reason",
            ),
            (
                Refusal::NotPaused { address: address() },
                Code::FailedPrecondition,
                "MAILBOX_NOT_PAUSED",
                "address",
            ),
            (
                Refusal::Undone { detail: "x".into(), may_be_done: false },
                Code::Unavailable,
                "UNAVAILABLE",
                "done",
            ),
        ];
        for (refusal, code, reason, fact) in cases {
            let status = Status::from(refusal.clone());
            let details = status.get_error_details();
            let info = details.error_info().expect("every refusal has one");
            assert_eq!((status.code(), info.reason.as_str()), (code, reason));
            assert_eq!(info.domain, "callboard.dev");
            assert!(info.metadata.contains_key(fact), "{refusal:?}");
            let retry = matches!(reason, "UNAVAILABLE" | "MAILBOX_FULL" | "RATE_LIMITED");
            assert_eq!(details.retry_info().is_some(), retry);
            assert_eq!(details.bad_request().is_some(), code == Code::InvalidArgument);
        }
    }

    #[test]
    fn who_is_not_known_is_told_nothing() {
        for given in [true, false] {
            let status = Status::from(Refusal::Unknown { given, bearer: true });
            let details = status.get_error_details();
            let info = details.error_info().expect("every refusal has one");
            let told = (status.code(), info.reason.as_str());
            assert_eq!(told, (Code::Unauthenticated, "UNAUTHENTICATED"));
            assert!(info.metadata.is_empty() && details.retry_info().is_none());
        }
    }

    #[test]
    fn a_read_past_its_deadline_names_no_message() {
        let status = Status::from(Refusal::ReadTimeout);
        let details = status.get_error_details();
        let info = details.error_info().expect("every refusal has one");
        assert_eq!((status.code(), info.reason.as_str()), (Code::DeadlineExceeded, "ASK_TIMEOUT"));
        assert!(info.metadata.is_empty());
    }

    #[test]
    fn only_a_message_that_is_not_stored_is_to_be_sent_again() {
        for (stored, word) in
            [(Stored::No, "no"), (Stored::Unknown, "unknown"), (Stored::Yes, "yes")]
        {
            let status = Status::from(Refusal::Unavailable { detail: "x".into(), stored });
            let details = status.get_error_details();
            let info = details.error_info().expect("every refusal has one");
            assert_eq!(info.metadata["stored"], word);
            assert_eq!(details.retry_info().is_some(), stored == Stored::No);
        }
    }

    #[test]
    fn a_handlers_status_passes_unchanged() {
        let details = ErrorDetails::with_resource_info("account", "alice", "", "closed");
        let sent = Status::with_error_details(Code::FailedPrecondition, "closed", details);
        let encoded = Bytes::copy_from_slice(sent.details());
        let status = Status::from(Refusal::Handler { code: 9, status: encoded });
        assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, "closed"));
        assert_eq!(status.details(), sent.details());
    }
}
