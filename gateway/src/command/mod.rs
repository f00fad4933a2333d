//! The subcommands, each with its arguments and its `run`.

pub(crate) mod admin;
pub(crate) mod api_key;
pub(crate) mod call;
pub(crate) mod check;
pub(crate) mod client;
pub(crate) mod config;
#[cfg(feature = "local")]
pub(crate) mod dev;
pub(crate) mod duration;
pub(crate) mod health;
pub(crate) mod protos;
pub(crate) mod schema;
pub(crate) mod security;
pub(crate) mod serve;
pub(crate) mod serving;
pub(crate) mod stopping;
pub(crate) mod tables;

use std::fmt::Display;
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// What is printed before the program ends with exit code 1.
pub(crate) struct Failure(pub(crate) String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(format!("error: {error}"))
    }
}

impl Failure {
    pub(crate) fn new(text: impl Display) -> Self {
        Self(format!("error: {text}"))
    }
}

/// What is logged unless `RUST_LOG` says otherwise. The embedded DynamoDB warns
/// of every answer that is an error, also of those that are expected.
const LOG_FILTER: &str = "info,dynoxide=error";

/// Logs to stderr, readable.
pub(crate) fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_FILTER));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
