//! Calls through a stock stub to real servers in this process. The stub and the
//! service are gRPC's health check: any pair would do.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callboard_client::{Client, ConnectError, Error, ErrorReason, FieldViolation, Receipt};
use tokio::net::TcpListener;
use tonic::metadata::MetadataMap;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_types::{ErrorDetails, StatusExt};

const ID: &str = "0198c0de";

/// What the server does with a call.
#[derive(Clone)]
enum Answer {
    /// A response, with a receipt.
    Receipt,
    /// A status.
    Status(Status),
    /// None at all.
    Never,
}

#[derive(Clone)]
struct Probe {
    answer: Answer,
    seen: Arc<Mutex<Vec<MetadataMap>>>,
}

#[tonic::async_trait]
impl Health for Probe {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        self.seen.lock().expect("nothing panics").push(request.metadata().clone());
        match self.answer.clone() {
            Answer::Receipt => {
                let mut response = Response::new(HealthCheckResponse { status: 1 });
                receipt_into(response.metadata_mut());
                Ok(response)
            }
            Answer::Status(status) => Err(status),
            Answer::Never => pending().await,
        }
    }

    type WatchStream = tonic::codegen::BoxStream<HealthCheckResponse>;

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("nobody watches"))
    }
}

fn receipt_into(metadata: &mut MetadataMap) {
    metadata.insert("callboard-message-id", ID.parse().expect("ASCII"));
    metadata.insert("callboard-sequence", 7.into());
}

struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<MetadataMap>>>,
}

impl Server {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
        let address = listener.local_addr().expect("it is bound");
        let seen = Arc::default();
        let probe = Probe { answer, seen: Arc::clone(&seen) };
        // By axum, as the gateway is: tonic's own server ends a call at its
        // deadline by itself.
        let routes = Routes::new(HealthServer::new(probe)).into_axum_router();
        tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("it serves");
        });
        Self { address, seen }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The `grpc-timeout` of each call that arrived.
    fn timeouts(&self) -> Vec<String> {
        let seen = self.seen.lock().expect("nothing panics");
        let timeout = |metadata: &MetadataMap| {
            let value = metadata.get("grpc-timeout").expect("every call has a deadline");
            value.to_str().expect("ASCII").to_owned()
        };
        seen.iter().map(timeout).collect()
    }
}

async fn call(client: &Client) -> Result<Response<HealthCheckResponse>, Error> {
    Ok(HealthClient::new(client.channel()).check(HealthCheckRequest::default()).await?)
}

/// The error of a call that the server answers with a status.
async fn refused(status: Status) -> Error {
    let server = Server::start(Answer::Status(status)).await;
    let client = Client::builder(server.url()).connect().await.expect("the server is there");
    let error = call(&client).await.expect_err("the server refuses");
    assert_eq!(server.timeouts().len(), 1, "nothing is sent twice");
    error
}

fn info(reason: ErrorReason, metadata: &[(&str, &str)]) -> ErrorDetails {
    let pairs = metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let metadata: std::collections::HashMap<_, _> = pairs.collect();
    ErrorDetails::with_error_info(reason.reason(), callboard_client::ERROR_DOMAIN, metadata)
}

#[tokio::test]
async fn a_call_without_a_deadline_gets_the_default_one() {
    let server = Server::start(Answer::Receipt).await;
    let url = server.url();
    let client = Client::builder(&url).connect().await.expect("the server is there");
    call(&client).await.expect("the server answers");
    let short = Client::builder(&url).timeout(Duration::from_secs(2)).connect_lazy();
    call(&short.expect("a URL")).await.expect("the server answers");
    let endless = Client::builder(&url).timeout(Duration::MAX).connect_lazy();
    call(&endless.expect("a URL")).await.expect("the server answers");
    assert_eq!(server.timeouts(), ["30000000u", "2000000u", "86400000m"]);
}

#[tokio::test]
async fn a_calls_own_deadline_is_kept() {
    let server = Server::start(Answer::Receipt).await;
    let client = Client::builder(server.url()).connect().await.expect("the server is there");
    let mut request = Request::new(HealthCheckRequest::default());
    request.set_timeout(Duration::from_secs(5));
    HealthClient::new(client.channel()).check(request).await.expect("the server answers");
    assert_eq!(server.timeouts(), ["5000000u"]);
}

