//! What is left when all is quiet, and whether it is what was promised.

use std::collections::{BTreeMap, BTreeSet};

use callboard_mailbox::message::Kind;
use callboard_mailbox::reply::{Outcome, ReplyKey};
use callboard_mailbox::store::snapshot;
use callboard_mailbox::{Address, Record, Sequence, Store, Timestamp};
use callboard_mailbox_dynamodb::DynamoDbStore;
use prost::Message as _;

use super::actor::{Moody, Told, refusal};
use super::deed::Deed;
use super::gateways::LEDGER;
use super::letter::{Letter, Way, is_letter, letters};
use super::load::{self, Seen};
use super::mood::Mood;
use crate::history::{Actor, Digest, Event, Message, Reason, Reply};
use crate::ledger::from_stored;
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

/// What is left of an actor.
struct Left {
    actor: Actor,
    record: Record,
    log: Vec<Logged>,
    /// The messages that were set aside.
    dead: BTreeSet<Message>,
    ledger: Moody,
}

/// What all actors together know.
struct Known {
    /// Where each letter stands that took effect.
    places: BTreeMap<Message, (Actor, u64)>,
    /// The messages that were set aside.
    dead: BTreeSet<Message>,
}

/// Reads what the actors have committed into the history, and tells what is wrong
/// with it that a history does not show.
pub(super) async fn read(
    store: &DynamoDbStore,
    actors: impl Iterator<Item = Actor>,
    seen: &mut Seen,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut all = Vec::new();
    for actor in actors {
        all.push(Left::read(store, actor, &mut wrong).await);
    }
    let known = Known::of(&all);
    for left in &all {
        let named = |what: String| format!("{}: {what}", left.actor);
        wrong.extend(left.judge(&known, seen).into_iter().map(named));
        wrong.extend(replies_differ(store, left, seen).await);
    }
    wrong
}

impl Left {
    async fn read(store: &DynamoDbStore, actor: Actor, wrong: &mut Vec<String>) -> Self {
        let address = address(actor);
        let snapshot = snapshot(store, &address).await.expect("nothing goes wrong any more");
        let (record, state) = snapshot.unwrap_or_default();
        let log = log(store, &address).await;
        let letters = store.dead_letters(&address, None, PAGE).await;
        let mut dead = BTreeSet::new();
        for letter in letters.expect("nothing goes wrong any more") {
            let method = &letter.message.method;
            match sent(method, &letter.message.payload) {
                Some(message) => drop(dead.insert(message)),
                None => wrong.push(format!("{actor}: {method} was set aside: {}", letter.error)),
            }
        }
        let ledger = match &state {
            Some(state) => from_stored(state).expect("the state is a ledger"),
            None => Moody::default(),
        };
        Self { actor, record, log, dead, ledger }
    }

    /// The entries, each with its place.
    fn entries(&self) -> impl Iterator<Item = (u64, Message)> {
        let message = |&(sender, number)| Message { sender, number };
        (1..).zip(self.ledger.entries.iter().map(message))
    }

    /// What it has sent to other ledgers, in order.
    fn letters(&self) -> impl Iterator<Item = Letter> {
        self.entries().flat_map(|(place, message)| letters(self.actor, place, message))
    }

    /// Writes down what it did, and tells what is wrong with that.
    fn judge(&self, known: &Known, seen: &mut Seen) -> Vec<String> {
        let actor = self.actor;
        let mut wrong: Vec<_> = effects_differ(self).into_iter().collect();
        // One that was sent again is in the log again.
        let mut copies: BTreeMap<Message, usize> = BTreeMap::new();
        self.log.iter().for_each(|logged| *copies.entry(logged.message).or_default() += 1);
        for logged in self.log.iter().filter(|logged| copies[&logged.message] == 1) {
            wrong.extend(misplaced(seen, logged));
        }
        for message in &self.dead {
            let (message, reason) = (*message, Reason::DeadLettered);
            seen.history.push(Event::SetAside { message, reason });
        }
        for (place, message) in self.entries() {
            let reply = known.answer(actor, place, message).map(digest);
            seen.history.push(Event::Effect { actor, place, message, epoch: None, reply });
        }
        for letter in self.letters() {
            seen.letter(&letter);
        }
        for message in seen.delayed(actor) {
            if Mood::of(message) == Mood::Refusing && !is_letter(message) {
                seen.history.push(Event::Reply { message, reply: refused() });
            }
        }
        wrong.extend(self.answers_differ(known, seen));
        let open = self.ledger.open.len();
        wrong.extend((open > 0).then(|| format!("{open} promises are not kept")));
        let [by_message, by_timer] = self.ledger.kept;
        seen.deeds.count(Deed::KeptByMessage, by_message);
        seen.deeds.count(Deed::KeptByTimer, by_timer);
        wrong
    }

