//! The lease.

use std::time::Duration;

use super::fixture::*;
use crate::address::Address;
use crate::commit::{Commit, Committed, LeaseAfter};
use crate::lease::Wake;
use crate::record::{Epoch, Record};
use crate::store::Store;

pub(super) async fn an_actor_without_record_is_leased_with_epoch_one(
    store: &impl Store,
    address: &Address,
) {
    assert_eq!(store.record(address).await.expect("an answer"), None);
    let lease = leased(store, address, NOW).await;
    let expected = Record {
        epoch: Epoch(1),
        attempt: 1,
        lease_until: Some(wake(address, NOW).until),
        lease_token: NOW.0,
        due: Some(wake(address, NOW).due),
        ..Record::default()
    };
    assert_eq!(lease.record, expected);
    assert_eq!(record(store, address).await, expected);
}

pub(super) async fn a_live_lease_refuses_and_shows_the_record(
    store: &impl Store,
    address: &Address,
) {
    let lease = leased(store, address, NOW).await;
    let soon = NOW.plus(Duration::from_secs(9));
    assert_eq!(refused(store, address, &wake(address, soon)).await, lease.record);
    let end = lease.record.lease_until.expect("a lease ends");
    let next = leased(store, address, end).await;
    assert_eq!((next.epoch(), next.record.attempt), (Epoch(2), 2));
}

pub(super) async fn a_lost_answer_to_a_wake_is_found_again(store: &impl Store, address: &Address) {
    let lease = leased(store, address, NOW).await;
    assert_eq!(leased(store, address, NOW).await, lease);
    let other = Wake { token: 1, ..wake(address, NOW) };
    assert_eq!(refused(store, address, &other).await, lease.record);
}

pub(super) async fn a_waiting_mailbox_refuses_until_its_time(
    store: &impl Store,
    address: &Address,
) {
    let lease = leased(store, address, NOW).await;
    let not_before = NOW.plus(Duration::from_secs(30));
    let deferred =
        Commit { lease: LeaseAfter::Deferred { not_before }, attempt: 3, ..commit(&lease, 0) };
    assert_eq!(committed(store, &deferred).await, Committed::Applied);
    let early = wake(address, NOW.plus(Duration::from_secs(29)));
    let waiting = refused(store, address, &early).await;
    assert_eq!((waiting.not_before, waiting.due), (Some(not_before), Some(not_before)));
    assert_eq!((waiting.attempt, waiting.lease_until), (3, None));
    let lease = leased(store, address, not_before).await;
    assert_eq!((lease.record.attempt, lease.record.not_before), (4, None));
}

pub(super) async fn a_paused_mailbox_refuses_for_good(store: &impl Store, address: &Address) {
    let lease = leased(store, address, NOW).await;
    let reason = "it failed for good".to_owned();
    let suspended = Commit {
        lease: LeaseAfter::Suspended { reason: reason.clone() },
        attempt: 20,
        error: Some(reason.clone()),
        ..commit(&lease, 0)
    };
    assert_eq!(committed(store, &suspended).await, Committed::Applied);
    let paused = refused(store, address, &wake(address, LATER)).await;
    assert_eq!((&paused.paused, &paused.error), (&Some(reason.clone()), &Some(reason)));
    // What waits must be kept from expiring: somebody looks.
    assert_eq!((paused.due, paused.lease_until), (lease.record.due, None));
    assert_eq!((paused.epoch, paused.attempt), (Epoch(1), 20));
}
