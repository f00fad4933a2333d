//! What can be done with a stub's call besides awaiting it.

use std::time::{Duration, SystemTime};

use callboard_client::{Address, CallExt, Client, ErrorKind, Message};
use callboard_proto::pb;
use prost::Message as _;
use tonic::codec::CompressionEncoding;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::calls::{connect, serving};
use crate::gateway::{Answer, FakeGateway};

fn check(client: &Client) -> Message<HealthCheckResponse> {
    HealthClient::new(client.actor("alice")).check(HealthCheckRequest::default()).message()
}

#[tokio::test]
async fn a_message_is_sent_when_it_is_told_to_be() {
    let gateway = FakeGateway::start([serving()]).await;
    let client = connect(&gateway).await;
    let message = check(&client).with_id("order-7");
    assert_eq!(message.id(), "order-7");
    assert_eq!(message.address(), Some(&Address::new("grpc.health.v1.Health", "alice")));
    assert!(gateway.seen().is_empty());
    assert_eq!(message.ask().await.expect("the gateway answers").response.status, 1);
    assert_eq!(message.tell().await.expect("the gateway answers").message_id, "order-7");
    assert_eq!(gateway.header("callboard-message-id"), ["order-7", "order-7"]);
    assert_eq!(gateway.header("callboard-mode"), ["", "tell"]);
}

#[tokio::test]
async fn a_stub_is_free_while_its_call_is_told() {
    let gateway = FakeGateway::start([serving()]).await;
    let mut stub = HealthClient::new(connect(&gateway).await.actor("alice"));
    let first = stub.check(HealthCheckRequest::default()).tell();
    let second = stub.check(HealthCheckRequest::default()).tell();
    // The next call is sent as ever.
    stub.check(HealthCheckRequest::default()).await.expect("the gateway answers");
    let (first, second) = tokio::join!(tokio::spawn(first), tokio::spawn(second));
    assert_ne!(first.expect("no panic").expect("told"), second.expect("no panic").expect("told"));
    let mut modes = gateway.header("callboard-mode");
    modes.sort();
    assert_eq!(modes, ["", "tell", "tell"]);
}

#[tokio::test]
async fn a_message_for_later_says_when_and_cannot_be_asked() {
    let gateway = FakeGateway::start([serving()]).await;
    let client = connect(&gateway).await;
    let after = check(&client).after(Duration::from_secs(90));
    let at = check(&client).at(SystemTime::UNIX_EPOCH);
    after.tell().await.expect("the gateway answers");
    at.tell().await.expect("the gateway answers");
    assert_eq!(gateway.header("callboard-delay"), ["90s", ""]);
    assert_eq!(gateway.header("callboard-deliver-at"), ["", "1970-01-01T00:00:00Z"]);
    assert_eq!(after.ask().await.expect_err("refused").kind(), ErrorKind::InvalidRequest);
    let many = client.ask_many([at]).await;
    assert_eq!(many[0].as_ref().expect_err("refused").kind(), ErrorKind::InvalidRequest);
    assert_eq!(gateway.seen().len(), 2);
}

#[tokio::test]
async fn what_is_no_call_of_this_clients_stubs_is_refused() {
    let gateway = FakeGateway::start([serving()]).await;
    let client = connect(&gateway).await;
    let other = async { Ok(tonic::Response::new(HealthCheckResponse::default())) };
    let mut compressing = HealthClient::new(client.actor("alice"));
    compressing = compressing.send_compressed(CompressionEncoding::Gzip);
    for message in [other.message(), compressing.check(HealthCheckRequest::default()).message()] {
        let error = message.tell().await.expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert_eq!((error.message_id(), message.address()), (Some(message.id()), None));
    }
    let of_another = check(&connect(&gateway).await);
    let many = client.ask_many([of_another]).await;
    assert_eq!(many[0].as_ref().expect_err("refused").kind(), ErrorKind::InvalidRequest);
    assert!(gateway.seen().is_empty());
}

#[tokio::test]
async fn a_started_ask_is_awaited_by_its_id_where_the_gateway_put_it() {
    let reply = pb::await_response::Payload::Encoded(vec![8, 1].into());
    let reply = pb::AwaitResponse { payload: Some(reply) };
    let reply = Answer::Message(reply.encode_to_vec().into());
    let gateway = FakeGateway::start([serving(), reply]).await;
    let client = connect(&gateway).await;
    let mut stub = HealthClient::new(client.actor("alice"));
    let reply = stub.check(HealthCheckRequest::default()).start().await.expect("it is stored");
    assert_eq!(reply.get().await.expect("the gateway answers").status, 1);
    let again: HealthCheckResponse = reply.clone().await.expect("the gateway answers");
    assert_eq!(again.status, 1);
    let seen = gateway.seen();
    let asked = pb::AwaitRequest::decode(seen[1].message.clone()).expect("it is one");
    assert_eq!(asked.message_id, reply.message_id());
    assert_eq!(seen[0].headers["callboard-message-id"], reply.message_id());
    assert_eq!(asked.address.expect("it is there").key, "alice");
}

#[tokio::test]
async fn a_message_by_name_is_json_or_encoded() {
    let json = pb::ask_response::Payload::Json(r#"{"value": "5"}"#.to_owned());
    let encoded = pb::ask_response::Payload::Encoded(vec![8, 5].into());
    let answers = [json, encoded].map(|payload| {
        let answer = pb::AskResponse { payload: Some(payload), receipt: None };
        Answer::Message(answer.encode_to_vec().into())
    });
    let gateway = FakeGateway::start(answers).await;
    let client = connect(&gateway).await;
    let alice = Address::new("counter.v1.Counter", "alice");
    let json = client.json_message(alice.clone(), "Add", "{}").ask().await.expect("answered");
    assert_eq!((json.response.as_str(), json.receipt), (r#"{"value": "5"}"#, None));
    let encoded = client.encoded_message(alice, "Add", vec![16, 5]).ask().await.expect("answered");
    assert_eq!(encoded.response.as_ref(), [8, 5]);
}
