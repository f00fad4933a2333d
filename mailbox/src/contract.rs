//! What every store must do, as one suite of checks that take any store.
//!
//! Each check uses addresses of its own, so that a suite can run on tables
//! that hold other things. `salt` makes them differ from run to run.

use std::time::Duration;

use bytes::Bytes;

use crate::address::Address;
use crate::append::{Put, Tail};
use crate::clock::Timestamp;
use crate::commit::{Commit, Committed, LeaseAfter};
use crate::lease::{Lease, Terms, Wake, Woken};
use crate::message::{Kind, Message, MessageId, Segment, Sequence};
use crate::record::{Epoch, Record};
use crate::reply::{Outcome, Reply, ReplyKey};
use crate::store::{Due, Store};
use crate::sweep::{Action, Settle};

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const LATER: Timestamp = Timestamp(4_000_000_000_000);

/// Runs every check, and says which.
///
/// # Panics
/// When the store fails one.
pub async fn check(store: &impl Store, salt: &str) {
    macro_rules! run {
        ($($check:ident)*) => {$(
            println!("contract: {}", stringify!($check));
            $check(store, &address(stringify!($check), salt)).await;
        )*};
    }
    run! {
        a_segment_is_put_only_where_nothing_is
        the_tail_is_the_end_of_the_log
        segments_are_read_in_order_from_a_place
        a_large_segment_reads_back_as_it_was
        an_actor_without_record_is_leased_with_epoch_one
        a_live_lease_refuses_and_shows_the_record
        a_lost_answer_to_a_wake_is_found_again
        a_waiting_mailbox_refuses_until_its_time
        a_commit_is_all_of_the_record
        a_commit_without_state_keeps_the_stored_one
        a_commit_of_another_epoch_or_head_changes_nothing
        a_commit_with_a_known_reply_changes_nothing
        ninety_nine_replies_fit_in_one_commit
        replies_are_read_in_the_order_of_their_keys
        a_settle_needs_its_epoch
        due_is_cleared_only_from_an_idle_record
        due_records_are_found_in_order_of_time
    }
}

fn address(name: &str, salt: &str) -> Address {
    Address::new("contract.v1.Test", &format!("{name}/{salt}")).expect("a valid address")
}

fn id(text: &str) -> MessageId {
    MessageId::new(text).expect("a valid id")
}

fn message(name: &str, size: usize) -> Message {
    Message {
        id: id(name),
        kind: Kind::Ask,
        method: "Add".into(),
        payload: Bytes::from(vec![7; size]),
        sent_at: NOW,
        deadline: Some(LATER),
        headers: vec![("traceparent".into(), "00-ab-cd-01".into())],
    }
}

fn segment(first: u64, names: &[&str]) -> Segment {
    let messages: Vec<_> = names.iter().map(|name| message(name, 3)).collect();
    Segment::new(Sequence(first), &messages)
}

fn wake(now: Timestamp) -> Wake {
    Terms::default().wake(now, now.0)
}

fn reply(name: &str, body: &'static [u8]) -> Reply {
    Reply { id: id(name), outcome: Outcome::Ok(Bytes::from_static(body)), expires: LATER }
}

async fn put(store: &impl Store, address: &Address, segment: &Segment) -> Put {
    store.put_segment(address, segment, LATER).await.expect("an answer")
}

async fn leased(store: &impl Store, address: &Address, now: Timestamp) -> Lease {
    match store.wake(address, &wake(now)).await.expect("an answer") {
        Woken::Granted(lease) => lease,
        Woken::Refused(record) => panic!("refused by {record:?}"),
    }
}

async fn refused(store: &impl Store, address: &Address, wake: &Wake) -> Record {
    match store.wake(address, wake).await.expect("an answer") {
        Woken::Granted(lease) => panic!("granted: {lease:?}"),
        Woken::Refused(record) => record,
    }
}

async fn record(store: &impl Store, address: &Address) -> Record {
    store.record(address).await.expect("an answer").expect("a record")
}

fn commit(lease: &Lease, head: u64) -> Commit {
    Commit {
        address: lease.address.clone(),
        epoch: lease.epoch(),
        from: lease.record.head,
        head: Sequence(head),
        partial: 0,
        attempt: 0,
        state: None,
        replies: Vec::new(),
        lease: LeaseAfter::Released,
    }
}

async fn committed(store: &impl Store, commit: &Commit) -> Committed {
    store.commit(commit).await.expect("an answer")
}

