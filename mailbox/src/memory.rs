//! The store on plain maps: what each operation means, and nothing else.
//!
//! [`Tables`] is a value that can be cloned, compared and hashed, so that a
//! model checker can hold millions of them. [`MemoryStore`] shares one.

mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::address::Address;
use crate::append::{Put, Tail};
use crate::clock::Timestamp;
use crate::commit::{self, Answered, Commit, Committed};
use crate::control::{self, Control};
use crate::dead_letter::{self, DeadLetter};
use crate::lease::{self, Lease, Wake, Woken};
use crate::limits::COMMIT_ITEMS_MAX;
use crate::message::{MessageId, Segment, Sequence};
use crate::parcel::{Parcel, Posted, Slot, Tick};
use crate::record::{Record, Revision};
use crate::reply::{Outcome, Reply, ReplyKey};
use crate::schedule;
use crate::state::{Spilled, Stored};
use crate::store::{Cancelled, Due, Error, Page, Store};
use crate::sweep::{self, Next, Settle};
use records::Records;

/// All that is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tables {
    records: Records,
    segments: BTreeMap<(Address, Sequence), (Segment, Timestamp)>,
    /// Of those actors that have any.
    parcels: BTreeMap<Address, BTreeMap<Slot, Parcel>>,
    /// States that have items of their own, and the revision that wrote them.
    states: BTreeMap<Address, (Revision, Bytes)>,
    dead_letters: BTreeMap<dead_letter::Place, DeadLetter>,
    replies: BTreeMap<ReplyKey, Reply>,
}

impl Tables {
    /// Writes a record as it is, whatever is there. No store has such an
    /// operation: it is for checkers that break a rule on purpose.
    pub fn force_record(&mut self, address: &Address, record: Record) {
        self.records.insert(address, record);
    }

    /// Deletes the segments up to a place, as an expiry does.
    pub fn expire_segments(&mut self, address: &Address, last: Sequence) {
        self.segments.retain(|(of, _), (segment, _)| of != address || segment.last() > last);
    }

    /// Deletes what has expired, as a database does at some time.
    pub fn expire(&mut self, now: Timestamp) {
        self.segments.retain(|_, (_, expires)| *expires > now);
        self.replies.retain(|_, reply| reply.expires > now);
    }

    /// See [`Store::put_segment`]. Nothing expires here by itself.
    pub fn put_segment(&mut self, address: &Address, segment: &Segment, expires: Timestamp) -> Put {
        let place = (address.clone(), segment.first());
        match self.segments.get(&place) {
            Some((occupant, _)) => Put::Occupied(occupant.clone()),
            None => {
                self.segments.insert(place, (segment.clone(), expires));
                Put::Stored
            }
        }
    }

    /// See [`Store::put_parcel`].
    pub fn put_parcel(&mut self, address: &Address, parcel: &Parcel) {
        let parcels = self.parcels.entry(address.clone()).or_default();
        parcels.entry(parcel.slot.clone()).or_insert_with(|| parcel.clone());
    }

    fn remove_parcel(&mut self, address: &Address, slot: &Slot) {
        let Some(parcels) = self.parcels.get_mut(address) else { return };
        parcels.remove(slot);
        if parcels.is_empty() {
            self.parcels.remove(address);
        }
    }

    /// See [`Store::schedule`].
    pub fn schedule(&mut self, address: &Address, at: Timestamp) {
        let record = self.record(address).unwrap_or_default();
        if let Some(after) = schedule::apply(&record, at) {
            self.records.insert(address, after);
        }
    }

