use aws_sdk_dynamodb::types::CancellationReason;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use opentelemetry::trace::{Status, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};

use super::*;
use crate::pipeline::Sampling;
use crate::story::Habits;

/// The status of the span of a transaction that was cancelled for these reasons, and the code in
/// it.
fn told(reasons: &[&str]) -> (Status, String) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let follows_caller = Sampling::default().follows_caller;
    let tracer = Tracer::new(provider.tracer("test"), follows_caller, Habits::default());

    let reasons = reasons.iter().map(|code| CancellationReason::builder().code(*code).build());
    let cancelled = TransactionCanceledException::builder()
        .set_cancellation_reasons(Some(reasons.collect()))
        .message("actor alice")
        .build();
    let error = Error::erase(TransactWriteItemsError::TransactionCanceledException(cancelled));
    let operation = operation_of_error(&error).expect("it is known");
    let span = tracer.begin(Place::Alone, || attributes::store(operation.name, &["t"]));
    Watch::new(&tracer, |_, _, _| {}).ended(Err(Some(&error)), operation, &span);
    span.end();

    let [span] = exporter.get_finished_spans().expect("open").try_into().expect("one span");
    let mut attributes = span.attributes.iter();
    let code = attributes.find(|known| known.key.as_str() == DB_RESPONSE_STATUS_CODE);
    (span.status, code.expect("it has one").value.to_string())
}

#[test]
fn a_transaction_that_somebody_else_was_before_has_been_answered() {
    for reasons in [&["None", "ConditionalCheckFailed"][..], &["TransactionConflict"]] {
        assert_eq!(told(reasons), (Status::Unset, CANCELLED.to_owned()));
    }
}

#[test]
fn a_transaction_that_was_throttled_has_failed_without_what_the_database_says() {
    for reason in ["ThrottlingError", "ProvisionedThroughputExceeded", "ValidationError"] {
        let reasons = ["ConditionalCheckFailed", reason];
        assert_eq!(told(&reasons), (Status::error(""), reason.to_owned()));
    }
}
