//! Requests to DynamoDB: as spans, where they belong to a story, and as the units that they
//! consume. One request with all of its tries is one span.
//!
//! What nobody asked for, such as a look for what is due, belongs to no story: its requests are
//! counted, and make no spans.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity, TransactWriteItem};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextMut, BeforeSerializationInterceptorContextRef, Error,
    FinalizerInterceptorContextRef, Input, Output,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Array, Context, KeyValue, Value};

use crate::attributes::{self, AWS_DYNAMODB_CONSUMED_CAPACITY, DB_RESPONSE_STATUS_CODE};
use crate::{Place, Span, Tracer};

/// Errors that are answers: somebody else was first.
const ANSWERS: [&str; 2] = ["ConditionalCheckFailedException", CANCELLED];

/// The code of a transaction that changed nothing.
const CANCELLED: &str = "TransactionCanceledException";

/// Why a transaction may be cancelled without a failure; `None` is for those of its items that
/// are not to blame.
const REASONS: [&str; 3] = ["None", "ConditionalCheckFailed", "TransactionConflict"];

/// Told the operation, the table and the request units.
type Consumed = dyn Fn(&'static str, &str, f64) + Send + Sync;

/// Watches the requests of a client: an interceptor of the AWS SDK.
#[derive(Clone)]
pub struct Watch {
    tracer: Tracer,
    consumed: Arc<Consumed>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Watch").field("tracer", &self.tracer).finish_non_exhaustive()
    }
}

/// A request on its way.
#[derive(Debug)]
struct Underway(Span);

impl Storable for Underway {
    type Storer = StoreReplace<Self>;
}

impl Watch {
    /// One that makes spans, and tells what requests have consumed: the operation, the table and
    /// the request units.
    #[must_use]
    pub fn new(
        tracer: &Tracer,
        consumed: impl Fn(&'static str, &str, f64) + Send + Sync + 'static,
    ) -> Self {
        Self { tracer: tracer.clone(), consumed: Arc::new(consumed) }
    }

    fn ended(&self, result: Result<&Output, Option<&Error>>, operation: &Operation, span: &Span) {
        match result {
            Ok(output) => {
                let consumed = (operation.consumed)(output);
                for capacity in consumed {
                    let units = capacity.capacity_units().unwrap_or_default();
                    let table = capacity.table_name().unwrap_or_default();
                    (self.consumed)(operation.name, table, units);
                }
                if span.is_recording() && !consumed.is_empty() {
                    let texts = consumed.iter().map(|capacity| described(capacity).into());
                    let texts = Value::Array(Array::String(texts.collect()));
                    span.set(KeyValue::new(AWS_DYNAMODB_CONSUMED_CAPACITY, texts));
                }
            }
            Err(error) => {
                let code = error.and_then(|error| (operation.code)(error));
                let code = code.unwrap_or("unanswered");
                span.set(KeyValue::new(DB_RESPONSE_STATUS_CODE, code.to_owned()));
                if !ANSWERS.contains(&code) {
                    // What the database says of it may name keys.
                    span.fail(code.to_owned(), "");
                }
            }
        }
    }
}

/// As the conventions have it: the JSON of the object.
fn described(capacity: &ConsumedCapacity) -> String {
    let units = capacity.capacity_units().unwrap_or_default();
    let table = capacity.table_name().unwrap_or_default();
    format!(r#"{{"CapacityUnits":{units},"TableName":"{table}"}}"#)
}

#[dyn_dispatch_hint]
impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "Watch"
    }

    fn read_before_execution(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let cause = Context::current();
        if !cause.span().span_context().is_valid() {
            return Ok(());
        }
        if let Some(operation) = operation_of(context.input()) {
            let span = self.tracer.begin(Place::Under(&cause), || {
                let tables = (operation.tables)(context.input());
                attributes::store(operation.name, &tables.into_iter().collect::<Vec<_>>())
            });
            config.interceptor_state().store_put(Underway(span));
        }
        Ok(())
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(operation) = operation_of(context.input()) {
            (operation.ask_for_capacity)(context.input_mut());
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // It is gone from the context if the request was never sent.
        let Some(operation) = context.output_or_error().and_then(|result| match result {
            Ok(output) => OPERATIONS.iter().find(|operation| (operation.is_output)(output)),
            Err(error) => error.as_operation_error().and_then(operation_of_error),
        }) else {
            if let Some(Underway(span)) = config.load::<Underway>() {
                span.fail("unanswered", "");
            }
            config.interceptor_state().unset::<Underway>();
            return Ok(());
        };
        let none = Span::none();
        let span = config.load::<Underway>().map_or(&none, |Underway(span)| span);
        if let Some(result) = context.output_or_error() {
            let result = result.map_err(|error| error.as_operation_error());
            self.ended(result, operation, span);
        }
        config.interceptor_state().unset::<Underway>();
        Ok(())
    }
}

/// What is known of one kind of requests. The SDK hands over values of any type.
struct Operation {
    name: &'static str,
    is_input: fn(&Input) -> bool,
    is_output: fn(&Output) -> bool,
    is_error: fn(&Error) -> bool,
    tables: fn(&Input) -> BTreeSet<&str>,
    ask_for_capacity: fn(&mut Input),
    consumed: fn(&Output) -> &[ConsumedCapacity],
    code: fn(&Error) -> Option<&str>,
}

/// The name of an operation that the store makes, as a label: others are none.
#[must_use]
pub fn operation(name: &str) -> Option<&'static str> {
    OPERATIONS.iter().map(|operation| operation.name).find(|known| *known == name)
}

