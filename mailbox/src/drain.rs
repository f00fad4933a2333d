//! One activation: query the mailbox, run its messages in order, commit,
//! release. A state machine without I/O; whoever holds it does what
//! [`Drain::step`] says and tells it the answer.
//!
//! The lease ends with the last commit, and the run ends there: it does not
//! look again itself. Whoever started it looks again after its end, so that
//! replies need not wait for that look. When nobody does, `due` is still set.

mod batch;
mod queue;
mod relay;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;

use crate::address::Address;
use crate::clock::Timestamp;
use crate::commit::{Answered, Commit, Committed, LeaseAfter};
use crate::dead_letter::DeadLetter;
use crate::lease::{Lease, Terms};
use crate::limits::{COMMIT_MESSAGES_MAX, EFFECTS_MAX, PENDING_WAKES_MAX};
use crate::message::{
    Answer, AnswerTo, CONTEXT_HEADERS, DecodeError, Kind, Message, MessageId, Segment, Sequence,
    TRACEPARENT,
};
use crate::parcel::{PendingWake, Slot};
use crate::record::{Epoch, Revision};
use crate::reply::{Outcome, Reply};
use crate::retry::{Attempts, Exhausted};
use crate::state::{Change, Spilled, Stored};
use crate::store::Page;
use batch::{Base, Batch, Made};
use queue::{Origin, Position, Query, Queue, Queued};
use relay::Relay;

/// How long a run that has sent to other actors goes on before it ends, so that
/// the gateway, which learns of it at its end, wakes them.
const WAKES_WAIT_MAX: Duration = Duration::from_millis(50);

/// The error of a message whose runs all ended without one.
const CRASHED: &str = "its runs crashed, or ran out of time or memory";

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Read the pieces of the state, then call [`Drain::state_loaded`].
    LoadState(Spilled),
    /// Read the mailbox from this segment on, parcels that are due included,
    /// then call [`Drain::loaded`].
    Query(Sequence),
    /// Read the parcels that are due, then call [`Drain::inbox_loaded`].
    QueryInbox,
    /// Run the handler on this message, then call [`Drain::ran`].
    Run(Box<Run>),
    /// A message has failed whose id others may have sent before: look whether
    /// it has a reply, then call [`Drain::reply_found`].
    FindReply(MessageId),
    /// Make this commit, then call [`Drain::committed`].
    Commit(Box<Commit>),
    /// The run is over.
    End(End),
}

/// A message to run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// The message.
    pub message: Message,
    /// Its place in the log; `None` when it came from another actor, or delayed.
    pub sequence: Option<Sequence>,
    /// How often it has been tried, this time included.
    pub attempt: u32,
    /// The name of the timer that it is.
    pub timer: Option<String>,
    /// From when on it is deliverable; `None` for at once.
    pub at: Option<Timestamp>,
}

/// What a handler made of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ran {
    /// It succeeded.
    Done {
        /// What it made of the state.
        state: Change,
        /// The encoded response; `None` when the answer comes later: from another
        /// message, or from the actor to which this one was forwarded.
        response: Option<Bytes>,
        /// What else it does.
        effects: Effects,
    },
    /// It refused the message for good. Its change of the state is undone.
    Refused {
        /// The error that the caller gets.
        outcome: Outcome,
    },
    /// It failed and is to be tried again. Its change of the state is undone.
    Failed {
        /// How long the mailbox waits.
        delay: Duration,
        /// What went wrong.
        error: String,
    },
}

/// What a handler does besides changing the state and answering. All of it takes
/// effect with the commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Effects {
    /// Messages to actors, itself included.
    pub sends: Vec<Outgoing>,
    /// Changes of named timers, in order.
    pub timers: Vec<TimerChange>,
    /// Answers to those who wait for messages that were left open before.
    pub answers: Vec<(AnswerTo, Outcome)>,
}

impl Effects {
    /// What the messages take that do not fit into the commit of their cause, in
    /// bytes; at most [`crate::limits::RELAY_BYTES_MAX`] are allowed.
    #[must_use]
    pub fn relayed_bytes(&self) -> usize {
        // A timer that is set may replace one, and the relay is an item, too.
        let timers = self.timers.iter().map(|change| match change {
            TimerChange::Set { .. } => 2,
            TimerChange::Cancel { .. } => 1,
        });
        let direct = EFFECTS_MAX.saturating_sub(timers.sum::<usize>() + 1).max(1);
        let answers = self.answers.get(direct..).unwrap_or_default();
        let answers = answers.iter().map(|(to, outcome)| to.encoded().len() + outcome.size() + 32);
        let direct = direct.saturating_sub(self.answers.len());
        let sends = self.sends.get(direct..).unwrap_or_default();
        Relay::encoded_len(sends) + answers.sum::<usize>()
    }
}

