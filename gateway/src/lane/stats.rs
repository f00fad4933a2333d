//! What a function tells of a run, as metrics of the gateway: functions come and go, and each of
//! them would be a series of its own.

use std::time::Duration;

use callboard_proto::pb::{HandlerStats, RequestUnits, RunStats};
use callboard_telemetry::attributes::OTHER;
use callboard_telemetry::{Metrics, store};

/// The kinds of failures that a function tells. They are labels, so there must be few.
const FAILURES: [&str; 2] = ["handler_failed", "handler_panicked"];

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
    let is_amount = |consumed: &&RequestUnits| consumed.units.is_finite() && consumed.units >= 0.0;
    for RequestUnits { operation, table, units } in
        consumed.iter().filter(is_amount).take(CONSUMED_MAX)
    {
        metrics.consumed(store::operation(operation).unwrap_or(OTHER), table, *units);
    }
    drained.iter().for_each(|messages| metrics.drained(actor_type, (*messages).into()));
    metrics.retried(actor_type, (*retries).into());
    metrics.dead_lettered(actor_type, (*dead_letters).into());
}

#[cfg(test)]
mod tests {
    use callboard_telemetry::{Pipeline, Settings};

    use super::*;

    #[tokio::test]
    async fn what_a_function_makes_up_is_bounded() {
        let settings = Settings::read("test", &|_| None).expect("nothing is set");
        let pipeline = Pipeline::start(&settings).expect("it starts");
        let units = |table: &str, units| RequestUnits {
            operation: "GetItem".into(),
            table: table.into(),
            units,
        };
        let handler = |error_type: &str| HandlerStats {
            method: "Put".into(),
            error_type: error_type.into(),
            took_us: vec![1],
        };
        let stats = RunStats {
            handlers: ["", "handler_panicked", "made up"].map(handler).into(),
            retries: u32::MAX,
            dead_letters: u32::MAX,
            consumed: vec![
                units("nan", f64::NAN),
                units("infinite", f64::INFINITY),
                units("negative", -1.0),
                units("good", 0.5),
            ],
            ..RunStats::default()
        };
        record(pipeline.metrics(), "t.v1.A", &stats);
        let text = pipeline.prometheus_text();
        assert!(text.contains("\"handler_panicked\"") && !text.contains("made up"), "{text}");
        let retries = text.lines().find(|line| line.starts_with("callboard_message_retries_total"));
        assert!(retries.is_some_and(|line| line.ends_with(" 4294967295")), "{retries:?}");
        let units = text.lines().filter(|line| line.starts_with("callboard_store_request_units"));
        let units: Vec<_> = units.collect();
        assert!(units.len() == 1 && units[0].contains("\"good\""), "{units:?}");
    }
}
