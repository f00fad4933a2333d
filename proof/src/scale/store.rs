//! The store in memory, behind a journey, and counted.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use callboard_mailbox::append::{Put, Tail};
use callboard_mailbox::commit::{Commit, Committed};
use callboard_mailbox::control::Control;
use callboard_mailbox::dead_letter::{self, DeadLetter};
use callboard_mailbox::lease::{Wake, Woken};
use callboard_mailbox::memory::{MemoryStore, Tables};
use callboard_mailbox::parcel::{Parcel, Slot, Tick};
use callboard_mailbox::reply::ReplyKey;
use callboard_mailbox::state::Spilled;
use callboard_mailbox::store::{Cancelled, Due, Error, Page, Store};
use callboard_mailbox::sweep::{Next, Settle};
use callboard_mailbox::{Address, MessageId, Record, Reply, Segment, Sequence, Timestamp};

use super::World;
use super::process::Process;
use super::tally::Counts;

/// The store of one process.
pub(super) struct Counted {
    world: Weak<World>,
    tables: MemoryStore,
    process: Arc<Process>,
}

impl Counted {
    pub(super) fn new(world: Weak<World>, tables: MemoryStore, process: Arc<Process>) -> Self {
        Self { world, tables, process }
    }

    async fn read<T>(
        &self,
        address: &str,
        read: impl FnOnce(&mut Tables) -> T,
    ) -> Result<T, Error> {
        self.request(address, read, |counts, _| counts.reads += 1).await
    }

    async fn write<T>(
        &self,
        address: &Address,
        write: impl FnOnce(&mut Tables) -> T,
    ) -> Result<T, Error> {
        self.request(address.as_str(), write, |counts, _| counts.writes += 1).await
    }

    /// Takes a request to the tables and its answer back. Of what it was, `count` is told
    /// when a gateway has made it.
    async fn request<T>(
        &self,
        address: &str,
        apply: impl FnOnce(&mut Tables) -> T,
        count: impl FnOnce(&mut Counts, &T),
    ) -> Result<T, Error> {
        self.process.to_database().await;
        let answer = self.tables.with(apply);
        if let Some(world) = self.world.upgrade() {
            world.count(address, |counts| {
                counts.requests += 1;
                if self.process.is_gateway() {
                    count(counts, &answer);
                }
            });
        }
        self.process.to_database().await;
        Ok(answer)
    }
}

impl Store for Counted {
    async fn put_segment(
        &self,
        address: &Address,
        segment: &Segment,
        expires: Timestamp,
    ) -> Result<Put, Error> {
        let put = |tables: &mut Tables| tables.put_segment(address, segment, expires);
        let count = |counts: &mut Counts, put: &Put| {
            counts.writes += 1;
            match put {
                Put::Stored => counts.appends += 1,
                Put::Occupied(_) => counts.conflicts += 1,
            }
        };
        self.request(address.as_str(), put, count).await
    }

    async fn put_parcel(&self, address: &Address, parcel: &Parcel) -> Result<(), Error> {
        self.write(address, |tables| tables.put_parcel(address, parcel)).await
    }

    async fn schedule(&self, address: &Address, at: Timestamp) -> Result<(), Error> {
        self.write(address, |tables| tables.schedule(address, at)).await
    }

    async fn cancel(
        &self,
        address: &Address,
        id: &MessageId,
        expires: Timestamp,
    ) -> Result<Cancelled, Error> {
        self.write(address, |tables| tables.cancel(address, id, expires)).await
    }

    async fn tail(&self, address: &Address) -> Result<Tail, Error> {
        self.read(address.as_str(), |tables| tables.tail(address)).await
    }

    async fn wake(&self, address: &Address, wake: &Wake) -> Result<Woken, Error> {
        let count = |counts: &mut Counts, woken: &Woken| {
            counts.writes += 1;
            match woken {
                Woken::Granted(_) => counts.granted += 1,
                Woken::Refused(_) => counts.refused += 1,
            }
        };
        self.request(address.as_str(), |tables| tables.wake(address, wake), count).await
    }

