//! What a program can do about an error.

use callboard_proto::pb::ErrorReason;
use tonic::Code;

/// What a program can do about an [`Error`](crate::Error).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The gateway, its database or the actor's function cannot be reached. All
    /// attempts were made; the message may be stored. Send it again with its id,
    /// later.
    Unavailable,
    /// No answer came in time; the message may be stored, and is handled then.
    /// Wait for the reply by the message's id
    /// ([`Client::pick_up`](crate::Client::pick_up)), or send it again with that
    /// id.
    DeadlineExceeded,
    /// The request is not valid. To send it again as it is does not help.
    InvalidRequest,
    /// The gateway knows no such actor type or method.
    UnknownMethod,
    /// The actor type has no function that can run. With a
    /// [receipt](crate::Error::receipt) the message is stored.
    NotDeployed,
    /// The message, its reply or the actor's state is larger than the limit.
    PayloadTooLarge,
    /// Too many messages wait for the actor. This one is not stored.
    MailboxFull,
    /// The caller sends more than it may, or the actor gets more than it may.
    /// The message is not stored.
    RateLimited,
    /// The handler failed in all of its attempts, and the message was set aside.
    DeadLettered,
    /// The id belongs to another message. This one is not handled.
    MessageIdReused,
    /// The delayed message was cancelled before it was due.
    MessageCancelled,
    /// The call came without credentials, or with some that are not taken.
    Unauthenticated,
    /// The caller may not do this.
    PermissionDenied,
    /// The client was closed. What was sent is handled all the same.
    Cancelled,
    /// A defect of Callboard, or of the way to it. The message may be stored.
    Internal,
    /// The actor answered with a status of its own.
    Handler,
}

impl ErrorKind {
    /// The kind of one of Callboard's own reasons; `None` of those that no call
    /// of a client gets, and of those that a later version may have.
    pub(crate) fn of_reason(reason: &str) -> Option<Self> {
        Some(match ErrorReason::from_str_name(&format!("ERROR_REASON_{reason}"))? {
            ErrorReason::UnknownMethod => Self::UnknownMethod,
            ErrorReason::ActorNotDeployed => Self::NotDeployed,
            ErrorReason::InvalidRequest => Self::InvalidRequest,
            ErrorReason::PayloadTooLarge => Self::PayloadTooLarge,
            ErrorReason::AskTimeout | ErrorReason::SendTimeout => Self::DeadlineExceeded,
            ErrorReason::Unavailable => Self::Unavailable,
            ErrorReason::MailboxFull => Self::MailboxFull,
            ErrorReason::RateLimited => Self::RateLimited,
            ErrorReason::DeadLettered => Self::DeadLettered,
            ErrorReason::MessageIdReused => Self::MessageIdReused,
            ErrorReason::MessageCancelled => Self::MessageCancelled,
            ErrorReason::InternalMethod | ErrorReason::PermissionDenied => Self::PermissionDenied,
            ErrorReason::Unauthenticated => Self::Unauthenticated,
            ErrorReason::Internal => Self::Internal,
            ErrorReason::Unspecified
            | ErrorReason::NotFound
            | ErrorReason::MailboxPaused
            | ErrorReason::MailboxNotPaused => return None,
        })
    }

    /// The kind of a status without a reason that tells more.
    pub(crate) fn of_code(code: Code, otherwise: Self) -> Self {
        match code {
            Code::Unavailable => Self::Unavailable,
            Code::DeadlineExceeded => Self::DeadlineExceeded,
            Code::Cancelled => Self::Cancelled,
            Code::Unauthenticated => Self::Unauthenticated,
            Code::Internal | Code::Unknown => Self::Internal,
            _ => otherwise,
        }
    }
}
