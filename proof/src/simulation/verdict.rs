//! What is left when all is quiet, and whether it is what was promised.

use std::collections::{BTreeMap, BTreeSet};

use callboard_mailbox::message::Kind;
use callboard_mailbox::reply::{Outcome, ReplyKey};
use callboard_mailbox::store::snapshot;
use callboard_mailbox::{Address, Record, Sequence, Store, Timestamp};
use callboard_mailbox_dynamodb::DynamoDbStore;
use prost::Message as _;

use super::actor::{Mood, forwarded, is_forwarded, refusal};
use super::gateways::LEDGER;
use super::load::{self, Seen};
use crate::history::{Actor, Digest, Event, Message, Reason, Reply};
use crate::ledger::Ledger;
use crate::ledger::v1::{NoteRequest, RecordRequest, RecordResponse};

/// How many segments one query asks for.
const PAGE: usize = 1_000;

/// How many replies are read at once.
const REPLIES_MAX: usize = 100;

/// A message in an actor's log.
struct Logged {
    message: Message,
    sequence: Sequence,
    kind: Kind,
    reply: ReplyKey,
}

/// Reads what an actor has committed into the history, and tells what is wrong
/// with it that a history does not show.
pub(super) async fn read(store: &DynamoDbStore, actor: Actor, seen: &mut Seen) -> Vec<String> {
    let address = address(actor);
    let snapshot = snapshot(store, &address).await.expect("nothing goes wrong any more");
    let (record, state) = snapshot.unwrap_or_default();
    let log = log(store, &address).await;
    let dead = store.dead_letters(&address, None, PAGE).await.expect("nothing goes wrong any more");
    let dead: BTreeSet<_> =
        dead.iter().map(|letter| sent(&letter.message.method, &letter.message.payload)).collect();
    let ledger: Ledger = match &state {
        Some(state) => Ledger::from_stored(state).expect("the state is a ledger"),
        None => Ledger::default(),
    };
    let mut wrong = Vec::new();
    let differ = effects_differ(&record, &log, &dead, &ledger);
    wrong.extend(differ.map(|what| format!("{actor}: {what}")));
    // One that was sent again is in the log again.
    let mut copies: BTreeMap<Message, usize> = BTreeMap::new();
    log.iter().for_each(|logged| *copies.entry(logged.message).or_default() += 1);
    for logged in log.iter().filter(|logged| copies[&logged.message] == 1) {
        wrong.extend(misplaced(seen, logged).map(|what| format!("{actor}: {what}")));
    }
    for message in &dead {
        let (message, reason) = (*message, Reason::DeadLettered);
        seen.history.push(Event::SetAside { message, reason });
    }
    for (place, entry) in (1..).zip(&ledger.entries) {
        let reply = Some(Digest::of(&RecordResponse { place }.encode_to_vec()));
        let message = Message { sender: entry.0, number: entry.1 };
        seen.history.push(Event::Effect { actor, place, message, epoch: None, reply });
        if let Some((to, (sender, number))) = forwarded(actor.0, place, *entry) {
            seen.forwarded(Message { sender, number }, Actor(to));
        }
    }
    for message in seen.delayed(actor) {
        if is_refused_for_good(&message) && !is_forwarded(message.sender) {
            let reply = Reply::Status(Digest::of(refusal().message().as_bytes()));
            seen.history.push(Event::Reply { message, reply });
        }
    }
    wrong.extend(replies_differ(store, actor, &record, &log, seen).await);
    wrong
}

/// Reads the replies to the messages of a log into the history, and tells which
/// of them exist and should not, or the other way round.
async fn replies_differ(
    store: &DynamoDbStore,
    actor: Actor,
    record: &Record,
    log: &[Logged],
    seen: &mut Seen,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let head = log.iter().filter(|logged| logged.sequence <= record.head);
    let consumed: BTreeSet<_> = head.map(|logged| logged.message).collect();
    let mut known = BTreeSet::new();
    let replies = replies(store, log).await;
    for (logged, reply) in log.iter().zip(replies) {
        let message = logged.message;
        // One that was sent again is in the log again, and has one reply.
        if !known.insert(message) {
            continue;
        }
        let is_consumed = consumed.contains(&message);
        if logged.kind == Kind::Ask && reply.is_some() != is_consumed {
            let (has, is) = (reply.is_some(), is_consumed);
            wrong.push(format!("{actor}: {message}: has a reply: {has}, is consumed: {is}"));
        }
        let reply = match logged.kind {
            Kind::Ask => reply.flatten(),
            // Nobody is told that a tell is refused, so it is known from here.
            Kind::Tell if is_refused(logged) && is_consumed => {
                Some(Reply::Status(Digest::of(refusal().message().as_bytes())))
            }
            Kind::Tell => None,
        };
        if let Some(reply) = reply {
            seen.history.push(Event::Reply { message, reply });
        }
    }
    wrong
}

