//! The operations that the protocol asks of a database.

use bytes::Bytes;

use crate::address::Address;
use crate::append::{Put, Tail};
use crate::clock::Timestamp;
use crate::commit::{Commit, Committed};
use crate::control::Control;
use crate::dead_letter::{self, DeadLetter};
use crate::lease::{Wake, Woken};
use crate::message::{MessageId, Segment, Sequence};
use crate::parcel::{Parcel, Slot, Tick};
use crate::record::Record;
use crate::reply::{Reply, ReplyKey};
use crate::state::{Spilled, Stored};
use crate::sweep::{Next, Settle};

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
    /// Parcels in the order of their slots, all of them due. One that was put
    /// while the database read may be missing here too.
    pub parcels: Vec<Parcel>,
    /// Whether there may be more behind these.
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

/// What became of an attempt to cancel a delayed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cancelled {
    /// It is removed, and a late duplicate of it will be dropped.
    Done,
    /// No delayed message has this id: it was delivered, cancelled, or never
    /// sent.
    NotFound,
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

    /// Puts a parcel into its slot, if nothing is there: a slot holds the id of
    /// its message.
    fn put_parcel(
        &self,
        address: &Address,
        parcel: &Parcel,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Makes sure that somebody looks at a mailbox at a time, as
    /// [`crate::schedule::apply`] decides.
    fn schedule(
        &self,
        address: &Address,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Removes a delayed message and leaves a receipt that it was cancelled.
    fn cancel(
        &self,
        address: &Address,
        id: &MessageId,
        expires: Timestamp,
    ) -> impl Future<Output = Result<Cancelled, Error>> + Send;

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

    /// Reads a state that has items of its own; `None` when they are those of
    /// another revision.
    fn state(
        &self,
        address: &Address,
        spilled: Spilled,
    ) -> impl Future<Output = Result<Option<Bytes>, Error>> + Send;

    /// Reads the segments from `first` on and the parcels that are due, at most
    /// `limit` items (1 to 1,000) and as many as the database gives in one answer.
    fn deliverable(
        &self,
        address: &Address,
        first: Sequence,
        now: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Page, Error>> + Send;

    /// Reads the parcels that are due, as [`Store::deliverable`] does.
    fn inbox(
        &self,
        address: &Address,
        now: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Page, Error>> + Send;

    /// Looks what is next in a mailbox from a segment on, due or not.
    fn next(
        &self,
        address: &Address,
        first: Sequence,
    ) -> impl Future<Output = Result<Next, Error>> + Send;

    /// Commits, as [`crate::commit::apply`] decides, if no reply in it exists and
    /// all parcels that it consumes do.
    fn commit(&self, commit: &Commit) -> impl Future<Output = Result<Committed, Error>> + Send;

    /// Writes to a record as [`crate::sweep::apply`] decides; the record after
    /// it, or `None` when the condition does not hold.
    fn settle(
        &self,
        address: &Address,
        settle: &Settle,
    ) -> impl Future<Output = Result<Option<Record>, Error>> + Send;

    /// Writes to a record as [`crate::control::apply`] decides; the record after
    /// it, or `None` when there is nothing to do.
    fn control(
        &self,
        address: &Address,
        control: &Control,
    ) -> impl Future<Output = Result<Option<Record>, Error>> + Send;

    /// Removes parcels that nobody is to run. Those that do not exist do not
    /// matter.
    fn remove_parcels(
        &self,
        address: &Address,
        slots: &[Slot],
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Keeps the segments from `first` on until `expires`, if they would be
    /// deleted before.
    fn extend(
        &self,
        address: &Address,
        first: Sequence,
        expires: Timestamp,
    ) -> impl Future<Output = Result<(), Error>> + Send;

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

    /// The actors of one shard of a type's directory, in the order of their keys
    /// and those after `after` only, at most `limit` (1 to 1,000). It may lag
    /// behind their first messages.
    fn actors(
        &self,
        actor_type: &str,
        shard: u32,
        after: Option<&Address>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Address>, Error>> + Send;

    /// The dead letters of an actor, the oldest first and those after `after`
    /// only, at most `limit` (1 to 1,000).
    fn dead_letters(
        &self,
        address: &Address,
        after: Option<&dead_letter::Key>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<DeadLetter>, Error>> + Send;

    /// The actors of one shard of a type that have dead letters, as
    /// [`Store::actors`]; an actor once for each of them.
    fn actors_with_dead_letters(
        &self,
        actor_type: &str,
        shard: u32,
        after: Option<&dead_letter::Place>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<dead_letter::Place>, Error>> + Send;

    /// Puts a dead letter back into its mailbox as a parcel of this tick, forgets
    /// its reply, and writes the record as [`crate::control::redriven`] says, all
    /// in one; false when there is no such dead letter.
    fn redrive(
        &self,
        address: &Address,
        key: &dead_letter::Key,
        tick: Tick,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Deletes a dead letter; false when there is no such one.
    fn discard(
        &self,
        address: &Address,
        key: &dead_letter::Key,
    ) -> impl Future<Output = Result<bool, Error>> + Send;
}

/// How often a reader without a lease looks again when it meets a state that is
/// being written.
const SNAPSHOT_TRIES: u32 = 8;

/// An actor's record with the whole state, as of one commit: what a reader sees
/// who holds no lease. `None` when it has none.
///
/// # Errors
/// When the database gives no answer, or the state changes again and again while
/// it is read.
pub async fn snapshot(
    store: &impl Store,
    address: &Address,
) -> Result<Option<(Record, Option<Bytes>)>, Error> {
    for _ in 0..SNAPSHOT_TRIES {
        let Some(record) = store.record(address).await? else { return Ok(None) };
        let state = match &record.state {
            None => None,
            Some(Stored::Inline(state)) => Some(state.clone()),
            Some(Stored::Spilled(spilled)) => match store.state(address, *spilled).await? {
                None => continue,
                state => state,
            },
        };
        return Ok(Some((record, state)));
    }
    Err(Error::Throttled("the state changes faster than it can be read".into()))
}