    /// See [`Store::cancel`].
    pub fn cancel(&mut self, address: &Address, id: &MessageId, expires: Timestamp) -> Cancelled {
        let key = ReplyKey::new(address, id);
        let delayed = |slot: &Slot| slot.at().is_some() && slot.id() == id;
        let found = self.parcels_of(address).find(|parcel| delayed(&parcel.slot)).cloned();
        match found.filter(|parcel| parcel.timer.is_none() && !self.replies.contains_key(&key)) {
            None => Cancelled::NotFound,
            Some(parcel) => {
                let digest = parcel.message.digest();
                self.remove_parcel(address, &parcel.slot);
                let outcome = Outcome::Cancelled;
                self.replies.insert(key, Reply { id: id.clone(), outcome, digest, expires });
                Cancelled::Done
            }
        }
    }

    /// See [`Store::tail`].
    #[must_use]
    pub fn tail(&self, address: &Address) -> Tail {
        let last = self.segments_of(address, Sequence(0)).next_back().map(|(segment, _)| segment);
        Tail::found(self.records.get(address), last)
    }

    fn segments_of(
        &self,
        address: &Address,
        first: Sequence,
    ) -> impl DoubleEndedIterator<Item = &(Segment, Timestamp)> {
        let places = (address.clone(), first)..=(address.clone(), Sequence(u64::MAX));
        self.segments.range(places).map(|(_, segment)| segment)
    }

    fn parcels_of(&self, address: &Address) -> impl Iterator<Item = &Parcel> {
        self.parcels.get(address).into_iter().flat_map(BTreeMap::values)
    }

    fn due_parcels(&self, address: &Address, now: Timestamp) -> impl Iterator<Item = &Parcel> {
        self.parcels_of(address).filter(move |p| p.slot.at().is_none_or(|at| at <= now))
    }

    /// See [`Store::wake`].
    pub fn wake(&mut self, address: &Address, wake: &Wake) -> Woken {
        let record = self.records.get(address).cloned().unwrap_or_default();
        match lease::grant(&record, wake) {
            Some(record) => {
                self.records.insert(address, record.clone());
                Woken::Granted(Lease { address: address.clone(), record })
            }
            None => lease::refused(address, record, wake),
        }
    }

    /// See [`Store::record`].
    #[must_use]
    pub fn record(&self, address: &Address) -> Option<Record> {
        self.records.get(address).cloned()
    }

    /// See [`Store::state`].
    #[must_use]
    pub fn state(&self, address: &Address, spilled: Spilled) -> Option<Bytes> {
        let stored = self.states.get(address).filter(|(revision, _)| *revision == spilled.revision);
        stored.map(|(_, state)| state.clone())
    }

    /// The whole committed state, wherever it is stored.
    #[must_use]
    pub fn committed_state(&self, address: &Address) -> Option<Bytes> {
        match self.records.get(address)?.state.as_ref()? {
            Stored::Inline(state) => Some(state.clone()),
            Stored::Spilled(spilled) => self.state(address, *spilled),
        }
    }

    /// See [`Store::deliverable`].
    #[must_use]
    pub fn deliverable(
        &self,
        address: &Address,
        first: Sequence,
        now: Timestamp,
        limit: usize,
    ) -> Page {
        let segments = self.segments_of(address, first).map(|(segment, _)| segment.clone());
        let mut segments: Vec<_> = segments.take(limit + 1).collect();
        let mut parcels: Vec<_> = self.due_parcels(address, now).take(limit + 1).cloned().collect();
        let more = segments.len() + parcels.len() > limit;
        segments.truncate(limit);
        parcels.truncate(limit - segments.len());
        Page { segments, parcels, more }
    }

    /// See [`Store::inbox`].
    #[must_use]
    pub fn inbox(&self, address: &Address, now: Timestamp, limit: usize) -> Page {
        let mut parcels = self.due_parcels(address, now).cloned();
        Page {
            segments: Vec::new(),
            parcels: parcels.by_ref().take(limit).collect(),
            more: parcels.next().is_some(),
        }
    }

