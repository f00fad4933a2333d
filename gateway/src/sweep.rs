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
    gateway.metrics().sweep_ended(Instant::now().into_std());
    // The first tick comes at once: what a crash left behind does not wait.
    loop {
        period.tick().await;
        let mut is_whole = true;
        for shard in 0..DUE_SHARDS {
            if gateway.draining.is_cancelled() {
                return;
            }
            if let Err(error) = sweep(gateway, shard, &mut unknown).await {
                warn!(%error, shard, "the due index could not be read");
                is_whole = false;
            }
        }
        if is_whole {
            gateway.metrics().sweep_ended(Instant::now().into_std());
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
            if due.at <= now {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use callboard_mailbox::Address;

    use super::*;
    use crate::Settings;

    #[tokio::test]
    async fn messages_for_a_type_without_a_function_show_in_the_lag() {
        let gateway = Gateway::of_types([], Settings::observed());
        let address = Address::new("t.v1.A", "a").expect("an address");
        let due = (gateway.clock)().minus(Duration::from_secs(400));
        gateway.store.schedule(&address, due).await.expect("it is in memory");
        for shard in 0..DUE_SHARDS {
            sweep(&gateway, shard, &mut HashSet::new()).await.expect("it is in memory");
        }
        // The gateway's own sweeping has begun by then.
        tokio::time::sleep(Duration::from_millis(10)).await;
        let text = gateway.settings.telemetry.prometheus_text();
        let sum =
            text.lines().find_map(|line| line.strip_prefix("callboard_sweep_lag_seconds_sum"));
        let sum = sum.and_then(|rest| rest.rsplit(' ').next()).expect("it is measured");
        assert!(sum.parse::<f64>().expect("a number") >= 400.0, "{sum}");
        assert!(text.contains("callboard_sweep_age_seconds"), "{text}");
    }
}
