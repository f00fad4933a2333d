//! Metrics as a scraper reads them.
#![cfg(feature = "prometheus")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use callboard_telemetry::attributes::Rpc;
use callboard_telemetry::metrics::{Mailbox, Wake};
use callboard_telemetry::{Pipeline, Settings};

const TYPE: &str = "bank.v1.Account";

fn measured() -> Pipeline {
    let settings = Settings::read("gateway", &|_| None).expect("nothing is wrong");
    let pipeline = Pipeline::start(&settings).expect("it starts");
    let (metrics, took) = (pipeline.metrics(), Duration::from_millis(30));
    metrics.called(Rpc::Grpc, Some("bank.v1.Account/Deposit"), "OK", took);
    metrics.called(Rpc::Connect, None, "UNIMPLEMENTED", took);
    metrics.appended(TYPE, 3);
    metrics.waited(TYPE, took);
    metrics.drained(TYPE, 3);
    metrics.activated(TYPE, "released", took);
    metrics.handled(TYPE, "Deposit", Some("handler_failed"), took);
    metrics.retried(TYPE, 1);
    metrics.dead_lettered(TYPE, 2);
    metrics.lease_stolen(TYPE);
    metrics.swept(took);
    metrics.wake(TYPE, Wake::Recovered);
    drop(metrics.ask_opened());
    metrics.consumed("PutItem", "callboard-mailboxes", 2.5);
    metrics.sweep_ended(Instant::now());
    metrics.ask_for_mailboxes(|tell| {
        tell(Mailbox { actor_type: TYPE, messages: 4, oldest: Duration::from_secs(9) });
    });
    pipeline
}

#[tokio::test]
async fn all_metrics_are_there_by_their_names() {
    let text = measured().prometheus_text();
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names: Vec<_> = names.collect();
    let expected = [
        "callboard_activation_duration_seconds histogram",
        "callboard_append_messages histogram",
        "callboard_asks_open gauge",
        "callboard_drain_messages histogram",
        "callboard_lease_steals_total counter",
        "callboard_mailbox_busy gauge",
        "callboard_mailbox_depth gauge",
        "callboard_mailbox_oldest_age_seconds gauge",
        "callboard_mailbox_wait_duration_seconds histogram",
        "callboard_message_dead_letters_total counter",
        "callboard_message_retries_total counter",
        "callboard_store_request_units_total counter",
        "callboard_sweep_age_seconds gauge",
        "callboard_sweep_lag_seconds histogram",
        "callboard_trace_spans_dropped_total counter",
        "callboard_wakes_total counter",
        "messaging_process_duration_seconds histogram",
        "rpc_server_call_duration_seconds histogram",
        "target_info gauge",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn values_have_the_labels_that_alerts_use() {
    let text = measured().prometheus_text();
    let expected = [
        r#"callboard_asks_open 0"#,
        r#"callboard_mailbox_oldest_age_seconds{messaging_destination_name="bank.v1.Account"} 9"#,
        r#"callboard_mailbox_depth{messaging_destination_name="bank.v1.Account"} 4"#,
        r#"callboard_message_dead_letters_total{messaging_destination_name="bank.v1.Account"} 2"#,
        r#"callboard_sweep_lag_seconds_count 1"#,
        r#"callboard_store_request_units_total{db_collection_name="callboard-mailboxes",db_operation_name="PutItem"} 2.5"#,
        r#"rpc_server_call_duration_seconds_count{rpc_method="_OTHER",rpc_response_status_code="UNIMPLEMENTED",rpc_system_name="connectrpc"} 1"#,
        r#"callboard_append_messages_bucket{messaging_destination_name="bank.v1.Account",le="4"} 1"#,
        r#"callboard_append_messages_bucket{messaging_destination_name="bank.v1.Account",le="2"} 0"#,
    ];
    for line in expected {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn mailboxes_are_as_they_are_when_metrics_are_read() {
    let pipeline = measured();
    let oldest = Arc::new(Mutex::new(Some(Duration::from_secs(1))));
    let known = Arc::clone(&oldest);
    pipeline.metrics().ask_for_mailboxes(move |tell| {
        let oldest = *known.lock().expect("nobody panics");
        oldest.into_iter().for_each(|oldest| {
            tell(Mailbox { actor_type: TYPE, messages: 4, oldest });
        });
    });
    let age =
        "callboard_mailbox_oldest_age_seconds{messaging_destination_name=\"bank.v1.Account\"}";
    assert!(pipeline.prometheus_text().contains(&format!("{age} 1\n")));
    // Nobody tells of it, as in an outage, and it is older all the same.
    *oldest.lock().expect("nobody panics") = Some(Duration::from_secs(400));
    assert!(pipeline.prometheus_text().contains(&format!("{age} 400\n")));
    // One without work is forgotten.
    *oldest.lock().expect("nobody panics") = None;
    let text = pipeline.prometheus_text();
    assert!(!text.contains("callboard_mailbox_depth{"), "{text}");
}

#[tokio::test]
async fn the_last_whole_sweep_grows_old_until_there_is_another() {
    let settings = Settings::read("gateway", &|_| None).expect("nothing is wrong");
    let pipeline = Pipeline::start(&settings).expect("it starts");
    let age = || {
        let text = pipeline.prometheus_text();
        let line = text.lines().find_map(|line| line.strip_prefix("callboard_sweep_age_seconds "));
        line.map(|age| age.parse::<f64>().expect("a number"))
    };
    assert_eq!(age(), None, "who does not sweep is never late");
    let now = Instant::now();
    pipeline.metrics().sweep_ended(now.checked_sub(Duration::from_secs(90)).unwrap_or(now));
    let late = age().expect("it is told");
    std::thread::sleep(Duration::from_millis(2));
    assert!(late >= 90.0 && age().expect("it is told") > late);
    pipeline.metrics().sweep_ended(now);
    assert!(age().expect("it is told") < 90.0);
}

#[tokio::test]
async fn nothing_that_failed_makes_no_series() {
    let settings = Settings::read("gateway", &|_| None).expect("nothing is wrong");
    let pipeline = Pipeline::start(&settings).expect("it starts");
    pipeline.metrics().retried(TYPE, 0);
    pipeline.metrics().dead_lettered(TYPE, 0);
    assert!(!pipeline.prometheus_text().contains(TYPE));
}

#[tokio::test]
async fn dashboard_and_alerts_ask_for_what_there_is() {
    let text = measured().prometheus_text();
    let known: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let known: Vec<_> = known.iter().filter_map(|line| line.split(' ').next()).collect();
    let files = [
        include_str!("../../deploy/observability/dashboard.json"),
        include_str!("../../deploy/observability/alerts.yaml"),
    ];
    let is_of_name = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    let asked = files.iter().flat_map(|file| file.split(is_of_name)).filter(|word| {
        word.starts_with("callboard_") || word.contains("_seconds_") || word.ends_with("_total")
    });
    let labels = ["callboard_message_method", "callboard_run_end", "callboard_wake_outcome"];
    let mut count = 0;
    for word in asked.filter(|word| !labels.contains(word)) {
        let suffixes = ["_bucket", "_count", "_sum"];
        let bare = suffixes.iter().find_map(|suffix| word.strip_suffix(suffix)).unwrap_or(word);
        assert!(known.contains(&bare), "{word} is no metric");
        count += 1;
    }
    assert!(count > 15, "{count} are asked for");
}
