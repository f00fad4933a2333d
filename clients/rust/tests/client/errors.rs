//! What errors tell.

use std::collections::HashMap;
use std::error::Error as _;

use callboard_client::{ERROR_DOMAIN, Error, ErrorKind, ErrorReason, FieldViolation};
use tokio::net::TcpListener;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::calls::{call, connect, serving};
use crate::gateway::{Answer, FakeGateway};

const ID: &str = "0198c0de";

fn info(reason: ErrorReason, metadata: &[(&str, &str)]) -> ErrorDetails {
    let pairs = metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let metadata: HashMap<_, _> = pairs.collect();
    ErrorDetails::with_error_info(reason.reason(), ERROR_DOMAIN, metadata)
}

#[test]
fn an_ask_that_timed_out_tells_its_message() {
    let details = info(ErrorReason::AskTimeout, &[("message_id", ID)]);
    let mut status = Status::with_error_details(Code::DeadlineExceeded, "too late", details);
    status.metadata_mut().insert("callboard-message-id", ID.parse().expect("ASCII"));
    status.metadata_mut().insert("callboard-sequence", 7.into());
    let error = Error::from(status);
    assert_eq!((error.kind(), error.code()), (ErrorKind::DeadlineExceeded, Code::DeadlineExceeded));
    assert_eq!((error.reason(), error.domain()), (Some("ASK_TIMEOUT"), Some("callboard.dev")));
    assert_eq!(error.message_id(), Some(ID));
    assert_eq!(error.receipt().and_then(|receipt| receipt.sequence), Some(7));
    assert_eq!(error.to_string(), "DEADLINE_EXCEEDED (ASK_TIMEOUT): too late");
}

#[test]
fn a_message_id_without_a_receipt_is_in_the_facts() {
    let details = info(ErrorReason::SendTimeout, &[("message_id", ID)]);
    let error = Error::from(Status::with_error_details(Code::DeadlineExceeded, "", details));
    assert_eq!((error.message_id(), error.receipt()), (Some(ID), None));
}

#[test]
fn a_bad_request_names_its_fields() {
    let mut details = info(ErrorReason::InvalidRequest, &[("field", "a.b")]);
    details.add_bad_request_violation("a.b", "it is empty");
    let error = Error::from(Status::with_error_details(Code::InvalidArgument, "", details));
    let (field, description) = ("a.b".to_owned(), "it is empty".to_owned());
    assert_eq!(error.field_violations(), [FieldViolation { field, description }]);
    assert_eq!(error.metadata()["field"], "a.b");
}

#[test]
fn a_status_of_the_actors_own_is_the_handlers() {
    let error = Error::from(Status::out_of_range("the number would be too large"));
    assert_eq!((error.kind(), error.code()), (ErrorKind::Handler, Code::OutOfRange));
    assert_eq!((error.reason(), error.domain(), error.retry_delay()), (None, None, None));
    assert!(error.metadata().is_empty() && error.field_violations().is_empty());

    let theirs = [("message_id".to_owned(), "theirs".to_owned())];
    let details = ErrorDetails::with_error_info("NO_STOCK", "shop.example", theirs);
    let error = Error::from(Status::with_error_details(Code::Unavailable, "sold out", details));
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Handler, Some("NO_STOCK")));
    assert_eq!(error.message_id(), None, "that is another's");

    // Without details it is known by being stored.
    let mut stored = Status::unavailable("closed");
    stored.metadata_mut().insert("callboard-message-id", ID.parse().expect("ASCII"));
    assert_eq!(Error::from(stored).kind(), ErrorKind::Handler);
    assert_eq!(Error::from(Status::unavailable("gone")).kind(), ErrorKind::Unavailable);
}

#[test]
fn a_reason_to_come_is_known_by_its_code() {
    let details = ErrorDetails::with_error_info("TO_COME", ERROR_DOMAIN, HashMap::new());
    for (code, kind) in [
        (Code::Unavailable, ErrorKind::Unavailable),
        (Code::FailedPrecondition, ErrorKind::Internal),
    ] {
        let error = Error::from(Status::with_error_details(code, "", details.clone()));
        assert_eq!(error.kind(), kind);
    }
}

#[tokio::test]
async fn an_error_of_the_gateway_has_the_id_that_was_sent() {
    let details = info(ErrorReason::PermissionDenied, &[]);
    let status = Status::with_error_details(Code::PermissionDenied, "no", details);
    let gateway = FakeGateway::start([Answer::Status(status)]).await;
    let error = call(&connect(&gateway).await).await.expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(error.message_id(), Some(gateway.header("callboard-message-id")[0].as_str()));
    assert!(error.source().is_none(), "nothing went wrong below gRPC");
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_it_open_whether_the_message_is_stored() {
    // A runtime of its own takes the gateway's connections with it.
    let own = tokio::runtime::Runtime::new().expect("threads are to be had");
    let doomed = own.spawn(FakeGateway::start([Answer::Never])).await.expect("it starts");
    let client = callboard_client::Client::builder(doomed.url());
    let client = client.retry(callboard_client::RetryPolicy::never()).connect_lazy();
    let client = client.expect("a URL");
    let asked = tokio::spawn(async move { call(&client).await });
    while doomed.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    own.shutdown_background();
    let error = asked.await.expect("no panic").expect_err("the connection broke");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.message().contains("may be stored"), "{error}");
    assert!(error.source().is_some(), "{error}");
}

#[tokio::test]
async fn a_broken_connection_is_opened_again() {
    let own = tokio::runtime::Runtime::new().expect("threads are to be had");
    let first = own.spawn(FakeGateway::start([serving()])).await.expect("it starts");
    let client = connect(&first).await;
    call(&client).await.expect("the gateway answers");
    own.shutdown_background();
    let listener = loop {
        match TcpListener::bind(first.address).await {
            Ok(listener) => break listener,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let second = FakeGateway::serve(listener, [serving()]);
    call(&client).await.expect("the new gateway answers");
    assert_eq!(second.seen().len(), 1);
}
