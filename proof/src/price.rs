//! What a message costs: DynamoDB's request units, as DynamoDB counts them.
//!
//! The real gateway and the real SDK run in this process, over a DynamoDB that
//! tells with each answer what the request has consumed. Loads of several kinds
//! are put on actors, and what was consumed is divided by the messages. The clock
//! is paused, so that minutes pass in seconds.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`load`] | how messages come: all at once, a few a minute, after a long sleep |
//! | [`bill`] | what a load has consumed, by purpose, against its limits |
//! | [`stage`] | all that runs |
//! | `wire` | the way to DynamoDB while the clock is paused |
//! | `function`, `tally` | the actor, invoked without Lambda |
//! | [`meter`] | how requests are measured |
//! | [`request`], `capacity` | one request, and what it consumed |

pub mod bill;
mod capacity;
mod function;
pub mod load;
pub mod meter;
pub mod request;
pub mod stage;
mod tally;
mod wire;

pub use bill::{Bill, Limit};
use callboard_mailbox_dynamodb::units;
pub use callboard_mailbox_dynamodb::units::Units;
pub use capacity::Consumed;
pub use stage::Stage;
