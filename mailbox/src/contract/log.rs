//! The log.

use std::time::Duration;

use super::fixture::*;
use crate::address::Address;
use crate::append::{Put, Tail};
use crate::limits::MESSAGE_BYTES_MAX;
use crate::message::{Segment, Sequence};
use crate::store::Store;
use crate::sweep::Next;

pub(super) async fn a_segment_is_put_only_where_nothing_is(store: &impl Store, address: &Address) {
    let first = segment(1, &["a", "b"]);
    assert_eq!(put(store, address, &first).await, Put::Stored);
    assert_eq!(put(store, address, &segment(1, &["c"])).await, Put::Occupied(first.clone()));
    assert_eq!(put(store, address, &first).await, Put::Occupied(first));
    assert_eq!(put(store, address, &segment(3, &["c"])).await, Put::Stored);
}

pub(super) async fn the_tail_is_the_end_of_the_log(store: &impl Store, address: &Address) {
    let tail = async || store.tail(address).await.expect("an answer");
    assert_eq!(tail().await, Tail::found(None, None));
    put(store, address, &segment(1, &["a"])).await;
    let last = segment(2, &["b", "c", "d"]);
    put(store, address, &last).await;
    // Parcels lie behind the log and are no part of it.
    put_parcels(store, address, &[parcel(&inbox(1, "p")), parcel(&delayed(NOW, "q"))]).await;
    assert_eq!(tail().await, Tail::after(&last));
    // A head beyond every segment that is left: they have expired.
    let lease = leased(store, address, NOW).await;
    committed(store, &commit(&lease, 9)).await;
    assert_eq!(tail().await.sequence(), Sequence(9));
}

pub(super) async fn segments_are_read_in_order_from_a_place(store: &impl Store, address: &Address) {
    let page = async |first, limit| {
        let page = store.deliverable(address, Sequence(first), NOW, limit).await;
        let page = page.expect("an answer");
        let firsts: Vec<_> = page.segments.iter().map(|segment| segment.first().0).collect();
        (firsts, page.more)
    };
    assert_eq!(page(1, 10).await, (vec![], false));
    // More than nine, so that an order by text would show.
    for n in 1..=12 {
        put(store, address, &segment(n, &["x"])).await;
    }
    assert_eq!(page(9, 10).await, (vec![9, 10, 11, 12], false));
    assert_eq!(page(2, 3).await, (vec![2, 3, 4], true));
    assert_eq!(page(13, 3).await, (vec![], false));
    let other = Address::new(address.actor_type(), &format!("{}!", address.key())).expect("valid");
    assert!(deliverable(store, &other, NOW).await.segments.is_empty());
}

pub(super) async fn a_large_segment_reads_back_as_it_was(store: &impl Store, address: &Address) {
    let large = Segment::new(
        Sequence(1),
        &[message("big", MESSAGE_BYTES_MAX), message("more", 100 * 1024)],
    );
    assert_eq!(put(store, address, &large).await, Put::Stored);
    let page = store.deliverable(address, Sequence(1), NOW, 1).await.expect("an answer");
    assert_eq!(page.segments, std::slice::from_ref(&large));
    assert_eq!(page.segments[0].messages().expect("messages"), large.messages().expect("messages"));
}

pub(super) async fn segments_are_kept_for_longer_and_never_for_less(
    store: &impl Store,
    address: &Address,
) {
    let expiry = async |first| match store.next(address, Sequence(first)).await {
        Ok(Next::Segment { expires }) => expires,
        other => panic!("{other:?} instead of a segment"),
    };
    let (before, after) =
        (LATER.plus(Duration::from_secs(60)), LATER.plus(Duration::from_secs(120)));
    for (n, expires) in [(1, before), (2, before), (3, after)] {
        store.put_segment(address, &segment(n, &["x"]), expires).await.expect("an answer");
    }
    assert_eq!(expiry(1).await, before);
    let until = LATER.plus(Duration::from_secs(90));
    store.extend(address, Sequence(2), until).await.expect("an answer");
    assert_eq!([expiry(1).await, expiry(2).await, expiry(3).await], [before, until, after]);
    store.extend(address, Sequence(4), until).await.expect("nothing is no error");
    let expected = [1, 2, 3].map(|n| segment(n, &["x"]));
    assert_eq!(deliverable(store, address, NOW).await.segments, expected);
}

pub(super) async fn large_segments_are_all_kept(store: &impl Store, address: &Address) {
    let until = LATER.plus(Duration::from_secs(60));
    for n in 1..=4 {
        let large = Segment::new(Sequence(n), &[message("large", MESSAGE_BYTES_MAX)]);
        assert_eq!(put(store, address, &large).await, Put::Stored);
    }
    put(store, address, &segment(5, &["x"])).await;
    store.extend(address, Sequence(1), until).await.expect("an answer");
    for n in 1..=5 {
        let next = store.next(address, Sequence(n)).await.expect("an answer");
        assert_eq!(next, Next::Segment { expires: until });
    }
}
