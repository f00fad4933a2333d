//! The commit.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::fixture::*;
use crate::address::Address;
use crate::commit::{Commit, Committed, LeaseAfter};
use crate::limits::COMMIT_ITEMS_MAX;
use crate::message::Sequence;
use crate::parcel::{PendingWake, Tick};
use crate::record::{Record, Revision};
use crate::reply::ReplyKey;
use crate::state::{Stored, Write};
use crate::store::Store;

fn small(state: &'static [u8]) -> Option<Write> {
    Some(Write { state: Some(Bytes::from_static(state)), chunks_before: 0 })
}

pub(super) async fn a_commit_is_all_of_the_record(store: &impl Store, address: &Address) {
    let lease = leased(store, address, NOW).await;
    let renewal = wake(address, NOW.plus(Duration::from_secs(60)));
    let first = Commit {
        state: small(b"one"),
        partial: 2,
        attempt: 1,
        lease: LeaseAfter::Renewed { until: renewal.until, due: renewal.due },
        ..commit(&lease, 5)
    };
    assert_eq!(committed(store, &first).await, Committed::Applied);
    let expected = Record {
        head: Sequence(5),
        partial: 2,
        attempt: 1,
        revision: Revision(1),
        lease_until: Some(renewal.until),
        due: Some(renewal.due),
        state: Some(Stored::Inline(Bytes::from_static(b"one"))),
        ..lease.record.clone()
    };
    assert_eq!(record(store, address).await, expected);
    let second = Commit { revision: Revision(1), ..commit(&lease, 6) };
    assert_eq!(committed(store, &second).await, Committed::Applied);
    let released = Record {
        head: Sequence(6),
        partial: 0,
        attempt: 0,
        revision: Revision(2),
        lease_until: None,
        ..expected
    };
    assert_eq!(record(store, address).await, released);
}

pub(super) async fn what_a_commit_does_not_name_is_removed(store: &impl Store, address: &Address) {
    let (fires, front) = (delayed(LATER, "timer"), inbox(7, "front#1"));
    let wakes = vec![
        PendingWake { address: sibling(address, "b@c"), at: Some(LATER) },
        PendingWake { address: sibling(address, "a"), at: None },
    ];
    // Once in a transaction, and once without.
    for replies in [vec![], vec![reply("a", b"1")]] {
        let lease = leased(store, address, NOW).await;
        let revision = lease.record.revision.0;
        let full = Commit {
            front: Some(front.clone()),
            error: Some("it broke".into()),
            timers: BTreeMap::from([("a #.name".into(), fires.clone())]),
            tick: Tick(1_700_000_000_000_001),
            wakes: wakes.clone(),
            replies,
            ..renewing(&lease, revision)
        };
        assert_eq!(committed(store, &full).await, Committed::Applied);
        let shown = record(store, address).await;
        assert_eq!((&shown.front, &shown.error), (&full.front, &full.error));
        assert_eq!((&shown.timers, &shown.wakes), (&full.timers, &full.wakes));
        assert_eq!(shown.tick, full.tick);
        let bare = Commit {
            timers: BTreeMap::new(),
            tick: Tick(3),
            wakes: Vec::new(),
            revision: Revision(revision + 1),
            ..commit(&lease, 1)
        };
        assert_eq!(committed(store, &bare).await, Committed::Applied);
        let expected = Record {
            head: Sequence(1),
            revision: Revision(revision + 2),
            lease_until: None,
            attempt: 0,
            due: Some(LATER),
            tick: Tick(3),
            timers: BTreeMap::new(),
            wakes: Vec::new(),
            ..lease.record
        };
        assert_eq!(record(store, address).await, expected);
    }
}

pub(super) async fn a_commit_without_state_keeps_the_stored_one(
    store: &impl Store,
    address: &Address,
) {
    for (state, replies) in [(small(b""), vec![]), (None, vec![]), (None, vec![reply("a", b"1")])] {
        commit_alone(store, address, |commit| Commit { state, replies, ..commit }).await;
        let kept = record(store, address).await.state;
        assert_eq!(kept, Some(Stored::Inline(Bytes::new())));
    }
}

pub(super) async fn a_commit_of_another_epoch_or_revision_changes_nothing(
    store: &impl Store,
    address: &Address,
) {
    let other = sibling(address, "other");
    put_parcels(store, address, &[parcel(&inbox(1, "kept"))]).await;
    let old = leased(store, address, NOW).await;
    let lease = leased(store, address, LATER).await;
    for stale in [commit(&old, 1), Commit { revision: Revision(1), ..commit(&lease, 2) }] {
        let full = Commit {
            state: Some(Write { state: Some(vec![1; 100 * 1024].into()), chunks_before: 0 }),
            removed: vec![inbox(1, "kept")],
            posted: vec![posted(&other, parcel(&inbox(2, "b")))],
            replies: vec![reply("a", b"1")],
            dead_letters: vec![letter(NOW, "c")],
            ..stale.clone()
        };
        for stale in [stale, full] {
            let conflict = Committed::Conflict(Box::new(lease.record.clone()));
            assert_eq!(committed(store, &stale).await, conflict);
        }
    }
    assert_eq!(record(store, address).await, lease.record);
    assert_eq!(slots(store, address, NOW).await, [inbox(1, "kept")]);
    assert_eq!(slots(store, &other, NOW).await, []);
    assert_eq!(reply_of(store, address, "a").await, None);
    assert_eq!(store.dead_letters(address, None, 9).await.expect("an answer"), []);
}

