//! What a run has done and not yet committed.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::queue::{Origin, Position, Queued};
use super::relay::Relay;
use super::{Effects, TimerChange};
use crate::address::Address;
use crate::clock::Timestamp;
use crate::commit::{Answered, Commit, LeaseAfter};
use crate::dead_letter::DeadLetter;
use crate::limits::{COMMIT_BYTES_MAX, COMMIT_ITEMS_MAX, EFFECTS_MAX};
use crate::message::MessageId;
use crate::parcel::{Parcel, PendingWake, Posted, Slot, Tick};
use crate::record::Revision;
use crate::reply::{Reply, ReplyKey};
use crate::state::{self, Change};

/// What the record holds, as far as a commit changes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Base {
    pub(super) revision: Revision,
    pub(super) position: Position,
    /// The state, once it is loaded.
    pub(super) state: Option<Bytes>,
    /// How many items of its own the state has.
    pub(super) chunks: u32,
    pub(super) timers: BTreeMap<String, Slot>,
    pub(super) tick: Tick,
    pub(super) wakes: BTreeSet<PendingWake>,
    pub(super) error: Option<String>,
}

/// A message that was run, or is consumed without.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Done {
    pub(super) queued: Queued,
    pub(super) state: Change,
    pub(super) reply: Option<Reply>,
    answers: Vec<Answered>,
    pub(super) dead_letter: Option<DeadLetter>,
    /// Parcels for others, and for the actor itself; a relay comes last.
    posted: Vec<Posted>,
    /// The timers after it; `None` when they are unchanged.
    timers: Option<BTreeMap<String, Slot>>,
    tick: Tick,
    /// What it adds to a commit, its state apart.
    items: usize,
    bytes: usize,
}

/// What was made of a message.
#[derive(Default)]
pub(super) struct Made {
    pub(super) state: Change,
    pub(super) reply: Option<Reply>,
    /// Answers to asks of others, and to asks that were left open before.
    pub(super) answers: Vec<Answered>,
    pub(super) effects: Effects,
}

/// Messages that were run, in order. A prefix of them is committed at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Batch {
    pub(super) address: Address,
    run: u64,
    pub(super) base: Base,
    done: Vec<Done>,
    /// What they add to a commit, their states apart.
    items: usize,
    bytes: usize,
}

