//! Requests to DynamoDB: as spans, where they belong to a story, and as the units that they
//! consume. One request with all of its tries is one span.
//!
//! What nobody asked for, such as a look for what is due, belongs to no story: its requests are
//! counted, and make no spans.

use std::fmt;
use std::sync::Arc;

use callboard_mailbox_dynamodb::database::{self, Answer, Reason, Request, Response};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Array, Context, KeyValue, Value};

use crate::attributes::{self, AWS_DYNAMODB_CONSUMED_CAPACITY, DB_RESPONSE_STATUS_CODE};
use crate::{Place, Span, Tracer};

/// The code of a write whose condition did not hold: somebody else was first.
const REFUSED: &str = "ConditionalCheckFailedException";

/// The code of a transaction that changed nothing.
const CANCELLED: &str = "TransactionCanceledException";

/// Why a transaction may be cancelled without a failure; `None` is for those of its items that
/// are not to blame.
const REASONS: [&str; 3] = ["None", "ConditionalCheckFailed", "TransactionConflict"];

/// Told the operation, the table and the request units.
type Consumed = dyn Fn(&'static str, &str, f64) + Send + Sync;

/// Watches the requests to a database.
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
}

impl database::Watch for Watch {
    fn begin(&self, request: &Request) -> Box<dyn FnOnce(&Response) + Send> {
        let operation = request.operation();
        let cause = Context::current();
        let span = match cause.span().span_context().is_valid() {
            true => self.tracer.begin(Place::Under(&cause), || {
                attributes::store(operation, &request.tables().into_iter().collect::<Vec<_>>())
            }),
            false => Span::none(),
        };
        let consumed = Arc::clone(&self.consumed);
        Box::new(move |response| {
            for (table, units) in &response.consumed {
                consumed(operation, table, *units);
            }
            tell(response, &span);
            span.end();
        })
    }
}

fn tell(response: &Response, span: &Span) {
    let (code, is_answer) = match &response.result {
        Ok(Answer::Refused(_)) => (REFUSED, true),
        Ok(Answer::Cancelled(reasons)) => match reasons.iter().find_map(fault) {
            None => (CANCELLED, true),
            Some(fault) => (fault, false),
        },
        Ok(_) => {
            if span.is_recording() && !response.consumed.is_empty() {
                let texts = response.consumed.iter().map(|consumed| described(consumed).into());
                let texts = Value::Array(Array::String(texts.collect()));
                span.set(KeyValue::new(AWS_DYNAMODB_CONSUMED_CAPACITY, texts));
            }
            return;
        }
        Err(failure) => (failure.code.as_deref().unwrap_or("unanswered"), false),
    };
    span.set(KeyValue::new(DB_RESPONSE_STATUS_CODE, code.to_owned()));
    if !is_answer {
        // What the database says of it may name keys.
        span.fail(code.to_owned(), "");
    }
}

/// The code of the failure, such as throttling, that cancelled a transaction.
fn fault(reason: &Reason) -> Option<&str> {
    reason.code.as_deref().filter(|code| !REASONS.contains(code))
}

/// As the conventions have it: the JSON of the object.
fn described((table, units): &(String, f64)) -> String {
    format!(r#"{{"CapacityUnits":{units},"TableName":"{table}"}}"#)
}

/// The name of an operation that the store makes, as a label: others are none.
#[must_use]
pub fn operation(name: &str) -> Option<&'static str> {
    Request::OPERATIONS.into_iter().find(|known| *known == name)
}

#[cfg(test)]
mod tests;
