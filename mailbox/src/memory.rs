//! The store on plain maps: what each operation means, and nothing else.
//!
//! [`Tables`] is a value that can be cloned, compared and hashed, so that a
//! model checker can hold millions of them. [`MemoryStore`] shares one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::address::Address;
use crate::append::{Put, Tail};
use crate::clock::Timestamp;
use crate::commit::{self, Commit, Committed};
use crate::lease::{self, Lease, Wake, Woken};
use crate::message::{Segment, Sequence};
use crate::record::Record;
use crate::reply::{Reply, ReplyKey};
use crate::store::{Due, Error, Page, Store};
use crate::sweep::{self, Settle};

/// All that is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tables {
    records: BTreeMap<Address, Record>,
    segments: BTreeMap<(Address, Sequence), Segment>,
    replies: BTreeMap<ReplyKey, Reply>,
}

impl Tables {
    /// Writes a record as it is, whatever is there. No store has such an
    /// operation: it is for checkers that break a rule on purpose.
    pub fn force_record(&mut self, address: &Address, record: Record) {
        self.records.insert(address.clone(), record);
    }

    /// Deletes the segments up to a place, as an expiry does.
    pub fn expire_segments(&mut self, address: &Address, last: Sequence) {
        self.segments.retain(|(of, _), segment| of != address || segment.last() > last);
    }

    /// See [`Store::put_segment`]. Nothing expires here by itself.
    pub fn put_segment(&mut self, address: &Address, segment: &Segment) -> Put {
        let place = (address.clone(), segment.first());
        match self.segments.get(&place) {
            Some(occupant) => Put::Occupied(occupant.clone()),
            None => {
                self.segments.insert(place, segment.clone());
                Put::Stored
            }
        }
    }

    /// See [`Store::tail`].
    #[must_use]
    pub fn tail(&self, address: &Address) -> Tail {
        let places = (address.clone(), Sequence(0))..=(address.clone(), Sequence(u64::MAX));
        let last = self.segments.range(places).next_back().map(|(_, segment)| segment);
        Tail::found(self.records.get(address), last)
    }

    /// See [`Store::wake`].
    pub fn wake(&mut self, address: &Address, wake: &Wake) -> Woken {
        let record = self.records.get(address).cloned().unwrap_or_default();
        match lease::grant(&record, wake) {
            Some(record) => {
                self.records.insert(address.clone(), record.clone());
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

    /// See [`Store::deliverable`].
    #[must_use]
    pub fn deliverable(&self, address: &Address, first: Sequence, limit: usize) -> Page {
        let places = (address.clone(), first)..=(address.clone(), Sequence(u64::MAX));
        let mut segments = self.segments.range(places).map(|(_, segment)| segment.clone());
        Page { segments: segments.by_ref().take(limit).collect(), more: segments.next().is_some() }
    }

    /// See [`Store::commit`].
    pub fn commit(&mut self, commit: &Commit) -> Committed {
        let record = self.record(&commit.address).unwrap_or_default();
        let Some(after) = commit::apply(&record, commit) else {
            return Committed::Conflict(record);
        };
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
        self.records.insert(commit.address.clone(), after);
        for reply in &commit.replies {
            self.replies.insert(key(reply), reply.clone());
        }
        Committed::Applied
    }

    /// See [`Store::settle`].
    pub fn settle(&mut self, address: &Address, settle: &Settle) -> Option<Record> {
        let after = sweep::apply(self.records.get(address)?, settle)?;
        self.records.insert(address.clone(), after.clone());
        Some(after)
    }

    /// See [`Store::due`].
    #[must_use]
    pub fn due(&self, shard: u32, by: Timestamp, after: Option<&Due>, limit: usize) -> Vec<Due> {
        let of_shard = self.records.iter().filter(|(address, _)| address.due_shard() == shard);
        let due = of_shard.filter_map(|(address, record)| {
            let at = record.due.filter(|due| *due <= by)?;
            Some(Due { at, address: address.clone() })
        });
        let mut due: Vec<_> = due.filter(|due| after.is_none_or(|after| due > after)).collect();
        due.sort();
        due.truncate(limit);
        due
    }

    /// See [`Store::replies`].
    #[must_use]
    pub fn replies(&self, keys: &[ReplyKey], now: Timestamp) -> Vec<Option<Reply>> {
        keys.iter()
            .map(|key| self.replies.get(key).filter(|reply| reply.expires > now).cloned())
            .collect()
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
        _expires: Timestamp,
    ) -> Result<Put, Error> {
        Ok(self.with(|tables| tables.put_segment(address, segment)))
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

    async fn deliverable(
        &self,
        address: &Address,
        first: Sequence,
        limit: usize,
    ) -> Result<Page, Error> {
        Ok(self.with(|tables| tables.deliverable(address, first, limit)))
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        Ok(self.with(|tables| tables.commit(commit)))
    }

    async fn settle(&self, address: &Address, settle: &Settle) -> Result<Option<Record>, Error> {
        Ok(self.with(|tables| tables.settle(address, settle)))
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
}
