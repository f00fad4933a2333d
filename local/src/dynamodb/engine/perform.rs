//! One request, as dynoxide takes it.

use std::collections::HashMap;

use callboard_mailbox_dynamodb::database::{
    Action, Answer, Consumed, Failure, Item, Query, Reason, Request, Response, Value, Write,
};
use callboard_mailbox_dynamodb::error::from_code;
use dynoxide::actions::batch_get_item::{BatchGetItemRequest, KeysAndAttributes};
use dynoxide::actions::batch_write_item::{BatchWriteItemRequest, DeleteRequest, WriteRequest};
use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::query::QueryRequest;
use dynoxide::actions::transact_write_items::{
    TransactDelete, TransactPut, TransactUpdate, TransactWriteItem, TransactWriteItemsRequest,
};
use dynoxide::actions::update_item::UpdateItemRequest;
use dynoxide::errors::{CancellationReason, DynoxideError};
use dynoxide::types::{AttributeValue, ConsumedCapacity};

use super::tables::Dynoxide;

type Attributes = HashMap<String, AttributeValue>;

type Answered = Result<(Answer, Consumed), DynoxideError>;

/// Carries a request out.
pub(super) fn perform(database: Dynoxide<'_>, request: Request, measured: bool) -> Response {
    let capacity = measured.then(|| "TOTAL".to_owned());
    let answered = match request {
        Request::Get { table, key } => get(database, table, key, capacity),
        Request::GetAll { table, keys, consistent } => {
            get_all(database, table, keys, consistent, capacity)
        }
        Request::Query(asked) => query(database, asked, capacity),
        Request::Write(write) => write_one(database, write, capacity),
        Request::Transact(writes) => transact(database, writes, capacity),
        Request::DeleteAll { table, keys } => delete_all(database, table, keys, capacity),
    };
    match answered {
        Ok((answer, consumed)) => Response { result: Ok(answer), consumed },
        Err(error) => failed(error),
    }
}

fn failed(error: DynoxideError) -> Response {
    let answer = match error {
        DynoxideError::ConditionalCheckFailedException(_, there) => {
            Answer::Refused(there.map(item))
        }
        DynoxideError::TransactionCanceledException(_, reasons) => {
            Answer::Cancelled(reasons.into_iter().map(reason).collect())
        }
        error => {
            let code = error.short_error_code();
            let failure: Failure = from_code(Some(code), format!("{code}: {error}"));
            return failure.response();
        }
    };
    Response { result: Ok(answer), consumed: Consumed::new() }
}

fn reason(reason: CancellationReason) -> Reason {
    Reason { code: Some(reason.code), message: reason.message, item: reason.item.map(item) }
}

fn get(
    database: Dynoxide<'_>,
    table_name: String,
    key: Item,
    return_consumed_capacity: Option<String>,
) -> Answered {
    let answer = database.get_item(GetItemRequest {
        table_name,
        key: attributes(key),
        consistent_read: Some(true),
        return_consumed_capacity,
        ..GetItemRequest::default()
    })?;
    Ok((Answer::Item(answer.item.map(item)), consumed(answer.consumed_capacity)))
}

fn get_all(
    database: Dynoxide<'_>,
    table: String,
    keys: Vec<Item>,
    consistent: bool,
    return_consumed_capacity: Option<String>,
) -> Answered {
    let keys = KeysAndAttributes {
        keys: keys.into_iter().map(attributes).collect(),
        consistent_read: Some(consistent),
        ..KeysAndAttributes::default()
    };
    let answer = database.batch_get_item(BatchGetItemRequest {
        request_items: HashMap::from([(table, keys)]),
        return_consumed_capacity,
    })?;
    let found = answer.responses.into_values().flatten().map(item).collect();
    let mut left = Vec::new();
    for keys in answer.unprocessed_keys.into_values() {
        let keys: KeysAndAttributes = serde_json::from_value(keys)
            .map_err(|error| DynoxideError::InternalServerError(error.to_string()))?;
        left.extend(keys.keys.into_iter().map(item));
    }
    Ok((Answer::Items { found, left }, consumed(answer.consumed_capacity.into_iter().flatten())))
}

fn query(
    database: Dynoxide<'_>,
    asked: Query,
    return_consumed_capacity: Option<String>,
) -> Answered {
    let answer = database.query(QueryRequest {
        table_name: asked.table,
        consistent_read: asked.index.is_none().then_some(true),
        index_name: asked.index,
        key_condition_expression: Some(asked.condition),
        filter_expression: asked.filter,
        projection_expression: asked.projection,
        expression_attribute_names: names(asked.names),
        expression_attribute_values: values(asked.values),
        scan_index_forward: !asked.backwards,
        limit: asked.limit,
        exclusive_start_key: asked.after.map(attributes),
        return_consumed_capacity,
        ..QueryRequest::default()
    })?;
    let items = answer.items.unwrap_or_default().into_iter().map(item).collect();
    let last = answer.last_evaluated_key.filter(|key| !key.is_empty()).map(item);
    Ok((Answer::Page { items, last }, consumed(answer.consumed_capacity)))
}

