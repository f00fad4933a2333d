//! One actor's messages on their way: append, wake, invoke, look again.
//!
//! Each actor that has messages has one lane, a task that owns what this
//! gateway knows of the actor. Messages that arrive while an append is in
//! flight go into the next one together. The lane never waits for an
//! invocation, or for another lane: those run beside it.

mod causes;
mod look;
mod run;
mod send;
mod stats;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use callboard_mailbox::append::Tail;
use callboard_mailbox::lease::Woken;
use callboard_mailbox::sweep::{Settle, Sweep};
use callboard_mailbox::{
    Address, Epoch, Message, MessageId, Record, Segment, Sequence, Store, Timestamp, store,
};
use callboard_telemetry::metrics::Wake;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::warn;

use crate::busy::Work;
use crate::functions::Function;
use crate::gateway::Gateway;
use crate::refusal::Refusal;
use crate::replies;
use causes::Causes;
pub(crate) use look::next_kept;
use look::{Looked, Then};
use run::Activated;

/// When a wake that failed is tried again.
const WAKE_RETRY: Duration = Duration::from_secs(1);

/// How many segments are told apart for how old the first message is; the later
/// ones are as old as the last of them.
const UNCONSUMED_MAX: usize = 1_000;

/// What a lane is asked to do.
pub(crate) enum Command {
    /// Append messages.
    Send(Envelope),
    /// Wake the actor, because another one has sent to it in this context; then
    /// tell whether it is sure to be drained.
    Wake(oneshot::Sender<bool>, Context),
    /// Look at the actor's record at a time, because it is due then.
    Sweep(Instant),
}

/// Messages on their way, and who wants to know that they are durable.
pub(crate) struct Envelope {
    /// In their order, and not more than fit in one segment: they are in one together,
    /// so all of them are stored, or none. Each has the span of its sending, since the
    /// lane's task is in none.
    pub(crate) messages: Vec<(Message, Context)>,
    /// Gets the place of the first.
    pub(crate) stored: oneshot::Sender<Result<Sequence, Refusal>>,
}

pub(crate) struct Lane<S> {
    gateway: Arc<Gateway<S>>,
    address: Address,
    function: Arc<Function>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// Messages for the next segment.
    pending: VecDeque<Envelope>,
    /// Who wants the actor to be woken.
    to_wake: Vec<oneshot::Sender<bool>>,
    sweep_at: Option<Instant>,
    tail: Option<(Tail, Instant)>,
    /// The last consumed message, as far as this lane knows.
    head: Sequence,
    /// The last message of each segment that this lane has sent and that is not
    /// known to be consumed, and when the first one was sent; for metrics.
    unconsumed: VecDeque<(Sequence, Timestamp)>,
    /// Since when something waits at least, whoever sent it: a look has found it,
    /// or a run has left it; for metrics.
    left: Option<Timestamp>,
    /// The epoch of a lease that was seen to have run out.
    run_out: Option<Epoch>,
    /// Segments of this lane that may not be consumed yet, so that they can go
    /// with an invocation.
    at_hand: VecDeque<Segment>,
    /// Why it is invoked next, if spans are made.
    causes: Causes,
    /// Invocations and looks that go on.
    running: JoinSet<Event>,
    /// How many of them are invocations.
    invocations: usize,
    /// When to wake the actor again, because it waits or its run broke off.
    wake_at: Option<Instant>,
    /// Whether it is the mailbox that waits, and not another holder's lease.
    mailbox_waits: bool,
    /// How often in a row its function could not be invoked.
    refusals: u32,
    /// The epoch of a run whose sends this lane has woken: the next lease need
    /// not wake them again.
    woken: Option<Epoch>,
    /// What puts the record to rest, once the lane has nothing more to do. Done
    /// at once it would cost writes of the index with each message.
    rest: Option<Settle>,
}

