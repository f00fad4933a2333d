//! The settings of calls, and of what they leave in mailboxes.

use std::time::Duration;

use callboard_gateway::Settings;

use crate::command::duration::{DAY, seconds, within, zero_or_within};

/// The shortest time that is worth to be waited for.
const TENTH: Duration = Duration::from_millis(100);

#[derive(clap::Args)]
#[command(next_help_heading = "Calls and mailboxes")]
#[group(skip)]
pub(crate) struct Arguments {
    /// How many calls may be open at once; more are refused with UNAVAILABLE.
    #[arg(long, env = "CALLBOARD_OPEN_CALLS_MAX", default_value = "10000", value_name = "NUMBER")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    open_calls_max: u32,
    /// How long a request may take to arrive.
    #[arg(long, env = "CALLBOARD_REQUEST_TIMEOUT", default_value = "30s", value_name = "DURATION")]
    #[arg(value_parser = within(seconds(1)..=seconds(600)))]
    request_timeout: Duration,
    /// How long an ask waits whose caller gives no deadline.
    #[arg(long, env = "CALLBOARD_ASK_TIMEOUT", default_value = "30s", value_name = "DURATION")]
    #[arg(value_parser = within(TENTH..=DAY))]
    ask_timeout: Duration,
    /// How long a tell waits whose caller gives no deadline.
    #[arg(long, env = "CALLBOARD_TELL_TIMEOUT", default_value = "10s", value_name = "DURATION")]
    #[arg(value_parser = within(TENTH..=DAY))]
    tell_timeout: Duration,
    /// How many messages may wait in an actor's mailbox; more are refused with MAILBOX_FULL.
    #[arg(long, env = "CALLBOARD_MAILBOX_DEPTH_MAX", default_value = "1000000")]
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    mailbox_depth_max: u64,
    /// How long a reply is kept, at least: a message that is sent again with its id within that
    /// time is handled once.
    #[arg(long, env = "CALLBOARD_REPLY_RETENTION", default_value = "1d", value_name = "DURATION")]
    #[arg(value_parser = within(seconds(60)..=366 * DAY))]
    reply_retention: Duration,
    /// How long a message is kept in the log, consumed or not.
    #[arg(
        long,
        env = "CALLBOARD_MESSAGE_RETENTION",
        default_value = "7d",
        value_name = "DURATION"
    )]
    #[arg(value_parser = within(DAY..=366 * DAY))]
    message_retention: Duration,
    /// How often it is looked for what is due: timers fire within it, and what a crash left behind
    /// is found.
    #[arg(long, env = "CALLBOARD_SWEEP_PERIOD", default_value = "1s", value_name = "DURATION")]
    #[arg(value_parser = within(TENTH..=seconds(60)))]
    sweep_period: Duration,
    /// How often a canary message finds out whether messages get through to the database. Each
    /// costs two write units and a read unit.
    #[arg(long, env = "CALLBOARD_CANARY_PERIOD", default_value = "30s", value_name = "DURATION")]
    #[arg(value_parser = within(seconds(1)..=seconds(600)))]
    canary_period: Duration,
    /// How long an actor without work is kept at hand. To let go of it costs two writes.
    #[arg(long, env = "CALLBOARD_LANE_IDLE", default_value = "1m", value_name = "DURATION")]
    #[arg(value_parser = zero_or_within(TENTH..=seconds(3_600)))]
    lane_idle: Duration,
}

impl Arguments {
    /// Puts them in.
    pub(crate) fn set(&self, settings: &mut Settings) {
        settings.open_calls_max = self.open_calls_max as usize;
        settings.request_timeout = self.request_timeout;
        settings.ask_timeout = self.ask_timeout;
        settings.tell_timeout = self.tell_timeout;
        settings.mailbox_depth_max = self.mailbox_depth_max;
        settings.reply_retention = self.reply_retention;
        settings.message_retention = self.message_retention;
        settings.sweep_period = self.sweep_period;
        settings.canary_period = self.canary_period;
        settings.lane_idle = self.lane_idle;
    }
}