/// A message to an actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outgoing {
    /// The actor.
    pub to: Address,
    /// The message. Its id is new.
    pub message: Message,
    /// When it is deliverable; `None` for at once.
    pub at: Option<Timestamp>,
}

/// A change of a named timer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TimerChange {
    /// Sets it, in place of the one of this name.
    Set {
        /// Its name.
        name: String,
        /// When it fires.
        at: Timestamp,
        /// The message that the actor then gets. Its id is new.
        message: Message,
    },
    /// Cancels it, if it is set.
    Cancel {
        /// Its name.
        name: String,
    },
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The mailbox seemed empty; the lease is released. Look again.
    Released,
    /// A handler failed; the lease is released and the mailbox waits.
    Deferred {
        /// When it is tried again.
        not_before: Timestamp,
    },
    /// A message failed in all of its attempts, and the mailbox is paused.
    Suspended,
    /// Somebody else has a newer lease.
    Fenced,
    /// The run was told to stop, or has sent to others who are to be woken; the
    /// lease is released and messages may wait.
    Stopped,
    /// The log has a hole that does not close: a defect, or an expired segment.
    Hole {
        /// The missing sequence.
        at: Sequence,
    },
}

/// What holds for every run of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rules {
    /// How leases are renewed.
    pub terms: Terms,
    /// How long replies and receipts are kept.
    pub reply_retention: Duration,
    /// How often a message is tried, and what then.
    pub attempts: Attempts,
}

/// One activation of one actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Drain {
    epoch: Epoch,
    rules: Rules,
    lease_until: Timestamp,
    /// The state is to be loaded before the first message runs.
    unloaded: Option<Spilled>,
    attempt: u32,
    front: Option<Slot>,
    queue: Queue,
    batch: Batch,
    /// Ids whose messages were processed before.
    duplicates: BTreeSet<MessageId>,
    /// Parcels that were read and do not exist.
    gone: BTreeSet<Slot>,
    /// How many messages are still to be committed one by one.
    singly: usize,
    /// The message at the front has failed, unless it was processed before.
    doubted: Option<Doubt>,
    failed: Option<Failure>,
    /// Since when others wait to be woken.
    wakes_since: Option<Timestamp>,
    /// A commit whose answer is not known yet.
    pending: Option<Pending>,
    end: Option<End>,
}

/// A failure that does not matter if the message was processed before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Doubt {
    id: MessageId,
    delay: Duration,
    error: String,
}

/// The message at the front has failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Failure {
    error: String,
    /// How long the mailbox waits; `None` when it is suspended.
    delay: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pending {
    commit: Box<Commit>,
    /// How many messages of the batch are in it.
    count: usize,
    /// How the run ends with it.
    end: Option<End>,
}

impl Drain {
    /// Begins a run under a lease, with the segments that came with it. `more`
    /// says that the mailbox may hold others. `run` is random: it tells this run
    /// from another one that the same invocation has begun.
    ///
    /// # Errors
    /// When a segment cannot be read.
    pub fn new(
        lease: &Lease,
        segments: &[Segment],
        more: bool,
        rules: Rules,
        run: u64,
    ) -> Result<Self, DecodeError> {
        let record = lease.record.clone();
        let position = Position { head: record.head, partial: record.partial };
        let mut queue = Queue::new(position, record.front.clone());
        queue.hand_over(segments, more)?;
        let (state, unloaded) = match &record.state {
            None => (None, None),
            Some(Stored::Inline(state)) => (Some(state.clone()), None),
            Some(Stored::Spilled(spilled)) => (None, Some(*spilled)),
        };
        let base = Base {
            revision: record.revision,
            position,
            state,
            chunks: record.state.as_ref().map_or(0, Stored::chunks),
            timers: record.timers,
            tick: record.tick,
            wakes: record.wakes.into_iter().collect(),
            error: record.error,
        };
        Ok(Self {
            epoch: record.epoch,
            rules,
            lease_until: record.lease_until.unwrap_or_default(),
            unloaded,
            attempt: record.attempt,
            front: record.front,
            queue,
            batch: Batch::new(lease.address.clone(), run, base),
            duplicates: BTreeSet::new(),
            gone: BTreeSet::new(),
            // After a crash the messages are committed one by one, so that the
            // one that causes it is found, and the ones before it get through.
            singly: if record.attempt > 1 { COMMIT_MESSAGES_MAX } else { 0 },
            doubted: None,
            failed: None,
            wakes_since: None,
            pending: None,
            end: None,
        })
    }