    async fn record(&self, address: &Address) -> Result<Option<Record>, Error> {
        self.read(address.as_str(), |tables| tables.record(address)).await
    }

    async fn state(&self, address: &Address, spilled: Spilled) -> Result<Option<Bytes>, Error> {
        self.read(address.as_str(), |tables| tables.state(address, spilled)).await
    }

    async fn deliverable(
        &self,
        address: &Address,
        first: Sequence,
        now: Timestamp,
        limit: usize,
    ) -> Result<Page, Error> {
        let read = |tables: &mut Tables| tables.deliverable(address, first, now, limit);
        self.read(address.as_str(), read).await
    }

    async fn inbox(&self, address: &Address, now: Timestamp, limit: usize) -> Result<Page, Error> {
        self.read(address.as_str(), |tables| tables.inbox(address, now, limit)).await
    }

    async fn next(&self, address: &Address, first: Sequence) -> Result<Next, Error> {
        self.read(address.as_str(), |tables| tables.next(address, first)).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        self.write(&commit.address, |tables| tables.commit(commit)).await
    }

    async fn settle(&self, address: &Address, settle: &Settle) -> Result<Option<Record>, Error> {
        self.write(address, |tables| tables.settle(address, settle)).await
    }

    async fn control(&self, address: &Address, control: &Control) -> Result<Option<Record>, Error> {
        self.write(address, |tables| tables.control(address, control)).await
    }

    async fn remove_parcels(&self, address: &Address, slots: &[Slot]) -> Result<(), Error> {
        self.write(address, |tables| tables.remove_parcels(address, slots)).await
    }

    async fn extend(
        &self,
        address: &Address,
        first: Sequence,
        expires: Timestamp,
    ) -> Result<(), Error> {
        self.write(address, |tables| tables.extend(address, first, expires)).await
    }

    async fn due(
        &self,
        shard: u32,
        by: Timestamp,
        after: Option<&Due>,
        limit: usize,
    ) -> Result<Vec<Due>, Error> {
        self.process.to_database().await;
        let due = self.tables.with(|tables| tables.due(shard, by, after, limit));
        if let Some(world) = self.world.upgrade() {
            let mut tally = world.tally.lock().expect(super::NO_PANIC);
            tally.sweep_queries += 1;
            tally.swept += due.len() as u64;
        }
        self.process.to_database().await;
        Ok(due)
    }

    async fn replies(
        &self,
        keys: &[ReplyKey],
        now: Timestamp,
    ) -> Result<Vec<Option<Reply>>, Error> {
        // Of several it is the first one's request.
        let Some(first) = keys.first() else { return Ok(Vec::new()) };
        self.read(first.as_str(), |tables| tables.replies(keys, now)).await
    }

    async fn actors(
        &self,
        actor_type: &str,
        shard: u32,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<Address>, Error> {
        Ok(self.tables.with(|tables| tables.actors(actor_type, shard, after, limit)))
    }

    async fn dead_letters(
        &self,
        address: &Address,
        after: Option<&dead_letter::Key>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        self.read(address.as_str(), |tables| tables.dead_letters(address, after, limit)).await
    }

    async fn actors_with_dead_letters(
        &self,
        actor_type: &str,
        shard: u32,
        after: Option<&dead_letter::Place>,
        limit: usize,
    ) -> Result<Vec<dead_letter::Place>, Error> {
        let list =
            |tables: &mut Tables| tables.actors_with_dead_letters(actor_type, shard, after, limit);
        Ok(self.tables.with(list))
    }

    async fn redrive(
        &self,
        address: &Address,
        key: &dead_letter::Key,
        tick: Tick,
    ) -> Result<bool, Error> {
        self.write(address, |tables| tables.redrive(address, key, tick)).await
    }

    async fn discard(&self, address: &Address, key: &dead_letter::Key) -> Result<bool, Error> {
        self.write(address, |tables| tables.discard(address, key)).await
    }
}
