//! The mailbox protocol: how messages get into an actor's mailbox, how one
//! activation at a time drains it, and how what it did becomes committed.
//!
//! This crate decides; it does not act. There is no I/O in it, no clock, no
//! randomness, no AWS, no tokio and no gRPC: time is an argument, and every
//! step that touches the database is an operation of [`store::Store`].
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`address`] | an actor's type and key |
//! | [`message`] | messages, and the segments of the log that hold them |
//! | [`parcel`] | messages outside of the log: from other actors, delayed, timers |
//! | [`state`] | a state in the record, or in items of its own |
//! | [`record`] | the one small item per actor: head, epoch, lease, state |
//! | [`lease`] | who may run an actor, and until when |
//! | [`append`] | how a segment finds its place at the end of a log |
//! | [`send`] | one segment on its way in: append and wake, in the right order |
//! | [`schedule`] | a delayed message on its way in |
//! | [`drain`] | one activation: query, run, commit, release |
//! | [`commit`] | the one atomic write by which messages become consumed |
//! | [`reply`] | the answer to an ask |
//! | [`retry`] | how long a mailbox waits after a failed message, and how often |
//! | [`dead_letter`] | messages that were set aside after their last attempt |
//! | [`control`] | what an operator does to a mailbox: pause, resume, purge |
//! | [`sweep`] | what to do with a record that is due |
//! | [`store`] | the operations that the protocol asks of a database |
//! | [`memory`] | those operations on plain maps: the executable specification |
//! | [`clock`] | timestamps |
//! | [`limits`] | every bound of the protocol |

pub mod address;
pub mod append;
pub mod clock;
pub mod commit;
#[cfg(feature = "contract")]
pub mod contract;
pub mod control;
pub mod dead_letter;
pub mod drain;
pub mod lease;
pub mod limits;
pub mod memory;
pub mod message;
pub mod parcel;
pub mod record;
pub mod reply;
pub mod retry;
pub mod schedule;
pub mod send;
pub mod state;
pub mod store;
pub mod sweep;

pub use address::Address;
pub use clock::Timestamp;
pub use lease::Lease;
pub use message::{Message, MessageId, Segment, Sequence};
pub use record::{Epoch, Record};
pub use reply::Reply;
pub use store::Store;
