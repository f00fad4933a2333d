//! Streams of tells. The conformance cases have what happens when one breaks.

use std::sync::Arc;

use callboard_client::{Address, Client, ErrorKind, Message, TELL_STREAM_WINDOW};
use futures::FutureExt;
use futures::future::join_all;
use tokio::sync::Notify;

use crate::calls::connect;
use crate::gateway::{Answer, FakeGateway};

/// A gateway that tells receipts once it may.
async fn gateway() -> (FakeGateway, Arc<Notify>) {
    let go = Arc::new(Notify::new());
    (FakeGateway::start([Answer::Receipts(Arc::clone(&go))]).await, go)
}

fn note(client: &Client, id: usize) -> Message<String> {
    let alice = Address::new("counter.v1.Counter", "alice");
    client.json_message(alice, "Note", "{}").with_id(id.to_string())
}

#[tokio::test]
async fn a_stream_takes_as_many_messages_as_its_window_before_a_receipt() {
    let (gateway, go) = gateway().await;
    let client = connect(&gateway).await;
    let stream = client.tell_stream();
    let mut deliveries = Vec::new();
    for id in 0..TELL_STREAM_WINDOW {
        let delivery = stream.tell(&note(&client, id)).now_or_never().expect("there is room");
        deliveries.push(delivery.expect("it is taken"));
    }
    let late = note(&client, TELL_STREAM_WINDOW);
    let mut waiting = Box::pin(stream.tell(&late));
    assert!(waiting.as_mut().now_or_never().is_none(), "there is no room");
    go.notify_one();
    deliveries.push(waiting.await.expect("there is room now"));
    for (id, receipt) in join_all(deliveries).await.into_iter().enumerate() {
        assert_eq!(receipt.expect("it is told").message_id, id.to_string());
    }
    stream.close().await.expect("all are told");
    assert_eq!(gateway.seen().len(), 1);
}

#[tokio::test]
async fn a_stream_that_is_dropped_goes_on_with_what_it_has() {
    let (gateway, go) = gateway().await;
    let client = connect(&gateway).await;
    let stream = client.tell_stream();
    let delivery = stream.tell(&note(&client, 1)).await.expect("it is taken");
    assert_eq!(delivery.message_id(), "1");
    drop(stream);
    go.notify_one();
    assert_eq!(delivery.await.expect("it is told").message_id, "1");
}

#[tokio::test]
async fn what_has_no_receipt_when_the_client_closes_fails() {
    let (gateway, _) = gateway().await;
    let client = connect(&gateway).await;
    let stream = client.tell_stream();
    let delivery = stream.tell(&note(&client, 1)).await.expect("it is taken");
    client.close().await;
    let error = delivery.await.expect_err("it has no receipt");
    assert_eq!((error.kind(), error.message_id()), (ErrorKind::Cancelled, Some("1")));
    let error = stream.tell(&note(&client, 2)).await.expect_err("it is closed");
    assert_eq!((error.kind(), error.message_id()), (ErrorKind::Cancelled, Some("2")));
    assert_eq!(stream.close().await.expect_err("one has failed").message_id(), Some("1"));
}
