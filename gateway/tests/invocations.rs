//! A gateway invokes functions of the first version, and of later ones. What it sends and reads
//! is in `lambda-sdk/tests/invocations`.

#[path = "../../lambda-sdk/tests/invocations/golden.rs"]
mod golden;

use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_lambda::config::Credentials;
use axum::Router;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use callboard_gateway::call::Call;
use callboard_gateway::functions::Function;
use callboard_gateway::{Catalog, Functions, Gateway, Settings};
use callboard_mailbox::memory::MemoryStore;
use callboard_mailbox::record::Epoch;
use callboard_mailbox::{Record, Timestamp};
use callboard_proto::pb::{self, Invocation, InvocationResult, invocation::Task};
use callboard_proto::schema::Schema;
use golden::{Exchange, NOW, TYPE, activation, address, alice, ask, bob, exchanges, left_over};
use pb::invocation_result::Result as Answered;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const PROTO: &str = r#"
syntax = "proto3";
package golden.v1;
import "callboard/v1/options.proto";
service Tally {
  option (callboard.v1.actor) = {
    retry: {
      first_delay: { nanos: 1000000 } factor: 3 longest_delay: { seconds: 7 nanos: 500000000 }
      attempts: 5 exhausted: EXHAUSTED_SUSPEND
    }
  };
  rpc Add(AddRequest) returns (AddResponse);
}
message AddRequest { string tally = 1 [(callboard.v1.field) = { key: true }]; }
message AddResponse { uint64 value = 1; }
"#;

/// A Lambda that answers invocations so, and tells what they are.
async fn lambda(answer: fn(&str) -> String) -> (Functions, mpsc::UnboundedReceiver<String>) {
    let (tell, told) = mpsc::unbounded_channel();
    let served = Router::new().fallback(async move |invocation: String| {
        let answer = answer(&invocation);
        let _ = tell.send(invocation);
        answer
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it has one"));
    tokio::spawn(async { axum::serve(listener, served).await });
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("a", "b", None, None, "test"))
        .load()
        .await;
    (Functions::new(&config, Some(&url), [(TYPE.to_owned(), "f".to_owned())]), told)
}

async fn perform(function: &Function, task: Task) -> Answered {
    match task {
        Task::Activation(task) => function.activate(task).await.map(Answered::Activation),
        Task::Ping(pb::Ping {}) => function.ping().await.map(Answered::Pong),
        Task::Read(task) => function.read(task).await.map(Answered::Read),
    }
    .expect("it is performed")
}

#[tokio::test]
async fn the_first_version_is_asked_byte_for_byte_and_its_answers_are_read() {
    let (functions, mut told) = lambda(|invocation| {
        let known = exchanges().into_iter().find(|known| known.invocation == invocation);
        known.map(|known| known.answer.to_owned()).unwrap_or_default()
    })
    .await;
    let function = functions.of(TYPE).expect("it has one");
    for Exchange { task, invocation, result, .. } in exchanges() {
        let asked = async { told.recv().await.expect("it is invoked") };
        let (asked, answered) = tokio::join!(asked, perform(&function, task));
        assert_eq!(asked, invocation);
        assert_eq!(answered, result);
    }
}

#[tokio::test]
async fn what_a_later_version_adds_to_its_answer_does_no_harm() {
    let (functions, _told) = lambda(|_| {
        let [.., Exchange { result, .. }, _] = exchanges();
        let mut answer = InvocationResult { result: Some(result) }.encode_to_vec();
        answer.extend_from_slice(b"\xfa\x3e\x03new");
        let callboard = BASE64_STANDARD.encode(answer);
        format!(r#"{{"more":[1],"callboard":"{callboard}"}}"#)
    })
    .await;
    let [.., Exchange { task, result, .. }, _] = exchanges();
    assert_eq!(perform(&functions.of(TYPE).expect("it has one"), task).await, result);
}

/// The record before the lease that the invocation has.
fn before(leased: Record) -> Record {
    let Record { epoch: Epoch(epoch), attempt, .. } = leased;
    Record { epoch: Epoch(epoch - 1), attempt: attempt - 1, lease_until: None, ..leased }
}

#[tokio::test]
async fn a_function_is_told_all_that_the_record_has() {
    // Whoever invokes it has nothing more to do.
    let (functions, mut told) = lambda(|_| {
        let result = Some(Answered::Activation(pb::ActivationResult::default()));
        let callboard = BASE64_STANDARD.encode(InvocationResult { result }.encode_to_vec());
        format!(r#"{{"callboard":"{callboard}"}}"#)
    })
    .await;
    let store = MemoryStore::default();
    store.with(|tables| {
        tables.force_record(&address("alice"), before(alice()));
        tables.force_record(&address("bob"), before(bob()));
        tables.put_segment(&address("bob"), &golden::half_consumed(), Timestamp(u64::MAX));
    });
    let schema = Schema::compile_sources(&[("golden.proto", PROTO)]).expect("it is valid");
    let settings = Settings::default();
    let gateway =
        Gateway::start(store, Catalog::new(schema), functions, settings, Arc::new(|| NOW));
    // It traces nothing, and so tells of no trace.
    let untraced = pb::Activation { headers: Default::default(), ..activation() };
    for (key, expected) in [("alice", untraced), ("bob", left_over())] {
        let call = Call {
            path: "/golden.v1.Tally/Add".into(),
            payload: [&[0x0a, key.len() as u8], key.as_bytes()].concat().into(),
            timeout: Some(Duration::from_secs(10)),
            headers: ask().headers,
            message_id: Some(ask().id),
            ..Call::default()
        };
        let gateway = Arc::clone(&gateway);
        let calling = tokio::spawn(async move { gateway.call(call).await });
        let invocation = told.recv().await.expect("it is invoked");
        let envelope: serde_json::Value = serde_json::from_str(&invocation).expect("it is JSON");
        let bytes = BASE64_STANDARD.decode(envelope["callboard"].as_str().expect("a text"));
        let invocation = Invocation::decode(&bytes.expect("it is base64")[..]);
        let task = invocation.expect("it is an invocation").task;
        assert_eq!(task, Some(Task::Activation(expected)));
        calling.abort();
    }
}
