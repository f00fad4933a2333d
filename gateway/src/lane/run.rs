//! Runs of the actor: invoking its function under a lease, and what follows.

use std::sync::Arc;

use callboard_mailbox::clock::millis;
use callboard_mailbox::message::Digest;
use callboard_mailbox::parcel::{PendingWake, Slot};
use callboard_mailbox::reply::{Outcome, ReplyKey, error_text};
use callboard_mailbox::state::{Spilled, Stored};
use callboard_mailbox::sweep::{Action, Settle, Sweep};
use callboard_mailbox::{Address, Epoch, Lease, MessageId, Record, Sequence, Store, Timestamp};
use callboard_proto::pb::{self, ActivationEnd, ActivationResult, slot::Order};
use callboard_telemetry::attributes::RUN_END;
use opentelemetry::{Context, KeyValue};
use tokio::time::Instant;
use tracing::{error, warn};

use super::causes::Causes;
use super::look::{self, Then};
use super::{Event, Lane, stats};
use crate::functions::Failure;
use crate::gateway::Gateway;
use crate::replies::Answered;
use crate::spans;

/// How an invocation ended.
pub(super) struct Activated {
    epoch: Epoch,
    attempt: u32,
    lease_until: Option<Timestamp>,
    result: Result<ActivationResult, Failure>,
    causes: Causes,
    /// That of its span.
    context: Context,
}

impl<S: Store + 'static> Lane<S> {
    /// Invokes the function under a lease, with the segments at hand.
    pub(super) fn start(&mut self, lease: Lease) {
        let record = &lease.record;
        self.consumed(record.head);
        let (segments, more) = lease.hand_over(&self.at_hand, self.tail.map(|(tail, _)| tail));
        let mut activation = activation(&lease);
        activation.more = more;
        activation.segments = segments
            .into_iter()
            .map(|segment| pb::Segment {
                first: segment.first().0,
                messages: segment.encoded().clone(),
            })
            .collect();
        // The record's wakes are those of the run before, which are done. Under
        // any other epoch somebody else may have sent to the same actors again.
        if self.woken.is_some_and(|epoch| epoch.next() == record.epoch) {
            activation.wakes.clear();
        }
        let settings = &self.gateway.settings;
        activation.lease_ms = millis(settings.terms.length);
        activation.due_step_ms = millis(settings.terms.due_step);
        activation.reply_retention_ms = millis(settings.reply_retention);
        activation.retry = self.gateway.catalog().retry(self.address.actor_type()).cloned();

        let (epoch, attempt, lease_until) = (record.epoch, record.attempt, record.lease_until);
        let (gateway, function) = (Arc::clone(&self.gateway), Arc::clone(&self.function));
        let address = self.address.clone();
        if self.run_out.take().is_some_and(|before| before.next() == epoch) {
            gateway.metrics().lease_stolen(address.actor_type());
        }
        self.wake_at = None;
        self.rest = None;
        // The lease has moved `due`.
        self.sweep_at = None;
        self.invocations += 1;
        let causes = std::mem::take(&mut self.causes);
        let (messages, runs) = causes.contexts();
        let span = spans::invoke(gateway.tracer(), function.name(), &messages, runs);
        let context = span.context();
        activation.headers = spans::headers(&span);
        self.running.spawn(async move {
            let begun = Instant::now();
            let result = span.within(function.activate(activation)).await;
            let end = match &result {
                Ok(result) => end_name(result.end()),
                Err(failure) => spans::failed(failure),
            };
            gateway.metrics().activated(address.actor_type(), end, begun.elapsed());
            span.set(KeyValue::new(RUN_END, end));
            if result.is_err() {
                // What Lambda or the function say is for the log alone.
                span.fail(end, "");
            }
            span.end();
            if let Ok(result) = &result {
                if let Some(told) = &result.stats {
                    stats::record(gateway.metrics(), address.actor_type(), told);
                }
                hand_out(&gateway, &address, &result.replies);
            }
            Event::Activated(Activated { epoch, attempt, lease_until, result, causes, context })
        });
    }

    pub(super) async fn activated(&mut self, mut activated: Activated) {
        let mut causes = std::mem::take(&mut activated.causes);
        if activated.result.as_ref().is_ok_and(|run| run.end() == ActivationEnd::Released) {
            causes.received();
            self.left = None;
        } else {
            self.left.get_or_insert((self.gateway.clock)());
        }
        // The run that follows goes on with what this one has left.
        self.causes.put_back(causes);
        match activated.result {
            Ok(ref result) => {
                self.refusals = 0;
                self.consumed(Sequence(result.head));
                self.go_on_after(&activated, result).await;
            }
            Err(ref failure) => {
                self.tell_of_work();
                error!(
                    actor_type = self.address.actor_type(), function = self.function.name(),
                    %failure, "an invocation failed"
                );
                self.recover(&activated, failure).await;
            }
        }
    }

    async fn go_on_after(&mut self, activated: &Activated, result: &ActivationResult) {
        let wakes = pending_wakes(&result.wakes);
        match result.end() {
            // A message that arrived while the lease was held relied on the
            // holder, which may have read the end of the log before it. A flush
            // that is about to come wakes anyway.
            ActivationEnd::Released if self.pending.is_empty() && self.at_hand.is_empty() => {
                let terms = self.gateway.settings.terms;
                let place = Sequence(result.head).next();
                let epoch = activated.epoch;
                let sweep = Sweep::after_run(&self.address, terms, epoch, place, wakes);
                self.look_beside(sweep, Some(activated.context.clone()));
            }
            ActivationEnd::Released | ActivationEnd::OutOfTime if wakes.is_empty() => {
                self.wake_now_or_later().await;
            }
            // Those who are sent to first: the next run need not know of them.
            ActivationEnd::Released | ActivationEnd::OutOfTime => {
                self.wake_others_beside(activated.epoch, wakes, activated, Then::Wake);
            }
            ActivationEnd::BackingOff => {
                let now = (self.gateway.clock)();
                self.wake_after(Timestamp(result.not_before_ms).since(now));
                self.mailbox_waits = true;
                self.wake_others_beside(activated.epoch, wakes, activated, Then::Nothing);
            }
            ActivationEnd::Suspended => {
                self.wake_others_beside(activated.epoch, wakes, activated, Then::Nothing);
            }
            ActivationEnd::Fenced | ActivationEnd::Unspecified => {}
        }
    }

    fn wake_others_beside(
        &mut self,
        epoch: Epoch,
        others: Vec<PendingWake>,
        run: &Activated,
        then: Then,
    ) {
        if others.is_empty() {
            return;
        }
        let (gateway, address) = (Arc::clone(&self.gateway), self.address.clone());
        let waking = look::wake_only(gateway, address, epoch, others, run.context.clone(), then);
        self.running.spawn(async move { Event::Looked(waking.await) });
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
        let (not_before, error) = (now.plus(delay), error_text(failure.to_string()));
        let action = Action::Defer { not_before, counts, error };
        let settle = Settle { epoch: activated.epoch, action };
        match self.gateway.store.settle(&self.address, &settle).await {
            Ok(Some(record)) => {
                self.wake_after(delay);
                self.mailbox_waits = true;
                self.wake_others_beside(record.epoch, record.wakes, activated, Then::Nothing);
            }
            // The run had ended its lease itself, or somebody else has one.
            Ok(None) => self.wake_now_or_later().await,
            Err(error) => warn!(%error, "a lease could not be ended; it will run out"),
        }
        self.end_asks_if_unreachable();
    }
}

