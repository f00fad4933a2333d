//! The way through the AWS SDK.

use std::collections::HashMap;
use std::pin::Pin;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConsumedCapacity, Delete, DeleteRequest, KeysAndAttributes,
    Put, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update, WriteRequest,
};

use super::{
    Action, Answer, Consumed, Failure, Item, Meaning, Query, Reason, Request, Response, Value,
    Write,
};
use crate::connect::WithoutToken;
use crate::error;

type Attributes = HashMap<String, AttributeValue>;

type Answered = Result<(Answer, Consumed), Failure>;

pub(super) async fn call(client: &Client, request: Request, measured: bool) -> Response {
    let capacity = measured.then_some(ReturnConsumedCapacity::Total);
    // Each in a box: the SDK's futures are large, and together they would not fit on a stack.
    let answered: Pin<Box<dyn Future<Output = Answered> + Send + '_>> = match request {
        Request::Get { table, key } => Box::pin(get(client, table, key, capacity)),
        Request::GetAll { table, keys, consistent } => {
            Box::pin(get_all(client, table, keys, consistent, capacity))
        }
        Request::Query(asked) => Box::pin(query(client, asked, capacity)),
        Request::Write(write) => Box::pin(write_one(client, write, capacity)),
        Request::Transact(writes) => Box::pin(transact(client, writes, capacity)),
        Request::DeleteAll { table, keys } => Box::pin(delete_all(client, table, keys, capacity)),
    };
    match answered.await {
        Ok((answer, consumed)) => Response { result: Ok(answer), consumed },
        Err(failure) => failure.response(),
    }
}

async fn get(
    client: &Client,
    table: String,
    key: Item,
    capacity: Option<ReturnConsumedCapacity>,
) -> Answered {
    let get = client
        .get_item()
        .table_name(table)
        .set_key(Some(attributes(key)))
        .consistent_read(true)
        .set_return_consumed_capacity(capacity);
    let answer = get.send().await.map_err(failed)?;
    Ok((Answer::Item(answer.item.map(item)), consumed(answer.consumed_capacity)))
}

async fn get_all(
    client: &Client,
    table: String,
    keys: Vec<Item>,
    consistent: bool,
    capacity: Option<ReturnConsumedCapacity>,
) -> Answered {
    let keys = keys.into_iter().map(attributes).collect();
    let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(consistent);
    let keys = keys.build().expect("the request has keys");
    let get = client.batch_get_item().request_items(table, keys);
    let answer = get.set_return_consumed_capacity(capacity).send().await.map_err(failed)?;
    let found = answer.responses.unwrap_or_default().into_values().flatten().map(item).collect();
    let left = answer.unprocessed_keys.unwrap_or_default().into_values();
    let left = left.flat_map(|left| left.keys).map(item).collect();
    Ok((Answer::Items { found, left }, consumed(answer.consumed_capacity.into_iter().flatten())))
}

