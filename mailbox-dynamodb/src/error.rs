//! Which answers of DynamoDB mean what to the protocol.

use callboard_mailbox::commit::Commit;
use callboard_mailbox::message::DecodeError;
use callboard_mailbox::parcel::Slot;
use callboard_mailbox::store::Error;
use callboard_mailbox::{MessageId, Reply};

use crate::database::{Failure, Item, Meaning, Reason};

/// The code of the reason for which a condition cancels a transaction.
pub(crate) const CONDITION_FAILED: &str = "ConditionalCheckFailed";

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

/// What a code means, told with `text`. The database must have said so.
#[must_use]
pub fn from_code(code: Option<&str>, text: String) -> Failure {
    let (meaning, text) = match code {
        Some(code) if TRANSIENT_CODES.contains(&code) => (Meaning::Throttled, text),
        Some(code) if UNKNOWN_CODES.contains(&code) => (Meaning::Unanswered, text),
        Some("ResourceNotFoundException") => {
            (Meaning::Refused, format!("{text}; make the tables with `callboard tables create`"))
        }
        _ => (Meaning::Refused, text),
    };
    Failure { code: code.map(ToOwned::to_owned), meaning, text }
}

/// What it means that stored messages cannot be read.
pub(crate) fn from_decode(error: &DecodeError) -> Error {
    Error::Corrupt(error.to_string())
}

/// What it means that the transaction of a commit was cancelled. The reasons are
/// in the order of its items: the record, the replies, the posted parcels, the
/// consumed ones, and what has no condition.
pub(crate) fn from_cancellation(commit: &Commit, reasons: &[Reason]) -> Result<Refusal, Error> {
    let (record, others) = reasons.split_first().ok_or_else(without_reason)?;
    // The record comes first: when it shows that this commit was applied by an
    // earlier try, then the replies and parcels that exist are this commit's own.
    if record.is_refused() {
        return Ok(Refusal::Record(record.item.clone().unwrap_or_default()));
    }
    // Nothing can be said of the others while something else holds the record.
    if record.is_a_fault() {
        return Err(from_reason(record));
    }
    let exists = |(reply, reason): (&Reply, &Reason)| reason.is_refused().then(|| reply.id.clone());
    let duplicates: Vec<_> = commit.replies.iter().zip(others).filter_map(exists).collect();
    if !duplicates.is_empty() {
        return Ok(Refusal::Replies(duplicates));
    }
    let parcels = others.iter().skip(commit.replies.len());
    let occupied = commit.posted.iter().zip(parcels).find(|(_, reason)| reason.is_refused());
    if let Some((posted, _)) = occupied {
        return Ok(Refusal::Parcel(posted.parcel.slot.clone()));
    }
    let consumed = others.iter().skip(commit.replies.len() + commit.posted.len());
    let gone = commit.consumed.iter().zip(consumed).filter(|(_, reason)| reason.is_refused());
    let gone: Vec<_> = gone.map(|(slot, _)| slot.clone()).collect();
    if !gone.is_empty() {
        return Ok(Refusal::Gone(gone));
    }
    Err(others.iter().find(|reason| reason.is_a_fault()).map_or_else(without_reason, from_reason))
}

/// Why a commit was refused.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// The record's epoch or revision is another one; its item, which is empty when
    /// there is none.
    Record(Item),
    /// These messages have replies.
    Replies(Vec<MessageId>),
    /// A parcel lies in this slot already.
    Parcel(Slot),
    /// These parcels do not exist.
    Gone(Vec<Slot>),
}

/// Whether the condition of the first item is among those that cancelled a
/// transaction.
///
/// # Errors
/// When anything but a condition held it up: that says nothing of what is stored.
pub(crate) fn is_first_refused(reasons: &[Reason]) -> Result<bool, Error> {
    match (reasons.iter().find(|reason| reason.is_a_fault()), reasons.first()) {
        (Some(fault), _) => Err(from_reason(fault)),
        (None, Some(first)) if reasons.iter().any(Reason::is_refused) => Ok(first.is_refused()),
        (None, _) => Err(without_reason()),
    }
}

fn from_reason(reason: &Reason) -> Error {
    let message = reason.message.as_deref().unwrap_or("no message");
    from_code(reason.code.as_deref(), format!("a transaction was cancelled: {message}")).into()
}

