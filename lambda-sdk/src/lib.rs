//! Write actors that run on AWS Lambda.
//!
//! An actor is a struct that holds its state and a handler for each method of
//! a service in a `.proto`. `callboard-build` makes the trait of the handlers
//! from that file, in the crate's `build.rs`; this crate runs them:
//!
//! ```text
//! callboard_lambda_sdk::include_proto!("counter.v1");
//!
//! #[derive(Default, Serialize, Deserialize)]
//! struct Counter { value: i64 }
//!
//! impl Actor for Counter {
//!     type Service = CounterService;
//! }
//!
//! impl CounterActor for Counter {
//!     async fn add(&mut self, request: AddRequest, _ctx: &mut Context<'_>) -> Result<AddResponse> {
//!         self.value += request.delta;
//!         Ok(AddResponse { value: self.value })
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<()> {
//!     callboard_lambda_sdk::run::<Counter>().await
//! }
//! ```
//!
//! Messages to one actor run one at a time, in the order in which they were
//! sent. What a handler changes in `self`, and its answer, are committed in
//! one write. A handler may run more than once for a message, for example
//! after a crash; what it changed in `self` then counts once.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`actor`] | the traits between a user's actor and the SDK |
//! | [`context`] | what a handler can ask about its message, send, ask, time and delete |
//! | [`answer`](mod@answer) | answers to asks, and answers that are given later |
//! | [`error`] | errors that answer the caller, and errors that are retried |
//! | [`state`] | how an actor is stored |
//! | `kept` | actors that stay in memory between invocations |
//! | `activation` | one run: query, handle, commit, release |
//! | [`Request`] | a message for an actor, before it is sent |
//! | `wire` | what the gateway hands over, and what it gets back |
//! | `lambda` | the front: invocations in, results out |
//! | `trace`, `export` | the spans of runs, messages and commits, and where they go |
//!
//! The feature `otlp`, on by default, exports traces as the `OTEL_*` variables say, and
//! nothing where they say nothing. What a handler does within spans of `tracing` is part of
//! the message's trace. A function that never traces is smaller without it.

mod activation;
pub mod actor;
pub mod answer;
pub mod context;
mod environment;
pub mod error;
#[cfg(feature = "otlp")]
mod export;
#[cfg(not(feature = "otlp"))]
#[path = "export/off.rs"]
mod export;
mod kept;
mod lambda;
mod request;
pub mod state;
mod stats;
pub mod testing;
#[cfg(feature = "otlp")]
mod trace;
#[cfg(not(feature = "otlp"))]
#[path = "trace/off.rs"]
mod trace;
mod wire;

pub use actor::{Actor, Payload, Service, decode, encode};
pub use answer::{Answer, AnswerHandler, Later, answer};
pub use context::{Ask, Context};
pub use error::{Error, Result};
pub use lambda::{Function, run};
pub use request::Request;
pub use state::{Encoding, State};

/// What [`run`] does with an invocation, for Callboard's own tests.
#[doc(hidden)]
pub mod invocation {
    pub use crate::lambda::{Envelope, Handler};
    pub use crate::trace::Trace;
}

/// What an actor may have and do; `docs/limits.md` has the reasons.
pub mod limits {
    pub use callboard_mailbox::limits::{
        CORRELATION_BYTES_MAX, DELAY_MAX, KEY_BYTES_MAX, MESSAGE_BYTES_MAX, REPLY_BYTES_MAX,
        SEND_BYTES_MAX, SENDS_MAX, STATE_BYTES_MAX, TIMED_ASKS_MAX, TIMER_NAME_BYTES_MAX,
        TIMERS_MAX, TIMERS_SET_MAX,
    };
}

pub use callboard_proto::{key, pb};
pub use prost;
pub use prost_types;
pub use tonic::{Code, Status};

/// Includes what `callboard-build` generated for a protobuf package.
///
/// ```text
/// mod counter { callboard_lambda_sdk::include_proto!("counter.v1"); }
/// ```
#[macro_export]
macro_rules! include_proto {
    ($package:tt) => {
        include!(concat!(env!("OUT_DIR"), concat!("/", $package, ".rs")));
    };
}

/// Includes all packages that `callboard-build` generated, each as a module
/// of its name: `counter::v1` for `counter.v1`. For a crate with several.
///
/// ```text
/// mod protos { callboard_lambda_sdk::include_protos!(); }
/// ```
#[macro_export]
macro_rules! include_protos {
    () => {
        include!(concat!(env!("OUT_DIR"), "/callboard_protos.rs"));
    };
}
