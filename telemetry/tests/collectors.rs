//! Collectors that are not as they should be. Nobody waits for them longer than he said.
#![cfg(feature = "grpc")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use callboard_telemetry::Place;
use callboard_telemetry::attributes;
use callboard_telemetry::pipeline::{ACTIVATION_FLUSH_MAX, Flushed, Pipeline, Settings};
use mock_collector::{MockServer, Protocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Longer than any test needs.
const LONG: Duration = Duration::from_secs(20);

/// What a busy machine may add to a time-out. That there is none besides, tests with a clock of
/// their own show.
const TOLERANCE: Duration = Duration::from_millis(400);

const PROTOCOLS: [&str; 2] = ["grpc", "http/protobuf"];

fn start(address: SocketAddr, protocol: &str) -> Pipeline {
    let settings = Settings::read("function", &|name| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://{address}")),
        "OTEL_EXPORTER_OTLP_PROTOCOL" => Some(protocol.to_owned()),
        "OTEL_METRICS_EXPORTER" => Some("none".to_owned()),
        _ => None,
    });
    Pipeline::start(&settings.expect("the settings are valid")).expect("it starts")
}

/// Ends a span, and flushes as a function does; how that ended, and how long it took.
async fn activate(pipeline: &Pipeline) -> (Flushed, Duration) {
    pipeline.tracer().begin(Place::Alone, || attributes::commit("bank.v1.Account", 1)).end();
    let begun = Instant::now();
    (pipeline.flush(ACTIVATION_FLUSH_MAX).await, begun.elapsed())
}

/// An address on which nobody listens.
async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    listener.local_addr().expect("it has an address")
}

#[tokio::test]
async fn without_a_collector_activations_soon_wait_for_nothing() {
    for protocol in PROTOCOLS {
        let pipeline = start(nobody().await, protocol);
        let mut all = Vec::new();
        for _ in 0..20 {
            let (flushed, took) = activate(&pipeline).await;
            assert!(took < ACTIVATION_FLUSH_MAX + TOLERANCE, "{protocol}: {took:?}");
            all.push(flushed);
        }
        assert_eq!(all[..2], [Flushed::Failed; 2], "{protocol}");
        assert!(all[2..].contains(&Flushed::Skipped), "{protocol}: {all:?}");
        assert!(!all.contains(&Flushed::Done));
    }
}

#[tokio::test]
async fn a_collector_that_never_answers_costs_two_waits() {
    for protocol in PROTOCOLS {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let address = listener.local_addr().expect("it has an address");
        let silent = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.push(stream);
            }
        });
        let pipeline = start(address, protocol);
        let mut waits = 0;
        let begun = Instant::now();
        for _ in 0..20 {
            let (flushed, took) = activate(&pipeline).await;
            assert_ne!(flushed, Flushed::Done);
            assert!(took < ACTIVATION_FLUSH_MAX + TOLERANCE, "{protocol}: {took:?}");
            waits += u32::from(flushed == Flushed::Failed);
        }
        // Two, and a try a second on a machine that is so slow.
        let tries = u32::try_from(begun.elapsed().as_secs()).expect("no test takes that long");
        assert!((2..=2 + tries).contains(&waits), "{protocol}: {waits}");
        let ending = Instant::now();
        assert_eq!(pipeline.shutdown(ACTIVATION_FLUSH_MAX).await, Flushed::Failed);
        assert!(ending.elapsed() < ACTIVATION_FLUSH_MAX + TOLERANCE);
        silent.abort();
    }
}

/// A collector that answers each request with the next of some statuses, so long after it came.
async fn answering(statuses: &'static [&'static str], after: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let address = listener.local_addr().expect("it has an address");
    tokio::spawn(async move {
        for status in statuses {
            let (mut stream, _) = listener.accept().await.expect("it is called");
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).await.expect("there is a request");
            assert!(read > 0, "one request a connection");
            tokio::time::sleep(after).await;
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.expect("it waits");
        }
    });
    address
}

#[tokio::test]
async fn a_slow_collector_gets_all_of_it() {
    let address = answering(&["200 OK"], ACTIVATION_FLUSH_MAX * 3).await;
    let pipeline = start(address, "http/protobuf");
    assert_eq!(activate(&pipeline).await.0, Flushed::Failed);
    assert_eq!(pipeline.flush(LONG).await, Flushed::Done);
    assert_eq!(pipeline.dropped_spans(), 0);
}

#[tokio::test]
async fn an_overloaded_collector_gets_it_later() {
    let address = answering(&["503 Busy", "200 OK"], Duration::ZERO).await;
    let pipeline = start(address, "http/protobuf");
    pipeline.tracer().begin(Place::Alone, || attributes::commit("bank.v1.Account", 1)).end();
    assert_eq!(pipeline.flush(LONG).await, Flushed::Failed);
    assert_eq!(pipeline.flush(LONG).await, Flushed::Done);
    assert_eq!(pipeline.dropped_spans(), 0);
}

#[tokio::test]
async fn a_collector_that_comes_back_gets_what_waited_for_it() {
    for (name, protocol) in [("grpc", Protocol::Grpc), ("http/protobuf", Protocol::HttpBinary)] {
        let address = nobody().await;
        let pipeline = start(address, name);
        assert_eq!(activate(&pipeline).await.0, Flushed::Failed);
        let server = MockServer::builder().protocol(protocol).port(address.port());
        let server = server.start().await.expect("the port is free still");
        pipeline.tracer().begin(Place::Alone, || attributes::commit("bank.v1.Account", 1)).end();
        server.wait_for_spans(2, LONG).await.expect("both come");
        assert_eq!(pipeline.flush(LONG).await, Flushed::Done, "{name}");
        assert_eq!(pipeline.dropped_spans(), 0);
    }
}
