//! The mailbox protocol's store over DynamoDB: two tables, and each write of
//! [`callboard_mailbox::Store`] as one request where that is possible.
//!
//! This is the only place that spells the names of attributes.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`connect`](mod@connect) | a client of DynamoDB with time-outs |
//! | [`database`] | what carries requests out: the AWS SDK, an engine in this process, or one behind a socket |
//! | [`schema`] | the tables, their indexes, how they are made, and whether they are right |
//! | `item` | what an item looks like |
//! | `expression` | conditions and updates |
//! | [`store`] | the operations |
//! | [`error`] | which answers of DynamoDB mean what to the protocol |
//! | [`units`] | what messages consume |

pub mod connect;
pub mod database;
pub mod error;
mod expression;
mod item;
pub mod schema;
pub mod store;
pub mod units;

pub use connect::connect;
pub use database::Database;
pub use schema::Tables;
pub use store::DynamoDbStore;
pub use units::Units;