/// What has ended beside the lane.
enum Event {
    Activated(Activated),
    Looked(Result<Looked, store::Error>),
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
            to_wake: Vec::new(),
            sweep_at: None,
            tail: None,
            head: Sequence(0),
            unconsumed: VecDeque::new(),
            left: None,
            run_out: None,
            at_hand: VecDeque::new(),
            causes: Causes::default(),
            running: JoinSet::new(),
            invocations: 0,
            wake_at: None,
            mailbox_waits: false,
            refusals: 0,
            woken: None,
            rest: None,
        }
    }

    pub(crate) async fn run(mut self) {
        loop {
            while let Ok(command) = self.commands.try_recv() {
                self.take(command);
            }
            if let Some(done) = self.running.try_join_next() {
                self.ended(done.expect("what runs beside a lane does not panic")).await;
            } else if !self.pending.is_empty() {
                self.flush().await;
            } else if !self.to_wake.is_empty() {
                self.wake_for_others().await;
            } else if !self.wait().await {
                self.gateway.busy.set(&self.address, None);
                return;
            }
        }
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Send(envelope) => self.pending.push_back(envelope),
            Command::Wake(done, sender) => {
                self.to_wake.push(done);
                if sender.span().span_context().is_valid() {
                    self.causes.sent_by(sender);
                }
            }
            Command::Sweep(at) => {
                self.sweep_at = Some(self.sweep_at.map_or(at, |earlier| earlier.min(at)));
            }
        }
    }

    /// Waits for something to do; false when the lane is closed instead.
    async fn wait(&mut self) -> bool {
        let draining = self.gateway.draining.is_cancelled();
        let idle = self.running.is_empty();
        if draining && idle && self.gateway.close_lane(&self.address, &self.commands) {
            // Those who wait for a mailbox that waits would wait for nothing.
            if self.mailbox_waits && self.wake_at.is_some() {
                self.gateway.replies.end_all(&self.address, &|_| replies::shutting_down());
            }
            return false;
        }
        let later = Instant::now() + self.gateway.settings.lane_idle;
        let until = [self.wake_at, self.sweep_at].into_iter().flatten().fold(later, Instant::min);
        tokio::select! {
            // In this order nobody waits for long: none of the first three is
            // ready again at once.
            biased;
            Some(done) = self.running.join_next(), if !idle => {
                self.ended(done.expect("what runs beside a lane does not panic")).await;
            }
            () = self.gateway.draining.cancelled(), if !draining => {}
            () = tokio::time::sleep_until(until) => return self.time_is_over(idle).await,
            Some(command) = self.commands.recv() => self.take(command),
        }
        true
    }

    /// Something is due, or nothing was to do for long; false when the lane is
    /// closed.
    async fn time_is_over(&mut self, idle: bool) -> bool {
        let now = Instant::now();
        let is_over = |at: &Instant| *at <= now;
        if self.wake_at.take_if(|at| is_over(at)).is_some() {
            if !self.is_all_consumed().await {
                self.wake_now_or_later().await;
            }
        } else if self.sweep_at.take_if(|at| is_over(at)).is_some() {
            if idle && self.rest.is_some() {
                // The look after the last run has found nothing, and the write is
                // conditional on its epoch: a second look would find no more.
                self.come_to_rest().await;
            } else {
                let terms = self.gateway.settings.terms;
                // Not later: it would be due again with each sweep.
                self.look_beside(Sweep::new(&self.address, terms), None);
            }
        } else if idle && self.wake_at.is_none() && self.sweep_at.is_none() {
            self.come_to_rest().await;
            return !self.gateway.close_lane(&self.address, &self.commands);
        }
        true
    }

    async fn ended(&mut self, event: Event) {
        match event {
            Event::Activated(activated) => {
                self.invocations -= 1;
                self.activated(activated).await;
            }
            Event::Looked(Ok(looked)) => {
                self.woken = looked.woken.or(self.woken);
                self.left = self.left.into_iter().chain(looked.left).min();
                match looked.then {
                    Then::Wake if looked.swept && self.tail.is_none() => self.wake_swept().await,
                    Then::Wake => self.wake_now_or_later().await,
                    Then::Rest(settle) => {
                        self.causes.received();
                        self.left = None;
                        self.rest = Some(settle);
                    }
                    Then::Nothing => {}
                }
                self.tell_of_work();
            }
            // `due` is set: a sweeper looks.
            Event::Looked(Err(error)) => warn!(%error, "a look at a mailbox failed"),
        }
    }

    /// Looks after a run, in whose context it is, or because the record is due.
    fn look_beside(&mut self, sweep: Sweep, after: Option<Context>) {
        let look = look::look(Arc::clone(&self.gateway), sweep, after);
        self.running.spawn(async move { Event::Looked(look.await) });
    }

    /// Nothing is deliverable, and nobody has sent anything: until then a crash
    /// of this gateway costs a sweeper a look.
    async fn come_to_rest(&mut self) {
        let Some(settle) = self.rest.take() else { return };
        if let Err(error) = self.gateway.store.settle(&self.address, &settle).await {
            warn!(%error, "a record could not be put to rest; a sweeper does it");
        }
    }

    /// Wakes the actor for others who have sent to it.
    async fn wake_for_others(&mut self) {
        let done = std::mem::take(&mut self.to_wake);
        let is_sure = match self.ask_for_lease().await {
            Ok(Woken::Granted(lease)) => {
                self.start(lease);
                true
            }
            // Who holds the lease looks again, and a wait ends.
            Ok(Woken::Refused(record)) => {
                self.wait_as_told(&record);
                true
            }
            Err(error) => {
                self.gateway.metrics().wake(self.address.actor_type(), Wake::Lost);
                warn!(%error, "a wake failed; a sweeper does it");
                false
            }
        };
        for done in done {
            // Who asked may be gone with its run's lane.
            let _ = done.send(is_sure);
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
                self.gateway.metrics().wake(self.address.actor_type(), Wake::Lost);
                warn!(%error, "a wake failed, trying again");
                self.wake_after(WAKE_RETRY);
            }
        }
    }

    /// Wakes an actor that was due and to which this lane has sent nothing. Of all gateways that
    /// see it, one is granted the lease. The others leave it alone: the record stays due, and
    /// whatever comes after the end of that lease, a sweep finds it.
    async fn wake_swept(&mut self) {
        match self.ask_for_lease().await {
            Ok(Woken::Granted(lease)) => self.start(lease),
            Ok(Woken::Refused(_)) => {
                self.left = None;
                self.causes.received();
            }
            Err(error) => {
                self.gateway.metrics().wake(self.address.actor_type(), Wake::Lost);
                warn!(%error, "a wake failed; a sweeper does it");
            }
        }
    }

    async fn ask_for_lease(&self) -> Result<Woken, store::Error> {
        let Gateway { settings, clock, store, .. } = &*self.gateway;
        let wake = settings.terms.wake(&self.address, clock(), fastrand::u64(..));
        store.wake(&self.address, &wake).await
    }

    /// The mailbox waits because a message failed or its function cannot run, or
    /// somebody else holds the lease. He may be dead: try again when it is over.
    fn wait_as_told(&mut self, record: &Record) {
        self.consumed(record.head);
        let now = (self.gateway.clock)();
        if let Some(not_before) = record.not_before.filter(|time| *time > now) {
            self.wake_after(not_before.since(now));
            self.mailbox_waits = true;
            self.end_asks_if_unreachable();
        } else if let Some(until) = record.lease_until.filter(|_| self.invocations == 0) {
            self.wake_after(until.since(now));
            self.mailbox_waits = false;
            // They are the other one's to run, who reads them from the table.
            self.at_hand.clear();
            self.causes.received();
        }
    }

    fn wake_after(&mut self, wait: Duration) {
        let at = Instant::now() + wait;
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// Whether all that this lane has sent is consumed, perhaps in a run of
    /// another gateway: then there is nobody to wake.
    async fn is_all_consumed(&mut self) -> bool {
        let Some((tail, _)) = self.tail else { return false };
        let Ok(Some(record)) = self.gateway.store.record(&self.address).await else { return false };
        let now = (self.gateway.clock)();
        self.run_out = record.lease_until.filter(|until| *until <= now).map(|_| record.epoch);
        let is_all = record.head >= tail.sequence();
        self.left = self.left.filter(|_| !is_all);
        self.consumed(record.head);
        is_all
    }

    /// The log up to a place is handled, perhaps in a run of another gateway.
    fn consumed(&mut self, head: Sequence) {
        self.head = self.head.max(head);
        self.at_hand.retain(|segment| segment.last() > head);
        self.causes.consumed(head);
        self.tell_of_work();
    }

    /// A segment waits that this lane has sent.
    fn waits_from_now_on(&mut self, last: Sequence, since: Timestamp) {
        if !self.gateway.metrics().is_on() {
            return;
        }
        let is_full = self.unconsumed.len() >= UNCONSUMED_MAX;
        match self.unconsumed.back_mut() {
            Some((known, _)) if is_full => *known = last,
            _ => self.unconsumed.push_back((last, since)),
        }
        self.tell_of_work();
    }

    /// Tells the metrics what waits in the mailbox, as far as this lane knows.
    fn tell_of_work(&mut self) {
        if !self.gateway.metrics().is_on() {
            return;
        }
        while self.unconsumed.pop_front_if(|(last, _)| *last <= self.head).is_some() {}
        let first = self.unconsumed.front().map(|(_, since)| *since);
        let last = self.unconsumed.back().map_or(self.head, |(last, _)| *last);
        let messages = last.0.saturating_sub(self.head.0).max(1);
        let since = self.left.into_iter().chain(first).min();
        self.gateway.busy.set(&self.address, since.map(|since| Work { messages, since }));
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
}

#[cfg(test)]
mod tests;
