//! Work that a crash left behind: every gateway looks at the records that are
//! due, and needs no agreement with the others, since every write that follows
//! is conditional on the epoch.

use std::sync::Arc;

use callboard_mailbox::lease::Terms;
use callboard_mailbox::limits::DUE_SHARDS;
use callboard_mailbox::sweep::{Step, Sweep};
use callboard_mailbox::{Address, Store, Timestamp, store};
use tracing::warn;

use crate::gateway::Gateway;
use crate::lane::Command;

/// The most actors of one shard that one sweep takes up.
const BATCH_MAX: usize = 200;

/// Sweeps all shards once a period.
pub(crate) async fn run_forever<S: Store + 'static>(gateway: &Arc<Gateway<S>>) {
    let mut period = tokio::time::interval(gateway.settings.sweep_period);
    period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // The first tick comes at once: what a crash left behind does not wait.
    loop {
        period.tick().await;
        if gateway.draining.is_cancelled() {
            return;
        }
        for shard in 0..DUE_SHARDS {
            let now = (gateway.clock)();
            match gateway.store.due(shard, now, BATCH_MAX).await {
                Ok(due) => due.iter().for_each(|address| hand_over(gateway, address)),
                Err(error) => warn!(%error, shard, "the due index could not be read"),
            }
        }
    }
}

/// The actor's lane does the rest, so that it stays the only one here who
/// invokes the actor.
fn hand_over<S: Store + 'static>(gateway: &Arc<Gateway<S>>, address: &Address) {
    if let Err(refusal) = gateway.to_lane(address, Command::Sweep) {
        let actor_type = address.actor_type();
        warn!(%refusal, actor_type, "messages wait for an actor that this gateway does not know");
    }
}

/// Looks at a record from the due index; true when something is deliverable
/// and the actor is to be woken.
pub(crate) async fn look(
    store: &impl Store,
    address: &Address,
    now: Timestamp,
    terms: &Terms,
) -> Result<bool, store::Error> {
    let mut sweep = Sweep::new(*terms);
    loop {
        match sweep.step() {
            Step::Read => sweep.read(store.record(address).await?.as_ref(), now),
            Step::Settle(settle) => sweep.settled(store.settle(address, &settle).await?.as_ref()),
            Step::Look(place) => {
                let page = store.deliverable(address, place, 1).await?;
                sweep.looked(!page.segments.is_empty());
            }
            Step::Wake => return Ok(true),
            Step::Done => return Ok(false),
        }
    }
}
