//! The local Lambda host: runs function binaries as they are, for clients as they are.
//!
//! ```text
//! AWS SDK ──────▶ invoke_api ─┬▶ function ──▶ environment ──▶ process (the function's binary)
//!                  Invoke API  │  queue and     one at a          ▲ │ polls
//! this program ─▶ invoker ─────┘  warm stack    time each         │ ▼
//!                                                   ▲──────── runtime_api (a listener each)
//! ```
//!
//! An *invocation* is one request to run a function. An *environment* is one process of the
//! function's binary together with the Runtime API that it polls; it runs one invocation at a time
//! and is kept warm for the next. The host starts one when none is idle, up to
//! [`FunctionConfig::concurrency`], and beyond that invocations queue, first come, first served.
//!
//! What differs from AWS:
//!
//! - A failed `Event` invocation is not tried again (AWS does so after one and after two minutes).
//! - Memory is not limited, and idle environments are not stopped until shutdown.
//! - There is one version, `$LATEST`; qualifiers are accepted and ignored.
//! - Response streaming, log tails (`X-Amz-Log-Type`), the Telemetry API and SnapStart are absent.
//! - Credentials and signatures are not looked at.

mod body;
mod config;
mod environment;
mod extensions;
mod function;
mod host;
mod invocation;
mod invoke_api;
mod invoker;
mod logs;
mod outcome;
mod process;
mod refusal;
mod runtime_api;
mod variables;
mod warden;

pub use config::{Error, FunctionConfig, HostConfig, LogLine, OnLog};
pub use host::LambdaHost;
pub use invoker::{Answer, Invoker};
pub use refusal::Refusal;
pub use warden::Warden;
