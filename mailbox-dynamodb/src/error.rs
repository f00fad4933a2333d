//! Which answers of DynamoDB mean what to the protocol.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::CancellationReason;
use callboard_mailbox::Record;
use callboard_mailbox::commit::{Commit, Committed};
use callboard_mailbox::message::DecodeError;
use callboard_mailbox::store::Error;

use crate::item::{self, Item};

/// The code of the reason for which a condition cancels a transaction.
const CONDITION_FAILED: &str = "ConditionalCheckFailed";

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

/// What it means that a transaction was cancelled. The reasons are in the order
/// of its items: the record, then the replies.
pub(crate) fn from_cancellation(
    commit: &Commit,
    reasons: &[CancellationReason],
) -> Result<Committed, Error> {
    let failed = |reason: &CancellationReason| reason.code() == Some(CONDITION_FAILED);
    let (record, replies) = reasons
        .split_first()
        .ok_or_else(|| Error::Unanswered("a transaction was cancelled without a reason".into()))?;
    // The record comes first: when it shows that this commit was applied by an
    // earlier try, then the replies that exist are this commit's own.
    if failed(record) {
        return Ok(Committed::Conflict(read_or_default(record.item.clone())?));
    }
    // Nothing can be said of the replies while something else holds the record.
    if let Some(code) = record.code().filter(|code| *code != "None") {
        let message = record.message().unwrap_or("no message");
        return Err(from_code(Some(code), format!("a transaction was cancelled: {message}")));
    }
    let duplicates: Vec<_> = commit
        .replies
        .iter()
        .zip(replies)
        .filter(|(_, reason)| failed(reason))
        .map(|(reply, _)| reply.id.clone())
        .collect();
    if !duplicates.is_empty() {
        return Ok(Committed::Duplicates(duplicates));
    }
    let reason = replies.iter().find(|reason| reason.code().is_some_and(|code| code != "None"));
    let code = reason.and_then(CancellationReason::code);
    let message = reason.and_then(CancellationReason::message).unwrap_or("no message");
    Err(from_code(code, format!("a transaction was cancelled: {message}")))
}

/// The record in an item that a failed condition returned; none means that the
/// actor has no record.
pub(crate) fn read_or_default(item: Option<Item>) -> Result<Record, Error> {
    match item {
        Some(item) if !item.is_empty() => item::read_record(item),
        _ => Ok(Record::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use callboard_mailbox::commit::LeaseAfter;
    use callboard_mailbox::reply::Outcome;
    use callboard_mailbox::{Address, Epoch, MessageId, Reply, Sequence, Timestamp};

    fn commit() -> Commit {
        let reply = |id| Reply {
            id: MessageId::new(id).expect("an id"),
            outcome: Outcome::Ok(bytes::Bytes::new()),
            expires: Timestamp(9),
        };
        Commit {
            address: Address::new("test.v1.A", "a").expect("an address"),
            epoch: Epoch(1),
            from: Sequence(0),
            head: Sequence(2),
            partial: 0,
            attempt: 0,
            state: None,
            replies: vec![reply("a"), reply("b")],
            lease: LeaseAfter::Released,
        }
    }

    fn meaning(codes: [&str; 3]) -> Result<Committed, Error> {
        let reasons = codes.map(|code| CancellationReason::builder().code(code).build());
        from_cancellation(&commit(), &reasons)
    }

    #[test]
    fn the_record_comes_before_the_replies() {
        let both = ["ConditionalCheckFailed", "ConditionalCheckFailed", "None"];
        assert_eq!(meaning(both).expect("an answer"), Committed::Conflict(Record::default()));
        let duplicate = vec![MessageId::new("b").expect("an id")];
        let replies = ["None", "None", "ConditionalCheckFailed"];
        assert_eq!(meaning(replies).expect("an answer"), Committed::Duplicates(duplicate));
    }

    #[test]
    fn replies_say_nothing_while_something_holds_the_record() {
        // Perhaps an earlier try of this very commit.
        let held = ["TransactionConflict", "ConditionalCheckFailed", "ConditionalCheckFailed"];
        assert!(matches!(meaning(held), Err(Error::Throttled(_))));
    }

    #[test]
    fn a_conflict_or_a_throttle_may_be_tried_again_and_nothing_else() {
        for code in ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"] {
            assert!(matches!(meaning(["None", code, "None"]), Err(Error::Throttled(_))), "{code}");
        }
        assert!(matches!(meaning(["None", "None", "ValidationError"]), Err(Error::Refused(_))));
        let code = Some("TransactionConflictException");
        assert!(matches!(from_code(code, String::new()), Error::Throttled(_)));
        assert!(matches!(
            from_code(Some("InternalServerError"), String::new()),
            Error::Unanswered(_)
        ));
        assert!(matches!(from_code(None, String::new()), Error::Refused(_)));
    }
}
