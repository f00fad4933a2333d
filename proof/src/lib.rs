//! Checks that Callboard keeps its promises.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`history`] | what a recorded history of sends, effects and replies proves |
//! | [`ledger`] | the actor that the proofs send to |
//! | [`simulation`] | the real gateway and the real SDK in one thread, with every fault, from a seed |
//! | [`chaos`] | real processes that are killed, frozen and lied to about the time |
//! | [`price`] | what a message costs, in DynamoDB's own units |
//! | [`scale`] | what many gateways do to each other |

pub mod chaos;
pub mod history;
pub mod ledger;
pub mod price;
pub mod scale;
pub mod simulation;
