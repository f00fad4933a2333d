//! One activation: query the mailbox, run its messages in order, commit,
//! release. A state machine without I/O; whoever holds it does what
//! [`Drain::step`] says and tells it the answer.
//!
//! The lease ends with the last commit, and the run ends there: it does not
//! look again itself. Whoever started it looks again after its end, so that
//! replies need not wait for that look. When nobody does, `due` is still set.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::address::Address;
use crate::clock::Timestamp;
use crate::commit::{Commit, Committed, LeaseAfter};
use crate::lease::{Lease, Terms};
use crate::limits::{
    COMMIT_BYTES_MAX, COMMIT_MESSAGES_MAX, COMMIT_REPLIES_MAX, REPLY_BYTES_MAX, STATE_BYTES_MAX,
};
use crate::message::{DecodeError, Kind, Message, MessageId, Segment, Sequence};
use crate::record::{Epoch, Record};
use crate::reply::{Outcome, Reply};
use crate::store::Page;

/// How often a hole in the log is queried again before the run gives up. A
/// hole is a read that overtook a write, and is gone with the next read.
const HOLES_MAX: u32 = 16;

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Read the mailbox from this sequence on, then call [`Drain::loaded`].
    Query(Sequence),
    /// Run the handler on this message, then call [`Drain::ran`].
    Run(Run),
    /// Make this commit, then call [`Drain::committed`].
    Commit(Commit),
    /// The run is over.
    End(End),
}

/// A message to run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// The message.
    pub message: Message,
    /// Its place in the log.
    pub sequence: Sequence,
    /// How often it has been tried, this time included.
    pub attempt: u32,
}

/// What a handler made of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ran {
    /// It succeeded. `state` is the new state, `None` when it is unchanged.
    Done {
        /// The new state.
        state: Option<Bytes>,
        /// The encoded response.
        response: Bytes,
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
    /// Somebody else has a newer lease.
    Fenced,
    /// The run was told to stop; the lease is released.
    Stopped,
    /// The log has a hole that does not close: a defect, or an expired segment.
    Hole {
        /// The missing sequence.
        at: Sequence,
    },
}

