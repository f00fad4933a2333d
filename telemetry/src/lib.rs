//! One story of a message across client, gateway, table, function and other actors: traces,
//! metrics and logs of Callboard.
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`context`] | the trace context that travels with a message |
//! | [`attributes`] | the names of spans and attributes, all of them |
//! | [`span`] | spans where the work is done, at no cost where nobody traces |
//! | [`story`] | which trace the processing of a message belongs to |
//! | [`pipeline`] | from the `OTEL_*` variables to what is exported |
//! | [`metrics`] | what is counted and measured |
//! | [`logs`] | lines of the log, with the ids of their trace |
//! | `store` (feature `dynamodb`) | requests to DynamoDB, as spans and as units consumed |
//! | `tree` (feature `dev`) | finished flows as trees in a terminal, without a collector |
//!
//! A function needs no feature but `dynamodb`. The gateway has `grpc` and `prometheus`, too.

pub mod attributes;
pub mod context;
pub mod logs;
pub mod metrics;
pub mod pipeline;
pub mod span;
#[cfg(feature = "dynamodb")]
pub mod store;
pub mod story;
#[cfg(feature = "dev")]
pub mod tree;

pub use metrics::Metrics;
pub use pipeline::{Pipeline, Settings};
pub use span::{Place, Span, Tracer};
