//! The subcommands, each with its arguments and its `run`.

pub(crate) mod admin;
pub(crate) mod api_key;
pub(crate) mod call;
#[cfg(feature = "local")]
pub(crate) mod cargo;
pub(crate) mod check;
pub(crate) mod client;
pub(crate) mod config;
#[cfg(feature = "local")]
pub(crate) mod deploy;
#[cfg(feature = "local")]
pub(crate) mod dev;
pub(crate) mod duration;
pub(crate) mod health;
pub(crate) mod observing;
#[cfg(feature = "local")]
pub(crate) mod package;
#[cfg(feature = "local")]
pub(crate) mod project;
pub(crate) mod protos;
pub(crate) mod schema;
pub(crate) mod security;
pub(crate) mod serve;
pub(crate) mod serving;
pub(crate) mod stopping;
pub(crate) mod tables;

use std::fmt::Display;

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
