//! The settings of connections.

use std::time::Duration;

use callboard_gateway::settings::Connections;

use crate::command::duration::{DAY, seconds, within, zero_or_within};

#[derive(clap::Args)]
#[command(next_help_heading = "Connections")]
#[group(skip)]
pub(crate) struct Arguments {
    /// How many connections may be open at once; further ones wait.
    #[arg(long, env = "CALLBOARD_CONNECTIONS_MAX", default_value = "10000", value_name = "NUMBER")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections_max: u32,
    /// How long a connection is used before its client is asked to make another, more or less a
    /// tenth; 0s for ever.
    #[arg(long, env = "CALLBOARD_CONNECTION_AGE", default_value = "30m", value_name = "DURATION")]
    #[arg(value_parser = zero_or_within(seconds(1)..=366 * DAY))]
    connection_age: Duration,
    /// How many calls one connection may have open.
    #[arg(
        long,
        env = "CALLBOARD_CONNECTION_CALLS_MAX",
        default_value = "250",
        value_name = "NUMBER"
    )]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    connection_calls_max: u32,
    /// How many bytes of headers a call may have; twice as many with HTTP/1.
    #[arg(long, env = "CALLBOARD_HEADER_BYTES_MAX", default_value = "32768", value_name = "BYTES")]
    #[arg(value_parser = clap::value_parser!(u32).range(8_192..=1_048_576))]
    header_bytes_max: u32,
    /// How long the headers of HTTP/1 may take, and how long its connections may wait for a call.
    #[arg(long, env = "CALLBOARD_HEADER_TIMEOUT", default_value = "30s", value_name = "DURATION")]
    #[arg(value_parser = within(seconds(1)..=seconds(600)))]
    header_timeout: Duration,
    /// How long a connection with HTTP/2 may be quiet before it is asked whether the other side
    /// is there, and how long it may take to answer.
    #[arg(long, env = "CALLBOARD_KEEPALIVE", default_value = "30s", value_name = "DURATION")]
    #[arg(value_parser = within(seconds(1)..=seconds(3_600)))]
    keepalive: Duration,
}

impl Arguments {
    pub(crate) fn settings(&self) -> Connections {
        Connections {
            open_max: self.connections_max as usize,
            age: Some(self.connection_age).filter(|age| !age.is_zero()),
            calls_max: self.connection_calls_max,
            header_bytes_max: self.header_bytes_max,
            header_timeout: self.header_timeout,
            keepalive: self.keepalive,
        }
    }
}
