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
//! | [`catalog`] | which path is which method of which actor type |
//! | [`call`](mod@call) | the whole life of a call, on one screen |
//! | `read` | read-only asks, which go past the mailbox |
//! | `delay` | delayed messages on their way in |
//! | `door` | gRPC in and out |
//! | [`codec`] | messages that stay encoded |
//! | `lane` | one actor's messages on their way: append, wake, invoke, look again |
//! | [`functions`] | the actors' Lambda functions |
//! | `replies` | callers that wait for a reply |
//! | `sweep` | work that a crash left behind |
//! | [`refusal`] | the one place where errors become gRPC statuses |
//! | [`serve`] | connections: listening, limits, shutting down |

pub mod call;
pub mod catalog;
pub mod codec;
mod delay;
mod door;
pub mod functions;
pub mod gateway;
mod lane;
mod read;
pub mod refusal;
mod replies;
pub mod serve;
pub mod settings;
mod sweep;

pub use catalog::Catalog;
pub use functions::Functions;
pub use gateway::Gateway;
pub use refusal::Refusal;
pub use settings::Settings;
