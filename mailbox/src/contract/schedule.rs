//! That somebody looks at a mailbox at a time.

use std::time::Duration;

use super::fixture::*;
use crate::address::Address;
use crate::commit::{Commit, Committed, LeaseAfter};
use crate::control::Control;
use crate::record::{Epoch, Record};
use crate::store::Store;

pub(super) async fn an_actor_without_record_is_made_due(store: &impl Store, address: &Address) {
    store.schedule(address, LATER).await.expect("an answer");
    let expected = Record { epoch: Epoch(1), due: Some(LATER), ..Record::default() };
    assert_eq!(record(store, address).await, expected);
    let due = store.due(address.due_shard(), LATER, None, 1_000).await.expect("an answer");
    assert!(due.iter().any(|due| due.address == *address && due.at == LATER));
    // It is a record like any other.
    let lease = leased(store, address, NOW).await;
    assert_eq!((lease.epoch(), lease.record.attempt), (Epoch(2), 1));
    assert_eq!(committed(store, &commit(&lease, 1)).await, Committed::Applied);
}

pub(super) async fn an_idle_record_is_due_at_the_earlier_time_under_a_new_epoch(
    store: &impl Store,
    address: &Address,
) {
    let minute = |n: u64| LATER.plus(Duration::from_secs(60 * n));
    // The last one is as late as the record is due already.
    for (n, (at, due)) in [(5, 5), (3, 3), (4, 3), (3, 3)].into_iter().enumerate() {
        store.schedule(address, minute(at)).await.expect("an answer");
        let record = record(store, address).await;
        assert_eq!((record.epoch, record.due), (Epoch(n as u64 + 1), Some(minute(due))));
    }
}

pub(super) async fn who_holds_waits_or_pauses_is_left_alone(store: &impl Store, address: &Address) {
    let is_left_alone = async || {
        let before = record(store, address).await;
        for at in [NOW.minus(Duration::from_secs(60)), LATER] {
            store.schedule(address, at).await.expect("an answer");
            assert_eq!(record(store, address).await, before);
        }
    };
    let lease = leased(store, address, NOW).await;
    is_left_alone().await;
    let not_before = NOW.plus(Duration::from_secs(30));
    let deferred = Commit { lease: LeaseAfter::Deferred { not_before }, ..commit(&lease, 0) };
    assert_eq!(committed(store, &deferred).await, Committed::Applied);
    is_left_alone().await;
    let pause = Control::Pause { reason: "maintenance".into(), due: NOW };
    store.control(address, &pause).await.expect("an answer").expect("it was not paused");
    is_left_alone().await;
}
