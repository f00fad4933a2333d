//! Parcels.

use std::time::Duration;

use super::fixture::*;
use crate::address::Address;
use crate::commit::Commit;
use crate::limits::{MESSAGE_BYTES_MAX, MESSAGE_ID_BYTES_MAX};
use crate::message::{MessageId, Sequence};
use crate::parcel::{Parcel, Slot};
use crate::reply::{Outcome, Reply};
use crate::store::{Cancelled, Store};
use crate::sweep::Next;

const SECOND: Duration = Duration::from_secs(1);

pub(super) async fn parcels_come_after_the_log_in_the_order_of_their_slots(
    store: &impl Store,
    address: &Address,
) {
    let in_order = [
        parcel(&inbox(9, "z")),
        // An order by text would have this one first.
        parcel(&inbox(10, "a")),
        parcel(&inbox(10, "b")),
        parcel(&inbox(1_700_000_000_000_000, "c")),
        timer(&delayed(NOW.minus(SECOND), "z"), "name"),
        parcel(&delayed(NOW, "a")),
    ];
    let mut shuffled = in_order.clone();
    shuffled.reverse();
    shuffled.swap(1, 3);
    put_parcels(store, address, &shuffled).await;
    put(store, address, &segment(1, &["x"])).await;
    put(store, address, &segment(2, &["y"])).await;
    let page = deliverable(store, address, NOW).await;
    assert_eq!(page.segments, [segment(1, &["x"]), segment(2, &["y"])]);
    assert_eq!(page.parcels, in_order);
    let behind = store.deliverable(address, Sequence(3), NOW, 100).await.expect("an answer");
    assert_eq!((behind.segments, behind.parcels), (vec![], in_order.to_vec()));
    let page = store.inbox(address, NOW, 100).await.expect("an answer");
    assert_eq!((page.segments, page.parcels, page.more), (vec![], in_order.to_vec(), false));
}

pub(super) async fn a_page_ends_within_log_or_parcels(store: &impl Store, address: &Address) {
    for n in 1..=2 {
        put(store, address, &segment(n, &["x"])).await;
    }
    let all = [inbox(1, "a"), inbox(2, "b"), delayed(NOW, "c"), delayed(LATER, "later")];
    put_parcels(store, address, &all.each_ref().map(parcel)).await;
    for (limit, segments, parcels, more) in [(1, 1, 0, true), (4, 2, 2, true), (6, 2, 3, false)] {
        let page = store.deliverable(address, Sequence(1), NOW, limit).await.expect("an answer");
        assert_eq!((page.segments.len(), page.parcels.len(), page.more), (segments, parcels, more));
    }
    for (limit, parcels, more) in [(2, 2, true), (4, 3, false)] {
        let page = store.inbox(address, NOW, limit).await.expect("an answer");
        assert_eq!((page.parcels.len(), page.more), (parcels, more));
    }
}

pub(super) async fn a_delayed_parcel_is_delivered_from_its_time_on(
    store: &impl Store,
    address: &Address,
) {
    // The greatest id of its millisecond, and the least one of the next.
    let next = NOW.plus(Duration::from_millis(1));
    let both = [delayed(NOW, "~~~"), delayed(next, "!")];
    put_parcels(store, address, &both.each_ref().map(parcel)).await;
    let before = NOW.minus(Duration::from_millis(1));
    for (now, due) in [(before, 0), (NOW, 1), (next, 2), (LATER, 2)] {
        assert_eq!(slots(store, address, now).await, both[..due]);
        let page = deliverable(store, address, now).await;
        assert_eq!(page.parcels, both[..due].iter().map(parcel).collect::<Vec<_>>());
    }
}

pub(super) async fn a_slot_that_is_taken_stays_as_it_is(store: &impl Store, address: &Address) {
    let first = parcel(&delayed(NOW, "a"));
    let again = Parcel { message: message("a", 9), ..first.clone() };
    put_parcels(store, address, &[first.clone(), again]).await;
    assert_eq!(deliverable(store, address, NOW).await.parcels, [first]);
}

pub(super) async fn an_id_may_look_like_a_key(store: &impl Store, address: &Address) {
    let longest = "#".repeat(MESSAGE_ID_BYTES_MAX);
    let ids = ["#", "0#1", "a#b", "t#0000000000001#a", &longest];
    for id in ids {
        put_parcels(store, address, &[inbox(1, id), delayed(NOW, id)].each_ref().map(parcel)).await;
    }
    let mut expected: Vec<_> = ids.iter().map(|id| inbox(1, id)).collect();
    expected.extend(ids.iter().map(|id| delayed(NOW, id)));
    expected.sort();
    assert_eq!(slots(store, address, NOW).await, expected);
    let cancelled = store.cancel(address, &id("b"), LATER).await.expect("an answer");
    assert_eq!(cancelled, Cancelled::NotFound);
    let cancelled = store.cancel(address, &id("a#b"), LATER).await.expect("an answer");
    assert_eq!(cancelled, Cancelled::Done);
    store.remove_parcels(address, &expected).await.expect("an answer");
    assert_eq!(slots(store, address, NOW).await, []);
}

pub(super) async fn a_large_parcel_reads_back_as_it_was(store: &impl Store, address: &Address) {
    let slot = inbox(1, "large");
    let large = Parcel { message: message("large", MESSAGE_BYTES_MAX), ..parcel(&slot) };
    put_parcels(store, address, std::slice::from_ref(&large)).await;
    assert!(deliverable(store, address, NOW).await.parcels == [large]);
}

