//! How a client begins and ends.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use callboard_client::{Client, ConnectError, ErrorKind, RetryPolicy};
use tokio::net::TcpListener;
use tonic::Status;

use crate::calls::{call, connect, serving};
use crate::gateway::{Answer, FakeGateway};

#[tokio::test]
async fn nobody_at_the_address_is_an_error_of_connecting_or_of_the_first_call() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
    let url = format!("http://{}", free.local_addr().expect("it is bound"));
    drop(free);
    let error = Client::builder(&url).connect().await.expect_err("nobody listens");
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    let client = Client::builder(&url).retry(RetryPolicy::never()).connect_lazy();
    let error = call(&client.expect("a URL")).await.expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("nothing was sent"), "{error}");
}

#[tokio::test]
async fn what_is_no_url_is_refused_with_advice() {
    for (url, problem) in [
        ("", "no URL"),
        ("localhost:7070", "neither with http:// nor"),
        ("ftp://example.com", "neither with http:// nor"),
        ("http://example.com/calls", "more than a host"),
        ("http://example.com?a=b", "more than a host"),
    ] {
        let error = Client::builder(url).connect_lazy().expect_err(url);
        assert!(error.to_string().contains(problem), "{error}");
        assert!(error.to_string().contains("http://127.0.0.1:7070"), "{error}");
    }
}

#[tokio::test]
async fn certificates_are_for_tls_and_must_be_some() {
    let plain = Client::builder("http://127.0.0.1:7070").ca_certificate("");
    assert!(matches!(plain.connect_lazy(), Err(ConnectError::Url { .. })));
    let bad =
        Client::builder("https://127.0.0.1:7070").ca_certificate("").client_certificate("", "");
    assert!(matches!(bad.connect_lazy(), Err(ConnectError::Certificates { .. })));
}

#[tokio::test]
async fn a_token_is_asked_for_before_each_attempt() {
    let gateway = FakeGateway::start([Answer::Status(Status::unavailable("")), serving()]).await;
    let count = Arc::new(AtomicU32::new(0));
    let client = Client::builder(gateway.url()).api_key("key").bearer_token_from(move || {
        ready(Ok(format!("token-{}", count.fetch_add(1, Ordering::Relaxed))))
    });
    call(&client.connect_lazy().expect("a URL")).await.expect("the second attempt is answered");
    assert_eq!(gateway.header("authorization"), ["Bearer token-0", "Bearer token-1"]);
    assert_eq!(gateway.header("callboard-api-key"), ["key", "key"]);
}

#[tokio::test]
async fn without_a_token_that_can_be_sent_nothing_is() {
    let gateway = FakeGateway::start([serving()]).await;
    let none = Client::builder(gateway.url()).bearer_token_from(async || Err("locked out".into()));
    let bad = Client::builder(gateway.url()).bearer_token("two\nlines");
    for builder in [none, bad] {
        let error = call(&builder.connect_lazy().expect("a URL")).await.expect_err("no token");
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(!error.to_string().contains("lines"), "{error}");
    }
    assert!(gateway.seen().is_empty());
}

#[tokio::test]
async fn secrets_are_in_no_text() {
    let builder = Client::builder("http://127.0.0.1:7070").bearer_token("hush").api_key("hush");
    let text = format!("{builder:?}");
    let client = builder.connect_lazy().expect("a URL");
    let text = format!("{text} {client:?} {:?}", client.actor("alice"));
    assert!(!text.contains("hush"), "{text}");
}

#[tokio::test]
async fn a_closed_client_makes_no_calls() {
    let gateway = FakeGateway::start([serving()]).await;
    let client = connect(&gateway).await;
    call(&client).await.expect("the gateway answers");
    client.clone().close().await;
    client.close().await;
    let error = call(&client).await.expect_err("it is closed");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(gateway.seen().len(), 1);
}

#[tokio::test]
async fn a_call_that_is_open_for_too_long_ends_with_the_client() {
    let gateway = FakeGateway::start([Answer::Never]).await;
    let client = connect(&gateway).await;
    let asked = tokio::spawn({
        let client = client.clone();
        async move { call(&client).await }
    });
    while gateway.seen().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    client.close().await;
    let error = asked.await.expect("no panic").expect_err("nobody answers");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(error.message_id().is_some());
}
