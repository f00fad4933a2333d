use callboard_mailbox_dynamodb::database::{Failure, Watch as _};
use opentelemetry::trace::{Status, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};

use super::*;
use crate::pipeline::Sampling;
use crate::story::Habits;

/// The status of the span of a request with this response, and the code in it.
fn told(response: &Response) -> (Status, String) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let follows_caller = Sampling::default().follows_caller;
    let tracer = Tracer::new(provider.tracer("test"), follows_caller, Habits::default());

    let above = tracer.begin(Place::Alone, || attributes::store("Query", &["t"]));
    let ended = {
        let _above = above.context().attach();
        Watch::new(&tracer, |_, _, _| {}).begin(&Request::Transact(Vec::new()))
    };
    ended(response);

    let spans = exporter.get_finished_spans().expect("open");
    let [span] = spans.try_into().expect("one span");
    let mut attributes = span.attributes.iter();
    let code = attributes.find(|known| known.key.as_str() == DB_RESPONSE_STATUS_CODE);
    (span.status, code.expect("it has one").value.to_string())
}

fn cancelled(reasons: &[&str]) -> Response {
    let reason = |code: &&str| Reason {
        code: Some((*code).to_owned()),
        message: Some("actor alice".to_owned()),
        item: None,
    };
    let reasons = reasons.iter().map(reason).collect();
    Response { result: Ok(Answer::Cancelled(reasons)), consumed: Vec::new() }
}

#[test]
fn a_transaction_that_somebody_else_was_before_has_been_answered() {
    for reasons in [&["None", "ConditionalCheckFailed"][..], &["TransactionConflict"]] {
        assert_eq!(told(&cancelled(reasons)), (Status::Unset, CANCELLED.to_owned()));
    }
}

#[test]
fn a_transaction_that_was_throttled_has_failed_without_what_the_database_says() {
    for reason in ["ThrottlingError", "ProvisionedThroughputExceeded", "ValidationError"] {
        let response = cancelled(&["ConditionalCheckFailed", reason]);
        assert_eq!(told(&response), (Status::error(""), reason.to_owned()));
    }
}

#[test]
fn a_refusal_is_an_answer_and_silence_is_a_failure() {
    let refused = Response { result: Ok(Answer::Refused(None)), consumed: Vec::new() };
    assert_eq!(told(&refused), (Status::Unset, REFUSED.to_owned()));
    let silence = Failure::unanswered("actor alice").response();
    assert_eq!(told(&silence), (Status::error(""), "unanswered".to_owned()));
}