fn operation_of(input: &Input) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| (operation.is_input)(input))
}

fn operation_of_error(error: &Error) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| (operation.is_error)(error))
}

/// One entry: its module in the SDK, its names there, its tables and its capacity.
macro_rules! operation {
    ($module:ident, $name:literal, $input:ident, $output:ident, $error:ident, $tables:expr, $consumed:expr) => {{
        use aws_sdk_dynamodb::operation::$module::{$error, $input, $output};
        Operation {
            name: $name,
            is_input: |input| input.downcast_ref::<$input>().is_some(),
            is_output: |output| output.downcast_ref::<$output>().is_some(),
            is_error: |error| error.downcast_ref::<$error>().is_some(),
            tables: |input| {
                let tables: fn(&$input) -> BTreeSet<&str> = $tables;
                input.downcast_ref::<$input>().map(tables).unwrap_or_default()
            },
            ask_for_capacity: |input| {
                if let Some(input) = input.downcast_mut::<$input>() {
                    input.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
                }
            },
            consumed: |output| {
                let consumed: fn(&$output) -> &[ConsumedCapacity] = $consumed;
                output.downcast_ref::<$output>().map(consumed).unwrap_or_default()
            },
            code: |error| error.downcast_ref::<$error>()?.meta().code(),
        }
    }};
}

/// Requests to one table.
macro_rules! of_table {
    ($module:ident, $name:literal, $input:ident, $output:ident, $error:ident) => {
        operation!(
            $module,
            $name,
            $input,
            $output,
            $error,
            |input| input.table_name().into_iter().collect(),
            |output| output.consumed_capacity().map(std::slice::from_ref).unwrap_or_default()
        )
    };
}

/// Those that the store makes.
static OPERATIONS: [Operation; 8] = [
    of_table!(get_item, "GetItem", GetItemInput, GetItemOutput, GetItemError),
    of_table!(put_item, "PutItem", PutItemInput, PutItemOutput, PutItemError),
    of_table!(update_item, "UpdateItem", UpdateItemInput, UpdateItemOutput, UpdateItemError),
    of_table!(delete_item, "DeleteItem", DeleteItemInput, DeleteItemOutput, DeleteItemError),
    of_table!(query, "Query", QueryInput, QueryOutput, QueryError),
    operation!(
        batch_get_item,
        "BatchGetItem",
        BatchGetItemInput,
        BatchGetItemOutput,
        BatchGetItemError,
        |input| input
            .request_items()
            .into_iter()
            .flat_map(|items| items.keys())
            .map(|t| &**t)
            .collect(),
        |output| output.consumed_capacity()
    ),
    operation!(
        batch_write_item,
        "BatchWriteItem",
        BatchWriteItemInput,
        BatchWriteItemOutput,
        BatchWriteItemError,
        |input| input
            .request_items()
            .into_iter()
            .flat_map(|items| items.keys())
            .map(|t| &**t)
            .collect(),
        |output| output.consumed_capacity()
    ),
    Operation {
        code: code_of_transaction,
        ..operation!(
            transact_write_items,
            "TransactWriteItems",
            TransactWriteItemsInput,
            TransactWriteItemsOutput,
            TransactWriteItemsError,
            |input| input.transact_items().iter().filter_map(table_of).collect(),
            |output| output.consumed_capacity()
        )
    },
];

/// The code of a transaction's error. One that was cancelled by a failure, such as throttling, has
/// the code of that.
fn code_of_transaction(error: &Error) -> Option<&str> {
    let error = error.downcast_ref::<TransactWriteItemsError>()?;
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        return error.meta().code();
    };
    let codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    Some(codes.into_iter().find(|code| !REASONS.contains(code)).unwrap_or(CANCELLED))
}

fn table_of(item: &TransactWriteItem) -> Option<&str> {
    let put = item.put().map(|put| put.table_name());
    let update = || item.update().map(|update| update.table_name());
    let delete = || item.delete().map(|delete| delete.table_name());
    let check = || item.condition_check().map(|check| check.table_name());
    put.or_else(update).or_else(delete).or_else(check)
}

#[cfg(test)]
mod tests;
