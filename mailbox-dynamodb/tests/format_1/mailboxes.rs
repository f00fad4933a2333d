//! Mailboxes that between them have an item of every kind, with every attribute.

use bytes::Bytes;
use callboard_mailbox::commit::{Answered, Commit, Committed, LeaseAfter};
use callboard_mailbox::dead_letter::DeadLetter;
use callboard_mailbox::lease::{Lease, Wake, Woken};
use callboard_mailbox::limits::STATE_CHUNK_BYTES_MAX;
use callboard_mailbox::message::{AnswerTo, Digest, Kind};
use callboard_mailbox::parcel::{Parcel, PendingWake, Posted, Slot, Tick};
use callboard_mailbox::reply::Outcome;
use callboard_mailbox::state;
use callboard_mailbox::store::Cancelled;
use callboard_mailbox::{Address, Message, MessageId, Reply, Segment, Sequence, Store, Timestamp};

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);
const SOON: Timestamp = Timestamp(1_700_000_005_000);

/// So late that no database deletes what expires then.
const EXPIRES: Timestamp = Timestamp(4_000_000_000_000);

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The keys of the actors.
pub(crate) const ACTORS: [&str; 5] = ["queued", "leased", "deferred", "suspended", "other/#~é"];

/// The ids of the messages that have a reply or a receipt.
pub(crate) const ANSWERED: [&str; 6] = ["ask", "tell", "failed", "dead", "forwarded", "cancelled"];

pub(crate) fn address(key: &str) -> Address {
    Address::new("golden.v1.Actor", key).expect("an address")
}

pub(crate) fn id(text: &str) -> MessageId {
    MessageId::new(text).expect("an id")
}

/// A message with nothing that could be missing.
fn tell(name: &str) -> Message {
    Message::new(id(name), Kind::Tell, "Note", Bytes::from_static(b"\x10\x05"), NOW)
}

