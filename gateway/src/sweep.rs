//! Work that a crash left behind: every gateway looks at the records that are
//! due, and needs no agreement with the others, since every write that follows
//! is conditional on the epoch.

use std::collections::HashSet;
use std::sync::Arc;

use callboard_mailbox::limits::DUE_SHARDS;
use callboard_mailbox::{Store, store};
use tokio::time::Instant;
use tracing::warn;

use crate::gateway::Gateway;
use crate::lane::Command;

/// How many actors one query of the index asks for.
const PAGE: usize = 500;

/// The most pages of one shard that one sweep takes up; the next one begins with
/// those that are due for longest.
const PAGES_MAX: usize = 20;

/// Sweeps all shards once a period, until the gateway drains.
pub(crate) async fn run_forever<S: Store + 'static>(gateway: &Arc<Gateway<S>>) {
    let mut period = tokio::time::interval(gateway.settings.sweep_period);
    period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut unknown = HashSet::new();
    // The first tick comes at once: what a crash left behind does not wait.
    loop {
        period.tick().await;
        for shard in 0..DUE_SHARDS {
            if gateway.draining.is_cancelled() {
                return;
            }
            if let Err(error) = sweep(gateway, shard, &mut unknown).await {
                warn!(%error, shard, "the due index could not be read");
            }
        }
        if gateway.metrics().is_on() {
            gateway.busy.tell(gateway.metrics(), (gateway.clock)());
        }
    }
}

/// Hands the actors of a shard that are due before the next sweep to their lanes,
/// each of which stays the only one here who invokes its actor. Those of types without a function, which stay
/// due, must not hide the others: so all pages are read.
async fn sweep<S: Store + 'static>(
    gateway: &Arc<Gateway<S>>,
    shard: u32,
    unknown: &mut HashSet<String>,
) -> Result<(), store::Error> {
    let (now, begun) = ((gateway.clock)(), Instant::now());
    let until = now.plus(gateway.settings.sweep_period);
    let mut last = None;
    for _ in 0..PAGES_MAX {
        let page = gateway.store.due(shard, until, last.as_ref(), PAGE).await?;
        for due in &page {
            let actor_type = due.address.actor_type();
            let at = begun + due.at.since(now);
            let handed = gateway.to_lane(&due.address, Command::Sweep(at));
            if handed.is_ok() && due.at <= now {
                gateway.metrics().swept(now.since(due.at));
            }
            if handed.is_err() && unknown.insert(actor_type.to_owned()) {
                warn!(actor_type, "messages wait for an actor type that has no function here");
            }
        }
        if page.len() < PAGE {
            break;
        }
        last = page.into_iter().next_back();
    }
    Ok(())
}
