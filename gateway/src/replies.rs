//! Callers that wait for a reply.
//!
//! A reply comes with the result of the invocation that made it, where this
//! gateway made that invocation. For the others, and for replies that were
//! committed long before their invocation ends, the reply table is read: many
//! waiting asks in one request, each less and less often. It is read more often
//! for an ask whose message is done and whose answer comes later, from another
//! message or another actor: no invocation that is known here brings it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use callboard_mailbox::clock::Clock;
use callboard_mailbox::message::Digest;
use callboard_mailbox::reply::{Outcome, ReplyKey};
use callboard_mailbox::{Address, Reply, Store};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::refusal::{Refusal, Stored};

/// How soon the table is first read for an ask. Most replies come before that
/// with the result of their invocation.
const FIRST_READ: Duration = Duration::from_millis(30);

/// How soon the table is first read for an ask that was left open. Each wait is a
/// tenth longer than the one before: an answer that took a second is seen within
/// an eighth of one, and a minute of waiting costs some 140 reads.
const FIRST_READ_OPEN: Duration = Duration::from_millis(25);

/// The longest time between two reads for one ask.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// The most replies in one read: DynamoDB's own limit for a batch.
const BATCH_MAX: usize = 100;

/// How often it is looked whether anybody still waits, at shutdown.
const DRAIN_LOOK: Duration = Duration::from_millis(20);

/// How an ask ended for its caller.
pub(crate) type Ended = Result<Answered, Refusal>;

/// A reply, and what the message asked for that it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) outcome: Outcome,
    pub(crate) digest: Option<Digest>,
}

/// The callers that wait at this gateway.
#[derive(Default)]
pub(crate) struct Replies {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Default)]
struct Waiting {
    /// In the order of their keys, so that what ends together ends in the same
    /// order each time.
    /// Several may wait for one reply, each with a ticket of its own.
    callers: BTreeMap<(ReplyKey, u64), oneshot::Sender<Ended>>,
    tickets: u64,
    /// When to read for whom. Some have their reply.
    reads: BinaryHeap<Reverse<(Instant, ReplyKey, Pace)>>,
    /// Those who are read for at the pace of an open ask; each is in `reads` once
    /// with it.
    open: BTreeSet<ReplyKey>,
}

/// How often the table is read for an ask, with the wait before the last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pace {
    /// Its reply comes with the result of an invocation, most likely.
    Usual(Duration),
    /// Its message is done, and its answer comes later.
    Open(Duration),
}

impl Pace {
    /// The next read, and the pace from then on.
    fn next(self, now: Instant) -> (Instant, Self) {
        let longer = |wait: Duration| wait.min(LONGEST_WAIT);
        match self {
            Self::Usual(wait) => (now + longer(wait * 2), Self::Usual(longer(wait * 2))),
            Self::Open(wait) => {
                let wait = longer(wait + wait / 10);
                (now + wait, Self::Open(wait))
            }
        }
    }
}

/// A place in the queue of those who wait. Dropping it gives the place up.
pub(crate) struct Ticket {
    replies: Arc<Replies>,
    key: ReplyKey,
    number: u64,
    ended: oneshot::Receiver<Ended>,
}

impl Ticket {
    /// Waits for the end of the ask.
    pub(crate) async fn ended(&mut self) -> Ended {
        (&mut self.ended).await.unwrap_or_else(|_| Err(shutting_down()))
    }
}

/// The end of an ask that is stored, at a gateway that goes.
pub(crate) fn shutting_down() -> Refusal {
    Refusal::Unavailable {
        detail: "the gateway is shutting down; others go on".into(),
        stored: Stored::Yes,
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.replies.lock().callers.remove(&(self.key.clone(), self.number));
    }
}

impl Replies {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that is done under the lock can panic half-way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the reply to a message.
    pub(crate) fn wait_for(self: &Arc<Self>, key: ReplyKey) -> Ticket {
        let (sender, ended) = oneshot::channel();
        let mut waiting = self.lock();
        waiting.tickets += 1;
        let number = waiting.tickets;
        waiting.callers.insert((key.clone(), number), sender);
        let pace = Pace::Usual(FIRST_READ);
        waiting.reads.push(Reverse((Instant::now() + FIRST_READ, key.clone(), pace)));
        drop(waiting);
        self.arrived.notify_one();
        Ticket { replies: Arc::clone(self), key, number, ended }
    }

