//! Work that a crash left behind: every gateway looks at the records that are
//! due, and needs no agreement with the others, since every write that follows
//! is conditional on the epoch.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use callboard_mailbox::limits::DUE_SHARDS;
use callboard_mailbox::store::Due;
use callboard_mailbox::sweep::{Action, Settle};
use callboard_mailbox::{Store, store};
use tokio::time::Instant;
use tracing::warn;

use crate::gateway::Gateway;
use crate::lane::{Command, next_kept};

/// How many actors one query of the index asks for.
const PAGE: usize = 500;

/// The most pages of one shard that one sweep takes up; the next one begins with
/// those that are due for longest.
const PAGES_MAX: usize = 20;

/// For how long an actor is due until it is looked after here, although its type has no function:
/// a gateway that has one would have taken it up by then.
const KEPT_AFTER: Duration = Duration::from_secs(3_600);

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
            if handed.is_ok() {
                continue;
            }
            if unknown.insert(actor_type.to_owned()) {
                warn!(actor_type, "messages wait for an actor type that has no function here");
            }
            if now.since(due.at) > KEPT_AFTER
                && let Err(error) = keep(gateway, due).await
            {
                warn!(%error, actor_type, "messages could not be kept from expiring");
            }
        }
        if page.len() < PAGE {
            break;
        }
        last = page.into_iter().next_back();
    }
    Ok(())
}

/// Keeps what waits from expiring, and the actor due for whoever has its function, from now on.
async fn keep<S: Store + 'static>(gateway: &Gateway<S>, due: &Due) -> Result<(), store::Error> {
    let (store, address) = (&gateway.store, &due.address);
    let Some(record) = store.record(address).await? else { return Ok(()) };
    let (_, now) = next_kept(gateway, address, record.next_segment()).await?;
    let action = Action::MoveDue { from: due.at, to: now };
    store.settle(address, &Settle { epoch: record.epoch, action }).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use callboard_mailbox::sweep::Next;
    use callboard_mailbox::{Address, Segment, Sequence, Timestamp};

    use super::*;
    use crate::Settings;
    use crate::admin::fixture::message;

    /// When what waits expires, and when the actor is due, after a sweep by a gateway without its
    /// function, so long after it was due first.
    async fn kept(late: Duration, expires_in: Duration) -> (Duration, Duration) {
        let gateway = Gateway::of_types([], Settings::default());
        let address = Address::new("t.v1.A", "a").expect("an address");
        let (store, now) = (&gateway.store, (gateway.clock)());
        let segment = Segment::new(Sequence(1), &[message("m", "Put")]);
        store.put_segment(&address, &segment, now.plus(expires_in)).await.expect("it is in memory");
        store.schedule(&address, now.minus(late)).await.expect("it is in memory");
        for shard in 0..DUE_SHARDS {
            sweep(&gateway, shard, &mut HashSet::new()).await.expect("it is in memory");
        }
        let next = store.next(&address, Sequence(1)).await.expect("it is in memory");
        let Next::Segment { expires } = next else { panic!("it waits, and not {next:?}") };
        let record = store.record(&address).await.expect("it is in memory").expect("there is one");
        let due = record.due.expect("it is due");
        let away = |at: Timestamp| at.since(now) + now.since(at);
        (away(expires), away(due))
    }

    #[tokio::test]
    async fn what_waits_for_a_function_that_no_gateway_has_does_not_expire() {
        let (day, retention) = (Duration::from_secs(86_400), Settings::default().message_retention);
        let (expires, due) = kept(KEPT_AFTER * 2, day).await;
        assert!(expires >= retention, "{expires:?}");
        assert!(due < Duration::from_secs(60), "it is looked at an hour later: {due:?}");
        let (expires, _) = kept(KEPT_AFTER * 2, retention - day).await;
        assert_eq!(expires, retention - day, "it is not old");
        // Another gateway may have its function.
        let (expires, due) = kept(KEPT_AFTER / 2, day).await;
        assert_eq!((expires, due), (day, KEPT_AFTER / 2));
    }

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
