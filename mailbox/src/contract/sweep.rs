//! What a sweeper or a gateway writes without a lease.

use std::time::Duration;

use super::fixture::*;
use crate::address::Address;
use crate::commit::{Commit, Committed, LeaseAfter};
use crate::control::Control;
use crate::parcel::PendingWake;
use crate::record::{Epoch, Record};
use crate::store::Store;
use crate::sweep::Action;

fn defer(counts: bool) -> Action {
    Action::Defer { not_before: LATER, counts, error: "out of memory".into() }
}

pub(super) async fn a_settle_needs_its_epoch(store: &impl Store, address: &Address) {
    assert_eq!(settled(store, address, Epoch(0), Action::Fence).await, None);
    let lease = leased(store, address, NOW).await;
    let due = lease.record.due.expect("a lease is due");
    for action in [
        Action::Fence,
        defer(true),
        defer(false),
        Action::MoveDue { from: due, to: LATER },
        Action::Rest { until: None },
    ] {
        assert_eq!(settled(store, address, Epoch(2), action).await, None);
    }
    let fenced =
        settled(store, address, Epoch(1), Action::Fence).await.expect("the epoch is right");
    let expected = Record { epoch: Epoch(2), lease_until: None, ..lease.record };
    assert_eq!(fenced, expected);
    assert_eq!(record(store, address).await, expected);
}

pub(super) async fn a_fence_ends_lease_and_wait_and_no_pause(
    store: &impl Store,
    address: &Address,
) {
    let lease = leased(store, address, NOW).await;
    let waits = Commit { lease: LeaseAfter::Deferred { not_before: NOW }, ..commit(&lease, 0) };
    assert_eq!(committed(store, &waits).await, Committed::Applied);
    let fenced = settled(store, address, Epoch(1), Action::Fence).await.expect("its epoch");
    assert_eq!((fenced.not_before, fenced.due, fenced.epoch), (None, Some(NOW), Epoch(2)));
    let lease = leased(store, address, NOW).await;
    let pauses = LeaseAfter::Suspended { reason: "it failed".into() };
    let commit = Commit { lease: pauses, ..commit(&lease, 0) };
    assert_eq!(committed(store, &commit).await, Committed::Applied);
    let fenced = settled(store, address, Epoch(3), Action::Fence).await.expect("its epoch");
    assert_eq!((fenced.paused.as_deref(), fenced.epoch), (Some("it failed"), Epoch(4)));
    assert_eq!(record(store, address).await, fenced);
}

pub(super) async fn a_holder_that_is_gone_is_deferred_with_its_error(
    store: &impl Store,
    address: &Address,
) {
    // Nobody holds a lease that could be ended.
    store.schedule(address, NOW).await.expect("an answer");
    for counts in [true, false] {
        assert_eq!(settled(store, address, Epoch(1), defer(counts)).await, None);
    }
    for (epoch, attempt, counts) in [(2, 1, true), (4, 1, false), (6, 2, true)] {
        let lease = leased(store, address, LATER).await;
        assert_eq!(lease.epoch(), Epoch(epoch));
        let deferred = settled(store, address, Epoch(epoch), defer(counts)).await;
        let expected = Record {
            epoch: Epoch(epoch + 1),
            attempt,
            error: Some("out of memory".into()),
            lease_until: None,
            not_before: Some(LATER),
            due: Some(LATER),
            ..lease.record
        };
        assert_eq!(deferred, Some(expected.clone()));
        assert_eq!(record(store, address).await, expected);
    }
}

pub(super) async fn an_attempt_that_was_none_is_not_taken_back_twice(
    store: &impl Store,
    address: &Address,
) {
    let lease = leased(store, address, NOW).await;
    let none = Commit { attempt: 0, ..renewing(&lease, 0) };
    assert_eq!(committed(store, &none).await, Committed::Applied);
    let deferred = settled(store, address, Epoch(1), defer(false)).await.expect("it is leased");
    assert_eq!((deferred.attempt, deferred.epoch), (0, Epoch(2)));
    assert_eq!(record(store, address).await, deferred);
}

pub(super) async fn a_record_rests_only_when_it_is_idle(store: &impl Store, address: &Address) {
    let rest = |until| Action::Rest { until };
    let lease = leased(store, address, NOW).await;
    let due = lease.record.due.expect("a lease is due");
    assert_eq!(settled(store, address, Epoch(1), rest(None)).await, None);
    let wrong = Action::MoveDue { from: LATER, to: NOW };
    assert_eq!(settled(store, address, Epoch(1), wrong).await, None);
    let to = due.plus(Duration::from_secs(60));
    let moved = settled(store, address, Epoch(1), Action::MoveDue { from: due, to }).await;
    assert_eq!(moved.and_then(|record| record.due), Some(to));
    committed(store, &commit(&lease, 1)).await;
    for until in [Some(LATER), None] {
        let rested = settled(store, address, Epoch(1), rest(until)).await.expect("it is idle");
        assert_eq!(rested.due, until);
        assert_eq!(record(store, address).await, rested);
    }
    let lease = leased(store, address, NOW).await;
    let deferred =
        Commit { lease: LeaseAfter::Deferred { not_before: LATER }, ..commit(&lease, 1) };
    assert_eq!(committed(store, &deferred).await, Committed::Applied);
    assert_eq!(settled(store, address, Epoch(2), rest(None)).await, None);
    let pause = Control::Pause { reason: "maintenance".into(), due: LATER };
    store.control(address, &pause).await.expect("an answer").expect("it was not paused");
    for until in [Some(LATER), None] {
        assert_eq!(settled(store, address, Epoch(3), rest(until)).await, None);
    }
}

pub(super) async fn a_record_that_rests_forgets_its_wakes(store: &impl Store, address: &Address) {
    let wakes = vec![PendingWake { address: sibling(address, "other"), at: None }];
    for (epoch, until) in [(1, None), (2, Some(LATER))] {
        commit_alone(store, address, |commit| Commit { wakes: wakes.clone(), ..commit }).await;
        let before = record(store, address).await;
        assert_eq!(before.wakes, wakes);
        let rested = settled(store, address, Epoch(epoch), Action::Rest { until }).await;
        let expected = Record { wakes: Vec::new(), due: until, ..before };
        assert_eq!(rested, Some(expected.clone()));
        assert_eq!(record(store, address).await, expected);
    }
}
