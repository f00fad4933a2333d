//! A look at a mailbox: after a run, or because its record is due.

use std::sync::Arc;

use callboard_mailbox::parcel::PendingWake;
use callboard_mailbox::sweep::{Action, Next, Settle, Step, Sweep};
use callboard_mailbox::{Address, Epoch, Sequence, Store, Timestamp, store};
use callboard_telemetry::metrics::Wake;
use opentelemetry::Context;
use tokio::sync::oneshot;

use super::Command;
use crate::gateway::Gateway;

/// What a look has found.
pub(super) struct Looked {
    pub(super) then: Then,
    /// The epoch of a run whose sends were woken.
    pub(super) woken: Option<Epoch>,
    /// Since when something waits, at least, in a mailbox that was due.
    pub(super) left: Option<Timestamp>,
    /// Whether it was because the record was due: every gateway sees that.
    pub(super) swept: bool,
}

/// What to do after it.
pub(super) enum Then {
    /// Something is deliverable.
    Wake,
    /// Nothing is; this puts the record to rest.
    Rest(Settle),
    /// Somebody else looks, or the record is settled.
    Nothing,
}

/// Takes a look to its end, other actors to be woken included: a look after a run,
/// in whose context it is, or at a record that is due. A record at which nothing is
/// to do is put to rest, but after a run that is left for later.
pub(super) async fn look<S: Store + 'static>(
    gateway: Arc<Gateway<S>>,
    mut sweep: Sweep,
    after: Option<Context>,
) -> Result<Looked, store::Error> {
    let Gateway { store, clock, settings, .. } = &*gateway;
    let address = sweep.address().clone();
    let mut woken = None;
    // Of the record as it was read: whether its lease had run out, and whether it waited.
    let (mut ran_out, mut waited, mut is_left) = (false, false, false);
    let (mut due, mut left) = (None, None);
    let then = loop {
        match sweep.step() {
            Step::Read => {
                let (record, now) = (store.record(&address).await?, clock());
                if let Some(record) = &record {
                    ran_out = record.lease_until.is_some_and(|until| until <= now);
                    waited = record.not_before.is_some();
                    due = record.due.filter(|due| *due <= now && record.paused.is_none());
                }
                sweep.read(record.as_ref(), now);
            }
            Step::WakeOthers(others) => {
                wake_others(&gateway, &others, &after.clone().unwrap_or_default()).await?;
                woken = Some(sweep.epoch());
                sweep.woke_others();
            }
            Step::Look(place) => {
                let (next, now) = next_kept(&gateway, &address, place).await?;
                is_left = matches!(next, Next::Segment { .. } | Next::Inbox);
                left = due.filter(|_| next.is_deliverable(now)).map(|due| match next {
                    Next::Segment { expires } => expires.minus(settings.message_retention).min(due),
                    _ => due,
                });
                sweep.looked(next, now);
            }
            Step::Settle(settle @ Settle { action: Action::Rest { until: None }, .. })
                if after.is_some() =>
            {
                break Then::Rest(settle);
            }
            Step::Settle(settle) => {
                let settled = store.settle(&address, &settle).await?;
                if settle.action == Action::Fence && ran_out && settled.is_some() {
                    gateway.metrics().lease_stolen(address.actor_type());
                }
                sweep.settled(settled.as_ref());
            }
            Step::Wake => {
                // After a run it is how messages that came meanwhile are found.
                if after.is_none() && is_left && !waited {
                    gateway.metrics().wake(address.actor_type(), Wake::Recovered);
                }
                break Then::Wake;
            }
            Step::Done => break Then::Nothing,
        }
    };
    Ok(Looked { then, woken, left, swept: after.is_none() })
}

/// What is next from a place on, and as of when. What waits there for long is kept from expiring.
pub(crate) async fn next_kept<S: Store + 'static>(
    gateway: &Gateway<S>,
    address: &Address,
    place: Sequence,
) -> Result<(Next, Timestamp), store::Error> {
    let Gateway { store, clock, settings, .. } = gateway;
    let (next, now) = (store.next(address, place).await?, clock());
    if next.is_old(now, settings.message_retention) {
        store.extend(address, place, now.plus(settings.message_retention)).await?;
    }
    Ok((next, now))
}

/// Wakes actors that another one has sent to in a run of this context, or sees to it
/// that somebody looks at them in time.
///
/// # Errors
/// When one of them is not sure to be looked at.
pub(super) async fn wake_others<S: Store + 'static>(
    gateway: &Arc<Gateway<S>>,
    others: &[PendingWake],
    run: &Context,
) -> Result<(), store::Error> {
    let mut waking = Vec::new();
    for PendingWake { address, at } in others {
        let (done, woken) = oneshot::channel();
        let wake = Command::Wake(done, run.clone());
        match at {
            Some(at) => gateway.store.schedule(address, *at).await?,
            None if gateway.to_lane(address, wake).is_ok() => waking.push(woken),
            // Its type has no function here; perhaps it has one at another gateway.
            None => gateway.store.schedule(address, (gateway.clock)()).await?,
        }
    }
    for woken in waking {
        if !woken.await.unwrap_or(false) {
            return Err(store::Error::Unanswered("an actor that was sent to is not woken".into()));
        }
    }
    Ok(())
}

/// Wakes others beside a lane whose actor waits; its epoch when it is done.
pub(super) async fn wake_only<S: Store + 'static>(
    gateway: Arc<Gateway<S>>,
    address: Address,
    epoch: Epoch,
    others: Vec<PendingWake>,
    run: Context,
    then: Then,
) -> Result<Looked, store::Error> {
    wake_others(&gateway, &others, &run).await.inspect_err(|_| {
        gateway.metrics().wake(address.actor_type(), Wake::Lost);
        tracing::warn!(actor_type = address.actor_type(), "sends wait for a sweeper");
    })?;
    Ok(Looked { then, woken: Some(epoch), left: None, swept: false })
}
