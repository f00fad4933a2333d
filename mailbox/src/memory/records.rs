//! The records, and the two indexes over them.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::ops::Bound;

use crate::address::Address;
use crate::clock::Timestamp;
use crate::record::Record;
use crate::store::Due;

/// The records by address. Both indexes follow from them, so that two of these are
/// the same when their records are.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    by_address: BTreeMap<Address, Record>,
    /// The actors that are due, by shard and time.
    due: BTreeMap<(u32, Timestamp), BTreeSet<Address>>,
    /// All actors, by shard and type.
    directory: BTreeMap<(u32, Box<str>), BTreeSet<Address>>,
}

impl Records {
    pub(super) fn get(&self, address: &Address) -> Option<&Record> {
        self.by_address.get(address)
    }

    /// Puts a record in the place of the one that is there.
    pub(super) fn insert(&mut self, address: &Address, record: Record) {
        let shard = address.due_shard();
        let now = record.due;
        let old = self.by_address.insert(address.clone(), record);
        if old.is_none() {
            let place = (address.directory_shard(), address.actor_type().into());
            self.directory.entry(place).or_default().insert(address.clone());
        }
        let before = old.and_then(|old| old.due);
        if before == now {
            return;
        }
        if let Some(place) = before.map(|at| (shard, at))
            && let Some(actors) = self.due.get_mut(&place)
        {
            actors.remove(address);
            if actors.is_empty() {
                self.due.remove(&place);
            }
        }
        if let Some(at) = now {
            self.due.entry((shard, at)).or_default().insert(address.clone());
        }
    }

    /// See [`crate::store::Store::due`].
    pub(super) fn due(
        &self,
        shard: u32,
        by: Timestamp,
        after: Option<&Due>,
        limit: usize,
    ) -> Vec<Due> {
        let from = after.map_or(Timestamp::default(), |after| after.at).min(by);
        let due = self.due.range((shard, from)..=(shard, by)).flat_map(|(&(_, at), actors)| {
            actors.iter().map(move |address| Due { at, address: address.clone() })
        });
        due.filter(|due| after.is_none_or(|after| due > after)).take(limit).collect()
    }

    /// See [`crate::store::Store::actors`].
    pub(super) fn actors(
        &self,
        actor_type: &str,
        shard: u32,
        after: Option<&Address>,
        limit: usize,
    ) -> Vec<Address> {
        let Some(actors) = self.directory.get(&(shard, actor_type.into())) else {
            return Vec::new();
        };
        let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        actors.range(behind).take(limit).cloned().collect()
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        self.by_address == other.by_address
    }
}

impl Eq for Records {}

impl Hash for Records {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.by_address.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(key: &str) -> Address {
        Address::new("t.v1.A", key).expect("an address")
    }

    fn record(due: Option<u64>) -> Record {
        Record { due: due.map(Timestamp), ..Record::default() }
    }

    #[test]
    fn an_actor_is_due_once_at_its_latest_time_or_not_at_all() {
        let (mut records, actor) = (Records::default(), address("a"));
        let due = |records: &Records| {
            let due = records.due(actor.due_shard(), Timestamp(100), None, 10);
            due.into_iter().map(|due| due.at.0).collect::<Vec<_>>()
        };
        for (at, seen) in [
            (Some(50), vec![50]),
            (Some(50), vec![50]),
            (Some(40), vec![40]),
            (Some(101), vec![]),
            (Some(100), vec![100]),
            (None, vec![]),
        ] {
            records.insert(&actor, record(at));
            assert_eq!(due(&records), seen, "{at:?}");
        }
        assert!(records.due.is_empty(), "nothing is left behind");
    }

    #[test]
    fn the_same_records_are_equal_however_they_came_about() {
        let (mut direct, mut moved) = (Records::default(), Records::default());
        direct.insert(&address("a"), record(Some(9)));
        moved.insert(&address("a"), record(Some(5)));
        assert_ne!(direct, moved);
        moved.insert(&address("a"), record(Some(9)));
        assert_eq!(direct, moved);
    }
}