    /// Ends an ask, unless its answer comes later. Does nothing when its caller
    /// does not wait here.
    pub(crate) fn end(&self, key: &ReplyKey, ended: Ended) {
        if matches!(ended, Ok(Answered { outcome: Outcome::Later, .. })) {
            return self.left_open(key);
        }
        let mut waiting = self.lock();
        let all = (key.clone(), 0)..=(key.clone(), u64::MAX);
        for (_, caller) in waiting.callers.extract_if(all, |_, _| true) {
            // The caller may have gone in this moment; the reply is stored.
            let _ = caller.send(ended.clone());
        }
    }

    /// The message is done, and its answer comes later: from now on it is read for
    /// as often as that takes.
    pub(crate) fn left_open(&self, key: &ReplyKey) {
        let mut waiting = self.lock();
        if waiting.has_caller(key) && waiting.open.insert(key.clone()) {
            let (at, pace) = (Instant::now() + FIRST_READ_OPEN, Pace::Open(FIRST_READ_OPEN));
            waiting.reads.push(Reverse((at, key.clone(), pace)));
            drop(waiting);
            self.arrived.notify_one();
        }
    }

    /// Whether anybody waits for a reply of an actor.
    pub(crate) fn is_awaited(&self, address: &Address) -> bool {
        let waiting = self.lock();
        let from = waiting.callers.range((ReplyKey::prefix(address), 0)..);
        let mut near = from.take_while(|((key, _), _)| begins_with(key, address));
        near.any(|((key, _), _)| parts(key).0 == address.as_str())
    }

    /// Ends all asks to an actor, each as its message's id says.
    pub(crate) fn end_all(&self, address: &Address, ended: &dyn Fn(&str) -> Refusal) {
        let mut waiting = self.lock();
        let from = waiting.callers.range((ReplyKey::prefix(address), 0)..);
        let near = from.take_while(|((key, _), _)| begins_with(key, address));
        // The key of another actor may begin with this one's and a '/'.
        let keys: Vec<_> = near
            .map(|(place, _)| place.clone())
            .filter(|(key, _)| parts(key).0 == address.as_str())
            .collect();
        for place in keys {
            if let Some(caller) = waiting.callers.remove(&place) {
                let _ = caller.send(Err(ended(parts(&place.0).1)));
            }
        }
    }

    /// Waits until nobody waits, or for `grace`, and ends the asks of the rest.
    pub(crate) async fn drain(&self, grace: Duration) {
        let deadline = Instant::now() + grace;
        while !self.lock().callers.is_empty() && Instant::now() < deadline {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
        for caller in std::mem::take(&mut self.lock().callers).into_values() {
            let _ = caller.send(Err(shutting_down()));
        }
    }

    /// Reads the reply table for those who wait, until the future is dropped.
    pub(crate) async fn read_forever(&self, store: &impl Store, clock: &Clock) {
        loop {
            let first = self.lock().reads.peek().map(|Reverse((at, ..))| *at);
            match first {
                None => self.arrived.notified().await,
                Some(at) => tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(at) => self.read(store, clock).await,
                    // Whoever arrives may be the first to read for.
                    () = self.arrived.notified() => {}
                },
            }
        }
    }