/// One activation of one actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Drain {
    address: Address,
    epoch: Epoch,
    terms: Terms,
    reply_retention: Duration,
    lease_until: Timestamp,
    /// What the record holds.
    committed: Position,
    committed_state: Option<Bytes>,
    attempt: u32,
    /// What was read and not yet run: contiguous from the last of `batch`.
    queue: VecDeque<Queued>,
    /// Nothing is known to be behind `queue`.
    exhausted: bool,
    holes: u32,
    /// What was run and is not yet committed.
    batch: Vec<Queued>,
    state: Option<Bytes>,
    replies: Vec<Reply>,
    bytes: usize,
    /// Ids whose messages were processed before.
    duplicates: BTreeSet<MessageId>,
    /// How many messages are still to be committed one by one.
    singly: usize,
    /// The mailbox must wait that long.
    failed: Option<Duration>,
    /// A commit whose answer is not known yet, and how the run ends with it.
    pending: Option<(Commit, Option<End>)>,
    end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Position {
    head: Sequence,
    partial: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Queued {
    message: Message,
    after: Position,
}

impl Drain {
    /// Begins a run under a lease, with the segments that came with it. `more`
    /// says that the mailbox may hold others.
    ///
    /// # Errors
    /// When a segment cannot be read.
    pub fn new(
        lease: &Lease,
        segments: &[Segment],
        more: bool,
        terms: Terms,
        reply_retention: Duration,
    ) -> Result<Self, DecodeError> {
        let Record { head, partial, epoch, lease_until, attempt, state, .. } = lease.record.clone();
        let mut drain = Self {
            address: lease.address.clone(),
            epoch,
            terms,
            reply_retention,
            lease_until: lease_until.unwrap_or_default(),
            committed: Position { head, partial },
            committed_state: state.clone(),
            attempt,
            queue: VecDeque::new(),
            exhausted: false,
            holes: 0,
            batch: Vec::new(),
            state,
            replies: Vec::new(),
            bytes: 0,
            duplicates: BTreeSet::new(),
            // After a crash the messages are committed one by one, so that the
            // one that causes it is found, and the ones before it get through.
            singly: if attempt > 1 { COMMIT_MESSAGES_MAX } else { 0 },
            failed: None,
            pending: None,
            end: None,
        };
        if !segments.is_empty() || !more {
            drain.loaded(&Page { segments: segments.to_vec(), more })?;
        }
        Ok(drain)
    }

    /// The actor.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The sequence of the last message that is consumed for good.
    #[must_use]
    pub fn head(&self) -> Sequence {
        self.committed.head
    }

    /// The state on which the next message runs.
    #[must_use]
    pub fn state(&self) -> Option<&Bytes> {
        self.state.as_ref()
    }

    /// What to do next. The same answer until an answer to it is given. With
    /// `stop` no further message is begun: what was run is committed and the
    /// lease is released.
    #[must_use]
    pub fn step(&mut self, now: Timestamp, stop: bool) -> Step {
        if let Some(end) = self.end {
            return Step::End(end);
        }
        if self.pending.is_none() {
            self.drop_duplicates();
            self.pending = self.decide_to_commit(now, stop);
        }
        match (&self.pending, self.queue.front()) {
            (Some((commit, _)), _) => Step::Commit(commit.clone()),
            (None, Some(next)) => Step::Run(Run {
                message: next.message.clone(),
                sequence: next.after.head,
                attempt: self.attempt_at_front(),
            }),
            (None, None) => Step::Query(self.next_segment()),
        }
    }

    /// The commit that keeps the lease while a handler runs for long: it renews
    /// it as of `now` and leaves everything else as it is committed.
    #[must_use]
    pub fn renewal(&self, now: Timestamp) -> Commit {
        let Position { head, partial } = self.committed;
        Commit {
            address: self.address.clone(),
            epoch: self.epoch,
            from: head,
            head,
            partial,
            attempt: self.attempt,
            state: None,
            replies: Vec::new(),
            lease: self.terms.renewed(now),
        }
    }

    /// When the lease is to be renewed.
    #[must_use]
    pub fn renew_at(&self) -> Timestamp {
        self.lease_until.minus(self.terms.length / 2)
    }

    /// Takes the answer to the [renewal](Drain::renewal); false when the lease
    /// is lost, and with it whatever the handler does.
    #[must_use]
    pub fn renewed(&mut self, renewal: &Commit, committed: &Committed) -> bool {
        let is_held = match committed {
            Committed::Applied => true,
            Committed::Conflict(record) => renewal.is_in(record),
            Committed::Duplicates(_) => false,
        };
        match renewal.lease {
            LeaseAfter::Renewed { until, .. } if is_held => self.lease_until = until,
            _ => self.end = Some(End::Fenced),
        }
        is_held
    }

    /// Takes the answer to [`Step::Query`].
    ///
    /// # Errors
    /// When a segment cannot be read.
    pub fn loaded(&mut self, page: &Page) -> Result<(), DecodeError> {
        let mut hole = false;
        for segment in &page.segments {
            // A consistent query is no snapshot: it may return a segment and
            // miss the one before it. A hole means to query again.
            if segment.first() > self.next_segment() {
                hole = true;
                break;
            }
            self.enqueue(segment)?;
        }
        self.exhausted = !page.more && !hole;
        self.holes = if hole && self.queue.is_empty() { self.holes + 1 } else { 0 };
        if self.holes > HOLES_MAX {
            self.end = Some(End::Hole { at: self.reached().head.next() });
        }
        Ok(())
    }

    /// Takes the answer to [`Step::Run`], as of `now`.
    ///
    /// # Panics
    /// When no message was to be run.
    pub fn ran(&mut self, ran: Ran, now: Timestamp) {
        let outcome = match ran {
            Ran::Failed { delay } => {
                self.failed = Some(delay);
                return;
            }
            Ran::Refused { outcome } => outcome,
            Ran::Done { state, response } => {
                self.state = state.or(self.state.take());
                Outcome::Ok(response)
            }
        };
        let next = self.queue.pop_front().expect("a message was to be run");
        if next.message.kind == Kind::Ask {
            self.bytes += outcome.body().len();
            let expires = now.plus(self.reply_retention);
            self.replies.push(Reply { id: next.message.id.clone(), outcome, expires });
        }
        self.batch.push(next);
    }

    /// Takes the answer to [`Step::Commit`]; the replies that it made durable.
    ///
    /// # Panics
    /// When no commit was to be made.
    pub fn committed(&mut self, committed: Committed) -> Vec<Reply> {
        let (commit, end) = self.pending.take().expect("a commit was to be made");
        match committed {
            Committed::Applied => self.applied(&commit, end),
            // The answer to an earlier try of this commit was lost.
            Committed::Conflict(record) if commit.is_in(&record) => self.applied(&commit, end),
            Committed::Conflict(_) => {
                self.end = Some(End::Fenced);
                Vec::new()
            }
            Committed::Duplicates(ids) => {
                // Their effects are in the state already. Back to what is
                // committed, and the rest once more without them.
                self.duplicates.extend(ids);
                self.replies.clear();
                self.bytes = 0;
                self.failed = None;
                self.state.clone_from(&self.committed_state);
                for queued in self.batch.drain(..).rev() {
                    self.queue.push_front(queued);
                }
                Vec::new()
            }
        }
    }

    fn applied(&mut self, commit: &Commit, end: Option<End>) -> Vec<Reply> {
        self.singly = self.singly.saturating_sub(self.batch.len());
        self.batch.clear();
        self.bytes = 0;
        self.committed = Position { head: commit.head, partial: commit.partial };
        self.committed_state.clone_from(&self.state);
        self.attempt = commit.attempt;
        if let LeaseAfter::Renewed { until, .. } = commit.lease {
            self.lease_until = until;
        }
        self.end = end;
        std::mem::take(&mut self.replies)
    }

    fn decide_to_commit(&self, now: Timestamp, stop: bool) -> Option<(Commit, Option<End>)> {
        if let Some(delay) = self.failed {
            let not_before = now.plus(delay);
            let commit = self.commit(LeaseAfter::Deferred { not_before }, self.attempt_at_front());
            return Some((commit, Some(End::Deferred { not_before })));
        }
        if self.queue.is_empty() && self.exhausted {
            return Some((self.commit(LeaseAfter::Released, 0), Some(End::Released)));
        }
        if stop {
            // The message at the front was not begun: this lease was no attempt.
            let attempt = self.attempt_at_front().saturating_sub(1);
            return Some((self.commit(LeaseAfter::Released, attempt), Some(End::Stopped)));
        }
        let is_full = self.batch.len() >= COMMIT_MESSAGES_MAX
            || self.replies.len() >= COMMIT_REPLIES_MAX
            || self.bytes + STATE_BYTES_MAX + REPLY_BYTES_MAX > COMMIT_BYTES_MAX;
        let is_due = !self.batch.is_empty() && (self.queue.is_empty() || self.singly > 0);
        let is_late = now > self.renew_at();
        (is_full || is_due || is_late).then(|| {
            let lease = self.terms.renewed(now);
            (self.commit(lease, self.attempt_at_front()), None)
        })
    }

    fn commit(&self, lease: LeaseAfter, attempt: u32) -> Commit {
        let Position { head, partial } = self.reached();
        Commit {
            address: self.address.clone(),
            epoch: self.epoch,
            from: self.committed.head,
            head,
            partial,
            attempt,
            state: self.state.clone().filter(|_| self.state != self.committed_state),
            replies: self.replies.clone(),
            lease,
        }
    }

    /// Consumes messages at the front that were processed before.
    fn drop_duplicates(&mut self) {
        while self.queue.front().is_some_and(|next| self.duplicates.contains(&next.message.id)) {
            self.batch.extend(self.queue.pop_front());
        }
    }

    fn enqueue(&mut self, segment: &Segment) -> Result<(), DecodeError> {
        let known = self.read_to().head;
        if segment.last() <= known {
            return Ok(());
        }
        for (sequence, message) in segment.messages()? {
            let partial = match sequence == segment.last() {
                true => 0,
                false => {
                    u32::try_from(sequence.0 - segment.first().0 + 1).expect("a segment is bounded")
                }
            };
            if sequence > known {
                self.queue
                    .push_back(Queued { message, after: Position { head: sequence, partial } });
            }
        }
        Ok(())
    }

    /// How often the message at the front has been tried, this time included.
    fn attempt_at_front(&self) -> u32 {
        if self.batch.is_empty() { self.attempt } else { 1 }
    }

    /// Where the run is: behind the last message that was run.
    fn reached(&self) -> Position {
        self.batch.last().map_or(self.committed, |last| last.after)
    }

    /// Behind the last message that was read.
    fn read_to(&self) -> Position {
        self.queue.back().map_or(self.reached(), |last| last.after)
    }

    /// The first sequence of the segment that is to be read next.
    fn next_segment(&self) -> Sequence {
        let Position { head, partial } = self.read_to();
        Sequence(head.0 + 1 - u64::from(partial))
    }
}

#[cfg(test)]
mod tests;
