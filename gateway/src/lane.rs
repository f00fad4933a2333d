//! One actor's messages on their way: append, wake, invoke, look again.
//!
//! Each actor that has messages has one lane, a task that owns what this
//! gateway knows of the actor. Messages that arrive while an append is in
//! flight go into the next one together.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use callboard_mailbox::append::{TAIL_AGE_MAX, Tail};
use callboard_mailbox::clock::millis;
use callboard_mailbox::lease::Woken;
use callboard_mailbox::limits::{SEGMENT_BYTES_MAX, SEGMENT_MESSAGES_MAX};
use callboard_mailbox::reply::{Outcome, ReplyKey};
use callboard_mailbox::send::{Send, Step};
use callboard_mailbox::sweep::{Action, Settle};
use callboard_mailbox::{
    Address, Epoch, Lease, Message, MessageId, Record, Segment, Sequence, Store, Timestamp, store,
};
use callboard_proto::pb::{self, ActivationEnd, ActivationResult};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{error, warn};

use crate::functions::{Failure, Function};
use crate::gateway::Gateway;
use crate::refusal::{Refusal, Stored};
use crate::{replies, sweep};

/// The most bytes of segments that a lane keeps at hand, and that go with one
/// invocation. With base64 and the state they fit in Lambda's 6 MB.
const AT_HAND_BYTES_MAX: usize = 2 * 1024 * 1024;

/// When a wake that failed is tried again.
const WAKE_RETRY: Duration = Duration::from_secs(1);

/// What a lane is asked to do.
pub(crate) enum Command {
    /// Append a message.
    Send(Envelope),
    /// Look at the actor's record, because it is due.
    Sweep,
}

/// A message on its way, and who wants to know that it is durable.
pub(crate) struct Envelope {
    pub(crate) message: Message,
    pub(crate) stored: oneshot::Sender<Result<Sequence, Refusal>>,
}

pub(crate) struct Lane<S> {
    gateway: Arc<Gateway<S>>,
    address: Address,
    function: Arc<Function>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// Messages for the next segment.
    pending: VecDeque<Envelope>,
    sweep: bool,
    tail: Option<(Tail, Instant)>,
    /// Segments of this lane that may not be consumed yet, so that they can go
    /// with an invocation.
    at_hand: VecDeque<Segment>,
    running: JoinSet<Activated>,
    /// When to wake the actor again, because it waits or its run broke off.
    wake_at: Option<Instant>,
    /// How often in a row its function could not be invoked.
    refusals: u32,
}

/// How an invocation ended.
struct Activated {
    epoch: Epoch,
    attempt: u32,
    lease_until: Option<Timestamp>,
    result: Result<ActivationResult, Failure>,
}