    /// Each ask has one answer, which is that of the other ledger, or a time-out; and
    /// what one ledger answers at once keeps its order.
    fn answers_differ(&self, known: &Known, seen: &mut Seen) -> Vec<String> {
        let mut wrong = Vec::new();
        let asks = self.letters().filter(|letter| matches!(letter.way, Way::Ask | Way::AskFor(_)));
        let asks: BTreeMap<u64, Letter> = asks.map(|ask| (ask.message.number, ask)).collect();
        let mut answered: BTreeMap<u64, u32> = BTreeMap::new();
        let mut latest: BTreeMap<Actor, u64> = BTreeMap::new();
        for (number, told) in &self.ledger.told {
            let Some(&Letter { to, way, message }) = asks.get(number) else {
                wrong.push(format!("it never asked what is answered, {number}: {told:?}"));
                continue;
            };
            *answered.entry(*number).or_default() += 1;
            let mood = Mood::of(message);
            let is_right = match told {
                Told::TimedOut => matches!(way, Way::AskFor(_)),
                Told::Refused(text) if *text == refusal().message() => mood == Mood::Refusing,
                Told::Refused(_) => known.dead.contains(&message),
                Told::Recorded(_) => mood != Mood::Refusing,
            };
            if !is_right {
                wrong.push(format!("its ask {message} to {to}, {way:?}, ended with {told:?}"));
            }
            match told {
                Told::TimedOut => seen.deeds.count(Deed::TimeOut, 1),
                Told::Refused(_) => {
                    seen.deeds.count(Deed::Refusal, 1);
                    seen.history.push(Event::Reply { message, reply: refused() });
                }
                Told::Recorded(place) => {
                    seen.deeds.count(Deed::Response, 1);
                    let reply = Reply::Response(digest(*place));
                    seen.history.push(Event::Reply { message, reply });
                }
            }
            let is_at_once = !matches!(mood, Mood::Promising | Mood::Forwarding);
            if is_at_once && *told != Told::TimedOut {
                let latest = latest.entry(to).or_default();
                if *number < *latest {
                    wrong.push(format!("{to} answered {latest} before {number}"));
                }
                *latest = *number.max(latest);
            }
        }
        for (number, ask) in &asks {
            match answered.get(number) {
                Some(1) => {}
                times => {
                    let times = times.copied().unwrap_or_default();
                    let Letter { to, message, .. } = ask;
                    wrong.push(format!("its ask {message} to {to} was answered {times} times"));
                }
            }
        }
        wrong
    }
}

impl Known {
    fn of(all: &[Left]) -> Self {
        let entries = all
            .iter()
            .flat_map(|left| left.entries().map(|(place, message)| (message, (left.actor, place))));
        Self {
            places: entries.filter(|(message, _)| is_letter(*message)).collect(),
            dead: all.iter().flat_map(|left| left.dead.iter().copied()).collect(),
        }
    }

    /// The place that whoever waits for an entry is told: that in the ledger to which
    /// it was forwarded; `None` when it never got there.
    fn answer(&self, actor: Actor, place: u64, message: Message) -> Option<u64> {
        let mut forwards = letters(actor, place, message).into_iter();
        match forwards.find(|letter| letter.way == Way::Forward) {
            Some(Letter { message, .. }) => {
                let (actor, place) = self.places.get(&message)?;
                self.answer(*actor, *place, message)
            }
            None => Some(place),
        }
    }
}

/// The response that names a place.
fn digest(place: u64) -> Digest {
    Digest::of(&RecordResponse { place }.encode_to_vec())
}

/// The reply of a message that is refused for good, where its bytes are not known.
fn refused() -> Reply {
    Reply::Status(Digest::of(refusal().message().as_bytes()))
}

/// Reads the replies to the messages of a log into the history, and tells which
/// of them exist and should not, or the other way round.
async fn replies_differ(store: &DynamoDbStore, left: &Left, seen: &mut Seen) -> Vec<String> {
    let Left { actor, record, log, .. } = left;
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
        let is_open = |reply: &Stored| *reply == Stored::Open;
        if is_consumed && logged.kind == Kind::Ask && reply.as_ref().is_some_and(is_open) {
            wrong.push(format!("{actor}: {message} was never answered"));
        }
        let reply = match logged.kind {
            Kind::Ask => match reply {
                Some(Stored::Made(reply)) => Some(reply),
                Some(Stored::Open | Stored::Other) | None => None,
            },
            // Nobody is told that a tell is refused, so it is known from here.
            Kind::Tell if is_refused(logged) && is_consumed => Some(refused()),
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
                message: sent(&message.method, &message.payload).expect("gateways send entries"),
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

/// What was sent; `None` when it is no entry.
fn sent(method: &str, payload: &[u8]) -> Option<Message> {
    let read = "the gateway checks what is sent";
    match method {
        "Record" => {
            let RecordRequest { sender, number, .. } = RecordRequest::decode(payload).expect(read);
            Some(Message { sender, number })
        }
        "Note" => {
            let NoteRequest { sender, number, .. } = NoteRequest::decode(payload).expect(read);
            Some(Message { sender, number })
        }
        _ => None,
    }
}

fn is_refused(logged: &Logged) -> bool {
    Mood::of(logged.message) == Mood::Refusing
}

/// The effects are the log up to the head, less what was refused, in its order.
fn effects_differ(left: &Left) -> Option<String> {
    let Left { record, log, dead, ledger, .. } = left;
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

/// A reply that is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stored {
    /// An actor has made it.
    Made(Reply),
    /// It is still to come.
    Open,
    /// No actor has made it.
    Other,
}

/// The reply to each message of a log, if it has one.
async fn replies(store: &DynamoDbStore, log: &[Logged]) -> Vec<Option<Stored>> {
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

fn content(reply: callboard_mailbox::Reply) -> Stored {
    match reply.outcome {
        Outcome::Ok(body) => Stored::Made(Reply::Response(Digest::of(&body))),
        Outcome::Failed { status, .. } => Stored::Made(Reply::Status(Digest::of(&status))),
        Outcome::Later => Stored::Open,
        Outcome::DeadLettered { .. } | Outcome::Cancelled => Stored::Other,
    }
}
