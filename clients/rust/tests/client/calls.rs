//! Calls of a stub. It is that of gRPC's health check: any would do.

use std::time::Duration;

use callboard_client::{Client, Error, ErrorKind, Receipt, RetryPolicy};
use callboard_proto::pb;
use prost::Message;
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_types::{ErrorDetails, StatusExt};

use crate::gateway::{Answer, FakeGateway};

/// A response, as the stub knows it.
pub(crate) fn serving() -> Answer {
    Answer::Message(HealthCheckResponse { status: 1 }.encode_to_vec().into())
}

pub(crate) async fn connect(gateway: &FakeGateway) -> Client {
    Client::builder(gateway.url()).connect().await.expect("the gateway is there")
}

pub(crate) async fn call(client: &Client) -> Result<Response<HealthCheckResponse>, Error> {
    Ok(HealthClient::new(client.actor("alice")).check(HealthCheckRequest::default()).await?)
}

fn timeouts(gateway: &FakeGateway) -> Vec<u64> {
    let millis = |text: &String| {
        let (digits, unit) = text.split_at(text.len() - 1);
        let amount: u64 = digits.parse().expect("digits");
        if unit == "m" { amount } else { amount.div_ceil(1_000) }
    };
    gateway.header("grpc-timeout").iter().map(millis).collect()
}

#[tokio::test]
async fn a_call_has_a_key_an_id_and_a_receipt() {
    let gateway = FakeGateway::start([serving()]).await;
    let response = call(&connect(&gateway).await).await.expect("the gateway answers");
    assert_eq!(response.get_ref().status, 1);
    let ids = gateway.header("callboard-message-id");
    assert_eq!(gateway.header("callboard-key"), ["alice"]);
    assert_eq!(ids[0].as_bytes()[14], b'7', "{ids:?}");
    let receipt = Receipt::of(&response).expect("it has one");
    assert_eq!((receipt.message_id.as_str(), receipt.sequence), (ids[0].as_str(), Some(7)));
    assert_eq!(Receipt::of(&Response::new(())), None);
}

#[tokio::test]
async fn a_call_without_a_deadline_gets_the_default_one() {
    let gateway = FakeGateway::start([serving()]).await;
    for timeout in [None, Some(Duration::from_secs(2)), Some(Duration::MAX)] {
        let builder = Client::builder(gateway.url());
        let builder = match timeout {
            Some(timeout) => builder.ask_timeout(timeout),
            None => builder,
        };
        call(&builder.connect_lazy().expect("a URL")).await.expect("the gateway answers");
    }
    let timeouts = timeouts(&gateway);
    for (timeout, most) in timeouts.iter().zip([30_000, 2_000, 86_400_000]) {
        assert!((most - 1_900..=most).contains(timeout), "{timeouts:?}");
    }
}

#[tokio::test]
async fn what_the_callers_metadata_say_goes_first() {
    let gateway = FakeGateway::start([serving()]).await;
    let client = connect(&gateway).await;
    let mut request = Request::new(HealthCheckRequest::default());
    request.set_timeout(Duration::from_secs(5));
    for (name, value) in [
        ("callboard-message-id", "order-7"),
        ("callboard-key", "bob"),
        ("authorization", "Bearer mine"),
    ] {
        request.metadata_mut().insert(name, value.parse().expect("ASCII"));
    }
    HealthClient::new(client.actor("alice")).check(request).await.expect("the gateway answers");
    assert_eq!(gateway.header("callboard-message-id"), ["order-7"]);
    assert_eq!(gateway.header("callboard-key"), ["bob"]);
    assert_eq!(gateway.header("authorization"), ["Bearer mine"]);
    assert!((4_000..=5_000).contains(&timeouts(&gateway)[0]));
}

#[tokio::test]
async fn a_message_is_sent_again_with_its_id() {
    let away = Answer::Status(Status::unavailable("away"));
    let gateway = FakeGateway::start([away.clone(), Answer::Http(503), away, serving()]).await;
    let policy = RetryPolicy { base: Duration::from_millis(1), ..RetryPolicy::default() };
    let client = Client::builder(gateway.url()).retry(policy).connect_lazy().expect("a URL");
    call(&client).await.expect("the last attempt is answered");
    let ids = gateway.header("callboard-message-id");
    assert_eq!(ids.len(), 4);
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn a_wait_that_would_end_after_the_deadline_is_not_begun() {
    let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(60)));
    let status = Status::with_error_details(Code::Unavailable, "later", details);
    let gateway = FakeGateway::start([Answer::Status(status)]).await;
    let error = call(&connect(&gateway).await).await.expect_err("it is refused");
    assert_eq!(error.retry_delay(), Some(Duration::from_secs(60)));
    assert_eq!(gateway.seen().len(), 1);
}

