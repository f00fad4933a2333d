//! Writes of several items at once.

use callboard_mailbox::Address;
use callboard_mailbox::store::Error;

use super::DynamoDbStore;
use crate::database::{Action, Answer, Reason, Request, Write, unexpected};
use crate::expression::Update;
use crate::item::{key, place};

/// What became of a transaction.
pub(super) enum Transacted {
    /// All of it is written.
    Done,
    /// Nothing is; what is said of each item, in their order.
    Cancelled(Vec<Reason>),
}

impl DynamoDbStore {
    /// Writes all of the items or nothing.
    pub(super) async fn transact(&self, writes: Vec<Write>) -> Result<Transacted, Error> {
        match self.database.call(Request::Transact(writes)).await? {
            Answer::Written(_) => Ok(Transacted::Done),
            Answer::Cancelled(reasons) => Ok(Transacted::Cancelled(reasons)),
            other => Err(unexpected(&other)),
        }
    }
}

/// Updates a record. If its condition fails, the answer holds its item.
pub(super) fn update(table: &str, address: &Address, update: Update) -> Write {
    let Update { condition, update, values, returns_item } = update;
    let action = Action::Update { key: place(address, key::RECORD), update };
    Write { values, returns_item, returns_refused: true, ..Write::of(table, action).on(condition) }
}