impl Batch {
    pub(super) fn new(address: Address, run: u64, base: Base) -> Self {
        Self { address, run, base, done: Vec::new(), items: 0, bytes: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.done.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.done.len()
    }

    /// The state on which the next message runs.
    pub(super) fn state(&self) -> Option<&Bytes> {
        match change(&self.done) {
            Change::None => self.base.state.as_ref(),
            Change::Set(state) => Some(state),
            Change::Delete => None,
        }
    }

    /// The named timers that the next message finds.
    pub(super) fn timers(&self) -> &BTreeMap<String, Slot> {
        latest(&self.done, |done| done.timers.as_ref()).unwrap_or(&self.base.timers)
    }

    fn tick(&self) -> Tick {
        self.done.last().map_or(self.base.tick, |done| done.tick)
    }

    /// Whether a message of the batch is answered under this id.
    pub(super) fn answers(&self, id: &MessageId) -> bool {
        let mut replies = self.done.iter().filter_map(|done| done.reply.as_ref());
        replies.any(|reply| reply.id == *id)
    }

    /// Whether the actor has sent something to itself. Then the commit must not
    /// release: who looks after it might not see the parcel yet, since a query is
    /// not isolated from a transaction. Of a timer the record knows the time.
    pub(super) fn sends_to_itself(&self) -> bool {
        let mut posted = self.done.iter().flat_map(|done| &done.posted);
        posted.any(|posted| posted.to == self.address && posted.parcel.timer.is_none())
    }

    /// The relay of the last message, if it sends more than fits in its commit. Then
    /// nothing else may run before the rest is sent.
    pub(super) fn relay(&self) -> Option<&Slot> {
        let Posted { to, parcel } = self.done.last()?.posted.last()?;
        Relay::is(&parcel.message, to).then_some(&parcel.slot)
    }

    /// A message that is consumed with what its handler made of it.
    pub(super) fn push(&mut self, queued: Queued, made: Made, now: Timestamp) {
        let Made { state, reply, mut answers, mut effects } = made;
        let mut timers = None;
        if let Origin::Parcel { timer: Some(name), .. } = &queued.origin {
            timers.get_or_insert_with(|| self.timers().clone()).remove(name);
        }
        let mut posted = Vec::new();
        for change in effects.timers {
            let timers = timers.get_or_insert_with(|| self.timers().clone());
            match change {
                TimerChange::Set { name, at, message } => {
                    let slot = Slot::Delayed { at, id: message.id.clone() };
                    timers.insert(name.clone(), slot.clone());
                    let parcel = Parcel { slot, message, timer: Some(name) };
                    posted.push(Posted { to: self.address.clone(), parcel });
                }
                TimerChange::Cancel { name } => drop(timers.remove(&name)),
            }
        }
        let gone = timers.as_ref().map_or(0, |after| {
            let before = self.timers().iter();
            before.filter(|(name, slot)| after.get(*name) != Some(*slot)).count()
        });
        let room = EFFECTS_MAX.saturating_sub(posted.len() + gone).max(2);
        let relay = Relay::cut(&mut answers, &mut effects.sends, room);
        let mut tick = self.tick();
        for send in effects.sends {
            let id = send.message.id.clone();
            let slot = match send.at {
                Some(at) => Slot::Delayed { at, id },
                None => {
                    tick = tick.next(now);
                    Slot::Inbox { tick, id }
                }
            };
            let parcel = Parcel { slot, message: send.message, timer: None };
            posted.push(Posted { to: send.to, parcel });
        }
        if let Some(relay) = relay {
            let (cause, slot) = (&queued.message, queued.slot());
            posted.push(relay.posted(&self.address, cause, slot, now));
        }
        let items = usize::from(queued.slot().is_some())
            + usize::from(reply.is_some())
            + answers.len()
            + posted.len()
            + gone;
        let replies = reply.iter().chain(answers.iter().map(|answered| &answered.reply));
        let bytes = replies.map(|reply| reply.outcome.size()).sum::<usize>()
            + posted.iter().map(|posted| posted.parcel.message.encoded_len()).sum::<usize>();
        self.items += items;
        self.bytes += bytes;
        let dead_letter = None;
        self.done.push(Done {
            queued,
            state,
            reply,
            answers,
            dead_letter,
            posted,
            timers,
            tick,
            items,
            bytes,
        });
    }

    /// A message that is set aside.
    pub(super) fn set_aside(&mut self, queued: Queued, made: Made, letter: DeadLetter) {
        let now = letter.at;
        self.push(queued, made, now);
        let done = self.done.last_mut().expect("it was just put in");
        let bytes = letter.message.encoded_len();
        (done.items, done.bytes) = (done.items + 1, done.bytes + bytes);
        (self.items, self.bytes) = (self.items + 1, self.bytes + bytes);
        done.dead_letter = Some(letter);
    }

    /// Gives up what was run; the messages, in order.
    pub(super) fn take_back(&mut self) -> impl DoubleEndedIterator<Item = Queued> {
        (self.items, self.bytes) = (0, 0);
        std::mem::take(&mut self.done).into_iter().map(|done| done.queued)
    }

    /// How many messages from the first on fit in one commit, whose limits are
    /// those of a transaction: all of them, or all but the last. One alone always
    /// fits, by the limits of what a handler may do.
    pub(super) fn fitting(&self) -> usize {
        let (state_items, state_bytes) = self.write(&self.done).map_or((0, 0), |write| {
            let bytes = write.state.as_ref().map_or(0, Bytes::len);
            (write.chunks().len() + write.left_over().len(), bytes)
        });
        let is_over = 1 + self.items + state_items > COMMIT_ITEMS_MAX
            || self.bytes + state_bytes > COMMIT_BYTES_MAX;
        match self.done.len() {
            len if is_over && len > 1 => len - 1,
            len => len,
        }
    }

    /// Whether all of it fits in one commit.
    pub(super) fn is_fitting(&self) -> bool {
        self.fitting() == self.len()
    }

    /// What the messages make of the stored state.
    fn write(&self, done: &[Done]) -> Option<state::Write> {
        let state = match change(done) {
            Change::None => return None,
            Change::Set(state) => Some(state.clone()),
            Change::Delete => None,
        };
        let is_new = state != self.base.state;
        is_new.then_some(state::Write { state, chunks_before: self.base.chunks })
    }

    /// The commit of the first `count` messages. The caller sets what depends on
    /// what comes next.
    pub(super) fn commit(&self, count: usize, lease: LeaseAfter) -> Commit {
        let done = &self.done[..count];
        let positions = done.iter().filter_map(|done| match done.queued.origin {
            Origin::Log(position) => Some(position),
            Origin::Parcel { .. } => None,
        });
        let Position { head, partial } = positions.last().unwrap_or(self.base.position);
        let timers = latest(done, |done| done.timers.as_ref()).unwrap_or(&self.base.timers);
        let is_current = |slot: &Slot| timers.values().any(|current| current == slot);
        let consumed: BTreeSet<_> = done.iter().filter_map(|done| done.queued.slot()).collect();
        let gone = self.base.timers.values();
        let gone = gone.filter(|slot| !is_current(slot) && !consumed.contains(slot));
        // A timer that was replaced or cancelled before it was stored is not.
        let posted = done.iter().flat_map(|done| &done.posted);
        let posted = posted.filter(|p| p.parcel.timer.is_none() || is_current(&p.parcel.slot));
        let posted: Vec<_> = posted.cloned().collect();
        let mut wakes = self.base.wakes.clone();
        // What it sends to itself is found by its own run, or by whoever looks
        // after that.
        wakes.extend(
            posted.iter().filter(|posted| posted.to != self.address).map(|posted| PendingWake {
                address: posted.to.clone(),
                at: posted.parcel.slot.at(),
            }),
        );
        let mut replies: Vec<_> = done.iter().filter_map(|done| done.reply.clone()).collect();
        let mut answers: BTreeMap<ReplyKey, Answered> = BTreeMap::new();
        for answered in done.iter().flat_map(|done| &done.answers) {
            let Answered { address, reply } = answered;
            let open = replies.iter_mut().find(|open| open.id == reply.id);
            match open.filter(|_| *address == self.address) {
                // It was left open by a message of this commit.
                Some(open) => *open = reply.clone(),
                None => drop(answers.insert(ReplyKey::new(address, &reply.id), answered.clone())),
            }
        }
        Commit {
            address: self.address.clone(),
            epoch: Default::default(),
            revision: self.base.revision,
            run: self.run,
            head,
            partial,
            attempt: 0,
            front: None,
            error: self.base.error.clone().filter(|_| done.is_empty()),
            state: self.write(done),
            timers: timers.clone(),
            tick: done.last().map_or(self.base.tick, |done| done.tick),
            wakes: wakes.into_iter().collect(),
            lease,
            removed: gone.cloned().collect(),
            consumed: consumed.into_iter().cloned().collect(),
            posted,
            replies,
            answers: answers.into_values().collect(),
            dead_letters: done.iter().filter_map(|done| done.dead_letter.clone()).collect(),
        }
    }

    /// The first `count` messages are committed.
    pub(super) fn committed(&mut self, commit: &Commit, count: usize) {
        if let Some(write) = &commit.state {
            self.base.state = write.state.clone();
            let stored = write.stored(commit.revision);
            self.base.chunks = stored.map_or(0, |stored| stored.chunks());
        }
        self.base.revision = commit.revision.next();
        self.base.position = Position { head: commit.head, partial: commit.partial };
        self.base.timers = commit.timers.clone();
        self.base.tick = commit.tick;
        self.base.wakes = commit.wakes.iter().cloned().collect();
        self.base.error = commit.error.clone();
        for done in self.done.drain(..count) {
            self.items -= done.items;
            self.bytes -= done.bytes;
        }
    }

    /// The message at a place of the batch.
    pub(super) fn get(&self, n: usize) -> Option<&Queued> {
        self.done.get(n).map(|done| &done.queued)
    }
}

/// What the messages make of the state, all together.
fn change(done: &[Done]) -> &Change {
    let changes = done.iter().rev().map(|done| &done.state);
    changes.into_iter().find(|change| **change != Change::None).unwrap_or(&Change::None)
}

/// The latest of what some of the messages have.
fn latest<'a, T>(done: &'a [Done], of: impl Fn(&'a Done) -> Option<T>) -> Option<T> {
    done.iter().rev().find_map(of)
}
