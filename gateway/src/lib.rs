//! The gateway: it serves the services of the users' own `.proto` files to any
//! gRPC client, writes their messages to mailboxes, wakes the actors' Lambda
//! functions and hands their replies back.
//!
//! It holds nothing worth saving: any number of gateways may run, and each may
//! be killed at any time.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`settings`] | every value that can be set, with its default |
//! | [`gateway`] | what the parts share; starting and draining |
//! | [`access`] | who calls, and what he may do |
//! | [`catalog`] | which path is which method of which actor type |
//! | [`call`](mod@call) | the whole life of a call, on one screen |
//! | `answer` | what becomes of it: replies, receipts, waiting for them |
//! | `read` | read-only asks, which go past the mailbox |
//! | `delay` | delayed messages on their way in |
//! | `door` | the ways in and out: gRPC, gRPC-Web, Connect |
//! | `layer` | what lies around them: which web pages may call, compression |
//! | `generic` | calls by name: `callboard.v1.Gateway` |
//! | [`codec`] | messages that stay encoded |
//! | `lane` | one actor's messages on their way: append, wake, invoke, look again |
//! | `validation` | the rules that a `.proto` sets for its requests |
//! | [`functions`] | the actors' Lambda functions |
//! | [`rate`] | how often callers may send, and actors be sent to |
//! | `busy` | which mailboxes have work |
//! | `pulse` | whether messages get through to the database |
//! | `replies` | callers that wait for a reply |
//! | `sweep` | work that a crash left behind |
//! | `admin` | what operators do to mailboxes |
//! | [`refusal`] | the one place where errors become gRPC statuses |
//! | `spans` | what is traced below a call |
//! | [`serve`] | ports and connections: listening, limits, health, shutting down |

pub mod access;
mod admin;
mod answer;
mod busy;
pub mod call;
pub mod catalog;
pub mod codec;
mod delay;
mod door;
pub mod functions;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod gateway;
mod generic;
mod lane;
mod layer;
mod pulse;
pub mod rate;
mod read;
pub mod refusal;
mod replies;
pub mod serve;
pub mod settings;
mod spans;
mod sweep;
#[cfg(feature = "validation")]
pub mod validation;

pub use catalog::Catalog;
pub use functions::Functions;
pub use gateway::Gateway;
pub use refusal::Refusal;
pub use settings::Settings;
