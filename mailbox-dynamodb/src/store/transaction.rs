//! Writes of several items at once.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure as OnFailure,
    TransactWriteItem, Update as UpdateItem,
};
use callboard_mailbox::Address;
use callboard_mailbox::store::Error;

use super::DynamoDbStore;
use crate::connect::WithoutToken;
use crate::error::from_sdk;
use crate::expression::Update;
use crate::item::{Item, key, place};

/// What became of a transaction.
pub(super) enum Transacted {
    /// All of it is written.
    Done,
    /// Nothing is; what is said of each item, in their order.
    Cancelled(Vec<CancellationReason>),
}

impl DynamoDbStore {
    /// Writes all of the items or nothing.
    pub(super) async fn transact(
        &self,
        items: Vec<TransactWriteItem>,
    ) -> Result<Transacted, Error> {
        let request = self.client.transact_write_items().set_transact_items(Some(items));
        let answer = request.customize().interceptor(WithoutToken).send().await;
        let error = match answer {
            Ok(_) => return Ok(Transacted::Done),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                Ok(Transacted::Cancelled(cancelled.cancellation_reasons().to_vec()))
            }
            _ => Err(from_sdk(error)),
        }
    }
}

/// Updates a record. If its condition fails, the reason holds its item.
pub(super) fn update(table: &str, address: &Address, update: Update) -> TransactWriteItem {
    let update = UpdateItem::builder()
        .table_name(table)
        .set_key(Some(place(address, key::RECORD)))
        .condition_expression(update.condition)
        .update_expression(update.update)
        .set_expression_attribute_values(Some(update.values))
        .return_values_on_condition_check_failure(OnFailure::AllOld)
        .build()
        .expect("the update has a table, a key and an expression");
    TransactWriteItem::builder().update(update).build()
}

/// Puts an item, whatever is there.
pub(super) fn put(table: &str, item: Item) -> TransactWriteItem {
    put_if(table, item, None)
}

/// Puts an item on condition that there is none: that it has not `key`, the
/// table's partition key.
pub(super) fn put_new(table: &str, key: &str, item: Item) -> TransactWriteItem {
    put_if(table, item, Some(format!("attribute_not_exists({key})")))
}

fn put_if(table: &str, item: Item, condition: Option<String>) -> TransactWriteItem {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .set_condition_expression(condition)
        .build()
        .expect("the put has a table and an item");
    TransactWriteItem::builder().put(put).build()
}

/// Deletes an item, if it is there.
pub(super) fn delete(table: &str, key: Item) -> TransactWriteItem {
    delete_if(table, key, None)
}

/// Deletes an item on condition that it is there: that it has `name`, the table's
/// partition key.
pub(super) fn delete_existing(table: &str, name: &str, key: Item) -> TransactWriteItem {
    delete_if(table, key, Some(format!("attribute_exists({name})")))
}

fn delete_if(table: &str, key: Item, condition: Option<String>) -> TransactWriteItem {
    let delete = Delete::builder()
        .table_name(table)
        .set_key(Some(key))
        .set_condition_expression(condition)
        .build()
        .expect("the delete has a table and a key");
    TransactWriteItem::builder().delete(delete).build()
}