impl<S: Store + 'static> Lane<S> {
    pub(crate) fn new(
        gateway: Arc<Gateway<S>>,
        address: Address,
        function: Arc<Function>,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> Self {
        Self {
            gateway,
            address,
            function,
            commands,
            pending: VecDeque::new(),
            sweep: false,
            tail: None,
            at_hand: VecDeque::new(),
            running: JoinSet::new(),
            wake_at: None,
            refusals: 0,
        }
    }

    pub(crate) async fn run(mut self) {
        loop {
            while let Ok(command) = self.commands.try_recv() {
                self.take(command);
            }
            if let Some(done) = self.running.try_join_next() {
                self.activated(done.expect("an invocation does not panic")).await;
            } else if !self.pending.is_empty() {
                self.flush().await;
            } else if std::mem::take(&mut self.sweep) {
                self.look_at_record().await;
            } else if !self.wait().await {
                return;
            }
        }
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Send(envelope) => self.pending.push_back(envelope),
            Command::Sweep => self.sweep = true,
        }
    }

    /// Waits for something to do; false when the lane is closed instead.
    async fn wait(&mut self) -> bool {
        let draining = self.gateway.draining.is_cancelled();
        let idle = self.running.is_empty();
        if draining && idle && self.gateway.close_lane(&self.address, &self.commands) {
            // Those who wait for a mailbox that waits would wait for nothing.
            if self.wake_at.is_some() {
                self.gateway.replies.end_all(&self.address, &|_| replies::shutting_down());
            }
            return false;
        }
        let later = Instant::now() + self.gateway.settings.lane_idle;
        let until = self.wake_at.map_or(later, |at| at.min(later));
        tokio::select! {
            Some(command) = self.commands.recv() => self.take(command),
            Some(done) = self.running.join_next(), if !idle => {
                self.activated(done.expect("an invocation does not panic")).await;
            }
            () = self.gateway.draining.cancelled(), if !draining => {}
            () = tokio::time::sleep_until(until) => {
                if self.wake_at.is_some_and(|at| at <= Instant::now()) {
                    self.wake_at = None;
                    if !self.is_all_consumed().await {
                        self.wake_now_or_later().await;
                    }
                } else if idle && self.wake_at.is_none() {
                    return !self.gateway.close_lane(&self.address, &self.commands);
                }
            }
        }
        true
    }

    /// Makes the pending messages durable, and makes sure that somebody drains
    /// them, before their senders are told.
    async fn flush(&mut self) {
        let batch = self.next_batch();
        if batch.is_empty() {
            return;
        }
        let messages: Vec<_> = batch.iter().map(|envelope| envelope.message.clone()).collect();
        let segment = Segment::new(Sequence(1), &messages);
        let stored = self.send(&segment).await;
        if stored.is_err() {
            self.tail = None;
        }
        let firsts = stored.as_ref().map_or(0, |segment| segment.first().0);
        for (envelope, sequence) in batch.into_iter().zip(firsts..) {
            let answer = stored.as_ref().map(|_| Sequence(sequence)).map_err(Clone::clone);
            // Its sender may have gone; the message stays.
            let _ = envelope.stored.send(answer);
        }
    }

    fn next_batch(&mut self) -> Vec<Envelope> {
        let mut bytes = 0;
        let mut batch = Vec::new();
        while let Some(next) = self.pending.front() {
            if next.stored.is_closed() {
                // Its sender has gone without an answer, so it owes him nothing;
                // a database that hangs must not make them pile up.
                self.pending.pop_front();
                continue;
            }
            bytes += next.message.encoded_len();
            let is_full = bytes > SEGMENT_BYTES_MAX || batch.len() >= SEGMENT_MESSAGES_MAX;
            if is_full && !batch.is_empty() {
                break;
            }
            batch.extend(self.pending.pop_front());
        }
        batch
    }

    /// Takes a segment through every step of [`Send`].
    async fn send(&mut self, segment: &Segment) -> Result<Segment, Refusal> {
        let tail = self.tail.filter(|(_, at)| at.elapsed() < TAIL_AGE_MAX / 2);
        let mut send = Send::new(segment, tail.map(|(tail, _)| tail));
        let sent = self.take_steps(&mut send).await;
        // Also when the sending was given up: somebody must end the lease.
        if let Some(lease) = send.take_lease() {
            self.start(lease);
        } else if let Some(record) = send.refused() {
            self.wait_as_told(record);
        }
        if sent.is_err() && send.durable().is_some() {
            // Its sender is told that it is stored, and the record may not be
            // due: until the wake succeeds, it is this lane's to do.
            self.wake_after(WAKE_RETRY);
        }
        sent.map_err(|error| {
            let stored = match (send.durable(), send.is_begun()) {
                (Some(_), _) => Stored::Yes,
                (None, true) => Stored::Unknown,
                (None, false) => Stored::No,
            };
            Refusal::from_store(&error, stored)
        })
    }

    async fn take_steps(&mut self, send: &mut Send) -> Result<Segment, store::Error> {
        let gateway = Arc::clone(&self.gateway);
        let store = &gateway.store;
        loop {
            match send.step() {
                Step::Wake => send.woken(self.ask_for_lease().await?),
                Step::Put(segment) => {
                    let expires = (gateway.clock)().plus(gateway.settings.message_retention);
                    send.put(&store.put_segment(&self.address, &segment, expires).await?);
                    if let Some(durable) = send.durable() {
                        self.tail = Some((Tail::after(durable), Instant::now()));
                        self.keep_at_hand(durable);
                    }
                }
                Step::FindTail => send.found(store.tail(&self.address).await?),
                Step::Read => {
                    // The run need not wait for this look.
                    send.take_lease().into_iter().for_each(|lease| self.start(lease));
                    send.read(store.record(&self.address).await?.as_ref());
                }
                Step::Done(durable) => return Ok(durable),
            }
        }
    }

    fn keep_at_hand(&mut self, segment: &Segment) {
        let bytes: usize = self.at_hand.iter().map(|segment| segment.encoded().len()).sum();
        if bytes + segment.encoded().len() <= AT_HAND_BYTES_MAX {
            self.at_hand.push_back(segment.clone());
        }
    }

    async fn ask_for_lease(&self) -> Result<Woken, store::Error> {
        let wake = self.gateway.settings.terms.wake((self.gateway.clock)(), fastrand::u64(..));
        self.gateway.store.wake(&self.address, &wake).await
    }

    /// The mailbox waits because a message failed or its function cannot run, or
    /// somebody else holds the lease. He may be dead: try again when it is over.
    fn wait_as_told(&mut self, record: &Record) {
        let now = (self.gateway.clock)();
        if let Some(not_before) = record.not_before.filter(|time| *time > now) {
            self.wake_after(not_before.since(now));
            self.end_asks_if_unreachable();
        } else if let Some(until) = record.lease_until.filter(|_| self.running.is_empty()) {
            self.wake_after(until.since(now));
            // They are the other one's to run, who reads them from the table.
            self.at_hand.clear();
        }
    }

    /// Whether all that this lane has sent is consumed, perhaps in a run of
    /// another gateway: then there is nobody to wake.
    async fn is_all_consumed(&self) -> bool {
        let Some((tail, _)) = self.tail else { return false };
        match self.gateway.store.record(&self.address).await {
            Ok(record) => record.is_some_and(|record| record.head >= tail.sequence()),
            Err(_) => false,
        }
    }

    /// Wakes the actor, or tries to a little later. At shutdown it is left to a
    /// sweeper, unless somebody waits for the actor here.
    async fn wake_now_or_later(&mut self) {
        let Gateway { draining, replies, .. } = &*self.gateway;
        if draining.is_cancelled() && !replies.is_awaited(&self.address) {
            return;
        }
        match self.ask_for_lease().await {
            Ok(Woken::Granted(lease)) => self.start(lease),
            Ok(Woken::Refused(record)) => self.wait_as_told(&record),
            Err(error) => {
                warn!(%error, "a wake failed, trying again");
                self.wake_after(WAKE_RETRY);
            }
        }
    }

    fn wake_after(&mut self, wait: Duration) {
        let at = Instant::now() + wait;
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// Invokes the function under a lease, with the segments at hand.
    fn start(&mut self, lease: Lease) {
        let Record { head, partial, epoch, lease_until, attempt, ref state, .. } = lease.record;
        self.at_hand.retain(|segment| segment.last() > head);
        let (segments, more) = lease.hand_over(&self.at_hand, self.tail.map(|(tail, _)| tail));
        let segments = segments.into_iter().map(|segment| pb::Segment {
            first: segment.first().0,
            messages: segment.encoded().clone(),
        });
        let settings = &self.gateway.settings;
        let activation = pb::Activation {
            address: self.address.as_str().to_owned(),
            epoch: epoch.0,
            lease_until_ms: lease_until.unwrap_or_default().0,
            head: head.0,
            partial,
            attempt,
            state: state.clone(),
            segments: segments.collect(),
            more,
            lease_ms: millis(settings.terms.length),
            due_step_ms: millis(settings.terms.due_step),
            reply_retention_ms: millis(settings.reply_retention),
        };
        let (gateway, function) = (Arc::clone(&self.gateway), Arc::clone(&self.function));
        let address = self.address.clone();
        self.wake_at = None;
        self.running.spawn(async move {
            let result = function.activate(activation).await;
            if let Ok(result) = &result {
                hand_out(&gateway, &address, &result.replies);
            }
            Activated { epoch, attempt, lease_until, result }
        });
    }

    async fn activated(&mut self, activated: Activated) {
        match activated.result {
            Ok(ref result) => {
                self.refusals = 0;
                self.at_hand.retain(|segment| segment.last().0 > result.head);
                self.go_on_after(result).await;
            }
            Err(ref failure) => {
                error!(
                    actor_type = self.address.actor_type(), function = self.function.name(),
                    %failure, "an invocation failed"
                );
                self.recover(&activated, failure).await;
            }
        }
    }

    async fn go_on_after(&mut self, result: &ActivationResult) {
        match result.end() {
            ActivationEnd::Released => {
                // A message that arrived while the lease was held relied on the
                // holder, which may have read the end of the log before it. A
                // flush that is about to come wakes anyway.
                if self.pending.is_empty() && self.is_something_left(result.head).await {
                    self.wake_now_or_later().await;
                }
            }
            ActivationEnd::OutOfTime => self.wake_now_or_later().await,
            ActivationEnd::BackingOff => {
                let now = (self.gateway.clock)();
                self.wake_after(Timestamp(result.not_before_ms).since(now));
            }
            ActivationEnd::Fenced | ActivationEnd::Unspecified => {}
        }
    }

    async fn is_something_left(&self, head: u64) -> bool {
        if !self.at_hand.is_empty() {
            return true;
        }
        let next = Sequence(head).next();
        match self.gateway.store.deliverable(&self.address, next, 1).await {
            Ok(page) => !page.segments.is_empty(),
            Err(error) => {
                warn!(%error, "a look after a release failed; the sweeper will look");
                false
            }
        }
    }

    /// Ends the lease of a run that broke off, so that nobody has to wait until
    /// it is over.
    async fn recover(&mut self, activated: &Activated, failure: &Failure) {
        let settings = &self.gateway.settings;
        let now = (self.gateway.clock)();
        let random = fastrand::f64();
        let (delay, counts) = match failure {
            Failure::Crashed(_) => (settings.crash_backoff.delay(activated.attempt, random), true),
            // The message at the front was not tried.
            Failure::Refused(_) | Failure::Unreachable(_) => {
                self.refusals += 1;
                (settings.unreachable_backoff.delay(self.refusals, random), false)
            }
            // It may be running: its lease must run out.
            Failure::Unanswered(_) => {
                let rest = activated.lease_until.unwrap_or_default().since(now);
                return self.wake_after(rest);
            }
        };
        let action = Action::Defer { not_before: now.plus(delay), counts };
        let settle = Settle { epoch: activated.epoch, action };
        match self.gateway.store.settle(&self.address, &settle).await {
            Ok(Some(_)) => self.wake_after(delay),
            // The run had ended its lease itself, or somebody else has one.
            Ok(None) => self.wake_now_or_later().await,
            Err(error) => warn!(%error, "a lease could not be ended; it will run out"),
        }
        self.end_asks_if_unreachable();
    }

    fn end_asks_if_unreachable(&self) {
        let Some(detail) = self.function.unreachable() else { return };
        self.gateway.replies.end_all(&self.address, &|id| Refusal::NotDeployed {
            actor_type: self.address.actor_type().to_owned(),
            function: Some(self.function.name().to_owned()),
            detail: format!("{detail}; the message is stored and waits for the function"),
            message_id: MessageId::new(id).ok(),
        });
    }

    async fn look_at_record(&mut self) {
        let gateway = Arc::clone(&self.gateway);
        let now = (gateway.clock)();
        match sweep::look(&gateway.store, &self.address, now, &gateway.settings.terms).await {
            Ok(true) => self.wake_now_or_later().await,
            Ok(false) => {}
            Err(error) => warn!(%error, "a due record could not be swept, trying again"),
        }
    }
}

fn hand_out<S>(gateway: &Gateway<S>, address: &Address, replies: &[pb::Reply]) {
    for reply in replies {
        if let Ok(id) = MessageId::new(&reply.message_id) {
            let outcome = Outcome::new(reply.code, reply.body.clone());
            gateway.replies.end(&ReplyKey::new(address, &id), Ok(outcome));
        }
    }
}
