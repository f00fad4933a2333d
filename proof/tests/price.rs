//! A message costs no more than it may, as AWS's own DynamoDB Local counts it.
//!
//! `cargo test -p callboard-proof --test price -- --nocapture` prints the table.

#[path = "../../mailbox-dynamodb/tests/dynamodb_local/mod.rs"]
mod dynamodb_local;

use callboard_local::{EmbeddedDynamoDb, Storage};
use callboard_mailbox::limits::DUE_SHARDS;
use callboard_mailbox_dynamodb::units;
use callboard_proof::price::load::RoundTrips;
use callboard_proof::price::request::Purpose;
use callboard_proof::price::{Bill, Limit, Stage, Units};
use dynamodb_local::DynamoDbLocal;
use tokio::time::Instant;

/// How many asks to sleeping actors are looked at.
const ASKS: usize = 5;

/// How often an hour a gateway sweeps.
const SWEEPS_PER_HOUR: f64 = 3_600.0;

const fn limit(write: f64, read: f64, dollars: f64) -> Limit {
    Limit { units: Units { write, read }, dollars }
}

/// Whether a figure is what is told of it, but for rounding, and for what depends on when messages
/// come.
fn is_near(measured: f64, told: f64) -> bool {
    (measured - told).abs() <= 0.01 + 0.03 * told
}

/// Puts all loads on a DynamoDB, prints the table, and holds each row to it.
async fn price(name: &str, endpoint_url: &str) {
    let wall_clock = std::time::Instant::now();
    let stage = Stage::start(endpoint_url).await;
    let begun = Instant::now();
    let (tells, asks, after_sleep, known_tells, known_asks) = tokio::join!(
        stage.few_tells(),
        stage.few_asks(),
        stage.after_sleep(),
        stage.few_tells_with_ids(),
        stage.few_asks_with_ids(),
    );
    let reads = stage.reads().await;
    let mut round_trips = Vec::new();
    for n in 0..ASKS {
        round_trips.push(stage.round_trips_of_an_ask_after_sleep(n).await);
    }
    let busy = stage.busy().await;

    let rows = [
        (busy, limit(0.2, 0.1, 0.2), units::BUSY_TELL),
        (tells, limit(3.5, 2.0, 2.5), units::TELL),
        (after_sleep, limit(7.0, 3.0, 5.0), units::TELL_AFTER_SLEEP),
        (known_tells, limit(7.0, 2.0, 5.0), units::TELL_WITH_ID),
        (asks, limit(7.0, 2.0, 5.0), units::ASK),
        (known_asks, limit(7.0, 2.5, 5.0), units::ASK_WITH_ID),
        (reads, limit(0.0, 1.0, 0.2), units::READ),
    ];
    let lines: String = rows.iter().map(|(bill, limit, _)| bill.line(*limit) + "\n").collect();
    let breakdowns: String = rows.iter().map(|(bill, ..)| format!("\n{bill}")).collect();
    let sweeps = stage.sweeps_since(begun);
    let queries: Units = sweeps.iter().map(|request| request.consumed.total).sum();
    let hour = queries.per(sweeps.len()).read * f64::from(DUE_SHARDS) * SWEEPS_PER_HOUR;
    let dollars = Units { read: hour, write: 0.0 }.dollars_per_million() / 1e6;
    // In one go, so that the tables of two tests do not mix.
    println!(
        "{name}, in {:.0?}\n{}\n{lines}{breakdowns}\n\
         whatever is sent, the sweeps of each gateway read {hour:.0} units an hour, \
         for ${dollars:.4}\n\
         an ask after a long sleep waits for {:?}\n",
        wall_clock.elapsed(),
        Bill::head(),
        round_trips[0],
    );

    let expected = RoundTrips {
        before_invocation: vec![Purpose::Wake, Purpose::Append],
        within_invocation: vec![Purpose::CommitWithReplies],
    };
    assert_eq!(round_trips, vec![expected; ASKS]);
    let is_too_dear = rows.iter().any(|(bill, limit, _)| !bill.is_within(*limit));
    assert!(!is_too_dear, "a message costs too much:\n{lines}");
    // What is told beforehand of the cost is made from these.
    for (bill, _, told) in &rows {
        let units = bill.per_message();
        let is_right = is_near(units.write, told.write) && is_near(units.read, told.read);
        assert!(
            is_right,
            "{}: {units:?}, and mailbox-dynamodb/src/units.rs has {told:?}",
            bill.load
        );
    }
    assert_eq!(queries.per(sweeps.len()), units::SWEEP_OF_A_SHARD);
}

#[tokio::test]
async fn a_message_costs_no_more_than_it_may() {
    let dynamodb = DynamoDbLocal::start().await;
    price("DynamoDB Local", &dynamodb.endpoint_url()).await;
}

#[tokio::test]
async fn the_embedded_dynamodb_counts_no_more() {
    let any_port = "127.0.0.1:0".parse().expect("an address");
    let dynamodb = EmbeddedDynamoDb::start(Storage::Memory, any_port).expect("it starts");
    price("the embedded DynamoDB", &dynamodb.endpoint_url()).await;
}