async fn settled(
    store: &impl Store,
    address: &Address,
    epoch: Epoch,
    action: Action,
) -> Option<Record> {
    store.settle(address, &Settle { epoch, action }).await.expect("an answer")
}

async fn a_segment_is_put_only_where_nothing_is(store: &impl Store, address: &Address) {
    let first = segment(1, &["a", "b"]);
    assert_eq!(put(store, address, &first).await, Put::Stored);
    assert_eq!(put(store, address, &segment(1, &["c"])).await, Put::Occupied(first.clone()));
    assert_eq!(put(store, address, &first).await, Put::Occupied(first));
    assert_eq!(put(store, address, &segment(3, &["c"])).await, Put::Stored);
}

async fn the_tail_is_the_end_of_the_log(store: &impl Store, address: &Address) {
    let tail = async || store.tail(address).await.expect("an answer");
    assert_eq!(tail().await, Tail::found(None, None));
    put(store, address, &segment(1, &["a"])).await;
    let last = segment(2, &["b", "c", "d"]);
    put(store, address, &last).await;
    assert_eq!(tail().await, Tail::after(&last));
    // A head beyond every segment that is left: they have expired.
    let lease = leased(store, address, NOW).await;
    committed(store, &commit(&lease, 9)).await;
    assert_eq!(tail().await.sequence(), Sequence(9));
}

