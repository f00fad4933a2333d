//! What the checks are made of.

use bytes::Bytes;

use crate::address::Address;
use crate::append::Put;
use crate::clock::Timestamp;
use crate::commit::{Commit, Committed, LeaseAfter};
use crate::dead_letter::DeadLetter;
use crate::lease::{Lease, Terms, Wake, Woken};
use crate::message::{Kind, Message, MessageId, Segment, Sequence};
use crate::parcel::{Parcel, Posted, Slot, Tick};
use crate::record::{Epoch, Record, Revision};
use crate::reply::{Outcome, Reply, ReplyKey};
use crate::store::{Page, Store};
use crate::sweep::{Action, Settle};

pub(super) const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// Far away, so that no database deletes by its own clock what expires then. A
/// whole second, as expiries are stored.
pub(super) const LATER: Timestamp = Timestamp(4_000_000_000_000);

pub(super) fn address(name: &str, salt: &str) -> Address {
    Address::new("contract.v1.Test", &format!("{name}/{salt}")).expect("a valid address")
}

/// Another actor of the same check.
pub(super) fn sibling(address: &Address, name: &str) -> Address {
    let key = format!("{}/{name}", address.key());
    Address::new(address.actor_type(), &key).expect("a valid address")
}

/// The address of an actor of a type that no other check and no other run has.
pub(super) fn of_own_type(address: &Address, key: &str) -> Address {
    let actor_type = format!("contract.v1.Test{:08x}", address.hash());
    Address::new(&actor_type, key).expect("a valid address")
}

pub(super) fn id(text: &str) -> MessageId {
    MessageId::new(text).expect("a valid id")
}

pub(super) fn message(name: &str, size: usize) -> Message {
    Message {
        id: id(name),
        kind: Kind::Ask,
        method: "Add".into(),
        payload: Bytes::from(vec![7; size]),
        sent_at: NOW,
        deadline: Some(LATER),
        headers: vec![("traceparent".into(), "00-ab-cd-01".into())],
        receipt: true,
        sender: Address::new("contract.v1.Sender", "a/b").ok(),
        answer_to: None,
    }
}

pub(super) fn segment(first: u64, names: &[&str]) -> Segment {
    let messages: Vec<_> = names.iter().map(|name| message(name, 3)).collect();
    Segment::new(Sequence(first), &messages)
}

pub(super) fn inbox(tick: u64, name: &str) -> Slot {
    Slot::Inbox { tick: Tick(tick), id: id(name) }
}

pub(super) fn delayed(at: Timestamp, name: &str) -> Slot {
    Slot::Delayed { at, id: id(name) }
}

pub(super) fn parcel(slot: &Slot) -> Parcel {
    let message = message(slot.id().as_str(), 3);
    Parcel { slot: slot.clone(), message, timer: None }
}

pub(super) fn timer(slot: &Slot, name: &str) -> Parcel {
    Parcel { timer: Some(name.into()), ..parcel(slot) }
}

pub(super) fn posted(to: &Address, parcel: Parcel) -> Posted {
    Posted { to: to.clone(), parcel }
}

pub(super) fn reply(name: &str, body: &'static [u8]) -> Reply {
    let outcome = Outcome::Ok(Bytes::from_static(body));
    Reply { id: id(name), outcome, digest: None, expires: LATER }
}

pub(super) fn letter(at: Timestamp, name: &str) -> DeadLetter {
    DeadLetter { message: message(name, 3), at, attempts: 20, error: format!("{name} failed") }
}

pub(super) fn wake(address: &Address, now: Timestamp) -> Wake {
    Terms::default().wake(address, now, now.0)
}

/// A commit that moves the head, releases the lease and carries over what the
/// record says beside.
pub(super) fn commit(lease: &Lease, head: u64) -> Commit {
    Commit {
        head: Sequence(head),
        partial: 0,
        attempt: 0,
        front: None,
        error: None,
        ..Commit::of(lease)
    }
}

/// The same for a commit after others under the lease, which goes on.
pub(super) fn renewing(lease: &Lease, revision: u64) -> Commit {
    let renewed = LeaseAfter::Renewed { until: LATER, due: LATER };
    Commit {
        revision: Revision(revision),
        lease: renewed,
        attempt: 1,
        ..commit(lease, lease.record.head.0)
    }
}

pub(super) async fn put(store: &impl Store, address: &Address, segment: &Segment) -> Put {
    store.put_segment(address, segment, LATER).await.expect("an answer")
}

pub(super) async fn put_parcels(store: &impl Store, address: &Address, parcels: &[Parcel]) {
    for parcel in parcels {
        store.put_parcel(address, parcel).await.expect("an answer");
    }
}

pub(super) async fn leased(store: &impl Store, address: &Address, now: Timestamp) -> Lease {
    match store.wake(address, &wake(address, now)).await.expect("an answer") {
        Woken::Granted(lease) => lease,
        Woken::Refused(record) => panic!("refused by {record:?}"),
    }
}

pub(super) async fn refused(store: &impl Store, address: &Address, wake: &Wake) -> Record {
    match store.wake(address, wake).await.expect("an answer") {
        Woken::Granted(lease) => panic!("granted: {lease:?}"),
        Woken::Refused(record) => record,
    }
}

pub(super) async fn record(store: &impl Store, address: &Address) -> Record {
    store.record(address).await.expect("an answer").expect("a record")
}

pub(super) async fn committed(store: &impl Store, commit: &Commit) -> Committed {
    store.commit(commit).await.expect("an answer")
}

/// Makes a commit under a lease of its own.
pub(super) async fn commit_alone(
    store: &impl Store,
    address: &Address,
    change: impl FnOnce(Commit) -> Commit,
) {
    let lease = leased(store, address, NOW).await;
    let commit = change(commit(&lease, lease.record.head.0 + 1));
    assert_eq!(committed(store, &commit).await, Committed::Applied);
}

pub(super) async fn settled(
    store: &impl Store,
    address: &Address,
    epoch: Epoch,
    action: Action,
) -> Option<Record> {
    store.settle(address, &Settle { epoch, action }).await.expect("an answer")
}

/// All that is deliverable of a mailbox.
pub(super) async fn deliverable(store: &impl Store, address: &Address, now: Timestamp) -> Page {
    let page = store.deliverable(address, Sequence(1), now, 100).await.expect("an answer");
    assert!(!page.more, "the mailbox is small");
    page
}

/// The slots of the parcels that are due.
pub(super) async fn slots(store: &impl Store, address: &Address, now: Timestamp) -> Vec<Slot> {
    let page = store.inbox(address, now, 100).await.expect("an answer");
    assert!(page.segments.is_empty() && !page.more);
    page.parcels.into_iter().map(|parcel| parcel.slot).collect()
}

pub(super) async fn reply_of(store: &impl Store, address: &Address, name: &str) -> Option<Reply> {
    let keys = [ReplyKey::new(address, &id(name))];
    store.replies(&keys, NOW).await.expect("an answer").pop().expect("one for each key")
}