    /// See [`Store::next`].
    #[must_use]
    pub fn next(&self, address: &Address, first: Sequence) -> Next {
        if let Some((_, expires)) = self.segments_of(address, first).next() {
            return Next::Segment { expires: *expires };
        }
        match self.parcels_of(address).next().map(|parcel| parcel.slot.at()) {
            None => Next::Nothing,
            Some(None) => Next::Inbox,
            Some(Some(at)) => Next::Delayed { at },
        }
    }

    /// See [`Store::commit`].
    pub fn commit(&mut self, commit: &Commit) -> Committed {
        let record = self.record(&commit.address).unwrap_or_default();
        let Some(after) = commit::apply(&record, commit) else {
            return Committed::Conflict(Box::new(record));
        };
        let own = commit.posted.iter().filter(|posted| posted.to == commit.address);
        let written = own.map(|posted| &posted.parcel.slot);
        let written = written.chain(&commit.consumed).chain(&commit.removed);
        let (written, count) = (written.clone().collect::<BTreeSet<_>>(), written.count());
        assert_eq!(written.len(), count, "a transaction writes no item twice: {commit:?}");
        assert!(commit.items() <= COMMIT_ITEMS_MAX, "{} items are too many", commit.items());
        let key = |reply: &Reply| ReplyKey::new(&commit.address, &reply.id);
        let duplicates: Vec<_> = commit
            .replies
            .iter()
            .filter(|reply| self.replies.contains_key(&key(reply)))
            .map(|reply| reply.id.clone())
            .collect();
        if !duplicates.is_empty() {
            return Committed::Duplicates(duplicates);
        }
        let parcels = self.parcels.get(&commit.address);
        let is_gone = |slot: &&Slot| !parcels.is_some_and(|parcels| parcels.contains_key(slot));
        let gone: Vec<_> = commit.consumed.iter().filter(is_gone).cloned().collect();
        if !gone.is_empty() {
            return Committed::Gone(gone);
        }
        if let Some(write) = &commit.state {
            match after.state {
                Some(Stored::Spilled(Spilled { revision, .. })) => {
                    let state = write.state.clone().unwrap_or_default();
                    self.states.insert(commit.address.clone(), (revision, state))
                }
                _ => self.states.remove(&commit.address),
            };
        }
        self.records.insert(&commit.address, after);
        for slot in commit.consumed.iter().chain(&commit.removed) {
            self.remove_parcel(&commit.address, slot);
        }
        for Posted { to, parcel } in &commit.posted {
            self.put_parcel(to, parcel);
        }
        for reply in &commit.replies {
            self.replies.insert(key(reply), reply.clone());
        }
        for Answered { address, reply } in &commit.answers {
            self.replies.insert(ReplyKey::new(address, &reply.id), reply.clone());
        }
        for letter in &commit.dead_letters {
            let place = dead_letter::Place { address: commit.address.clone(), key: letter.key() };
            self.dead_letters.insert(place, letter.clone());
        }
        Committed::Applied
    }

    /// See [`Store::settle`].
    pub fn settle(&mut self, address: &Address, settle: &Settle) -> Option<Record> {
        let after = sweep::apply(self.records.get(address)?, settle)?;
        self.records.insert(address, after.clone());
        Some(after)
    }

    /// See [`Store::control`].
    pub fn control(&mut self, address: &Address, control: &Control) -> Option<Record> {
        let after = control::apply(self.records.get(address)?, control)?;
        self.records.insert(address, after.clone());
        Some(after)
    }

    /// See [`Store::remove_parcels`].
    pub fn remove_parcels(&mut self, address: &Address, slots: &[Slot]) {
        for slot in slots {
            self.remove_parcel(address, slot);
        }
    }

    /// See [`Store::extend`].
    pub fn extend(&mut self, address: &Address, first: Sequence, until: Timestamp) {
        let places = (address.clone(), first)..=(address.clone(), Sequence(u64::MAX));
        for (_, (_, expires)) in self.segments.range_mut(places) {
            *expires = until.max(*expires);
        }
    }

