//! What is listed: the actors that are due, and all of them by type.

use std::time::Duration;

use super::fixture::*;
use crate::address::Address;
use crate::limits::{DIRECTORY_SHARDS, DUE_SHARDS, KEY_BYTES_MAX, TYPE_BYTES_MAX};
use crate::reply::ReplyKey;
use crate::store::{Due, Store};

pub(super) async fn due_records_are_found_in_order_of_time(store: &impl Store, address: &Address) {
    // Three actors of one shard.
    let shard = address.due_shard();
    let same_shard: Vec<_> = (0..)
        .map(|n| sibling(address, &n.to_string()))
        .filter(|other| other.due_shard() == shard)
        .take(3)
        .collect();
    let times = [LATER.plus(Duration::from_secs(120)), LATER, LATER.plus(Duration::from_secs(240))];
    for (other, time) in same_shard.iter().zip(times) {
        leased(store, other, time).await;
    }
    let due = async |by, limit| {
        let due = store.due(shard, by, None, limit).await.expect("an answer");
        let addresses = due.into_iter().map(|due| due.address);
        addresses.filter(|found| same_shard.contains(found)).collect::<Vec<_>>()
    };
    let [b, a, c] = &same_shard[..] else { unreachable!("three were taken") };
    let end = LATER.plus(Duration::from_secs(600));
    assert_eq!(due(end, 1_000).await, [a.clone(), b.clone(), c.clone()]);
    let before_the_last = LATER.plus(Duration::from_secs(199));
    assert_eq!(due(before_the_last, 1_000).await, [a.clone(), b.clone()]);
    let mut found = Vec::new();
    let mut last: Option<Due> = None;
    loop {
        // A page at a time, each after the one before.
        let page = store.due(shard, end, last.as_ref(), 1).await.expect("an answer");
        assert!(page.len() <= 1);
        let Some(next) = page.into_iter().next() else { break };
        assert!(last.is_none_or(|last| last.at <= next.at));
        found.extend(same_shard.contains(&next.address).then(|| next.address.clone()));
        last = Some(next);
    }
    assert_eq!(found, [a.clone(), b.clone(), c.clone()]);
    let none = (shard + 1) % DUE_SHARDS;
    let others = store.due(none, end, None, 1_000).await.expect("an answer");
    assert!(others.iter().all(|due| due.address != *a));
}

/// All actors of a type, from all shards, in the order of their keys.
async fn list(store: &impl Store, actor_type: &str, limit: usize) -> Vec<Address> {
    let mut actors = Vec::new();
    for shard in 0..DIRECTORY_SHARDS {
        let mut after = None;
        loop {
            let page = store.actors(actor_type, shard, after.as_ref(), limit).await;
            let page = page.expect("an answer");
            assert!(page.len() <= limit);
            assert!(page.iter().all(|actor| actor.directory_shard() == shard));
            assert!(after.iter().chain(&page).is_sorted_by(|a, b| a < b), "in order, and once");
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            actors.extend(page);
        }
    }
    actors.sort();
    actors
}

pub(super) async fn an_actor_is_listed_once_under_its_type(store: &impl Store, address: &Address) {
    let [woken, scheduled, posted_to] = ["a/b", "b", "c"].map(|key| of_own_type(address, key));
    let own_type = woken.actor_type();
    assert_eq!(list(store, own_type, 10).await, []);
    for now in [NOW, LATER] {
        let lease = leased(store, &woken, now).await;
        committed(store, &commit(&lease, 1)).await;
        store.schedule(&scheduled, now).await.expect("an answer");
        // It has messages, but nobody has looked yet.
        put(store, &posted_to, &segment(1, &["x"])).await;
        put_parcels(store, &posted_to, &[parcel(&inbox(1, "a"))]).await;
        assert_eq!(list(store, own_type, 10).await, [woken.clone(), scheduled.clone()]);
    }
    assert_eq!(list(store, &format!("{own_type}0"), 10).await, []);
    assert_eq!(list(store, &own_type[..own_type.len() - 1], 10).await, []);
}

pub(super) async fn actors_are_listed_in_pages(store: &impl Store, address: &Address) {
    let mut all: Vec<_> = (0..40).map(|n| of_own_type(address, &n.to_string())).collect();
    for actor in &all {
        store.schedule(actor, LATER).await.expect("an answer");
    }
    all.sort();
    for limit in [1, 3, 1_000] {
        assert_eq!(list(store, all[0].actor_type(), limit).await, all);
    }
}

pub(super) async fn the_longest_address_is_an_address(store: &impl Store, address: &Address) {
    let actor_type = of_own_type(address, "a").actor_type().to_owned();
    let actor_type = format!("{actor_type:x<TYPE_BYTES_MAX$}");
    let long = Address::new(&actor_type, &"k".repeat(KEY_BYTES_MAX)).expect("a valid address");
    let name = "i".repeat(crate::limits::MESSAGE_ID_BYTES_MAX);
    commit_alone(store, &long, |commit| crate::commit::Commit {
        replies: vec![reply(&name, b"1")],
        dead_letters: vec![letter(NOW, &name)],
        posted: vec![posted(&long, parcel(&delayed(NOW, &name)))],
        ..commit
    })
    .await;
    assert_eq!(list(store, &actor_type, 9).await, std::slice::from_ref(&long));
    let shard = long.directory_shard();
    let places = store.actors_with_dead_letters(&actor_type, shard, None, 9).await;
    let places = places.expect("an answer");
    assert_eq!(places.iter().map(|place| &place.address).collect::<Vec<_>>(), [&long]);
    let more = store.actors_with_dead_letters(&actor_type, shard, places.last(), 9).await;
    assert_eq!(more.expect("an answer"), []);
    assert_eq!(slots(store, &long, NOW).await, [delayed(NOW, &name)]);
    let keys = [ReplyKey::new(&long, &id(&name))];
    assert!(store.replies(&keys, NOW).await.expect("an answer")[0].is_some());
}
