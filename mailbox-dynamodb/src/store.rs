//! The operations of the protocol.
//!
//! Each write is one request, with three exceptions, which are told where they
//! are: a schedule that finds the record due already, an expiry that is put off,
//! and many parcels that are removed.

use bytes::Bytes;
use callboard_mailbox::append::{Put, Tail};
use callboard_mailbox::commit::{Commit, Committed};
use callboard_mailbox::control::Control;
use callboard_mailbox::dead_letter::{self, DeadLetter};
use callboard_mailbox::lease::{Wake, Woken};
use callboard_mailbox::parcel::{Parcel, Slot, Tick};
use callboard_mailbox::reply::ReplyKey;
use callboard_mailbox::state::Spilled;
use callboard_mailbox::store::{Cancelled, Due, Error, Page};
use callboard_mailbox::sweep::{Next, Settle};
use callboard_mailbox::{Address, MessageId, Record, Reply, Segment, Sequence, Store, Timestamp};

use crate::database::Database;
use crate::schema::Tables;

mod commit;
mod dead_letters;
mod directory;
mod log;
mod parcels;
mod record;
mod replies;
mod request;
mod state;
mod transaction;

/// The mailboxes of one installation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DynamoDbStore {
    database: Database,
    tables: Tables,
}

impl DynamoDbStore {
    /// The mailboxes in these tables of a database.
    #[must_use]
    pub fn new(database: impl Into<Database>, tables: Tables) -> Self {
        Self { database: database.into(), tables }
    }
}

impl Store for DynamoDbStore {
    async fn put_segment(
        &self,
        address: &Address,
        segment: &Segment,
        expires: Timestamp,
    ) -> Result<Put, Error> {
        log::put(self, address, segment, expires).await
    }

    async fn put_parcel(&self, address: &Address, parcel: &Parcel) -> Result<(), Error> {
        parcels::put(self, address, parcel).await
    }

    async fn schedule(&self, address: &Address, at: Timestamp) -> Result<(), Error> {
        record::schedule(self, address, at).await
    }

    async fn cancel(
        &self,
        address: &Address,
        id: &MessageId,
        expires: Timestamp,
    ) -> Result<Cancelled, Error> {
        parcels::cancel(self, address, id, expires).await
    }

    async fn tail(&self, address: &Address) -> Result<Tail, Error> {
        log::tail(self, address).await
    }

    async fn wake(&self, address: &Address, wake: &Wake) -> Result<Woken, Error> {
        record::wake(self, address, wake).await
    }

    async fn record(&self, address: &Address) -> Result<Option<Record>, Error> {
        record::get(self, address).await
    }

    async fn state(&self, address: &Address, spilled: Spilled) -> Result<Option<Bytes>, Error> {
        state::get(self, address, spilled).await
    }

    async fn deliverable(
        &self,
        address: &Address,
        first: Sequence,
        now: Timestamp,
        limit: usize,
    ) -> Result<Page, Error> {
        log::deliverable(self, address, first, now, limit).await
    }

    async fn inbox(&self, address: &Address, now: Timestamp, limit: usize) -> Result<Page, Error> {
        parcels::inbox(self, address, now, limit).await
    }

    async fn next(&self, address: &Address, first: Sequence) -> Result<Next, Error> {
        log::next(self, address, first).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        commit::commit(self, commit).await
    }

    async fn settle(&self, address: &Address, settle: &Settle) -> Result<Option<Record>, Error> {
        record::settle(self, address, settle).await
    }

    async fn control(&self, address: &Address, control: &Control) -> Result<Option<Record>, Error> {
        record::control(self, address, control).await
    }

    async fn remove_parcels(&self, address: &Address, slots: &[Slot]) -> Result<(), Error> {
        parcels::remove(self, address, slots).await
    }

    async fn extend(
        &self,
        address: &Address,
        first: Sequence,
        expires: Timestamp,
    ) -> Result<(), Error> {
        log::extend(self, address, first, expires).await
    }

    async fn due(
        &self,
        shard: u32,
        by: Timestamp,
        after: Option<&Due>,
        limit: usize,
    ) -> Result<Vec<Due>, Error> {
        directory::due(self, shard, by, after, limit).await
    }

    async fn replies(
        &self,
        keys: &[ReplyKey],
        now: Timestamp,
    ) -> Result<Vec<Option<Reply>>, Error> {
        replies::get(self, keys, now).await
    }

    async fn actors(
        &self,
        actor_type: &str,
        shard: u32,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<Address>, Error> {
        directory::actors(self, actor_type, shard, after, limit).await
    }

    async fn dead_letters(
        &self,
        address: &Address,
        after: Option<&dead_letter::Key>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        dead_letters::list(self, address, after, limit).await
    }

    async fn actors_with_dead_letters(
        &self,
        actor_type: &str,
        shard: u32,
        after: Option<&dead_letter::Place>,
        limit: usize,
    ) -> Result<Vec<dead_letter::Place>, Error> {
        directory::dead_letters(self, actor_type, shard, after, limit).await
    }

    async fn redrive(
        &self,
        address: &Address,
        key: &dead_letter::Key,
        tick: Tick,
    ) -> Result<bool, Error> {
        dead_letters::redrive(self, address, key, tick).await
    }

    async fn discard(&self, address: &Address, key: &dead_letter::Key) -> Result<bool, Error> {
        dead_letters::discard(self, address, key).await
    }
}