async fn query(
    client: &Client,
    asked: Query,
    capacity: Option<ReturnConsumedCapacity>,
) -> Answered {
    let query = client
        .query()
        .table_name(asked.table)
        // An index is never as of now.
        .set_consistent_read(asked.index.is_none().then_some(true))
        .set_index_name(asked.index)
        .key_condition_expression(asked.condition)
        .set_filter_expression(asked.filter)
        .set_projection_expression(asked.projection)
        .set_expression_attribute_names(names(asked.names))
        .set_expression_attribute_values(values(asked.values))
        .scan_index_forward(!asked.backwards)
        .set_limit(asked.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
        .set_exclusive_start_key(asked.after.map(attributes))
        .set_return_consumed_capacity(capacity);
    let answer = query.send().await.map_err(failed)?;
    let items = answer.items.unwrap_or_default().into_iter().map(item).collect();
    let last = answer.last_evaluated_key.filter(|key| !key.is_empty()).map(item);
    Ok((Answer::Page { items, last }, consumed(answer.consumed_capacity)))
}

async fn write_one(
    client: &Client,
    write: Write,
    capacity: Option<ReturnConsumedCapacity>,
) -> Answered {
    let Write { table, action, condition, names: named, values: given, .. } = write;
    let (named, given) = (names(named), values(given));
    let on_failure = on_failure(write.returns_refused);
    match action {
        Action::Put(put) => {
            let put = client
                .put_item()
                .table_name(table)
                .set_item(Some(attributes(put)))
                .set_condition_expression(condition)
                .set_expression_attribute_names(named)
                .set_expression_attribute_values(given)
                .set_return_values_on_condition_check_failure(on_failure)
                .set_return_consumed_capacity(capacity);
            match put.send().await {
                Ok(answer) => Ok((Answer::Written(None), consumed(answer.consumed_capacity))),
                Err(error) => match error.as_service_error() {
                    Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                        Ok(refusal(refused.item.clone()))
                    }
                    _ => Err(failed(error)),
                },
            }
        }
        Action::Update { key, update } => {
            let returns = if write.returns_item { ReturnValue::AllNew } else { ReturnValue::None };
            let update = client
                .update_item()
                .table_name(table)
                .set_key(Some(attributes(key)))
                .update_expression(update)
                .set_condition_expression(condition)
                .set_expression_attribute_names(named)
                .set_expression_attribute_values(given)
                .return_values(returns)
                .set_return_values_on_condition_check_failure(on_failure)
                .set_return_consumed_capacity(capacity);
            match update.send().await {
                Ok(answer) => {
                    let after = answer.attributes.map(item);
                    Ok((Answer::Written(after), consumed(answer.consumed_capacity)))
                }
                Err(error) => match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                        Ok(refusal(refused.item.clone()))
                    }
                    _ => Err(failed(error)),
                },
            }
        }
        Action::Delete(key) => {
            let delete = client
                .delete_item()
                .table_name(table)
                .set_key(Some(attributes(key)))
                .set_condition_expression(condition)
                .set_expression_attribute_names(named)
                .set_expression_attribute_values(given)
                .set_return_values_on_condition_check_failure(on_failure)
                .set_return_consumed_capacity(capacity);
            match delete.send().await {
                Ok(answer) => Ok((Answer::Written(None), consumed(answer.consumed_capacity))),
                Err(error) => match error.as_service_error() {
                    Some(DeleteItemError::ConditionalCheckFailedException(refused)) => {
                        Ok(refusal(refused.item.clone()))
                    }
                    _ => Err(failed(error)),
                },
            }
        }
    }
}

fn refusal(item_there: Option<Attributes>) -> (Answer, Consumed) {
    (Answer::Refused(item_there.map(item)), Consumed::new())
}

async fn transact(
    client: &Client,
    writes: Vec<Write>,
    capacity: Option<ReturnConsumedCapacity>,
) -> Answered {
    let items = writes.into_iter().map(in_transaction).collect();
    let transact = client.transact_write_items().set_transact_items(Some(items));
    let transact = transact.set_return_consumed_capacity(capacity);
    let error = match transact.customize().interceptor(WithoutToken).send().await {
        Ok(answer) => {
            let capacity = answer.consumed_capacity.into_iter().flatten();
            return Ok((Answer::Written(None), consumed(capacity)));
        }
        Err(error) => error,
    };
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            let reasons = cancelled.cancellation_reasons().iter().cloned().map(reason);
            Ok((Answer::Cancelled(reasons.collect()), Consumed::new()))
        }
        _ => Err(failed(error)),
    }
}

fn reason(reason: CancellationReason) -> Reason {
    Reason { code: reason.code, message: reason.message, item: reason.item.map(item) }
}

fn in_transaction(write: Write) -> TransactWriteItem {
    let Write { table, action, condition, names: named, values: given, .. } = write;
    let (named, given) = (names(named), values(given));
    let on_failure = on_failure(write.returns_refused);
    let item = TransactWriteItem::builder();
    match action {
        Action::Put(put) => {
            let put = Put::builder()
                .table_name(table)
                .set_item(Some(attributes(put)))
                .set_condition_expression(condition)
                .set_expression_attribute_names(named)
                .set_expression_attribute_values(given)
                .set_return_values_on_condition_check_failure(on_failure);
            item.put(put.build().expect("the put has a table and an item")).build()
        }
        Action::Update { key, update } => {
            let update = Update::builder()
                .table_name(table)
                .set_key(Some(attributes(key)))
                .update_expression(update)
                .set_condition_expression(condition)
                .set_expression_attribute_names(named)
                .set_expression_attribute_values(given)
                .set_return_values_on_condition_check_failure(on_failure);
            let update = update.build().expect("the update has a table, a key and an expression");
            item.update(update).build()
        }
        Action::Delete(key) => {
            let delete = Delete::builder()
                .table_name(table)
                .set_key(Some(attributes(key)))
                .set_condition_expression(condition)
                .set_expression_attribute_names(named)
                .set_expression_attribute_values(given)
                .set_return_values_on_condition_check_failure(on_failure);
            item.delete(delete.build().expect("the delete has a table and a key")).build()
        }
    }
}