    /// See [`Store::due`].
    #[must_use]
    pub fn due(&self, shard: u32, by: Timestamp, after: Option<&Due>, limit: usize) -> Vec<Due> {
        self.records.due(shard, by, after, limit)
    }

    /// See [`Store::replies`].
    #[must_use]
    pub fn replies(&self, keys: &[ReplyKey], now: Timestamp) -> Vec<Option<Reply>> {
        keys.iter()
            .map(|key| self.replies.get(key).filter(|reply| reply.expires > now).cloned())
            .collect()
    }

    /// See [`Store::actors`].
    #[must_use]
    pub fn actors(
        &self,
        actor_type: &str,
        shard: u32,
        after: Option<&Address>,
        limit: usize,
    ) -> Vec<Address> {
        self.records.actors(actor_type, shard, after, limit)
    }

    /// See [`Store::dead_letters`].
    #[must_use]
    pub fn dead_letters(
        &self,
        address: &Address,
        after: Option<&dead_letter::Key>,
        limit: usize,
    ) -> Vec<DeadLetter> {
        let all = self.dead_letters.iter().filter(|(place, _)| place.address == *address);
        let behind = all.filter(|(place, _)| after.is_none_or(|after| place.key > *after));
        behind.map(|(_, letter)| letter.clone()).take(limit).collect()
    }

    /// See [`Store::actors_with_dead_letters`].
    #[must_use]
    pub fn actors_with_dead_letters(
        &self,
        actor_type: &str,
        shard: u32,
        after: Option<&dead_letter::Place>,
        limit: usize,
    ) -> Vec<dead_letter::Place> {
        let is_listed = |place: &&dead_letter::Place| {
            let address = &place.address;
            address.actor_type() == actor_type && address.directory_shard() == shard
        };
        let all = self.dead_letters.keys().filter(is_listed);
        all.filter(|place| after.is_none_or(|after| *place > after)).take(limit).cloned().collect()
    }

    /// See [`Store::redrive`].
    pub fn redrive(&mut self, address: &Address, key: &dead_letter::Key, tick: Tick) -> bool {
        let place = dead_letter::Place { address: address.clone(), key: key.clone() };
        let Some(letter) = self.dead_letters.remove(&place) else { return false };
        let slot = Slot::Inbox { tick, id: letter.message.id.clone() };
        self.replies.remove(&ReplyKey::new(address, &letter.message.id));
        self.put_parcel(address, &Parcel { slot, message: letter.message, timer: None });
        let record = self.record(address).unwrap_or_default();
        self.records.insert(address, control::redriven(&record, tick.time()));
        true
    }

    /// See [`Store::discard`].
    pub fn discard(&mut self, address: &Address, key: &dead_letter::Key) -> bool {
        let place = dead_letter::Place { address: address.clone(), key: key.clone() };
        self.dead_letters.remove(&place).is_some()
    }
}

/// [`Tables`] that several tasks share. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Tables>>);