#[tokio::test]
async fn a_gateway_that_never_answers_is_given_up_at_the_deadline() {
    let gateway = FakeGateway::start([Answer::Never]).await;
    let client = Client::builder(gateway.url()).ask_timeout(Duration::from_millis(50));
    let error = call(&client.connect_lazy().expect("a URL")).await.expect_err("there is no answer");
    assert_eq!((error.kind(), error.code()), (ErrorKind::DeadlineExceeded, Code::DeadlineExceeded));
    assert_eq!(error.message_id(), Some(gateway.header("callboard-message-id")[0].as_str()));
}

#[tokio::test]
async fn an_error_page_is_an_error() {
    for (code, expected) in [
        (400, Code::Internal),
        (401, Code::Unauthenticated),
        (403, Code::PermissionDenied),
        (404, Code::Unimplemented),
        (429, Code::Unavailable),
        (418, Code::Unknown),
    ] {
        let gateway = FakeGateway::start([Answer::Http(code)]).await;
        let client = Client::builder(gateway.url()).retry(RetryPolicy::never());
        let error = call(&client.connect_lazy().expect("a URL")).await.expect_err("it is one");
        assert_eq!(error.code(), expected, "{error}");
        assert!(error.message().contains(&code.to_string()), "{error}");
    }
}

/// The status with which the gateway refuses to ask a tell.
fn is_a_tell() -> Answer {
    let facts = [("field".to_owned(), "message.method".to_owned())];
    let details = ErrorDetails::with_error_info("INVALID_REQUEST", "callboard.dev", facts);
    Answer::Status(Status::with_error_details(Code::InvalidArgument, "", details))
}

#[tokio::test]
async fn a_key_that_fits_into_no_header_goes_by_name() {
    let payload = pb::ask_response::Payload::Encoded(vec![8, 1].into());
    let receipt =
        pb::Receipt { message_id: "m".to_owned(), sequence: Some(3), ..Default::default() };
    let asked = pb::AskResponse { payload: Some(payload), receipt: Some(receipt) };
    let gateway = FakeGateway::start([Answer::Message(asked.encode_to_vec().into())]).await;
    let client = connect(&gateway).await;
    let response = HealthClient::new(client.actor("köln").of_type("city"))
        .check(HealthCheckRequest { service: "a".to_owned() })
        .await
        .expect("the gateway answers");
    assert_eq!(response.get_ref().status, 1);
    assert_eq!(Receipt::of(&response).and_then(|receipt| receipt.sequence), Some(3));
    let seen = &gateway.seen()[0];
    assert_eq!(seen.path, "/callboard.v1.Gateway/Ask");
    let message = pb::AskRequest::decode(seen.message.clone()).expect("it is one").message;
    let message = message.expect("it is there");
    let address = pb::Address { r#type: "city".to_owned(), key: "köln".to_owned() };
    assert_eq!((message.address, message.method.as_str()), (Some(address), "Check"));
    let encoded = HealthCheckRequest { service: "a".to_owned() }.encode_to_vec();
    assert_eq!(message.payload, Some(pb::message::Payload::Encoded(encoded.into())));
}

#[tokio::test]
async fn a_tell_whose_key_fits_into_no_header_is_told_by_name() {
    let receipt = pb::Receipt { message_id: "m".to_owned(), ..Default::default() };
    let told = pb::TellResponse { receipt: Some(receipt) };
    let told = Answer::Message(told.encode_to_vec().into());
    let gateway = FakeGateway::start([is_a_tell(), told]).await;
    let client = connect(&gateway).await;
    let mut stub = HealthClient::new(client.actor("köln"));
    let response = stub.check(HealthCheckRequest::default()).await.expect("it is stored");
    assert_eq!(Receipt::of(&response).map(|receipt| receipt.message_id), Some("m".to_owned()));
    let paths: Vec<_> = gateway.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["/callboard.v1.Gateway/Ask", "/callboard.v1.Gateway/Tell"]);

    // A delay would be lost.
    let mut later = Request::new(HealthCheckRequest::default());
    later.metadata_mut().insert("callboard-delay", "90s".parse().expect("ASCII"));
    let error = Error::from(stub.check(later).await.expect_err("it is refused"));
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert_eq!(gateway.seen().len(), 2, "nothing was sent");
}