async fn segments_are_read_in_order_from_a_place(store: &impl Store, address: &Address) {
    let page = async |first, limit| {
        let page = store.deliverable(address, Sequence(first), limit).await.expect("an answer");
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
    assert!(
        store.deliverable(&other, Sequence(1), 9).await.expect("an answer").segments.is_empty()
    );
}

async fn a_large_segment_reads_back_as_it_was(store: &impl Store, address: &Address) {
    let large =
        Segment::new(Sequence(1), &[message("big", 256 * 1024), message("more", 100 * 1024)]);
    assert_eq!(put(store, address, &large).await, Put::Stored);
    let page = store.deliverable(address, Sequence(1), 1).await.expect("an answer");
    assert_eq!(page.segments, std::slice::from_ref(&large));
    assert_eq!(page.segments[0].messages().expect("messages"), large.messages().expect("messages"));
}

async fn an_actor_without_record_is_leased_with_epoch_one(store: &impl Store, address: &Address) {
    assert_eq!(store.record(address).await.expect("an answer"), None);
    let lease = leased(store, address, NOW).await;
    let expected = Record {
        epoch: Epoch(1),
        attempt: 1,
        lease_until: Some(wake(NOW).until),
        lease_token: NOW.0,
        due: Some(wake(NOW).due),
        ..Record::default()
    };
    assert_eq!(lease.record, expected);
    assert_eq!(record(store, address).await, expected);
}

async fn a_live_lease_refuses_and_shows_the_record(store: &impl Store, address: &Address) {
    let lease = leased(store, address, NOW).await;
    let soon = NOW.plus(Duration::from_secs(9));
    assert_eq!(refused(store, address, &wake(soon)).await, lease.record);
    let end = lease.record.lease_until.expect("a lease ends");
    let next = leased(store, address, end).await;
    assert_eq!((next.epoch(), next.record.attempt), (Epoch(2), 2));
}

async fn a_lost_answer_to_a_wake_is_found_again(store: &impl Store, address: &Address) {
    let lease = leased(store, address, NOW).await;
    assert_eq!(leased(store, address, NOW).await, lease);
    let other = Wake { token: 1, ..wake(NOW) };
    assert_eq!(refused(store, address, &other).await, lease.record);
}

async fn a_waiting_mailbox_refuses_until_its_time(store: &impl Store, address: &Address) {
    let lease = leased(store, address, NOW).await;
    let not_before = NOW.plus(Duration::from_secs(30));
    let deferred =
        Commit { lease: LeaseAfter::Deferred { not_before }, attempt: 3, ..commit(&lease, 0) };
    assert_eq!(committed(store, &deferred).await, Committed::Applied);
    let waiting = refused(store, address, &wake(NOW.plus(Duration::from_secs(29)))).await;
    assert_eq!((waiting.not_before, waiting.due), (Some(not_before), Some(not_before)));
    assert_eq!((waiting.attempt, waiting.lease_until), (3, None));
    let lease = leased(store, address, not_before).await;
    assert_eq!((lease.record.attempt, lease.record.not_before), (4, None));
}

async fn a_commit_is_all_of_the_record(store: &impl Store, address: &Address) {
    let lease = leased(store, address, NOW).await;
    let renewal = wake(NOW.plus(Duration::from_secs(60)));
    let first = Commit {
        state: Some(Bytes::from_static(b"one")),
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
        lease_until: Some(renewal.until),
        due: Some(renewal.due),
        state: Some(Bytes::from_static(b"one")),
        ..lease.record.clone()
    };
    assert_eq!(record(store, address).await, expected);
    let second = Commit { from: Sequence(5), ..commit(&lease, 6) };
    assert_eq!(committed(store, &second).await, Committed::Applied);
    let released =
        Record { head: Sequence(6), partial: 0, attempt: 0, lease_until: None, ..expected };
    assert_eq!(record(store, address).await, released);
}

async fn a_commit_without_state_keeps_the_stored_one(store: &impl Store, address: &Address) {
    for (state, replies) in
        [(Some(Bytes::new()), vec![]), (None, vec![]), (None, vec![reply("a", b"1")])]
    {
        let lease = leased(store, address, NOW).await;
        let head = lease.record.head.0 + 1;
        let commit = Commit { state, replies, ..commit(&lease, head) };
        assert_eq!(committed(store, &commit).await, Committed::Applied);
        assert_eq!(record(store, address).await.state, Some(Bytes::new()));
    }
}

async fn a_commit_of_another_epoch_or_head_changes_nothing(store: &impl Store, address: &Address) {
    let old = leased(store, address, NOW).await;
    let lease = leased(store, address, LATER).await;
    let key = [ReplyKey::new(address, &id("a"))];
    for replies in [vec![], vec![reply("a", b"1")]] {
        for stale in [
            Commit { replies: replies.clone(), ..commit(&old, 1) },
            Commit { replies: replies.clone(), from: Sequence(1), ..commit(&lease, 2) },
        ] {
            let conflict = Committed::Conflict(lease.record.clone());
            assert_eq!(committed(store, &stale).await, conflict);
        }
    }
    assert_eq!(record(store, address).await, lease.record);
    assert_eq!(store.replies(&key, NOW).await.expect("an answer"), [None]);
    // The one that arrives twice is refused the second time and shows itself.
    let twice = Commit { replies: vec![reply("a", b"1")], ..commit(&lease, 1) };
    assert_eq!(committed(store, &twice).await, Committed::Applied);
    let Committed::Conflict(shown) = committed(store, &twice).await else {
        panic!("the head has moved");
    };
    assert!(twice.is_in(&shown));
}

async fn a_commit_with_a_known_reply_changes_nothing(store: &impl Store, address: &Address) {
    let lease = leased(store, address, NOW).await;
    let first = Commit {
        replies: vec![reply("a", b"1")],
        lease: LeaseAfter::Renewed { until: LATER, due: LATER },
        ..commit(&lease, 1)
    };
    assert_eq!(committed(store, &first).await, Committed::Applied);
    let before = record(store, address).await;
    let again = Commit {
        from: Sequence(1),
        replies: vec![reply("b", b"2"), reply("a", b"3")],
        ..commit(&lease, 3)
    };
    assert_eq!(committed(store, &again).await, Committed::Duplicates(vec![id("a")]));
    assert_eq!(record(store, address).await, before);
    let keys = [ReplyKey::new(address, &id("a")), ReplyKey::new(address, &id("b"))];
    let replies = store.replies(&keys, NOW).await.expect("an answer");
    assert_eq!(replies, [Some(reply("a", b"1")), None]);
}

async fn ninety_nine_replies_fit_in_one_commit(store: &impl Store, address: &Address) {
    let lease = leased(store, address, NOW).await;
    let replies: Vec<_> = (0..99).map(|n| reply(&n.to_string(), b"body")).collect();
    let commit = Commit { replies, ..commit(&lease, 99) };
    assert_eq!(committed(store, &commit).await, Committed::Applied);
    let keys: Vec<_> = (0..99).map(|n| ReplyKey::new(address, &id(&n.to_string()))).collect();
    let read = store.replies(&keys, NOW).await.expect("an answer");
    assert_eq!(read.into_iter().flatten().collect::<Vec<_>>(), commit.replies);
}

async fn replies_are_read_in_the_order_of_their_keys(store: &impl Store, address: &Address) {
    let lease = leased(store, address, NOW).await;
    let status = Outcome::new(9, Bytes::from_static(b"status"));
    let failed = Reply { outcome: status, ..reply("failed", b"") };
    let old = Reply { expires: NOW, ..reply("old", b"1") };
    let commit =
        Commit { replies: vec![failed.clone(), old, reply("ok", b"2")], ..commit(&lease, 3) };
    assert_eq!(committed(store, &commit).await, Committed::Applied);
    let keys = ["ok", "none", "old", "failed"].map(|name| ReplyKey::new(address, &id(name)));
    let read = store.replies(&keys, NOW).await.expect("an answer");
    assert_eq!(read, [Some(reply("ok", b"2")), None, None, Some(failed)]);
    assert_eq!(store.replies(&[], NOW).await.expect("an answer"), []);
}

async fn a_settle_needs_its_epoch(store: &impl Store, address: &Address) {
    assert_eq!(settled(store, address, Epoch(0), Action::Fence).await, None);
    let lease = leased(store, address, NOW).await;
    assert_eq!(settled(store, address, Epoch(2), Action::Fence).await, None);
    let fenced =
        settled(store, address, Epoch(1), Action::Fence).await.expect("the epoch is right");
    let expected = Record { epoch: Epoch(2), lease_until: None, ..lease.record };
    assert_eq!(fenced, expected);
    assert_eq!(record(store, address).await, expected);
    // Nobody holds a lease that could be ended.
    let defer = |counts| Action::Defer { not_before: LATER, counts };
    assert_eq!(settled(store, address, Epoch(2), defer(true)).await, None);
    for (epoch, attempt, counts) in [(3, 1, false), (5, 2, true)] {
        let lease = leased(store, address, LATER).await;
        assert_eq!((lease.epoch(), lease.record.attempt), (Epoch(epoch), 2));
        let deferred = settled(store, address, Epoch(epoch), defer(counts)).await;
        let expected = Record {
            epoch: Epoch(epoch + 1),
            attempt,
            lease_until: None,
            not_before: Some(LATER),
            due: Some(LATER),
            ..lease.record
        };
        assert_eq!(deferred, Some(expected.clone()));
        assert_eq!(record(store, address).await, expected);
    }
}

async fn due_is_cleared_only_from_an_idle_record(store: &impl Store, address: &Address) {
    let lease = leased(store, address, NOW).await;
    let due = lease.record.due.expect("a lease is due");
    assert_eq!(settled(store, address, Epoch(1), Action::ClearDue).await, None);
    let wrong = Action::MoveDue { from: LATER, to: NOW };
    assert_eq!(settled(store, address, Epoch(1), wrong).await, None);
    let to = due.plus(Duration::from_secs(60));
    let moved = settled(store, address, Epoch(1), Action::MoveDue { from: due, to }).await;
    assert_eq!(moved.and_then(|record| record.due), Some(to));
    committed(store, &commit(&lease, 1)).await;
    let cleared = settled(store, address, Epoch(1), Action::ClearDue).await.expect("it is idle");
    assert_eq!(cleared.due, None);
    assert_eq!(record(store, address).await.due, None);
}

async fn due_records_are_found_in_order_of_time(store: &impl Store, address: &Address) {
    // Three actors of one shard.
    let shard = address.due_shard();
    let same_shard: Vec<_> = (0..)
        .map(|n| {
            Address::new(address.actor_type(), &format!("{}{n}", address.key())).expect("valid")
        })
        .filter(|other| other.due_shard() == shard)
        .take(3)
        .collect();
    let times = [LATER.plus(Duration::from_secs(120)), LATER, LATER.plus(Duration::from_secs(240))];
    for (other, time) in same_shard.iter().zip(times) {
        leased(store, other, time).await;
    }
    let due = async |by: Timestamp, limit| {
        let due = store.due(shard, by, None, limit).await.expect("an answer");
        let addresses = due.into_iter().map(|due| due.address);
        addresses.filter(|found| same_shard.contains(found)).collect::<Vec<_>>()
    };
    let [b, a, c] = &same_shard[..] else { unreachable!("three were taken") };
    let end = LATER.plus(Duration::from_secs(600));
    assert_eq!(due(end, 1_000).await, [a.clone(), b.clone(), c.clone()]);
    assert_eq!(due(LATER.plus(Duration::from_secs(190)), 1_000).await, [a.clone(), b.clone()]);
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
    let none = (shard + 1) % crate::limits::DUE_SHARDS;
    let others = store.due(none, end, None, 1_000).await.expect("an answer");
    assert!(others.iter().all(|due| due.address != *a));
}

#[cfg(test)]
mod tests {
    use crate::memory::MemoryStore;

    #[test]
    fn the_memory_store_keeps_the_contract() {
        futures::executor::block_on(super::check(&MemoryStore::default(), "memory"));
    }
}