    async fn read(&self, store: &impl Store, clock: &Clock) {
        let batch = self.take_due(Instant::now());
        if batch.is_empty() {
            return;
        }
        match store.replies(&batch, clock()).await {
            Ok(found) => {
                for (key, reply) in batch.iter().zip(found) {
                    if let Some(reply) = reply {
                        let Reply { outcome, digest, .. } = reply;
                        self.end(key, Ok(Answered { outcome, digest }));
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "replies could not be read, trying again"),
        }
    }

    /// The asks to read for now; each is put in again for later.
    fn take_due(&self, now: Instant) -> Vec<ReplyKey> {
        let mut waiting = self.lock();
        let mut batch = Vec::new();
        while batch.len() < BATCH_MAX {
            match waiting.reads.peek() {
                Some(Reverse((at, ..))) if *at <= now => {}
                _ => break,
            }
            let Some(Reverse((_, key, pace))) = waiting.reads.pop() else { break };
            let is_awaited = waiting.has_caller(&key);
            match pace {
                Pace::Open(_) if !is_awaited => drop(waiting.open.remove(&key)),
                _ if !is_awaited => {}
                // It is read for at the other pace.
                Pace::Usual(_) if waiting.open.contains(&key) => {}
                // Several who wait for one reply are read for together from then
                // on: DynamoDB refuses a batch that names a key twice.
                _ if batch.contains(&key) => {}
                _ => {
                    let (at, pace) = pace.next(now);
                    waiting.reads.push(Reverse((at, key.clone(), pace)));
                    batch.push(key);
                }
            }
        }
        batch
    }
}

impl Waiting {
    fn has_caller(&self, key: &ReplyKey) -> bool {
        let all = (key.clone(), 0)..=(key.clone(), u64::MAX);
        self.callers.range(all).next().is_some()
    }
}

fn begins_with(key: &ReplyKey, address: &Address) -> bool {
    key.as_str().starts_with(ReplyKey::prefix(address).as_str())
}

/// The address and the message id of a key.
fn parts(key: &ReplyKey) -> (&str, &str) {
    key.as_str().rsplit_once('/').expect("a key has both")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use callboard_mailbox::commit::Committed;
    use callboard_mailbox::drain::{self, Drain, Effects, Ran, Rules};
    use callboard_mailbox::lease::{Terms, Woken};
    use callboard_mailbox::memory::MemoryStore;
    use callboard_mailbox::message::Kind;
    use callboard_mailbox::retry::Attempts;
    use callboard_mailbox::state::Change;
    use callboard_mailbox::{Message, MessageId, Segment, Sequence, Timestamp};

    fn address(key: &str) -> Address {
        Address::new("test.v1.A", key).expect("an address")
    }

    fn key(actor: &str, id: &str) -> ReplyKey {
        ReplyKey::new(&address(actor), &MessageId::new(id).expect("an id"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_that_another_gateway_got_is_read_from_the_table() {
        let store = MemoryStore::default();
        let replies = Arc::new(Replies::default());
        let clock: Clock = Arc::new(|| Timestamp(1));
        let mut ticket = replies.wait_for(key("a", "1"));
        let reading = {
            let (replies, store) = (Arc::clone(&replies), store.clone());
            tokio::spawn(async move { replies.read_forever(&store, &clock).await })
        };
        tokio::time::sleep(Duration::from_secs(3)).await;
        store.with(|tables| {
            let message = Message {
                receipt: true,
                ..Message::new(
                    MessageId::new("1").expect("an id"),
                    Kind::Ask,
                    "Add",
                    Bytes::new(),
                    Timestamp(1),
                )
            };
            let wake = Terms::default().wake(&address("a"), Timestamp(1), 1);
            let Woken::Granted(lease) = tables.wake(&address("a"), &wake) else {
                panic!("nobody else holds it");
            };
            let segment = Segment::new(Sequence(1), &[message]);
            let rules = Rules {
                terms: Terms::default(),
                reply_retention: Duration::from_secs(60),
                attempts: Attempts::default(),
            };
            let mut drain = Drain::new(&lease, &[segment], false, rules, 1).expect("a segment");
            let response = Bytes::from_static(b"yes");
            assert!(matches!(drain.step(Timestamp(1), false), drain::Step::Run(_)));
            let done = Ran::Done {
                state: Change::None,
                response: Some(response),
                effects: Effects::default(),
            };
            drain.ran(done, Timestamp(1));
            let drain::Step::Commit(commit) = drain.step(Timestamp(1), false) else {
                panic!("a message was run");
            };
            assert_eq!(tables.commit(&commit), Committed::Applied);
        });
        let before = Instant::now();
        let digest = Some(Digest::of("Add", b""));
        let outcome = Outcome::Ok(Bytes::from_static(b"yes"));
        assert_eq!(ticket.ended().await, Ok(Answered { outcome, digest }));
        assert!(before.elapsed() <= LONGEST_WAIT);
        reading.abort();
    }

    fn yes() -> Answered {
        Answered { outcome: Outcome::Ok(Bytes::new()), digest: None }
    }

    #[tokio::test]
    async fn a_reply_that_many_wait_for_is_read_once() {
        let replies = Arc::new(Replies::default());
        let waiting = [(); 3].map(|()| replies.wait_for(key("a", "1")));
        let other = replies.wait_for(key("a", "2"));
        let later = Instant::now() + Duration::from_secs(1);
        assert_eq!(replies.take_due(later), [key("a", "1"), key("a", "2")]);
        let later = later + Duration::from_secs(1);
        assert_eq!(replies.take_due(later), [key("a", "1"), key("a", "2")]);
        drop((waiting, other));
    }

    fn later() -> Answered {
        Answered { outcome: Outcome::Later, digest: None }
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_ask_waits_on_and_is_read_for_once_at_a_time() {
        let replies = Arc::new(Replies::default());
        let mut ticket = replies.wait_for(key("a", "1"));
        for _ in 0..3 {
            replies.end(&key("a", "1"), Ok(later()));
        }
        let second = replies.wait_for(key("a", "1"));
        let (begun, mut reads) = (Instant::now(), Vec::new());
        while begun.elapsed() < Duration::from_secs(2) {
            let Some(at) = replies.lock().reads.peek().map(|Reverse((at, ..))| *at) else { break };
            tokio::time::sleep_until(at).await;
            match &replies.take_due(Instant::now())[..] {
                // The usual pace gives way.
                [] => {}
                [one] if *one == key("a", "1") => reads.push(begun.elapsed()),
                more => panic!("{more:?}"),
            }
        }
        // Whenever the answer is stored, it is soon seen.
        let late = reads.windows(2).map(|two| two[1] - two[0].mul_f64(1.1));
        assert!(late.max().expect("reads") <= Duration::from_millis(30), "{reads:?}");
        assert!((15..30).contains(&reads.len()), "{reads:?}");

        replies.end(&key("a", "1"), Ok(yes()));
        assert_eq!(ticket.ended().await, Ok(yes()));
        drop(second);
        assert!(replies.take_due(Instant::now() + Duration::from_secs(1)).is_empty());
        let left = replies.lock();
        assert!(left.open.is_empty() && left.reads.is_empty());
    }

    #[tokio::test]
    async fn only_the_asks_of_one_actor_end_together() {
        let replies = Arc::new(Replies::default());
        let mut of_a = replies.wait_for(key("a", "1"));
        let mut of_a_b = replies.wait_for(key("a/b", "1"));
        replies.end_all(&address("a"), &|id| Refusal::Internal { detail: id.into() });
        assert_eq!(of_a.ended().await, Err(Refusal::Internal { detail: "1".into() }));
        assert!(replies.is_awaited(&address("a/b")) && !replies.is_awaited(&address("a")));
        replies.end(&key("a/b", "1"), Ok(yes()));
        assert_eq!(of_a_b.ended().await, Ok(yes()));
    }

    #[tokio::test]
    async fn all_who_wait_for_one_reply_get_it() {
        let replies = Arc::new(Replies::default());
        let mut first = replies.wait_for(key("a", "1"));
        drop(replies.wait_for(key("a", "1")));
        let mut third = replies.wait_for(key("a", "1"));
        replies.end(&key("a", "1"), Ok(yes()));
        assert_eq!((first.ended().await, third.ended().await), (Ok(yes()), Ok(yes())));
    }

    #[tokio::test]
    async fn a_caller_that_went_leaves_nothing_behind() {
        let replies = Arc::new(Replies::default());
        drop(replies.wait_for(key("a", "1")));
        assert!(replies.lock().callers.is_empty());
        let later = Instant::now() + Duration::from_secs(1);
        assert!(replies.take_due(later).is_empty());
        assert!(replies.lock().reads.is_empty());
    }
}