fn without_reason() -> Error {
    Error::Unanswered("a transaction was cancelled without a reason".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use callboard_mailbox::message::Kind;
    use callboard_mailbox::parcel::{Parcel, Posted, Tick};
    use callboard_mailbox::reply::Outcome;
    use callboard_mailbox::{Address, Epoch, Lease, Message, Record, Sequence, Timestamp};

    fn id(text: &str) -> MessageId {
        MessageId::new(text).expect("an id")
    }

    fn address() -> Address {
        Address::new("test.v1.A", "a").expect("an address")
    }

    fn slot() -> Slot {
        Slot::Inbox { tick: Tick(1), id: id("p") }
    }

    fn posted() -> Posted {
        let message = Message::new(id("p"), Kind::Tell, "Note", Bytes::new(), Timestamp(0));
        Posted { to: address(), parcel: Parcel { slot: slot(), message, timer: None } }
    }

    /// A commit with the replies a and b, one parcel that it puts and one that it
    /// consumes.
    fn commit() -> Commit {
        let reply = |text| Reply {
            id: id(text),
            outcome: Outcome::Ok(Bytes::new()),
            digest: None,
            expires: Timestamp(9),
        };
        let record = Record { epoch: Epoch(1), ..Record::default() };
        Commit {
            head: Sequence(2),
            posted: vec![posted()],
            consumed: vec![Slot::Inbox { tick: Tick(1), id: id("c") }],
            replies: vec![reply("a"), reply("b")],
            ..Commit::of(&Lease { address: address(), record })
        }
    }

    fn reasons<const N: usize>(codes: [&str; N]) -> [Reason; N] {
        codes.map(|code| Reason { code: Some(code.to_owned()), ..Reason::default() })
    }

    fn meaning(codes: [&str; 5]) -> Result<Refusal, Error> {
        from_cancellation(&commit(), &reasons(codes))
    }

    #[test]
    fn the_record_comes_before_the_replies_and_they_before_the_parcels() {
        const FAILED: &str = CONDITION_FAILED;
        let answer = |codes| meaning(codes).expect("an answer");
        assert_eq!(answer([FAILED, FAILED, "None", FAILED, FAILED]), Refusal::Record(Item::new()));
        let duplicate = Refusal::Replies(vec![id("b")]);
        assert_eq!(answer(["None", "None", FAILED, "None", "None"]), duplicate);
        assert_eq!(answer(["None", "None", FAILED, FAILED, FAILED]), duplicate);
        assert_eq!(answer(["None", "None", "None", FAILED, FAILED]), Refusal::Parcel(slot()));
        let gone = Refusal::Gone(commit().consumed);
        assert_eq!(answer(["None", "None", "None", "None", FAILED]), gone);
    }

    #[test]
    fn replies_say_nothing_while_something_holds_the_record() {
        // Perhaps an earlier try of this very commit.
        let held =
            ["TransactionConflict", CONDITION_FAILED, CONDITION_FAILED, CONDITION_FAILED, "None"];
        assert!(matches!(meaning(held), Err(Error::Throttled(_))));
    }

    #[test]
    fn a_conflict_or_a_throttle_may_be_tried_again_and_nothing_else() {
        for code in ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"] {
            let cancelled = meaning(["None", "None", "None", code, "None"]);
            assert!(matches!(cancelled, Err(Error::Throttled(_))), "{code}");
        }
        let invalid = meaning(["None", "None", "ValidationError", "None", "None"]);
        assert!(matches!(invalid, Err(Error::Refused(_))));
        let code = Some("TransactionConflictException");
        assert!(from_code(code, String::new()).meaning == Meaning::Throttled);
        assert!(
            from_code(Some("InternalServerError"), String::new()).meaning == Meaning::Unanswered
        );
        assert!(from_code(None, String::new()).meaning == Meaning::Refused);
    }

    #[test]
    fn a_failed_condition_says_nothing_beside_a_conflict() {
        let meaning = |codes| is_first_refused(&reasons::<2>(codes));
        assert!(!meaning(["None", CONDITION_FAILED]).expect("an answer"));
        assert!(meaning([CONDITION_FAILED, CONDITION_FAILED]).expect("an answer"));
        let beside_a_conflict = meaning([CONDITION_FAILED, "TransactionConflict"]);
        assert!(matches!(beside_a_conflict, Err(Error::Throttled(_))));
        assert!(matches!(is_first_refused(&[]), Err(Error::Unanswered(_))));
    }
}
