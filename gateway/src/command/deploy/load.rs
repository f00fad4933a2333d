//! What is asked of a deployment, in DynamoDB's request units and Lambda's seconds.

use callboard_mailbox::limits::{MESSAGE_BYTES_MAX, STATE_BYTES_MAX, STATE_INLINE_BYTES_MAX};
use callboard_mailbox_dynamodb::Units;
use callboard_mailbox_dynamodb::units::{ASK, TELL, TELL_AFTER_SLEEP, TELL_WITH_ID};
use serde::Serialize;

/// The bytes that one write unit writes, and one read unit reads.
const WRITE_UNIT_BYTES: u64 = 1_024;
const READ_UNIT_BYTES: u64 = 4_096;

/// What a segment, a reply and a record have besides what is put into them, and a message in its
/// segment: keys, names and times. About as many as in the load that is measured.
pub(super) const SEGMENT_BYTES: u64 = 90;
pub(super) const MESSAGE_BYTES: u64 = 64;
pub(super) const REPLY_BYTES: u64 = 150;
const RECORD_BYTES: u64 = 250;

/// What a run takes besides its handlers, mostly for its commit, in milliseconds. Nobody has
/// measured it on AWS: a guess, on the high side.
const RUN_MS: f64 = 10.0;

/// How many synchronous requests an environment takes in a second, however short they are.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const RUNS_PER_ENVIRONMENT: f64 = 10.0;

/// How many messages come, and what they are like.
#[derive(clap::Args, Clone, Debug, Serialize)]
#[command(next_help_heading = "Load")]
pub(super) struct Load {
    /// How many messages come in a second, in the mean of the month.
    #[arg(long, value_name = "R", value_parser = rate)]
    pub(super) messages_per_second: f64,
    /// Which part of them are asks, 0 to 1; the others are tells. (A read-only ask is no message.)
    #[arg(long, value_name = "PART", default_value = "0.5", value_parser = part)]
    pub(super) ask_share: f64,
    /// Which part of the messages have an id that their sender gave them, 0 to 1. Callboard's
    /// clients give one to each; a tell without one is cheaper.
    #[arg(long, value_name = "PART", default_value = "1", value_parser = part)]
    pub(super) id_share: f64,
    /// The bytes of a request, and of an answer.
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=MESSAGE_BYTES_MAX as u64))]
    pub(super) message_bytes: u64,
    /// The bytes of an actor's state, as it is stored: it is written with each run.
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=STATE_BYTES_MAX as u64))]
    pub(super) state_bytes: u64,
    /// How many messages an actor finds when it runs, 1 to 500. Those that come at once to one
    /// actor share the cost of its run.
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(super) batch: u32,
    /// Which part of the runs are of actors that slept for more than two minutes, 0 to 1: waking
    /// one and putting it to sleep costs writes.
    #[arg(long, value_name = "PART", default_value = "0", value_parser = part)]
    pub(super) asleep_share: f64,
    /// How long a handler takes, in milliseconds, 0 to 900000.
    #[arg(long, value_name = "MS", default_value = "5", value_parser = handler_ms)]
    pub(super) handler_ms: f64,
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 0.0, 1e6)
}

fn part(text: &str) -> Result<f64, String> {
    number(text, 0.0, 1.0)
}

fn handler_ms(text: &str) -> Result<f64, String> {
    number(text, 0.0, 900_000.0)
}

fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "this is no number".to_owned())?;
    let is_within = (least..=most).contains(&number);
    is_within.then_some(number).ok_or_else(|| format!("it is not within {least} and {most}"))
}

impl Load {
    /// How often actors run in a second.
    pub(super) fn runs_per_second(&self) -> f64 {
        self.messages_per_second / f64::from(self.batch)
    }

    /// How long one run takes, in seconds.
    pub(super) fn run_seconds(&self) -> f64 {
        (RUN_MS + f64::from(self.batch) * self.handler_ms) / 1e3
    }

    /// How many environments the runs need: for their time, and for their number.
    pub(super) fn environments(&self) -> f64 {
        let runs = self.runs_per_second();
        (runs * self.run_seconds()).max(runs / RUNS_PER_ENVIRONMENT)
    }

    /// The bytes of a segment with all messages of a run.
    pub(super) fn segment_bytes(&self) -> u64 {
        SEGMENT_BYTES + u64::from(self.batch) * (MESSAGE_BYTES + self.message_bytes)
    }

    /// Which part of the messages leave something in the reply table: asks a reply, and what has an
    /// id a receipt.
    pub(super) fn replied_share(&self) -> f64 {
        self.ask_share + (1.0 - self.ask_share) * self.id_share
    }

