//! Calls Callboard's actors.
//!
//! The stubs are those that tonic's ordinary code generation makes from your
//! .proto file. This crate gives them a [`Channel`] with a default deadline,
//! reads an [`Error`] out of a status, and a [`Receipt`] out of a response.
//!
//! ```no_run
//! # // Health stands in for a stub of your own here.
//! # use tonic_health::pb::{HealthCheckRequest as AddRequest, health_client::HealthClient as CounterClient};
//! use callboard_client::{Client, Receipt};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("http://127.0.0.1:7070").connect().await?;
//! let mut counter = CounterClient::new(client.channel());
//! # fn request() -> AddRequest { AddRequest::default() }
//! let response = counter.check(request()).await.map_err(callboard_client::Error::from)?;
//! println!("{:?}", Receipt::of(&response));
//! # Ok(())
//! # }
//! ```
//!
//! # Nothing is sent twice
//!
//! The client never repeats a call. The gateway takes no message id from its
//! callers yet, so a call that was sent again might be processed twice; and no
//! part of an error that is made for programs tells whether the message was
//! stored. When [`Error::retry_delay`] is there, the gateway expects that a
//! later call succeeds. Whether to make it is yours to decide: a call that may
//! be processed twice without harm can be.
//!
//! A connection that broke is opened again with the next call.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `client` | how to connect |
//! | `channel` | what is added to each call |
//! | `error` | what a status says |
//! | `receipt` | what became of a message |

mod channel;
mod client;
mod error;
mod receipt;

pub use callboard_proto::{ERROR_DOMAIN, pb::ErrorReason};
pub use channel::Channel;
pub use client::{Builder, Client, ConnectError};
pub use error::{Error, FieldViolation};
pub use receipt::Receipt;
