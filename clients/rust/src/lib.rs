//! Calls Callboard's actors.
//!
//! The stubs are those that tonic's ordinary code generation makes from your
//! `.proto` files. A [`Channel`] is what they call through; it gives each message
//! an id before the first attempt, sends it again when that is safe, and gives
//! each call a deadline. An [`Error`] says what a program can do next.
//!
//! ```no_run
//! # // Health stands in for a stub of your own here.
//! # use tonic_health::pb::{HealthCheckRequest as AddRequest, health_client::HealthClient as CounterClient};
//! use callboard_client::{Client, Receipt};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("http://127.0.0.1:7070").connect().await?;
//! let mut counter = CounterClient::new(client.actor("alice"));
//! # fn request() -> AddRequest { AddRequest::default() }
//! # /*
//! let response = counter.add(request()).await?;
//! # */
//! # let response = counter.check(request()).await?;
//! println!("{:?}", Receipt::of(&response));
//! client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! A stub's call that is not awaited can be told, told for later, started, asked
//! together with others and sent in a [`TellStream`]: [`CallExt`] makes a
//! [`Message`] of it. Who has no stub makes one by name, with
//! [`Client::json_message`] or [`Client::encoded_message`].
//!
//! With the feature `opentelemetry` the current trace context (`traceparent`,
//! `tracestate`, `baggage`) goes with each message.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `client`, `builder`, `credentials` | how to connect, and who calls |
//! | `channel` | what stubs call through |
//! | `call_ext`, `capture`, `message`, `reply` | calls that are more than a stub's |
//! | `ask_many`, `tell_stream`, `teller` | many at once, and one after the other |
//! | `content`, `delivery`, `payload`, `address`, `trace` | what is sent, and how it is written |
//! | `link`, `call`, `retry`, `wire`, `frame`, `timeout` | the attempts of a call |
//! | `error`, `kind`, `receipt` | what comes back |

mod address;
mod ask_many;
mod builder;
mod call;
mod call_ext;
mod capture;
mod channel;
mod client;
mod content;
mod credentials;
mod delivery;
mod error;
mod frame;
mod kind;
mod link;
mod message;
mod payload;
mod receipt;
mod reply;
mod retry;
mod tell_stream;
mod teller;
mod timeout;
mod trace;
mod wire;

pub use address::Address;
pub use ask_many::AskMany;
pub use builder::{Builder, ConnectError};
pub use call_ext::CallExt;
pub use callboard_proto::{ERROR_DOMAIN, key::key, pb::ErrorReason};
pub use channel::Channel;
pub use client::Client;
pub use error::{Error, FieldViolation};
pub use kind::ErrorKind;
pub use message::{Answer, Message};
pub use receipt::Receipt;
pub use reply::Reply;
pub use retry::RetryPolicy;
pub use tell_stream::{Delivery, TELL_STREAM_WINDOW, TellStream};
