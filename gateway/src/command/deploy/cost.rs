//! What a deployment costs a month, item by item.

use callboard_gateway::Settings;
use callboard_mailbox::limits::DUE_SHARDS;
use callboard_mailbox_dynamodb::Units;
use callboard_mailbox_dynamodb::units::{CANARY, SWEEP_OF_A_SHARD};
use serde::Serialize;

use super::load::{Load, REPLY_BYTES};
use super::prices::Prices;
use super::stacks::Sizes;

/// A month, as AWS reckons.
pub(super) const HOURS: f64 = 730.0;
const SECONDS: f64 = HOURS * 3_600.0;

const GB: f64 = 1e9;

/// What DynamoDB adds to the size of each item that it stores.
/// <https://aws.amazon.com/dynamodb/pricing/on-demand/>
const STORED_ITEM_BYTES: u64 = 100;

/// What a call has on the wire besides its request and its answer: headers of HTTP/2, of TLS and
/// of TCP. A guess.
const WIRE_BYTES: f64 = 500.0;

/// What Lambda itself writes into a function's log: a line when a run begins and one when it has
/// ended, with what CloudWatch adds to each. A guess.
const LOGGED_BYTES: f64 = 450.0;

/// The secrets with the policy and the API keys.
const SECRETS: f64 = 2.0;

/// One line of the bill.
#[derive(Debug, Serialize)]
pub(super) struct Item {
    pub(super) what: &'static str,
    /// How many a month, in the unit that the price is for.
    pub(super) units: f64,
    pub(super) unit: &'static str,
    /// Dollars for one of them.
    pub(super) price: f64,
    pub(super) usd: f64,
    /// Whether it grows with the messages.
    pub(super) by_message: bool,
}

/// The bill of a month.
#[derive(Debug, Serialize)]
pub(super) struct Bill {
    pub(super) items: Vec<Item>,
    pub(super) usd_per_month: f64,
    /// All of it, for a million messages.
    pub(super) usd_per_million_messages: f64,
    /// What a million further messages cost.
    pub(super) usd_per_million_more_messages: f64,
}

/// All lines, at these prices.
pub(super) fn bill(load: &Load, sizes: Sizes, prices: &Prices) -> Bill {
    let messages = load.messages_per_second * SECONDS;
    let runs = load.runs_per_second() * SECONDS;
    let consumed = load.units_of_a_run();
    let gateways = f64::from(sizes.gateways);
    let idle = idle_units(gateways);
    let stored = stored_gb(load);
    let gb_seconds = runs * load.run_seconds() * f64::from(sizes.memory_mb) / 1_024.0;
    let wire = (WIRE_BYTES + (1.0 + load.ask_share) * load.message_bytes as f64) * messages / GB;
    let hours = HOURS * gateways;

    let each = |what, units, unit, price| Item {
        what,
        units,
        unit,
        price,
        usd: units * price,
        by_message: false,
    };
    let million = |what, units: f64, unit, price| each(what, units / 1e6, unit, price);
    let (writes, reads) = (prices.dynamodb_writes, prices.dynamodb_reads);
    let by_message = [
        million("DynamoDB, writes for messages", runs * consumed.write, "million units", writes),
        million("DynamoDB, reads for messages", runs * consumed.read, "million units", reads),
        each("DynamoDB, messages and replies", stored, "GB-month", prices.dynamodb_storage),
        each("DynamoDB, recovery of those", stored, "GB-month", prices.dynamodb_recovery),
        million("Lambda, runs", runs, "million", prices.lambda_requests),
        million("Lambda, memory", gb_seconds, "million GB-s", prices.lambda_memory),
        each("Logs, begin and end of runs", runs * LOGGED_BYTES / GB, "GB", prices.logs),
        each("Load balancer, traffic", wire, "LCU-hour (GB)", prices.load_balancer_capacity),
    ];
    let always = [
        million("DynamoDB, canaries", idle.write, "million units", writes),
        million("DynamoDB, sweeps and canaries", idle.read, "million units", reads),
        each("Fargate, CPU", hours * sizes.vcpus, "vCPU-hour", prices.fargate_vcpu),
        each("Fargate, memory", hours * sizes.gateway_gb, "GB-hour", prices.fargate_memory),
        each("Load balancer", HOURS, "hour", prices.load_balancer),
        each("Secrets", SECRETS, "secret", prices.secret),
    ];
    let usd = |items: &[Item]| items.iter().map(|item| item.usd).sum::<f64>();
    let (more, rest) = (usd(&by_message), usd(&always));
    let for_a_million = |usd: f64| if messages > 0.0 { usd / messages * 1e6 } else { 0.0 };
    let mut items: Vec<_> =
        by_message.into_iter().map(|item| Item { by_message: true, ..item }).collect();
    items.extend(always);
    Bill {
        items,
        usd_per_month: more + rest,
        usd_per_million_messages: for_a_million(more + rest),
        usd_per_million_more_messages: for_a_million(more),
    }
}

