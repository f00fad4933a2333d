//! Which request is which operation of the protocol.
//!
//! The one place that knows what the requests of `callboard-mailbox-dynamodb`
//! look like. Crash points and lines of the trace are named by operations, so a
//! new request needs a name here, and nothing else.

use std::fmt;

use super::process::Role;

/// What the slot of a relay begins with: no other parcel lies so far in front. Each
/// relay is in the transaction that stores it, and in the one that consumes it.
const RELAY: &str = "\"q#00000000000000";

/// An operation of the protocol, as one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Append,
    PutDelayed,
    Schedule,
    Wake,
    FindTail,
    ReadRecord,
    Invoke,
    Look,
    Defer,
    Rest,
    ReadReplies,
    QueryDue,
    Fence,
    LoadState,
    FindReply,
    Query,
    QueryInbox,
    Commit,
    CommitTogether,
    CommitRelay,
    Renew,
    Confirm,
}

/// What a fault can do to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It puts an item that no transaction touches.
    Put,
    /// It changes an item that transactions change too.
    Update,
    /// It sees every write that was answered before.
    Read,
    /// It reads many items one after the other, and is no snapshot.
    Scan,
    /// It may lag behind the writes.
    LaggingRead,
    /// It invokes the function.
    Invoke,
}

impl Effect {
    /// Whether it changes something.
    pub(super) fn is_write(self) -> bool {
        matches!(self, Self::Put | Self::Update)
    }
}

impl Operation {
    /// All of them, in the order of the crash points' table.
    pub(super) const ALL: [Self; 22] = [
        Self::Append,
        Self::PutDelayed,
        Self::Schedule,
        Self::Wake,
        Self::FindTail,
        Self::ReadRecord,
        Self::Invoke,
        Self::Look,
        Self::Defer,
        Self::Rest,
        Self::ReadReplies,
        Self::QueryDue,
        Self::Fence,
        Self::LoadState,
        Self::FindReply,
        Self::Query,
        Self::QueryInbox,
        Self::Commit,
        Self::CommitTogether,
        Self::CommitRelay,
        Self::Renew,
        Self::Confirm,
    ];

    /// The operation of a request to DynamoDB: `action` is as in its
    /// `x-amz-target`, `body` is its JSON. `None` when it is no operation of the
    /// protocol, such as one that makes a table.
    pub(super) fn of(role: Role, action: &str, body: &str) -> Option<Self> {
        let has = |text: &str| body.contains(text);
        Some(match (action, role) {
            ("PutItem", _) if has("\"k\":{\"S\":\"t#") => Self::PutDelayed,
            ("PutItem", _) => Self::Append,
            ("UpdateItem", _) if has("ADD e :one, n :one") => Self::Wake,
            ("UpdateItem", _) if has("ADD e :one") => Self::Schedule,
            ("UpdateItem", _) if has("SET e = :next, x = :error") => Self::Defer,
            ("UpdateItem", _) if has("SET e = :next") => Self::Fence,
            ("UpdateItem", Role::Function) if is_renewal(body) => Self::Renew,
            ("UpdateItem", Role::Function) => Self::Commit,
            // Of `due` alone: it is moved, or removed.
            ("UpdateItem", _) => Self::Rest,
            ("TransactWriteItems", Role::Function) if has(RELAY) => Self::CommitRelay,
            ("TransactWriteItems", Role::Function) => Self::CommitTogether,
            ("Query", _) if has("\"IndexName\"") => Self::QueryDue,
            ("Query", _) if has("\"ScanIndexForward\":false") => Self::FindTail,
            ("Query", Role::Function) if has("\":first\":{\"S\":\"q#") => Self::QueryInbox,
            ("Query", Role::Function) => Self::Query,
            ("Query", _) => Self::Look,
            ("GetItem", Role::Function) => Self::Confirm,
            ("GetItem", _) => Self::ReadRecord,
            ("BatchGetItem", Role::Function) if has("-mailboxes") => Self::LoadState,
            ("BatchGetItem", Role::Function) => Self::FindReply,
            ("BatchGetItem", _) => Self::ReadReplies,
            ("CreateTable" | "DescribeTable" | "UpdateTimeToLive", _) => return None,
            _ => panic!("the simulation has no name for this request: {action} {body}"),
        })
    }

    /// What a fault can do to it.
    pub(super) fn effect(self) -> Effect {
        match self {
            Self::Append | Self::PutDelayed => Effect::Put,
            Self::Schedule
            | Self::Wake
            | Self::Defer
            | Self::Rest
            | Self::Fence
            | Self::Commit
            | Self::CommitTogether
            | Self::CommitRelay
            | Self::Renew => Effect::Update,
            Self::FindTail | Self::ReadRecord | Self::LoadState | Self::Confirm => Effect::Read,
            Self::Invoke => Effect::Invoke,
            Self::Look | Self::Query | Self::QueryInbox => Effect::Scan,
            Self::ReadReplies | Self::QueryDue | Self::FindReply => Effect::LaggingRead,
        }
    }

    /// Whether it happens only now and then in the run of a seed.
    pub(super) fn is_rare(self) -> bool {
        self == Self::CommitRelay
    }

    /// Who does it, and what it is.
    fn name(self) -> &'static str {
        match self {
            Self::Append => "gateway: append",
            Self::PutDelayed => "gateway: put a delayed message",
            Self::Schedule => "gateway: schedule",
            Self::Wake => "gateway: wake",
            Self::FindTail => "gateway: find the tail",
            Self::ReadRecord => "gateway: read the record",
            Self::Invoke => "gateway: invoke",
            Self::Look => "gateway: look",
            Self::Defer => "gateway: defer",
            Self::Rest => "gateway: put to rest",
            Self::ReadReplies => "gateway: read replies",
            Self::QueryDue => "sweeper: query what is due",
            Self::Fence => "sweeper: fence",
            Self::LoadState => "actor: load the state",
            Self::FindReply => "actor: find a reply",
            Self::Query => "actor: query",
            Self::QueryInbox => "actor: query the inbox",
            Self::Commit => "actor: commit",
            Self::CommitTogether => "actor: commit in a transaction",
            Self::CommitRelay => "actor: commit with a relay",
            Self::Renew => "actor: renew",
            Self::Confirm => "actor: confirm a commit",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Whether a commit keeps the lease and leaves the state as it is: as good as
/// always it is one that consumes nothing.
fn is_renewal(body: &str) -> bool {
    body.contains("l = :l") && !body.contains("s = :s") && !body.contains("sr = :sr")
}