    /// The actor.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.batch.address
    }

    /// The sequence of the last message that is consumed for good.
    #[must_use]
    pub fn head(&self) -> Sequence {
        self.batch.base.position.head
    }

    /// How many commits the actor has made.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.batch.base.revision
    }

    /// The state on which the next message runs.
    #[must_use]
    pub fn state(&self) -> Option<&Bytes> {
        self.batch.state()
    }

    /// The named timers that the next message finds, each with its time.
    pub fn timers(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        let timers = self.batch.timers().iter();
        timers.map(|(name, slot)| (name.as_str(), slot.at().unwrap_or_default()))
    }

    /// The other actors that are to be woken after the run.
    pub fn wakes(&self) -> impl Iterator<Item = &PendingWake> {
        self.batch.base.wakes.iter()
    }

    /// What to do next. The same answer until an answer to it is given. With
    /// `stop` no further message is begun: what was run is committed and the
    /// lease is released.
    #[must_use]
    pub fn step(&mut self, now: Timestamp, stop: bool) -> Step {
        if let Some(end) = self.end {
            return Step::End(end);
        }
        if let Some(doubt) = &self.doubted {
            return Step::FindReply(doubt.id.clone());
        }
        if self.pending.is_none() {
            if self.wakes_since.is_none() && !self.batch.base.wakes.is_empty() {
                self.wakes_since = Some(now);
            }
            self.drop_duplicates();
            self.give_up_if_exhausted(now);
            if self.relay(now) {
                // Behind it may be copies of its cause.
                self.drop_duplicates();
            }
            self.pending = self.decide_to_commit(now, stop);
        }
        if let Some(Pending { commit, .. }) = &self.pending {
            return Step::Commit(commit.clone());
        }
        match (self.queue.front(), self.unloaded) {
            (Some(_), Some(spilled)) => Step::LoadState(spilled),
            (Some(next), None) => Step::Run(Box::new(Run {
                message: next.message.clone(),
                sequence: next.sequence(),
                attempt: self.attempt_at_front(),
                timer: match &next.origin {
                    Origin::Parcel { timer, .. } => timer.clone(),
                    Origin::Log(_) => None,
                },
                at: next.slot().and_then(Slot::at),
            })),
            (None, _) => match self.queue.query() {
                Query::All(first) => Step::Query(first),
                Query::Inbox => Step::QueryInbox,
            },
        }
    }

    /// The commit that keeps the lease while a handler runs for long: it renews
    /// it as of `now` and leaves everything else as it is committed.
    #[must_use]
    pub fn renewal(&self, now: Timestamp) -> Commit {
        Commit {
            attempt: self.attempt,
            front: self.front.clone(),
            epoch: self.epoch,
            ..self.batch.commit(0, self.rules.terms.renewed(self.address(), now))
        }
    }

    /// When the lease is to be renewed.
    #[must_use]
    pub fn renew_at(&self) -> Timestamp {
        self.lease_until.minus(self.rules.terms.length / 2)
    }

    /// Takes the answer to the [renewal](Drain::renewal); false when the lease
    /// is lost, and with it whatever the handler does.
    #[must_use]
    pub fn renewed(&mut self, renewal: &Commit, committed: &Committed) -> bool {
        let is_held = match committed {
            Committed::Applied => true,
            Committed::Conflict(record) => renewal.is_in(record),
            Committed::Duplicates(_) | Committed::Gone(_) => false,
        };
        match renewal.lease {
            LeaseAfter::Renewed { until, .. } if is_held => {
                self.lease_until = until;
                self.batch.committed(renewal, 0);
            }
            _ => self.end = Some(End::Fenced),
        }
        is_held
    }

    /// Takes the answer to [`Step::LoadState`]; `None` when the pieces are those
    /// of another state: then somebody else has committed.
    pub fn state_loaded(&mut self, state: Option<Bytes>) {
        match state {
            Some(_) => {
                self.batch.base.state = state;
                self.unloaded = None;
            }
            None => self.end = Some(End::Fenced),
        }
    }

    /// Takes the answer to [`Step::Query`].
    ///
    /// # Errors
    /// When a segment cannot be read.
    pub fn loaded(&mut self, page: &Page) -> Result<(), DecodeError> {
        self.queue.load(page)?;
        if let Some(at) = self.queue.hole() {
            self.end = Some(End::Hole { at });
        }
        Ok(())
    }

    /// Takes the answer to [`Step::QueryInbox`].
    pub fn inbox_loaded(&mut self, page: &Page) {
        self.queue.load_inbox(page);
        if self.queue.front().and_then(Queued::slot) != self.front.as_ref() && self.front.is_some()
        {
            // What `attempt` counted is gone.
            self.front = None;
            self.attempt = 1;
        }
    }

    /// Takes the answer to [`Step::Run`], as of `now`.
    ///
    /// # Panics
    /// When no message was to be run.
    pub fn ran(&mut self, ran: Ran, now: Timestamp) {
        let (outcome, state, mut effects) = match ran {
            Ran::Failed { delay, error } => {
                let front = self.queue.front().map(|queued| &queued.message);
                match front.filter(|message| message.receipt).map(|message| message.id.clone()) {
                    Some(id) => self.doubted = Some(Doubt { id, delay, error }),
                    None => self.fail(delay, error, now),
                }
                return;
            }
            Ran::Refused { outcome } => (outcome, Change::None, Effects::default()),
            Ran::Done { state, response, effects } => {
                (response.map_or(Outcome::Later, Outcome::Ok), state, effects)
            }
        };
        let next = self.queue.pop().expect("a message was to be run");
        let answers = std::mem::take(&mut effects.answers);
        let mut made = self.answered(&next.message, outcome, effects, now);
        for (to, outcome) in answers {
            let headers = headers_of_late_answer(&to, &next.message);
            self.answer(&mut made, to, outcome, headers, now);
        }
        self.batch.push(next, Made { state, ..made }, now);
    }

    /// Sends what did not fit in the commit of its cause; whether there was something.
    fn relay(&mut self, now: Timestamp) -> bool {
        let next = self.queue.front().filter(|_| self.batch.is_empty() && self.failed.is_none());
        let Some(next) = next.filter(|next| Relay::is(&next.message, self.address())) else {
            return false;
        };
        match Relay::of(&next.message) {
            Ok(Relay { answers, sends }) => {
                let next = self.queue.pop().expect("it is at the front");
                let effects = Effects { sends, ..Effects::default() };
                self.batch.push(next, Made { answers, effects, ..Made::default() }, now);
            }
            Err(error) => self.exhausted(1, format!("what it sent is lost: {error}"), now),
        }
        true
    }

    /// Takes the answer to [`Step::FindReply`], as of `now`. A copy of a message
    /// that was processed is dropped: it must not be tried as often as a message,
    /// and hold up those behind it.
    pub fn reply_found(&mut self, is_found: bool, now: Timestamp) {
        let Some(Doubt { id, delay, error }) = self.doubted.take() else { return };
        match is_found {
            true => drop(self.duplicates.insert(id)),
            false => self.fail(delay, error, now),
        }
    }

    fn fail(&mut self, delay: Duration, error: String, now: Timestamp) {
        let attempt = self.attempt_at_front();
        match self.rules.attempts.most.is_some_and(|most| attempt >= most) {
            true => self.exhausted(attempt, error, now),
            false => self.failed = Some(Failure { error, delay: Some(delay) }),
        }
    }

    /// Takes the answer to [`Step::Commit`]; the replies of this actor that it made
    /// durable.
    ///
    /// # Panics
    /// When no commit was to be made.
    pub fn committed(&mut self, committed: Committed) -> Vec<Reply> {
        let Pending { commit, count, end } = self.pending.take().expect("a commit was to be made");
        match committed {
            Committed::Applied => self.applied(*commit, count, end),
            // The answer to an earlier try of this commit was lost.
            Committed::Conflict(record) if commit.is_in(&record) => {
                self.applied(*commit, count, end)
            }
            Committed::Conflict(_) => {
                self.end = Some(End::Fenced);
                Vec::new()
            }
            Committed::Duplicates(ids) => {
                // Their effects are in the state already. Back to what is
                // committed, and the rest once more without them.
                self.duplicates.extend(ids);
                self.run_again()
            }
            Committed::Gone(slots) => {
                self.gone.extend(slots);
                self.run_again()
            }
        }
    }

    fn run_again(&mut self) -> Vec<Reply> {
        self.failed = None;
        self.queue.put_back(self.batch.take_back());
        Vec::new()
    }

    fn applied(&mut self, commit: Commit, count: usize, end: Option<End>) -> Vec<Reply> {
        self.singly = self.singly.saturating_sub(count);
        self.attempt = commit.attempt;
        self.front = commit.front.clone();
        self.batch.committed(&commit, count);
        let to_itself = commit.posted.iter().filter(|posted| posted.to == commit.address);
        for posted in to_itself {
            self.queue.expect_parcels();
            if Relay::is(&posted.parcel.message, &posted.to) {
                self.queue.put_first(&posted.parcel);
            }
        }
        if let LeaseAfter::Renewed { until, .. } = commit.lease {
            self.lease_until = until;
        }
        self.end = end;
        let own = commit.answers.into_iter().filter(|answered| answered.address == commit.address);
        let mut replies = commit.replies;
        replies.extend(own.map(|answered| answered.reply));
        replies
    }

    fn decide_to_commit(&self, now: Timestamp, stop: bool) -> Option<Pending> {
        let renewed = || self.rules.terms.renewed(self.address(), now);
        let fitting = self.batch.fitting();
        if fitting < self.batch.len() {
            return Some(self.pending(fitting, renewed(), 1, None));
        }
        let all = |lease, attempt, end| Some(self.pending(fitting, lease, attempt, end));
        if let Some(relay) = self.batch.relay() {
            let mut pending = self.pending(fitting, renewed(), 1, None);
            pending.commit.front = Some(relay.clone());
            return Some(pending);
        }
        if let Some(Failure { delay, error }) = &self.failed {
            let attempt = self.attempt_at_front();
            let (lease, end) = match delay {
                Some(delay) => {
                    let not_before = now.plus(*delay);
                    (LeaseAfter::Deferred { not_before }, End::Deferred { not_before })
                }
                None => (LeaseAfter::Suspended { reason: error.clone() }, End::Suspended),
            };
            let mut pending = self.pending(fitting, lease, attempt, Some(end));
            pending.commit.error = Some(error.clone());
            return Some(pending);
        }
        if self.queue.is_exhausted() && !self.batch.sends_to_itself() {
            return all(LeaseAfter::Released, 0, Some(End::Released));
        }
        let others_wait = self.wakes_since.is_some_and(|since| now.since(since) >= WAKES_WAIT_MAX)
            || self.batch.base.wakes.len() >= PENDING_WAKES_MAX;
        if stop || others_wait {
            // The message at the front was not begun: this lease was no attempt.
            let attempt = self.attempt_at_front().saturating_sub(1);
            return all(LeaseAfter::Released, attempt, Some(End::Stopped));
        }
        let is_full = self.batch.len() >= COMMIT_MESSAGES_MAX;
        let is_due = !self.batch.is_empty() && (self.queue.front().is_none() || self.singly > 0);
        let is_late = now > self.renew_at();
        let commits = is_full || is_due || is_late;
        commits.then(|| self.pending(fitting, renewed(), self.attempt_at_front(), None))
    }

    fn pending(&self, count: usize, lease: LeaseAfter, attempt: u32, end: Option<End>) -> Pending {
        let next = self.batch.get(count).or(self.queue.front());
        let commit = Commit {
            epoch: self.epoch,
            attempt,
            // What `attempt` counts for must run first the next time, also when
            // the log has grown meanwhile.
            front: match count {
                0 if next.is_none() => self.front.clone(),
                _ => next.and_then(Queued::slot).cloned(),
            },
            ..self.batch.commit(count, lease)
        };
        Pending { commit: Box::new(commit), count, end }
    }

    /// Consumes messages at the front that were processed before, and drops timers
    /// that were replaced after they were read, which the commit removes.
    fn drop_duplicates(&mut self) {
        // What is dropped is still an item to remove, and they may be many. Behind a
        // message that relays, nothing comes before its relay.
        let takes_more = |batch: &Batch| batch.is_fitting() && batch.relay().is_none();
        while let Some(next) = self.queue.front().filter(|_| takes_more(&self.batch)) {
            if next.slot().is_some_and(|slot| self.gone.contains(slot)) {
                // There is nothing to consume.
                self.queue.pop();
                continue;
            }
            let id = &next.message.id;
            // A relay has the id of its cause, of which a copy may come behind it.
            let is_known = !Relay::is(&next.message, self.address())
                && (self.duplicates.contains(id)
                    || (next.message.is_answered() && self.batch.answers(id)));
            let is_stale = match &next.origin {
                Origin::Parcel { slot, timer: Some(name) } => {
                    self.batch.timers().get(name) != Some(slot)
                }
                _ => false,
            };
            if !is_known && !is_stale {
                return;
            }
            let queued = self.queue.pop().expect("it is at the front");
            if !is_stale {
                self.batch.push(queued, Made::default(), Timestamp(0));
            }
        }
    }

    /// Gives up on a message whose attempts were all used up by crashes.
    fn give_up_if_exhausted(&mut self, now: Timestamp) {
        let attempt = self.attempt_at_front();
        let most = self.rules.attempts.most;
        let has_run = self.failed.is_some() || self.queue.front().is_none();
        if !has_run && most.is_some_and(|most| attempt > most) {
            let error = self.batch.base.error.clone();
            self.exhausted(attempt - 1, error.unwrap_or_else(|| CRASHED.to_owned()), now);
        }
    }

    /// The message at the front has failed in its last attempt.
    fn exhausted(&mut self, attempts: u32, error: String, now: Timestamp) {
        match self.rules.attempts.then {
            Exhausted::Suspend => self.failed = Some(Failure { error, delay: None }),
            Exhausted::DeadLetter => {
                let queued = self.queue.pop().expect("a message has failed");
                let outcome = Outcome::DeadLettered { attempts, error: error.clone() };
                let mut message = queued.message.clone();
                let made = self.answered(&message, outcome, Effects::default(), now);
                // An actor that asked is answered once, also when the message is
                // redriven.
                message.answer_to =
                    message.answer_to.filter(|to| matches!(**to, AnswerTo::Caller { .. }));
                let letter = DeadLetter { message, at: now, attempts, error };
                self.batch.set_aside(queued, made, letter);
            }
        }
    }

    /// A message with its outcome, and what goes to those who wait for it.
    fn answered(
        &self,
        message: &Message,
        outcome: Outcome,
        effects: Effects,
        now: Timestamp,
    ) -> Made {
        let mut made = Made { effects, ..Made::default() };
        let answer_to = message.answer_to.clone().filter(|_| outcome != Outcome::Later);
        if let Some(to) = answer_to {
            self.answer(&mut made, *to, outcome.clone(), message.headers.clone(), now);
        }
        made.reply = message.is_answered().then(|| Reply {
            id: message.id.clone(),
            // Of a tell only that it is done.
            outcome: match message.kind {
                Kind::Tell if outcome == Outcome::Later => Outcome::Ok(Bytes::new()),
                _ => outcome,
            },
            digest: message.digest(),
            expires: now.plus(self.rules.reply_retention),
        });
        made
    }

    /// Gives somebody an outcome. The headers are for an actor; a caller gets none.
    fn answer(
        &self,
        made: &mut Made,
        to: AnswerTo,
        outcome: Outcome,
        headers: Vec<(String, String)>,
        now: Timestamp,
    ) {
        match to {
            AnswerTo::Caller { address, id, digest, .. } => {
                let expires = now.plus(self.rules.reply_retention);
                let reply = Reply { id, outcome, digest, expires };
                made.answers.push(Answered { address, reply });
            }
            AnswerTo::Actor { address, id, method, token, .. } => {
                let message = Message {
                    id,
                    kind: Kind::Tell,
                    method,
                    payload: Answer { token, outcome }.encoded(),
                    sent_at: now,
                    deadline: None,
                    headers,
                    receipt: false,
                    sender: Some(self.address().clone()),
                    answer_to: None,
                };
                made.effects.sends.push(Outgoing { to: address, message, at: None });
            }
        }
    }

    /// How often the message at the front has been tried, this time included.
    fn attempt_at_front(&self) -> u32 {
        if self.batch.is_empty() { self.attempt } else { 1 }
    }
}

/// The headers of an answer to an earlier ask, which `cause` gives. Whoever asked goes on in the
/// trace of his ask: that of `cause`, and its baggage, are somebody else's.
fn headers_of_late_answer(to: &AnswerTo, cause: &Message) -> Vec<(String, String)> {
    let others = cause.headers.iter();
    let others = others.filter(|(name, _)| !CONTEXT_HEADERS.contains(&name.as_str())).cloned();
    let parent = to.traceparent().map(|parent| (TRACEPARENT.to_owned(), parent.to_owned()));
    others.chain(parent).collect()
}

#[cfg(test)]
mod tests;