fn write_one(
    database: Dynoxide<'_>,
    write: Write,
    return_consumed_capacity: Option<String>,
) -> Answered {
    let Write { table: table_name, action, condition: condition_expression, .. } = write;
    let expression_attribute_names = names(write.names);
    let expression_attribute_values = values(write.values);
    let return_values_on_condition_check_failure = on_failure(write.returns_refused);
    match action {
        Action::Put(put) => {
            let answer = database.put_item(PutItemRequest {
                table_name,
                item: attributes(put),
                condition_expression,
                expression_attribute_names,
                expression_attribute_values,
                return_values_on_condition_check_failure,
                return_consumed_capacity,
                ..PutItemRequest::default()
            })?;
            Ok((Answer::Written(None), consumed(answer.consumed_capacity)))
        }
        Action::Update { key, update } => {
            let returns = if write.returns_item { "ALL_NEW" } else { "NONE" };
            let answer = database.update_item(UpdateItemRequest {
                table_name,
                key: attributes(key),
                update_expression: Some(update),
                condition_expression,
                expression_attribute_names,
                expression_attribute_values,
                return_values: Some(returns.to_owned()),
                return_values_on_condition_check_failure,
                return_consumed_capacity,
                ..UpdateItemRequest::default()
            })?;
            Ok((Answer::Written(answer.attributes.map(item)), consumed(answer.consumed_capacity)))
        }
        Action::Delete(key) => {
            let answer = database.delete_item(DeleteItemRequest {
                table_name,
                key: attributes(key),
                condition_expression,
                expression_attribute_names,
                expression_attribute_values,
                return_values_on_condition_check_failure,
                return_consumed_capacity,
                ..DeleteItemRequest::default()
            })?;
            Ok((Answer::Written(None), consumed(answer.consumed_capacity)))
        }
    }
}

fn transact(
    database: Dynoxide<'_>,
    writes: Vec<Write>,
    return_consumed_capacity: Option<String>,
) -> Answered {
    let answer = database.transact_write_items(TransactWriteItemsRequest {
        transact_items: writes.into_iter().map(in_transaction).collect(),
        return_consumed_capacity,
        ..TransactWriteItemsRequest::default()
    })?;
    let capacity = answer.consumed_capacity.into_iter().flatten();
    Ok((Answer::Written(None), consumed(capacity)))
}

fn in_transaction(write: Write) -> TransactWriteItem {
    let Write { table: table_name, action, condition: condition_expression, .. } = write;
    let expression_attribute_names = names(write.names);
    let expression_attribute_values = values(write.values);
    let return_values_on_condition_check_failure = on_failure(write.returns_refused);
    let mut item = TransactWriteItem::default();
    match action {
        Action::Put(put) => {
            item.put = Some(TransactPut {
                table_name,
                item: attributes(put),
                condition_expression,
                expression_attribute_names,
                expression_attribute_values,
                return_values_on_condition_check_failure,
            });
        }
        Action::Update { key, update } => {
            item.update = Some(TransactUpdate {
                table_name,
                key: attributes(key),
                update_expression: update,
                condition_expression,
                expression_attribute_names,
                expression_attribute_values,
                return_values_on_condition_check_failure,
            });
        }
        Action::Delete(key) => {
            item.delete = Some(TransactDelete {
                table_name,
                key: attributes(key),
                condition_expression,
                expression_attribute_names,
                expression_attribute_values,
                return_values_on_condition_check_failure,
            });
        }
    }
    item
}

fn delete_all(
    database: Dynoxide<'_>,
    table: String,
    keys: Vec<Item>,
    return_consumed_capacity: Option<String>,
) -> Answered {
    let delete = |key| WriteRequest {
        put_request: None,
        delete_request: Some(DeleteRequest { key: attributes(key) }),
    };
    let answer = database.batch_write_item(BatchWriteItemRequest {
        request_items: HashMap::from([(table, keys.into_iter().map(delete).collect())]),
        return_consumed_capacity,
        ..BatchWriteItemRequest::default()
    })?;
    let all = answer.unprocessed_items.is_empty();
    Ok((Answer::Deleted(all), consumed(answer.consumed_capacity.into_iter().flatten())))
}

fn on_failure(returns_refused: bool) -> Option<String> {
    returns_refused.then(|| "ALL_OLD".to_owned())
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
        Value::B(bytes) => AttributeValue::B(bytes.into()),
        Value::M(map) => AttributeValue::M(attributes(map)),
        Value::L(list) => AttributeValue::L(list.into_iter().map(attribute).collect()),
        // Nothing that is read so is written.
        Value::Other => AttributeValue::NULL(true),
    }
}

fn item(attributes: Attributes) -> Item {
    attributes.into_iter().map(|(name, attribute)| (name, value(attribute))).collect()
}

fn value(attribute: AttributeValue) -> Value {
    match attribute {
        AttributeValue::S(text) => Value::S(text),
        AttributeValue::N(digits) => Value::N(digits),
        AttributeValue::B(bytes) => Value::B(bytes.into()),
        AttributeValue::M(map) => Value::M(item(map)),
        AttributeValue::L(list) => Value::L(list.into_iter().map(value).collect()),
        _ => Value::Other,
    }
}

fn consumed(capacity: impl IntoIterator<Item = ConsumedCapacity>) -> Consumed {
    capacity.into_iter().map(|capacity| (capacity.table_name, capacity.capacity_units)).collect()
}