/// What gateways consume without any message.
fn idle_units(gateways: f64) -> Units {
    let Settings { sweep_period, canary_period, .. } = Settings::default();
    let sweeps = SECONDS / sweep_period.as_secs_f64() * f64::from(DUE_SHARDS);
    let canaries = SECONDS / canary_period.as_secs_f64();
    let of_one = |sweep: f64, canary: f64| sweeps * sweep + canaries * canary;
    Units {
        write: gateways * of_one(SWEEP_OF_A_SHARD.write, CANARY.write),
        read: gateways * of_one(SWEEP_OF_A_SHARD.read, CANARY.read),
    }
}

/// The gigabytes of messages that are kept in the log, and of replies and receipts, at any time.
/// States are not among them.
fn stored_gb(load: &Load) -> f64 {
    let Settings { message_retention, reply_retention, .. } = Settings::default();
    let segment = (load.segment_bytes() + STORED_ITEM_BYTES) as f64;
    let log = load.runs_per_second() * message_retention.as_secs_f64() * segment;
    let asks = load.ask_share * load.message_bytes as f64;
    let reply = load.replied_share() * (REPLY_BYTES + STORED_ITEM_BYTES) as f64 + asks;
    let replies = load.messages_per_second * reply_retention.as_secs_f64() * reply;
    (log + replies) / GB
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { gateways: 2, vcpus: 0.5, gateway_gb: 1.0, memory_mb: 512 };

    fn load(messages_per_second: f64) -> Load {
        Load {
            messages_per_second,
            ask_share: 0.5,
            id_share: 1.0,
            message_bytes: 256,
            state_bytes: 256,
            batch: 1,
            asleep_share: 0.0,
            handler_ms: 5.0,
        }
    }

    fn usd(bill: &Bill, what: &str) -> f64 {
        bill.items.iter().find(|item| item.what == what).map_or(f64::NAN, |item| item.usd)
    }

    /// deploy/README.md tells what nothing costs, and docs/reliability.md what sweeps do.
    #[test]
    fn without_messages_it_costs_what_the_documentation_says() {
        let bill = bill(&load(0.0), SIZES, &Prices::default());
        assert!((bill.usd_per_month - 51.56).abs() < 0.01, "{bill:?}");
        assert!((usd(&bill, "DynamoDB, canaries") - 0.22).abs() < 0.005, "{bill:?}");
        let gateways = usd(&bill, "Fargate, CPU") + usd(&bill, "Fargate, memory");
        assert!((gateways - 28.84).abs() < 0.005, "{bill:?}");
        assert_eq!((bill.usd_per_million_messages, bill.usd_per_million_more_messages), (0.0, 0.0));
    }

    #[test]
    fn the_sum_is_that_of_the_items_and_grows_with_the_messages_alone() {
        let prices = Prices::default();
        let (one, two) = (bill(&load(100.0), SIZES, &prices), bill(&load(200.0), SIZES, &prices));
        let sum: f64 = one.items.iter().map(|item| item.usd).sum();
        assert!((one.usd_per_month - sum).abs() < 1e-6);
        for (one, two) in one.items.iter().zip(&two.items) {
            let factor = if one.by_message { 2.0 } else { 1.0 };
            assert!((two.usd - factor * one.usd).abs() < 1e-6, "{one:?} {two:?}");
        }
        let (more, same) = (two.usd_per_million_more_messages, one.usd_per_million_more_messages);
        assert!((more - same).abs() < 1e-9 && two.usd_per_million_messages > more);
    }

    /// Reckoned by hand: 100 messages a second are 262.8 million a month.
    #[test]
    fn each_item_is_units_times_price() {
        let bill = bill(&load(100.0), SIZES, &Prices::default());
        for (what, dollars) in [
            // 6.4 units each.
            ("DynamoDB, writes for messages", 262.8 * 6.4 * 0.625),
            // A look, an id, and half of the time the wait for an answer.
            ("DynamoDB, reads for messages", 262.8 * 1.75 * 0.125),
            ("Lambda, runs", 262.8 * 0.2),
            // 15 ms with half a GB.
            ("Lambda, memory", 262.8 * 0.015 * 0.5 * 13.3334),
            ("Logs, begin and end of runs", 262.8 * 0.45 * 0.5),
            ("Load balancer, traffic", 262.8 * (0.5 + 1.5 * 0.256) * 0.008),
        ] {
            let is = usd(&bill, what);
            assert!((is - dollars).abs() <= 0.01 * dollars, "{what}: {is} and not {dollars}");
        }
        // 60.48 million segments of 510 bytes, 8.64 million replies of 250 and 128 on average.
        let stored = usd(&bill, "DynamoDB, messages and replies");
        assert!((stored - (60.48 * 0.510 + 8.64 * 0.378) * 0.25).abs() < 0.05, "{stored}");
    }
}
