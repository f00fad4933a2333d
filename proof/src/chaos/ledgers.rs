//! What the actors have committed, read where they commit it.

use std::collections::BTreeMap;
use std::time::Duration;

use callboard_mailbox::Address;
use callboard_mailbox_dynamodb::DynamoDbStore;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use prost::Message as _;
use tokio::time::{Instant, interval_at, sleep};

use super::{ACTOR_TYPE, Result, key, report};
use crate::history::{Actor, Digest, Event, History, Message};
use crate::ledger::Ledger;
use crate::ledger::v1::RecordResponse;

/// How many records are read at a time.
const READS: usize = 8;

/// How often it is looked whether everything is processed.
const LOOK: Duration = Duration::from_secs(1);

/// For how long nothing may change until all is quiet: what nobody was told of
/// may still come.
const QUIET: Duration = Duration::from_secs(3);

/// What each actor has committed, in its order.
type Entries = BTreeMap<Actor, Vec<Message>>;

/// The ledgers of all actors.
pub(super) struct Ledgers<'a> {
    store: &'a DynamoDbStore,
    actors: u32,
}

/// What there was in the end.
pub(super) struct Settled {
    /// Every effect.
    pub(super) effects: Vec<Event>,
    /// How long it took until everything was processed that was to be; `None`
    /// when it was not within the time for it.
    pub(super) took: Option<Duration>,
}

impl<'a> Ledgers<'a> {
    /// The ledgers of so many actors.
    pub(super) fn new(store: &'a DynamoDbStore, actors: u32) -> Self {
        Self { store, actors }
    }

    /// How many effects there are now.
    pub(super) async fn count(&self) -> Result<usize> {
        Ok(self.read().await?.values().map(Vec::len).sum())
    }

    /// Waits until every message took effect whose sender was told that it is
    /// stored, and all is quiet; but no longer than `max`.
    pub(super) async fn settle(&self, history: &History, max: Duration) -> Result<Settled> {
        let began = Instant::now();
        let mut missing = stored(history);
        let mut entries = self.read().await?;
        let (mut changed, mut took) = (Instant::now(), None);
        let mut progress = interval_at(began + report::PROGRESS, report::PROGRESS);
        loop {
            missing.retain(|message, actor| {
                !entries.get(actor).is_some_and(|entries| entries.contains(message))
            });
            if missing.is_empty() && took.is_none() {
                took = Some(began.elapsed());
            }
            let is_quiet = missing.is_empty() && changed.elapsed() >= QUIET;
            if is_quiet || began.elapsed() >= max {
                let effects = entries.iter().flat_map(|(actor, entries)| effects(*actor, entries));
                return Ok(Settled { effects: effects.collect(), took });
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                _ = progress.tick() => report::waiting(began.elapsed(), missing.len()),
            }
            let now = self.read().await?;
            if now != entries {
                (entries, changed) = (now, Instant::now());
            }
        }
    }

    async fn read(&self) -> Result<Entries> {
        let reads = stream::iter(0..self.actors).map(|actor| self.read_one(Actor(actor)));
        reads.buffer_unordered(READS).try_collect().await
    }

    async fn read_one(&self, actor: Actor) -> Result<(Actor, Vec<Message>)> {
        let address = Address::new(ACTOR_TYPE, &key(actor))?;
        let snapshot = callboard_mailbox::store::snapshot(self.store, &address).await?;
        let Some((_, Some(state))) = snapshot else {
            return Ok((actor, Vec::new()));
        };
        let Ledger { entries, .. } = Ledger::from_stored(&state)?;
        let message = |(sender, number)| Message { sender, number };
        Ok((actor, entries.into_iter().map(message).collect()))
    }
}

/// The messages of which a sender was told that they are stored, and to whom
/// they are.
fn stored(history: &History) -> BTreeMap<Message, Actor> {
    let mut actors = BTreeMap::new();
    let mut stored = BTreeMap::new();
    for event in history.events() {
        match *event {
            Event::Sent { message, actor, .. } => {
                actors.insert(message, actor);
            }
            Event::Answered { message, answer, .. } if answer.says_stored() => {
                stored.extend(actors.get(&message).map(|actor| (message, *actor)));
            }
            _ => {}
        }
    }
    stored
}

/// The effects of an actor. Each entry's place is what its ask is answered with.
fn effects(actor: Actor, entries: &[Message]) -> impl Iterator<Item = Event> {
    (1..).zip(entries).map(move |(place, message)| {
        let reply = Digest::of(&RecordResponse { place }.encode_to_vec());
        Event::Effect { actor, place, message: *message, epoch: None, reply: Some(reply) }
    })
}