/// What the function is told of the record.
fn activation(lease: &Lease) -> pb::Activation {
    let record: &Record = &lease.record;
    let (state, spilled) = match &record.state {
        None => (None, None),
        Some(Stored::Inline(state)) => (Some(state.clone()), None),
        Some(Stored::Spilled(Spilled { revision, chunks })) => {
            (None, Some(pb::SpilledState { revision: revision.0, chunks: *chunks }))
        }
    };
    pb::Activation {
        address: lease.address.as_str().to_owned(),
        epoch: record.epoch.0,
        lease_until_ms: record.lease_until.unwrap_or_default().0,
        head: record.head.0,
        partial: record.partial,
        attempt: record.attempt,
        state,
        spilled,
        revision: record.revision.0,
        front: record.front.as_ref().map(slot),
        error: record.error.clone(),
        timers: record.timers.iter().map(|(name, at)| (name.clone(), slot(at))).collect(),
        tick: record.tick.0,
        wakes: record
            .wakes
            .iter()
            .map(|wake| pb::PendingWake {
                address: wake.address.as_str().to_owned(),
                at_ms: wake.at.map(|at| at.0),
            })
            .collect(),
        ..pb::Activation::default()
    }
}

/// How a run ended, for spans and metrics.
fn end_name(end: ActivationEnd) -> &'static str {
    match end {
        ActivationEnd::Unspecified => "unspecified",
        ActivationEnd::Released => "released",
        ActivationEnd::BackingOff => "backing_off",
        ActivationEnd::Fenced => "fenced",
        ActivationEnd::OutOfTime => "out_of_time",
        ActivationEnd::Suspended => "suspended",
    }
}

fn slot(slot: &Slot) -> pb::Slot {
    let order = match slot {
        Slot::Inbox { tick, .. } => Order::Tick(tick.0),
        Slot::Delayed { at, .. } => Order::AtMs(at.0),
    };
    pb::Slot { order: Some(order), message_id: slot.id().as_str().to_owned() }
}

fn pending_wakes(wakes: &[pb::PendingWake]) -> Vec<PendingWake> {
    let wakes = wakes.iter().filter_map(|wake| {
        let address = Address::parse(&wake.address).ok()?;
        Some(PendingWake { address, at: wake.at_ms.map(Timestamp) })
    });
    wakes.collect()
}

fn hand_out<S>(gateway: &Gateway<S>, address: &Address, replies: &[pb::Reply]) {
    for reply in replies {
        if let Ok(id) = MessageId::new(&reply.message_id) {
            let outcome = Outcome::from_parts(reply.code, reply.body.clone());
            let digest = <[u8; 16]>::try_from(&*reply.digest).ok().map(Digest);
            gateway.replies.end(&ReplyKey::new(address, &id), Ok(Answered { outcome, digest }));
        }
    }
}