/// Whether nobody has anything to do with an actor any more.
pub(super) async fn is_quiet(store: &DynamoDbStore, actor: Actor) -> bool {
    let record = store.record(&address(actor)).await.expect("nothing goes wrong any more");
    record.is_none_or(|record| record.due.is_none() && record.is_idle())
}

fn address(actor: Actor) -> Address {
    Address::new(LEDGER, &load::key(actor)).expect("the key is valid")
}

async fn log(store: &DynamoDbStore, address: &Address) -> Vec<Logged> {
    let mut log = Vec::new();
    let mut first = Sequence(1);
    loop {
        let page = store.deliverable(address, first, Timestamp(0), PAGE).await;
        let page = page.expect("nothing goes wrong any more");
        for segment in &page.segments {
            let messages = segment.messages().expect("a segment can be read");
            log.extend(messages.into_iter().map(|(sequence, message)| Logged {
                message: sent(&message.method, &message.payload),
                sequence,
                kind: message.kind,
                reply: ReplyKey::new(address, &message.id),
            }));
            first = segment.last().next();
        }
        if !page.more {
            return log;
        }
    }
}

fn sent(method: &str, payload: &[u8]) -> Message {
    let read = "the gateway checks what is sent";
    match method {
        "Record" => {
            let RecordRequest { sender, number, .. } = RecordRequest::decode(payload).expect(read);
            Message { sender, number }
        }
        _ => {
            let NoteRequest { sender, number, .. } = NoteRequest::decode(payload).expect(read);
            Message { sender, number }
        }
    }
}

fn is_refused(logged: &Logged) -> bool {
    is_refused_for_good(&logged.message)
}

fn is_refused_for_good(message: &Message) -> bool {
    Mood::at(message.number) == Mood::Refusing
}

/// The effects are the log up to the head, less what was refused, in its order.
fn effects_differ(
    record: &Record,
    log: &[Logged],
    dead: &BTreeSet<Message>,
    ledger: &Ledger,
) -> Option<String> {
    let hole = log.iter().zip(1..).find(|(logged, place)| logged.sequence != Sequence(*place));
    if let Some((logged, place)) = hole {
        return Some(format!("the log has {} where {place} must be", logged.sequence));
    }
    let consumed = log.iter().filter(|logged| logged.sequence <= record.head);
    let mut known = BTreeSet::new();
    let expected: Vec<_> = consumed
        .filter(|logged| known.insert(logged.message))
        // A delay that is over at once leads to the log.
        .filter(|logged| !load::is_delayed(logged.message.sender))
        .filter(|logged| !is_refused(logged) && !dead.contains(&logged.message))
        .map(|logged| (logged.message.sender, logged.message.number))
        .collect();
    // Delayed messages and those of other actors are not in the log.
    let is_of_log = |entry: &&(u32, u64)| !load::is_delayed(entry.0);
    let entries: Vec<_> = ledger.entries.iter().filter(is_of_log).copied().collect();
    let place = expected.iter().zip(&entries).position(|(log, entry)| log != entry);
    if let Some(place) = place {
        let (log, entry) = (expected[place], entries[place]);
        return Some(format!("effect {} is {entry:?}, and the log has {log:?}", place + 1));
    }
    let (effects, logged) = (entries.len(), expected.len());
    (effects != logged).then(|| format!("{effects} effects of {logged} consumed messages"))
}

/// A message stands where its sender was told, and behind all places that
/// anybody had been told of before it was sent.
fn misplaced(seen: &Seen, logged: &Logged) -> Option<String> {
    let Logged { message, sequence, .. } = logged;
    let told = seen.places.get(message).filter(|told| *told != sequence);
    if let Some(told) = told {
        return Some(format!("{message} is at {sequence}, and its sender was told {told}"));
    }
    let floor = seen.floors.get(message).filter(|floor| *floor >= sequence);
    floor.map(|floor| format!("{message} is at {sequence}, and {floor} was known before it"))
}

/// The reply to each message of a log, if it has one; its content, if an actor has
/// made it.
async fn replies(store: &DynamoDbStore, log: &[Logged]) -> Vec<Option<Option<Reply>>> {
    let mut replies = Vec::new();
    for some in log.chunks(REPLIES_MAX) {
        let mut keys: Vec<_> = some.iter().map(|logged| logged.reply.clone()).collect();
        keys.sort();
        keys.dedup();
        let found = store.replies(&keys, Timestamp(0)).await.expect("nothing goes wrong any more");
        let found: BTreeMap<_, _> = keys.into_iter().zip(found).collect();
        replies.extend(some.iter().map(|logged| found[&logged.reply].clone().map(content)));
    }
    replies
}

fn content(reply: callboard_mailbox::Reply) -> Option<Reply> {
    match reply.outcome {
        Outcome::Ok(body) => Some(Reply::Response(Digest::of(&body))),
        Outcome::Failed { status, .. } => Some(Reply::Status(Digest::of(&status))),
        Outcome::DeadLettered { .. } | Outcome::Cancelled | Outcome::Later => None,
    }
}