impl MemoryStore {
    /// Runs a function on the tables, alone.
    pub fn with<T>(&self, f: impl FnOnce(&mut Tables) -> T) -> T {
        // Every operation leaves the tables whole, so a panic elsewhere while
        // they were locked does not matter.
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for MemoryStore {
    async fn put_segment(
        &self,
        address: &Address,
        segment: &Segment,
        expires: Timestamp,
    ) -> Result<Put, Error> {
        Ok(self.with(|tables| tables.put_segment(address, segment, expires)))
    }

    async fn put_parcel(&self, address: &Address, parcel: &Parcel) -> Result<(), Error> {
        self.with(|tables| tables.put_parcel(address, parcel));
        Ok(())
    }

    async fn schedule(&self, address: &Address, at: Timestamp) -> Result<(), Error> {
        self.with(|tables| tables.schedule(address, at));
        Ok(())
    }

    async fn cancel(
        &self,
        address: &Address,
        id: &MessageId,
        expires: Timestamp,
    ) -> Result<Cancelled, Error> {
        Ok(self.with(|tables| tables.cancel(address, id, expires)))
    }

    async fn tail(&self, address: &Address) -> Result<Tail, Error> {
        Ok(self.with(|tables| tables.tail(address)))
    }

    async fn wake(&self, address: &Address, wake: &Wake) -> Result<Woken, Error> {
        Ok(self.with(|tables| tables.wake(address, wake)))
    }

    async fn record(&self, address: &Address) -> Result<Option<Record>, Error> {
        Ok(self.with(|tables| tables.record(address)))
    }

    async fn state(&self, address: &Address, spilled: Spilled) -> Result<Option<Bytes>, Error> {
        Ok(self.with(|tables| tables.state(address, spilled)))
    }

    async fn deliverable(
        &self,
        address: &Address,
        first: Sequence,
        now: Timestamp,
        limit: usize,
    ) -> Result<Page, Error> {
        Ok(self.with(|tables| tables.deliverable(address, first, now, limit)))
    }

    async fn inbox(&self, address: &Address, now: Timestamp, limit: usize) -> Result<Page, Error> {
        Ok(self.with(|tables| tables.inbox(address, now, limit)))
    }

    async fn next(&self, address: &Address, first: Sequence) -> Result<Next, Error> {
        Ok(self.with(|tables| tables.next(address, first)))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        Ok(self.with(|tables| tables.commit(commit)))
    }

    async fn settle(&self, address: &Address, settle: &Settle) -> Result<Option<Record>, Error> {
        Ok(self.with(|tables| tables.settle(address, settle)))
    }

    async fn control(&self, address: &Address, control: &Control) -> Result<Option<Record>, Error> {
        Ok(self.with(|tables| tables.control(address, control)))
    }

    async fn remove_parcels(&self, address: &Address, slots: &[Slot]) -> Result<(), Error> {
        self.with(|tables| tables.remove_parcels(address, slots));
        Ok(())
    }

    async fn extend(
        &self,
        address: &Address,
        first: Sequence,
        expires: Timestamp,
    ) -> Result<(), Error> {
        self.with(|tables| tables.extend(address, first, expires));
        Ok(())
    }

    async fn due(
        &self,
        shard: u32,
        by: Timestamp,
        after: Option<&Due>,
        limit: usize,
    ) -> Result<Vec<Due>, Error> {
        Ok(self.with(|tables| tables.due(shard, by, after, limit)))
    }

    async fn replies(
        &self,
        keys: &[ReplyKey],
        now: Timestamp,
    ) -> Result<Vec<Option<Reply>>, Error> {
        Ok(self.with(|tables| tables.replies(keys, now)))
    }

    async fn actors(
        &self,
        actor_type: &str,
        shard: u32,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<Address>, Error> {
        Ok(self.with(|tables| tables.actors(actor_type, shard, after, limit)))
    }

    async fn dead_letters(
        &self,
        address: &Address,
        after: Option<&dead_letter::Key>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        Ok(self.with(|tables| tables.dead_letters(address, after, limit)))
    }

    async fn actors_with_dead_letters(
        &self,
        actor_type: &str,
        shard: u32,
        after: Option<&dead_letter::Place>,
        limit: usize,
    ) -> Result<Vec<dead_letter::Place>, Error> {
        Ok(self.with(|tables| tables.actors_with_dead_letters(actor_type, shard, after, limit)))
    }

    async fn redrive(
        &self,
        address: &Address,
        key: &dead_letter::Key,
        tick: Tick,
    ) -> Result<bool, Error> {
        Ok(self.with(|tables| tables.redrive(address, key, tick)))
    }

    async fn discard(&self, address: &Address, key: &dead_letter::Key) -> Result<bool, Error> {
        Ok(self.with(|tables| tables.discard(address, key)))
    }
}