/// An ask of a caller who chose its id.
fn ask(name: &str) -> Message {
    Message {
        kind: Kind::Ask,
        method: "Add".into(),
        deadline: Some(SOON),
        headers: [("traceparent", TRACEPARENT), ("callboard-principal", "alice")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        receipt: true,
        ..tell(name)
    }
}

/// A message of an actor, with somebody who waits for its outcome.
fn sent(name: &str, answer_to: AnswerTo) -> Message {
    let answer_to = Some(Box::new(answer_to));
    Message { sender: Some(address("other/#~é")), answer_to, ..tell(name) }
}

/// An actor that has asked.
fn actor() -> AnswerTo {
    AnswerTo::Actor {
        address: address("leased"),
        id: id("answer"),
        method: "OnAdded".into(),
        token: Bytes::from_static(b"\x01\"why\""),
        traceparent: Some(TRACEPARENT.into()),
    }
}

/// A caller whose ask was forwarded.
fn caller() -> AnswerTo {
    AnswerTo::Caller {
        address: address("leased"),
        id: id("forwarded"),
        digest: Some(Digest::of("Add", b"\x10\x05")),
        traceparent: Some(TRACEPARENT.into()),
    }
}

fn inbox(tick: u64, name: &str) -> Slot {
    Slot::Inbox { tick: Tick(tick), id: id(name) }
}

fn delayed(name: &str) -> Slot {
    Slot::Delayed { at: SOON, id: id(name) }
}

fn parcel(slot: Slot, message: Message) -> Parcel {
    Parcel { slot, message, timer: None }
}

fn timer(name: &str, timer: &str) -> Parcel {
    Parcel { timer: Some(timer.into()), ..parcel(delayed(name), tell(name)) }
}

fn reply(name: &str, outcome: Outcome, digest: Option<Digest>) -> Reply {
    Reply { id: id(name), outcome, digest, expires: EXPIRES }
}

/// Makes them, in a store that has none of them.
pub(crate) async fn make(store: &impl Store) {
    queued(store).await;
    leased(store).await;
    deferred(store).await;
    suspended(store).await;
}

/// Messages that nobody has run yet, and one that was cancelled.
async fn queued(store: &impl Store) {
    let to = address("queued");
    put(store, &to, 1, &[ask("ask"), tell("tell")]).await;
    put(store, &to, 3, &[tell("another")]).await;
    for parcel in [
        parcel(inbox(1_700_000_000_000_007, "asked"), sent("asked", actor())),
        parcel(inbox(1_700_000_000_000_008, "relayed"), sent("relayed", caller())),
        parcel(delayed("later"), tell("later")),
        parcel(delayed("cancelled"), ask("cancelled")),
    ] {
        store.put_parcel(&to, &parcel).await.expect("it is put");
    }
    store.schedule(&to, SOON).await.expect("it is scheduled");
    let cancelled = store.cancel(&to, &id("cancelled"), EXPIRES).await.expect("an answer");
    assert_eq!(cancelled, Cancelled::Done);
}

/// An actor that runs.
async fn leased(store: &impl Store) {
    let to = address("leased");
    put(store, &to, 1, &[ask("ask")]).await;
    lease(store, &to).await;
}

/// An actor that has done all that a commit can do, and waits because a message failed.
async fn deferred(store: &impl Store) {
    let to = address("deferred");
    put(store, &to, 1, &[ask("ask"), tell("tell"), ask("failed"), ask("dead")]).await;
    let consumed = parcel(inbox(1_700_000_000_000_009, "consumed"), tell("consumed"));
    store.put_parcel(&to, &consumed).await.expect("it is put");
    let lease = lease(store, &to).await;
    let posted = parcel(inbox(1_700_000_000_000_010, "posted"), sent("posted", actor()));
    let commit = Commit {
        run: 11,
        head: Sequence(3),
        partial: 3,
        attempt: 2,
        front: Some(inbox(1_700_000_000_000_010, "front")),
        error: Some("it failed".into()),
        state: Some(state::Write { state: Some(b"\x01\x00{}"[..].into()), chunks_before: 0 }),
        timers: [("interval".to_owned(), delayed("rings"))].into(),
        tick: Tick(1_700_000_000_000_011),
        wakes: [None, Some(SOON)].map(|at| PendingWake { address: address("queued"), at }).into(),
        lease: LeaseAfter::Deferred { not_before: SOON },
        consumed: vec![consumed.slot],
        posted: vec![
            Posted { to: address("other/#~é"), parcel: posted },
            Posted { to: to.clone(), parcel: timer("rings", "interval") },
        ],
        replies: vec![
            reply("ask", Outcome::Ok(b"\x08\x05"[..].into()), Some(Digest::of("Add", b""))),
            reply("tell", Outcome::Ok(Bytes::new()), None),
            reply("failed", Outcome::Failed { code: 9, status: b"\x08\x09"[..].into() }, None),
            reply("dead", Outcome::DeadLettered { attempts: 2, error: "it failed".into() }, None),
        ],
        answers: vec![Answered {
            address: address("leased"),
            reply: reply("forwarded", Outcome::Later, Some(Digest::of("Add", b"\x10\x05"))),
        }],
        dead_letters: vec![DeadLetter {
            message: ask("dead"),
            at: NOW,
            attempts: 2,
            error: "it failed".into(),
        }],
        ..Commit::of(&lease)
    };
    committed(store, &commit).await;
}

/// A mailbox that is paused, of an actor with a large state.
async fn suspended(store: &impl Store) {
    let lease = lease(store, &address("suspended")).await;
    let large = [vec![b'a'; STATE_CHUNK_BYTES_MAX], b"bc".to_vec()].concat();
    let commit = Commit {
        run: 12,
        state: Some(state::Write { state: Some(large.into()), chunks_before: 0 }),
        lease: LeaseAfter::Suspended { reason: "it failed for good".into() },
        ..Commit::of(&lease)
    };
    committed(store, &commit).await;
}

async fn put(store: &impl Store, to: &Address, first: u64, messages: &[Message]) {
    let segment = Segment::new(Sequence(first), messages);
    store.put_segment(to, &segment, EXPIRES).await.expect("it is put");
}

async fn lease(store: &impl Store, to: &Address) -> Lease {
    let wake = Wake { token: 7, now: NOW, until: SOON, due: EXPIRES };
    match store.wake(to, &wake).await.expect("an answer") {
        Woken::Granted(lease) => lease,
        Woken::Refused(record) => panic!("refused by {record:?}"),
    }
}

async fn committed(store: &impl Store, commit: &Commit) {
    assert_eq!(store.commit(commit).await.expect("an answer"), Committed::Applied);
}
