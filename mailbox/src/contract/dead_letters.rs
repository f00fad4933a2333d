//! Dead letters.

use std::time::Duration;

use super::fixture::*;
use crate::address::Address;
use crate::commit::Commit;
use crate::dead_letter::{DeadLetter, Place};
use crate::limits::{DIRECTORY_SHARDS, MESSAGE_BYTES_MAX};
use crate::parcel::{Parcel, Tick};
use crate::store::Store;

/// Sets messages aside.
async fn set_aside(store: &impl Store, address: &Address, letters: &[DeadLetter]) {
    let letters = letters.to_vec();
    commit_alone(store, address, |commit| Commit { dead_letters: letters, ..commit }).await;
}

async fn list(store: &impl Store, address: &Address) -> Vec<DeadLetter> {
    store.dead_letters(address, None, 100).await.expect("an answer")
}

pub(super) async fn dead_letters_are_listed_in_order_and_in_pages(
    store: &impl Store,
    address: &Address,
) {
    assert_eq!(list(store, address).await, []);
    let soon = NOW.plus(Duration::from_millis(1));
    let in_order = [letter(NOW, "a"), letter(NOW, "b#1"), letter(soon, "a"), letter(LATER, "!")];
    let [a, b, c, d] = in_order.clone();
    set_aside(store, address, &[d, b]).await;
    set_aside(store, address, &[c, a]).await;
    assert_eq!(list(store, address).await, in_order);
    let mut after = None;
    for expected in [&in_order[..3], &in_order[3..], &[]] {
        let page = store.dead_letters(address, after.as_ref(), 3).await.expect("an answer");
        assert_eq!(page, expected);
        after = page.last().map(DeadLetter::key).or(after);
    }
    // They are nothing that could be delivered.
    assert_eq!(deliverable(store, address, LATER).await.parcels, []);
    assert_eq!(list(store, &sibling(address, "other")).await, []);
}

pub(super) async fn large_letters_are_all_listed(store: &impl Store, address: &Address) {
    let letters = ["a", "b", "c", "d", "e"].map(|name| {
        let message = message(name, MESSAGE_BYTES_MAX);
        DeadLetter { message, ..letter(NOW, name) }
    });
    set_aside(store, address, &letters).await;
    assert!(list(store, address).await == letters);
}

pub(super) async fn a_redriven_letter_is_a_parcel_without_reply(
    store: &impl Store,
    address: &Address,
) {
    let (dead, kept) = (letter(NOW, "a#1"), letter(NOW, "b"));
    let [of_dead, of_kept] = [&dead, &kept].map(|letter| reply(letter.message.id.as_str(), b"no"));
    let (letters, replies) =
        (vec![dead.clone(), kept.clone()], vec![of_dead.clone(), of_kept.clone()]);
    commit_alone(store, address, |commit| Commit { dead_letters: letters, replies, ..commit })
        .await;
    let tick = Tick(7_000_000);
    let before = record(store, address).await;
    assert!(store.redrive(address, &dead.key(), tick).await.expect("an answer"));
    // Somebody is sure to look for it.
    let after = record(store, address).await;
    assert_eq!((after.due, after.epoch), (Some(tick.time()), before.epoch.next()));
    assert_eq!(after.lease_until, None);
    let slot = inbox(7_000_000, "a#1");
    let expected = Parcel { slot, message: dead.message.clone(), timer: None };
    assert_eq!(deliverable(store, address, NOW).await.parcels, [expected]);
    assert_eq!(reply_of(store, address, "a#1").await, None);
    assert_eq!(reply_of(store, address, "b").await, Some(of_kept));
    assert_eq!(list(store, address).await, [kept]);
    assert!(!store.redrive(address, &dead.key(), tick).await.expect("an answer"));
    assert!(!store.discard(address, &dead.key()).await.expect("an answer"));
    // It can be answered again, and one without reply can be redriven too.
    commit_alone(store, address, |commit| Commit { replies: vec![of_dead], ..commit }).await;
    let tell = letter(LATER, "tell");
    set_aside(store, address, std::slice::from_ref(&tell)).await;
    assert!(store.redrive(address, &tell.key(), Tick(1)).await.expect("an answer"));
}

pub(super) async fn a_letter_is_discarded_once(store: &impl Store, address: &Address) {
    let [a, b] = [letter(NOW, "a"), letter(NOW, "b")];
    set_aside(store, address, &[a.clone(), b.clone()]).await;
    assert!(store.discard(address, &a.key()).await.expect("an answer"));
    assert!(!store.discard(address, &a.key()).await.expect("an answer"));
    assert!(!store.redrive(address, &a.key(), Tick(1)).await.expect("an answer"));
    assert_eq!(list(store, address).await, [b]);
    assert_eq!(deliverable(store, address, NOW).await.parcels, []);
}

pub(super) async fn actors_with_dead_letters_are_listed(store: &impl Store, address: &Address) {
    let mut expected = Vec::new();
    for key in ["a", "b", "c", "none"] {
        let actor = of_own_type(address, key);
        let letters = match key {
            "none" => vec![],
            // An actor once for each of them.
            "b" => vec![letter(NOW, "1"), letter(NOW, "2"), letter(LATER, "1")],
            _ => vec![letter(NOW, "1")],
        };
        set_aside(store, &actor, &letters).await;
        let keys = letters.iter().map(DeadLetter::key);
        expected.extend(keys.map(|key| Place { address: actor.clone(), key }));
    }
    let actor_type = of_own_type(address, "a").actor_type().to_owned();
    let list = async |limit| {
        let mut places = Vec::new();
        for shard in 0..DIRECTORY_SHARDS {
            let mut after = None;
            loop {
                let page = store
                    .actors_with_dead_letters(&actor_type, shard, after.as_ref(), limit)
                    .await
                    .expect("an answer");
                assert!(page.len() <= limit);
                assert!(page.is_sorted_by_key(|place| &place.address));
                let Some(last) = page.last() else { break };
                after = Some(last.clone());
                places.extend(page);
            }
        }
        places.sort();
        places
    };
    assert_eq!(list(100).await, expected);
    assert_eq!(list(1).await, expected);
    let [gone, .., last] = &expected[..] else { unreachable!("there are five") };
    assert!(store.discard(&gone.address, &gone.key).await.expect("an answer"));
    assert!(store.redrive(&last.address, &last.key, Tick(1)).await.expect("an answer"));
    assert_eq!(list(100).await, expected[1..expected.len() - 1]);
}
