//! One request to DynamoDB: whose it is, what it is for, what it consumed.

use std::fmt;

use serde_json::Value;
use tokio::time::Instant;

use super::capacity::Consumed;

/// Who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// The gateway.
    Gateway,
    /// The actor's function.
    Function,
    /// Whoever reads an actor's record without a lease.
    Reader,
}

/// What a request is for, as far as its text tells. It decides only where the
/// request stands in the breakdown, and whether it is a sweep's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Puts a segment.
    Append,
    /// Asks for a lease.
    Wake,
    /// Commits in a plain update.
    Commit,
    /// Commits in a transaction.
    CommitWithReplies,
    /// Puts a record to rest.
    Rest,
    /// Looks whether anything is left.
    Look,
    /// Reads what can be delivered.
    Query,
    /// Reads a record.
    ReadRecord,
    /// Reads replies.
    ReadReplies,
    /// Looks which records are due: once a period, whatever is sent.
    Sweep,
    /// Anything else.
    Other,
}

/// One request with its answer.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who made it.
    pub by: Party,
    /// What it is for.
    pub purpose: Purpose,
    /// The actor's address, or what else stands where an address does.
    pub about: String,
    /// What it consumed.
    pub consumed: Consumed,
    /// When it left.
    pub begun: Instant,
    /// When its answer had come.
    pub ended: Instant,
}

impl Purpose {
    pub(super) fn of(operation: &str, request: &Value) -> Self {
        let has_value = |name: &str| request["ExpressionAttributeValues"][name].is_object();
        let update = request["UpdateExpression"].as_str().unwrap_or_default();
        match operation {
            "PutItem" => Self::Append,
            "UpdateItem" if has_value(":token") => Self::Wake,
            "UpdateItem" if has_value(":h") => Self::Commit,
            "UpdateItem" if update == "REMOVE due, u" => Self::Rest,
            "TransactWriteItems" => Self::CommitWithReplies,
            "Query" if request["IndexName"].is_string() => Self::Sweep,
            "Query" if request["Limit"] == 1 => Self::Look,
            "Query" => Self::Query,
            "GetItem" => Self::ReadRecord,
            "BatchGetItem" => Self::ReadReplies,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Append => "append",
            Self::Wake => "wake",
            Self::Commit => "commit",
            Self::CommitWithReplies => "commit with replies",
            Self::Rest => "rest",
            Self::Look => "look",
            Self::Query => "query of the mailbox",
            Self::ReadRecord => "read of the record",
            Self::ReadReplies => "read of replies",
            Self::Sweep => "sweep",
            Self::Other => "other",
        })
    }
}

/// The address that a request is about: the first that stands in it.
pub(super) fn about(request: &Value) -> String {
    let transacted = &request["TransactItems"][0]["Update"]["Key"];
    let batch = request["RequestItems"].as_object().and_then(|tables| tables.values().next());
    let reply = batch.map_or(&Value::Null, |table| &table["Keys"][0]["id"]["S"]);
    let queried = &request["ExpressionAttributeValues"][":address"]["S"];
    let places = [&request["Key"]["a"]["S"], &request["Item"]["a"]["S"], &transacted["a"]["S"]];
    let address = places.into_iter().chain([queried, reply]).find_map(Value::as_str);
    address.unwrap_or_default().to_owned()
}