pub(super) async fn a_commit_that_arrives_twice_shows_itself(
    store: &impl Store,
    address: &Address,
) {
    let other = sibling(address, "other");
    let lease = leased(store, address, NOW).await;
    let full = Commit {
        replies: vec![reply("a", b"1")],
        posted: vec![posted(&other, parcel(&inbox(2, "b")))],
        ..renewing(&lease, 2)
    };
    for twice in [renewing(&lease, 0), renewing(&lease, 1), full] {
        assert_eq!(committed(store, &twice).await, Committed::Applied);
        let Committed::Conflict(shown) = committed(store, &twice).await else {
            panic!("the revision has moved");
        };
        assert!(twice.is_in(&shown));
    }
}

pub(super) async fn a_commit_with_a_known_reply_changes_nothing(
    store: &impl Store,
    address: &Address,
) {
    let other = sibling(address, "other");
    let lease = leased(store, address, NOW).await;
    let first = Commit { replies: vec![reply("a", b"1")], ..renewing(&lease, 0) };
    assert_eq!(committed(store, &first).await, Committed::Applied);
    let before = record(store, address).await;
    let again = Commit {
        revision: Revision(1),
        replies: vec![reply("b", b"2"), reply("a", b"3")],
        posted: vec![posted(&other, parcel(&inbox(2, "p")))],
        ..commit(&lease, 3)
    };
    assert_eq!(committed(store, &again).await, Committed::Duplicates(vec![id("a")]));
    assert_eq!(record(store, address).await, before);
    assert_eq!(reply_of(store, address, "a").await, Some(reply("a", b"1")));
    assert_eq!(reply_of(store, address, "b").await, None);
    assert_eq!(slots(store, &other, NOW).await, []);
}

pub(super) async fn a_hundred_items_fit_in_one_commit(store: &impl Store, address: &Address) {
    let lease = leased(store, address, NOW).await;
    let names: Vec<_> = (0..99).map(|n| n.to_string()).collect();
    let replies: Vec<_> = names.iter().map(|name| reply(name, b"body")).collect();
    let answers = Commit { replies: replies.clone(), ..renewing(&lease, 0) };
    assert_eq!(answers.items(), COMMIT_ITEMS_MAX);
    assert_eq!(committed(store, &answers).await, Committed::Applied);
    let keys: Vec<_> = names.iter().map(|name| ReplyKey::new(address, &id(name))).collect();
    let read = store.replies(&keys, NOW).await.expect("an answer");
    assert_eq!(read.into_iter().flatten().collect::<Vec<_>>(), replies);
    // One of each kind, and as many sends as there is room for.
    put_parcels(store, address, &[parcel(&inbox(1, "removed"))]).await;
    let other = sibling(address, "other");
    let sends: Vec<_> = (0..94).map(|n| inbox(1_000 + n, &n.to_string())).collect();
    let mixed = Commit {
        state: Some(Write { state: Some(vec![1; 20 * 1024].into()), chunks_before: 2 }),
        removed: vec![inbox(1, "removed")],
        posted: sends.iter().map(|slot| posted(&other, parcel(slot))).collect(),
        replies: vec![reply("mixed", b"")],
        dead_letters: vec![letter(NOW, "dead")],
        revision: Revision(1),
        ..commit(&lease, 9)
    };
    assert_eq!(mixed.items(), COMMIT_ITEMS_MAX);
    assert_eq!(committed(store, &mixed).await, Committed::Applied);
    assert_eq!(slots(store, &other, NOW).await, sends);
    assert_eq!(slots(store, address, NOW).await, []);
}

pub(super) async fn posted_parcels_reach_their_mailboxes(store: &impl Store, address: &Address) {
    let other = sibling(address, "other");
    let now = parcel(&inbox(5, "now"));
    let soon = parcel(&delayed(LATER, "soon"));
    let to_itself = timer(&delayed(LATER, "t"), "name");
    commit_alone(store, address, |commit| Commit {
        posted: vec![
            posted(&other, now.clone()),
            posted(&other, soon.clone()),
            posted(address, to_itself.clone()),
        ],
        ..commit
    })
    .await;
    assert_eq!(deliverable(store, &other, LATER).await.parcels, [now, soon]);
    assert_eq!(deliverable(store, address, LATER).await.parcels, [to_itself]);
    assert_eq!(store.record(&other).await.expect("an answer"), None);
}

pub(super) async fn consumed_parcels_are_gone(store: &impl Store, address: &Address) {
    let other = sibling(address, "other");
    let all = [inbox(1, "a"), inbox(2, "b"), delayed(NOW, "c"), delayed(NOW, "d")];
    for mailbox in [address, &other] {
        put_parcels(store, mailbox, &all.each_ref().map(parcel)).await;
    }
    let [a, b, c, d] = &all;
    commit_alone(store, address, |commit| Commit {
        consumed: vec![b.clone()],
        // The last one was removed by somebody else.
        removed: vec![c.clone(), inbox(9, "gone")],
        ..commit
    })
    .await;
    assert_eq!(slots(store, address, NOW).await, [a.clone(), d.clone()]);
    assert_eq!(slots(store, &other, NOW).await, all);
}

pub(super) async fn a_parcel_is_consumed_once(store: &impl Store, address: &Address) {
    let all = [inbox(1, "a"), inbox(2, "b"), inbox(3, "c")];
    let [a, b, c] = &all;
    put_parcels(store, address, &[parcel(a)]).await;
    let lease = leased(store, address, NOW).await;
    let replies = vec![reply("r", b"1")];
    let late = Commit { consumed: all.to_vec(), replies, ..commit(&lease, 5) };
    let gone = Committed::Gone(vec![b.clone(), c.clone()]);
    assert_eq!(committed(store, &late).await, gone);
    assert_eq!(record(store, address).await, lease.record);
    assert_eq!(slots(store, address, NOW).await, std::slice::from_ref(a));
    assert_eq!(reply_of(store, address, "r").await, None);
}
