//! What a function tells of a run, as metrics of the gateway: functions come and go, and each of
//! them would be a series of its own.

use std::time::Duration;

use callboard_proto::pb::{HandlerStats, RequestUnits, RunStats};
use callboard_telemetry::attributes::OTHER;
use callboard_telemetry::{Metrics, store};

/// The kinds of failures that a function tells. They are labels, so there must be few.
const FAILURES: [&str; 1] = ["handler_failed"];

/// The operations that a function tells the units of, on its two tables.
const CONSUMED_MAX: usize = 32;

/// Counts what a run has done.
pub(super) fn record(metrics: &Metrics, actor_type: &str, stats: &RunStats) {
    let RunStats { handlers, waited_ms, drained, retries, dead_letters, consumed } = stats;
    for HandlerStats { method, error_type, took_us } in handlers {
        let known = FAILURES.into_iter().find(|known| known == error_type).unwrap_or(OTHER);
        let failure = Some(known).filter(|_| !error_type.is_empty());
        for took in took_us {
            metrics.handled(actor_type, method, failure, Duration::from_micros((*took).into()));
        }
    }
    for waited in waited_ms {
        metrics.waited(actor_type, Duration::from_millis((*waited).into()));
    }
    for RequestUnits { operation, table, units } in consumed.iter().take(CONSUMED_MAX) {
        metrics.consumed(store::operation(operation).unwrap_or(OTHER), table, *units);
    }
    drained.iter().for_each(|messages| metrics.drained(actor_type, (*messages).into()));
    (0..*retries).for_each(|_| metrics.retried(actor_type));
    (0..*dead_letters).for_each(|_| metrics.dead_lettered(actor_type));
}