async fn delete_all(
    client: &Client,
    table: String,
    keys: Vec<Item>,
    capacity: Option<ReturnConsumedCapacity>,
) -> Answered {
    let deletes = keys.into_iter().map(|key| {
        let delete = DeleteRequest::builder().set_key(Some(attributes(key))).build();
        let delete = delete.expect("the request has a key");
        WriteRequest::builder().delete_request(delete).build()
    });
    let batch = client.batch_write_item().request_items(table, deletes.collect());
    let answer = batch.set_return_consumed_capacity(capacity).send().await.map_err(failed)?;
    let all = answer.unprocessed_items.is_none_or(|items| items.is_empty());
    Ok((Answer::Deleted(all), consumed(answer.consumed_capacity.into_iter().flatten())))
}

fn on_failure(returns_refused: bool) -> Option<ReturnValuesOnConditionCheckFailure> {
    returns_refused.then_some(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// DynamoDB refuses empty maps of names and of values.
fn names(names: Vec<(String, String)>) -> Option<HashMap<String, String>> {
    (!names.is_empty()).then(|| names.into_iter().collect())
}

fn values(values: Item) -> Option<Attributes> {
    (!values.is_empty()).then(|| attributes(values))
}

fn attributes(item: Item) -> Attributes {
    item.into_iter().map(|(name, value)| (name, attribute(value))).collect()
}

fn attribute(value: Value) -> AttributeValue {
    match value {
        Value::S(text) => AttributeValue::S(text),
        Value::N(digits) => AttributeValue::N(digits),
        Value::B(bytes) => AttributeValue::B(Blob::new(bytes)),
        Value::M(map) => AttributeValue::M(attributes(map)),
        Value::L(list) => AttributeValue::L(list.into_iter().map(attribute).collect()),
        // Nothing that is read so is written.
        Value::Other => AttributeValue::Null(true),
    }
}

fn item(attributes: Attributes) -> Item {
    attributes.into_iter().map(|(name, attribute)| (name, value(attribute))).collect()
}

fn value(attribute: AttributeValue) -> Value {
    match attribute {
        AttributeValue::S(text) => Value::S(text),
        AttributeValue::N(digits) => Value::N(digits),
        AttributeValue::B(blob) => Value::B(blob.into_inner().into()),
        AttributeValue::M(map) => Value::M(item(map)),
        AttributeValue::L(list) => Value::L(list.into_iter().map(value).collect()),
        _ => Value::Other,
    }
}

fn consumed(capacity: impl IntoIterator<Item = ConsumedCapacity>) -> Consumed {
    let of_table = |capacity: ConsumedCapacity| {
        Some((capacity.table_name?, capacity.capacity_units.unwrap_or_default()))
    };
    capacity.into_iter().filter_map(of_table).collect()
}

/// What an error of the SDK means.
fn failed<E>(error: SdkError<E>) -> Failure
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    match &error {
        SdkError::ServiceError(service) => {
            let (code, message) = (service.err().code(), service.err().message());
            let status = service.raw().status().as_u16();
            let text = format!(
                "{} ({status}): {}",
                code.unwrap_or("no code"),
                message.unwrap_or("no message")
            );
            let failure = error::from_code(code, text);
            match failure.meaning {
                Meaning::Refused if status >= 500 => {
                    Failure { meaning: Meaning::Unanswered, ..failure }
                }
                _ => failure,
            }
        }
        SdkError::ConstructionFailure(_) => {
            Failure { code: None, meaning: Meaning::Refused, text: error.to_string() }
        }
        SdkError::DispatchFailure(failure) => {
            let cause = failure.as_connector_error();
            let text =
                cause.map_or_else(|| error.to_string(), |e| DisplayErrorContext(e).to_string());
            Failure::unanswered(text)
        }
        // Without its context, which holds the answer's body.
        _ => Failure::unanswered(error.to_string()),
    }
}