#[tokio::test]
async fn a_response_carries_the_receipt_of_its_message() {
    let server = Server::start(Answer::Receipt).await;
    let client = Client::builder(server.url()).connect().await.expect("the server is there");
    let response = call(&client).await.expect("the server answers");
    let expected = Receipt { message_id: ID.to_owned(), sequence: Some(7), duplicate: false };
    assert_eq!(Receipt::of(&response), Some(expected));
    assert_eq!(Receipt::of(&Response::new(())), None);
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_at_the_deadline() {
    let server = Server::start(Answer::Never).await;
    let client = Client::builder(server.url()).timeout(Duration::from_millis(20));
    let client = client.connect().await.expect("the server is there");
    let error = call(&client).await.expect_err("there is no answer");
    assert_eq!((error.code(), error.reason()), (Code::DeadlineExceeded, None));
}

#[tokio::test]
async fn an_ask_that_timed_out_tells_its_message() {
    let details = info(ErrorReason::AskTimeout, &[("message_id", ID)]);
    let mut status = Status::with_error_details(Code::DeadlineExceeded, "too late", details);
    receipt_into(status.metadata_mut());
    let error = refused(status).await;
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!((error.reason(), error.domain()), (Some("ASK_TIMEOUT"), Some("callboard.dev")));
    assert_eq!(error.message_id(), Some(ID));
    assert_eq!(error.receipt().and_then(|receipt| receipt.sequence), Some(7));
    assert_eq!(error.to_string(), "DEADLINE_EXCEEDED (ASK_TIMEOUT): too late");
}

#[tokio::test]
async fn a_message_id_without_a_receipt_is_in_the_facts() {
    let details = info(ErrorReason::SendTimeout, &[("message_id", ID)]);
    let error = refused(Status::with_error_details(Code::DeadlineExceeded, "", details)).await;
    assert_eq!((error.message_id(), error.receipt()), (Some(ID), None));
}

#[tokio::test]
async fn unavailable_tells_when_to_come_back_and_is_not_sent_again() {
    let mut details = info(ErrorReason::Unavailable, &[("detail", "throttled")]);
    details.set_retry_info(Some(Duration::from_millis(500)));
    let error = refused(Status::with_error_details(Code::Unavailable, "throttled", details)).await;
    assert_eq!(error.retry_delay(), Some(Duration::from_millis(500)));
    assert_eq!(error.metadata()["detail"], "throttled");
}

#[tokio::test]
async fn a_bad_request_names_its_fields() {
    let mut details = info(ErrorReason::InvalidRequest, &[("field", "a.b")]);
    details.add_bad_request_violation("a.b", "it is empty");
    let error = refused(Status::with_error_details(Code::InvalidArgument, "", details)).await;
    let (field, description) = ("a.b".to_owned(), "it is empty".to_owned());
    assert_eq!(error.field_violations(), [FieldViolation { field, description }]);
}

#[tokio::test]
async fn a_handlers_own_status_has_no_facts_of_callboards() {
    let error = refused(Status::out_of_range("the number would be too large")).await;
    assert_eq!(
        (error.code(), error.message()),
        (Code::OutOfRange, "the number would be too large")
    );
    assert_eq!((error.reason(), error.domain(), error.retry_delay()), (None, None, None));
    assert!(error.metadata().is_empty() && error.field_violations().is_empty());

    let theirs = [("message_id".to_owned(), "theirs".to_owned())];
    let details = ErrorDetails::with_error_info("NO_STOCK", "shop.example", theirs);
    let error = refused(Status::with_error_details(Code::Aborted, "sold out", details)).await;
    assert_eq!((error.reason(), error.message_id()), (Some("NO_STOCK"), None));
}

#[tokio::test]
async fn nobody_at_the_address_is_an_error_of_connecting_or_of_the_first_call() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
    let url = format!("http://{}", free.local_addr().expect("it is bound"));
    drop(free);
    let error = Client::builder(&url).connect().await.expect_err("nobody listens");
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    let client = Client::builder(&url).connect_lazy().expect("a URL");
    let error = call(&client).await.expect_err("nobody listens");
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains("nothing was sent"), "{error}");
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_it_open_whether_the_message_is_stored() {
    // A runtime of its own takes the server's connections with it.
    let own = tokio::runtime::Runtime::new().expect("threads are to be had");
    let doomed = own.spawn(Server::start(Answer::Never)).await.expect("it starts");
    let to_doomed = Client::builder(doomed.url()).connect().await.expect("the server is there");
    let asked = tokio::spawn(async move { call(&to_doomed).await });
    while doomed.seen.lock().expect("nothing panics").is_empty() {
        tokio::task::yield_now().await;
    }
    own.shutdown_background();
    let error = asked.await.expect("no panic").expect_err("the connection broke");
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    assert!(error.message().contains("may be stored"), "{error}");
}

#[tokio::test]
async fn a_broken_connection_is_opened_again_with_the_next_call() {
    let own = tokio::runtime::Runtime::new().expect("threads are to be had");
    let first = own.spawn(Server::start(Answer::Receipt)).await.expect("it starts");
    let client = Client::builder(first.url()).connect().await.expect("the server is there");
    call(&client).await.expect("the server answers");
    own.shutdown_background();
    let error = call(&client).await;
    assert!(error.is_err(), "nobody is there");
    let listener = loop {
        match TcpListener::bind(first.address).await {
            Ok(listener) => break listener,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let probe = Probe { answer: Answer::Receipt, seen: Arc::default() };
    let routes = Routes::new(HealthServer::new(probe)).into_axum_router();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    call(&client).await.expect("the new server answers");
}

#[tokio::test]
async fn what_is_no_url_is_refused_with_advice() {
    for (url, problem) in [
        ("", "no URL"),
        ("localhost:7070", "does not begin with http://"),
        ("https://example.com", "no TLS"),
    ] {
        let error = Client::builder(url).connect_lazy().expect_err(url);
        assert!(error.to_string().contains(problem), "{error}");
        assert!(error.to_string().contains("http://127.0.0.1:7070"), "{error}");
    }
}