pub(super) async fn a_mailbox_larger_than_an_answer_is_read_to_its_end(
    store: &impl Store,
    address: &Address,
) {
    let large = |slot: Slot| Parcel {
        message: message(slot.id().as_str(), MESSAGE_BYTES_MAX),
        ..parcel(&slot)
    };
    let last = parcel(&delayed(NOW, "z"));
    let mut all: Vec<_> = (0..5).map(|n| large(delayed(NOW, &n.to_string()))).collect();
    all.push(last.clone());
    put_parcels(store, address, &all).await;
    let mut left = all.as_slice();
    loop {
        let page = store.inbox(address, NOW, 100).await.expect("an answer");
        let (read, behind) = left.split_at(page.parcels.len());
        assert!(!read.is_empty() && page.parcels == read);
        assert_eq!(page.more, !behind.is_empty());
        if behind.is_empty() {
            break;
        }
        let slots: Vec<_> = read.iter().map(|parcel| parcel.slot.clone()).collect();
        store.remove_parcels(address, &slots).await.expect("an answer");
        left = behind;
    }
    put_parcels(store, address, &all).await;
    assert_eq!(cancel(store, address, last.slot.id()).await, Cancelled::Done);
}

pub(super) async fn what_is_next_is_found_due_or_not(store: &impl Store, address: &Address) {
    let next = async |first| store.next(address, Sequence(first)).await.expect("an answer");
    // The record and the pieces of a state are no messages.
    commit_alone(store, address, |commit| {
        let state = crate::state::Write { state: Some(vec![1; 20_000].into()), chunks_before: 0 };
        Commit { state: Some(state), dead_letters: vec![letter(NOW, "dead")], ..commit }
    })
    .await;
    assert_eq!(next(1).await, Next::Nothing);
    let at = LATER.plus(SECOND);
    put_parcels(store, address, &[parcel(&delayed(at, "b")), timer(&delayed(LATER, "c"), "t")])
        .await;
    assert_eq!(next(1).await, Next::Delayed { at: LATER });
    put_parcels(store, address, &[parcel(&inbox(1, "a"))]).await;
    assert_eq!(next(1).await, Next::Inbox);
    put(store, address, &segment(1, &["x"])).await;
    assert_eq!(next(1).await, Next::Segment { expires: LATER });
    assert_eq!(next(2).await, Next::Inbox);
}

pub(super) async fn parcels_are_removed_whether_they_exist_or_not(
    store: &impl Store,
    address: &Address,
) {
    let all: Vec<_> = (0..60).map(|n| inbox(n, "a")).chain([delayed(LATER, "b")]).collect();
    let kept: Vec<_> = all.iter().step_by(20).cloned().collect();
    put_parcels(store, address, &all.iter().step_by(2).map(parcel).collect::<Vec<_>>()).await;
    let removed: Vec<_> = all.iter().filter(|slot| !kept.contains(slot)).cloned().collect();
    store.remove_parcels(address, &removed).await.expect("an answer");
    assert_eq!(slots(store, address, LATER).await, kept);
    store.remove_parcels(address, &[]).await.expect("nothing is no error");
}

async fn cancel(store: &impl Store, address: &Address, id: &MessageId) -> Cancelled {
    store.cancel(address, id, LATER).await.expect("an answer")
}

pub(super) async fn a_delayed_message_is_cancelled_once(store: &impl Store, address: &Address) {
    let slots_of = |names: [&str; 3]| names.map(|name| delayed(LATER, name));
    let all = slots_of(["a", "b", "c"]);
    put_parcels(store, address, &all.each_ref().map(parcel)).await;
    assert_eq!(cancel(store, address, &id("b")).await, Cancelled::Done);
    assert_eq!(cancel(store, address, &id("b")).await, Cancelled::NotFound);
    let [a, b, c] = all;
    assert_eq!(slots(store, address, LATER).await, [a, c]);
    let digest = parcel(&b).message.digest();
    let receipt = Reply { id: id("b"), outcome: Outcome::Cancelled, digest, expires: LATER };
    assert_eq!(reply_of(store, address, "b").await, Some(receipt));
}

pub(super) async fn only_a_delayed_message_without_reply_is_cancelled(
    store: &impl Store,
    address: &Address,
) {
    let in_inbox = parcel(&inbox(1, "inbox"));
    let of_a_timer = timer(&delayed(LATER, "timer"), "name");
    let answered = parcel(&delayed(LATER, "answered"));
    let all = [in_inbox, of_a_timer, answered];
    put_parcels(store, address, &all).await;
    let known = reply("answered", b"1");
    commit_alone(store, address, |commit| Commit { replies: vec![known.clone()], ..commit }).await;
    for name in ["inbox", "timer", "answered", "never-sent"] {
        assert_eq!(cancel(store, address, &id(name)).await, Cancelled::NotFound, "{name}");
    }
    let mut expected: Vec<Slot> = all.iter().map(|parcel| parcel.slot.clone()).collect();
    expected.sort();
    assert_eq!(slots(store, address, LATER).await, expected);
    assert_eq!(reply_of(store, address, "answered").await, Some(known));
    assert_eq!(reply_of(store, address, "timer").await, None);
}
