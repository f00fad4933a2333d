//! The operations that the protocol asks of a database.

use crate::address::Address;
use crate::append::{Put, Tail};
use crate::clock::Timestamp;
use crate::commit::{Commit, Committed};
use crate::lease::{Wake, Woken};
use crate::message::{Segment, Sequence};
use crate::record::Record;
use crate::reply::{Reply, ReplyKey};
use crate::sweep::Settle;

/// Why an operation gave no answer. Conditions that do not hold are answers.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is over its rate. Nothing was changed; try later.
    #[error("the database throttles: {0}")]
    Throttled(String),
    /// No answer came. A write may have been applied: make the same one again,
    /// or read.
    #[error("the database did not answer, and may have done what was asked: {0}")]
    Unanswered(String),
    /// The database refused. Trying again does not help: a table is missing, a
    /// permission, or the request is a defect.
    #[error("the database refused: {0}")]
    Refused(String),
    /// Something stored cannot be read.
    #[error("something stored cannot be read: {0}")]
    Corrupt(String),
}

impl Error {
    /// Whether the same operation may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Unanswered(_))
    }
}

/// What can be delivered next of a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Page {
    /// Segments in the order of their sequences. A database may miss one that
    /// was put while it read, so the reader must look for holes.
    pub segments: Vec<Segment>,
    /// Whether there may be further segments behind these.
    pub more: bool,
}

/// An actor that somebody must look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// The actor.
    pub address: Address,
}

/// What the protocol asks of a database. Each write is atomic. A read sees every
/// write that was answered before it, except where it says that it may lag.
pub trait Store: Send + Sync {
    /// Puts a segment at its place, on condition that nothing is there. It may
    /// be deleted after `expires`.
    fn put_segment(
        &self,
        address: &Address,
        segment: &Segment,
        expires: Timestamp,
    ) -> impl Future<Output = Result<Put, Error>> + Send;

    /// Looks up the end of a log.
    fn tail(&self, address: &Address) -> impl Future<Output = Result<Tail, Error>> + Send;

    /// Leases an actor, as [`crate::lease::grant`] decides.
    fn wake(
        &self,
        address: &Address,
        wake: &Wake,
    ) -> impl Future<Output = Result<Woken, Error>> + Send;

    /// Reads an actor's record; `None` when it has none.
    fn record(
        &self,
        address: &Address,
    ) -> impl Future<Output = Result<Option<Record>, Error>> + Send;

    /// Reads the segments from `first` on, at most `limit` (1 to 1,000) and as
    /// many as the database gives in one answer.
    fn deliverable(
        &self,
        address: &Address,
        first: Sequence,
        limit: usize,
    ) -> impl Future<Output = Result<Page, Error>> + Send;

    /// Commits, as [`crate::commit::apply`] decides, if no reply in it exists.
    fn commit(&self, commit: &Commit) -> impl Future<Output = Result<Committed, Error>> + Send;

    /// Writes to a record as [`crate::sweep::apply`] decides; the record after
    /// it, or `None` when the condition does not hold.
    fn settle(
        &self,
        address: &Address,
        settle: &Settle,
    ) -> impl Future<Output = Result<Option<Record>, Error>> + Send;

    /// The actors of one shard whose record is due by `by`, the earliest first
    /// and those after `after` only, at most `limit` (1 to 1,000). It may lag
    /// behind the records.
    fn due(
        &self,
        shard: u32,
        by: Timestamp,
        after: Option<&Due>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Due>, Error>> + Send;

    /// Reads replies, in the order of the keys, at most 100; one that does not
    /// exist or is expired is `None`. It may lag behind the commits.
    fn replies(
        &self,
        keys: &[ReplyKey],
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Option<Reply>>, Error>> + Send;
}