    /// What one run consumes, with all that was written and read before and after it for its
    /// messages. It is put together as the protocol does it, so that sizes count, and is what is
    /// measured where that is measured.
    pub(super) fn units_of_a_run(&self) -> Units {
        let messages = f64::from(self.batch);
        let (asks, tells) = (messages * self.ask_share, messages * (1.0 - self.ask_share));
        // Above this size the state is written by commits alone, in items of its own.
        let is_spilled = self.state_bytes > STATE_INLINE_BYTES_MAX as u64;
        let (inline, spilled) =
            if is_spilled { (0, self.state_bytes) } else { (self.state_bytes, 0) };
        let record = write_units(RECORD_BYTES + inline);
        let pieces = if is_spilled { write_units(spilled) } else { 0.0 };

        let append = write_units(self.segment_bytes());
        let wake = record;
        // A commit with anything beside the record is a transaction, at twice the units.
        let is_transaction = match is_spilled {
            true => 1.0,
            false => 1.0 - (1.0 - self.replied_share()).powi(self.batch.cast_signed()),
        };
        let commit = (record + pieces) * (1.0 + is_transaction);
        let answer = write_units(REPLY_BYTES + self.message_bytes);
        let replies = 2.0 * (asks * answer + tells * self.id_share * write_units(REPLY_BYTES));
        // Index entries, and putting to rest what had no more messages.
        let rest = TELL.write - 3.0;
        let asleep = self.asleep_share;
        let waking = asleep * (TELL_AFTER_SLEEP.write - TELL.write);

        // The gateway waits for answers, and looks whether it knows an id.
        let awaited = asks * (ASK.read - TELL.read) * read_units(REPLY_BYTES + self.message_bytes);
        let known = messages * self.id_share * (TELL_WITH_ID.read - TELL.read);
        let restored = if is_spilled { read_units(spilled) } else { 0.0 };
        let looks = TELL.read + asleep * (TELL_AFTER_SLEEP.read - TELL.read);
        Units {
            write: append + wake + commit + replies + rest + waking,
            read: looks + awaited + known + restored,
        }
    }
}

/// The units of writing an item of so many bytes.
fn write_units(bytes: u64) -> f64 {
    bytes.div_ceil(WRITE_UNIT_BYTES).max(1) as f64
}

/// How many units of a read an item of so many bytes takes.
fn read_units(bytes: u64) -> f64 {
    bytes.div_ceil(READ_UNIT_BYTES).max(1) as f64
}

#[cfg(test)]
mod tests {
    use callboard_mailbox_dynamodb::units::{ASK_WITH_ID, BUSY_TELL};

    use super::*;

    /// What is measured: small tells without ids, a few a minute.
    fn measured() -> Load {
        Load {
            messages_per_second: 1.0,
            ask_share: 0.0,
            id_share: 0.0,
            message_bytes: 37,
            state_bytes: 20,
            batch: 1,
            asleep_share: 0.0,
            handler_ms: 0.0,
        }
    }

    fn assert_near(load: &Load, told: Units, tolerance: f64) {
        let units = load.units_of_a_run().per(load.batch as usize);
        let is_near = |is: f64, told: f64| (is - told).abs() <= tolerance * told.max(0.1);
        let is_right = is_near(units.write, told.write) && is_near(units.read, told.read);
        assert!(is_right, "{units:?}, and measured is {told:?}");
    }

    #[test]
    fn what_is_measured_is_what_comes_out() {
        assert_near(&measured(), TELL, 0.01);
        assert_near(&Load { asleep_share: 1.0, ..measured() }, TELL_AFTER_SLEEP, 0.01);
        assert_near(&Load { id_share: 1.0, ..measured() }, TELL_WITH_ID, 0.02);
        assert_near(&Load { ask_share: 1.0, ..measured() }, ASK, 0.02);
        assert_near(&Load { ask_share: 1.0, id_share: 1.0, ..measured() }, ASK_WITH_ID, 0.02);
        // The key of the busy actor is a long one. And while messages keep coming nobody looks
        // after a run: that is reckoned too high.
        let busy = Units { read: BUSY_TELL.read + TELL.read / 50.0, ..BUSY_TELL };
        assert_near(&Load { batch: 50, ..measured() }, busy, 0.1);
    }

    #[test]
    fn what_is_larger_costs_more() {
        let write = |load: Load| load.units_of_a_run().write;
        let small = write(measured());
        // Two more for the segment.
        assert_eq!(write(Load { message_bytes: 2_500, ..measured() }), small + 2.0);
        // Ten more for each wake and each commit.
        assert_eq!(write(Load { state_bytes: 10_240, ..measured() }), small + 20.0);
        // Not with each wake any more, but in a transaction.
        let spilled = Load { state_bytes: 20 * 1_024, ..measured() };
        assert_eq!(write(spilled.clone()), small + 1.0 + 2.0 * 20.0);
        assert_eq!(spilled.units_of_a_run().read, measured().units_of_a_run().read + 5.0);
        let asks = Load { ask_share: 1.0, ..measured() };
        assert_eq!(write(Load { message_bytes: 1_500, ..asks.clone() }), write(asks) + 1.0 + 2.0);
    }

    #[test]
    fn environments_are_for_the_time_of_runs_or_for_their_number() {
        let load = |handler_ms, batch| Load {
            messages_per_second: 10_000.0,
            handler_ms,
            batch,
            ..measured()
        };
        // 15 ms each are 150 at once, but 10,000 in a second need 1,000.
        assert_eq!(load(5.0, 1).environments(), 1_000.0);
        assert_eq!(load(5.0, 10).environments(), 100.0);
        assert_eq!(load(190.0, 1).environments(), 2_000.0);
    }

    #[test]
    fn parts_and_rates_have_ranges() {
        assert_eq!(part("0.25"), Ok(0.25));
        for text in ["-0.1", "1.1", "NaN"] {
            assert!(part(text).is_err_and(|error| error.contains("within 0 and 1")), "{text}");
        }
        assert!(rate("many").is_err_and(|error| error.contains("no number")));
        assert!(rate("inf").is_err());
    }
}
