//! What an operator does.

use super::fixture::*;
use crate::address::Address;
use crate::commit::{Commit, Committed, LeaseAfter};
use crate::control::Control;
use crate::message::Sequence;
use crate::record::{Epoch, Record, Revision};
use crate::store::Store;

async fn controlled(store: &impl Store, address: &Address, control: &Control) -> Option<Record> {
    store.control(address, control).await.expect("an answer")
}

fn pause(reason: &str) -> Control {
    Control::Pause { reason: reason.into(), due: LATER }
}

pub(super) async fn a_paused_mailbox_is_paused_once(store: &impl Store, address: &Address) {
    let lease = leased(store, address, NOW).await;
    let paused = controlled(store, address, &pause("maintenance")).await.expect("it is not yet");
    let expected = Record {
        epoch: Epoch(2),
        paused: Some("maintenance".into()),
        lease_until: None,
        due: Some(LATER),
        ..lease.record.clone()
    };
    assert_eq!(paused, expected);
    assert_eq!(controlled(store, address, &pause("again")).await, None);
    // The run that was going on commits nothing any more.
    let conflict = Committed::Conflict(Box::new(expected.clone()));
    assert_eq!(committed(store, &commit(&lease, 1)).await, conflict);
    assert_eq!(record(store, address).await, expected);
}

pub(super) async fn a_resumed_mailbox_begins_anew(store: &impl Store, address: &Address) {
    let lease = leased(store, address, NOW).await;
    let resume = Control::Resume { now: NOW };
    assert_eq!(controlled(store, address, &resume).await, None);
    let failed = Commit {
        lease: LeaseAfter::Deferred { not_before: LATER },
        error: Some("it broke".into()),
        front: Some(inbox(1, "a")),
        attempt: 5,
        ..commit(&lease, 0)
    };
    assert_eq!(committed(store, &failed).await, Committed::Applied);
    let paused = controlled(store, address, &pause("maintenance")).await.expect("it is not yet");
    assert_eq!((paused.not_before, &paused.error), (None, &failed.error));
    let expected =
        Record { epoch: Epoch(3), paused: None, error: None, attempt: 0, due: Some(NOW), ..paused };
    assert_eq!(controlled(store, address, &resume).await, Some(expected.clone()));
    assert_eq!(record(store, address).await, expected);
    assert_eq!(leased(store, address, NOW).await.record.attempt, 1);
}

pub(super) async fn a_purge_moves_the_head_forwards(store: &impl Store, address: &Address) {
    let purge = |through| Control::Purge { through: Sequence(through) };
    let lease = leased(store, address, NOW).await;
    assert_eq!(controlled(store, address, &purge(0)).await, None);
    let partial = Commit {
        partial: 2,
        attempt: 3,
        front: Some(inbox(1, "a")),
        error: Some("it broke".into()),
        ..commit(&lease, 4)
    };
    assert_eq!(committed(store, &partial).await, Committed::Applied);
    let before = record(store, address).await;
    for through in [0, 4] {
        assert_eq!(controlled(store, address, &purge(through)).await, None);
    }
    assert_eq!(record(store, address).await, before);
    let purged = controlled(store, address, &purge(9)).await.expect("the head moves");
    let expected = Record {
        head: Sequence(9),
        partial: 0,
        epoch: Epoch(2),
        revision: Revision(2),
        attempt: 0,
        error: None,
        ..before
    };
    assert_eq!(purged, expected);
    assert_eq!(record(store, address).await, expected);
    // Also of a record that no commit has touched.
    let other = sibling(address, "other");
    store.schedule(&other, LATER).await.expect("an answer");
    let purged = controlled(store, &other, &purge(1)).await.expect("the head moves");
    assert_eq!((purged.revision, purged.epoch, purged.due), (Revision(1), Epoch(2), Some(LATER)));
}

pub(super) async fn an_actor_without_record_is_not_controlled(
    store: &impl Store,
    address: &Address,
) {
    let all = [
        pause("maintenance"),
        Control::Resume { now: NOW },
        Control::Purge { through: Sequence(1) },
    ];
    for control in all {
        assert_eq!(controlled(store, address, &control).await, None);
    }
    assert_eq!(store.record(address).await.expect("an answer"), None);
}
