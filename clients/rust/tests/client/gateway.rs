//! A gateway that answers as it is told, and writes down what it is asked.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use callboard_proto::pb;
use futures::StreamExt;
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt, Full, StreamBody};
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tonic::Status;

/// What the gateway does with a call.
#[derive(Clone)]
pub(crate) enum Answer {
    /// A message, after the receipt of the one that came.
    Message(Bytes),
    /// A status.
    Status(Status),
    /// What a proxy says.
    Http(u16),
    /// Receipts of what comes in a stream, once it may.
    Receipts(Arc<Notify>),
    /// None at all.
    Never,
}

/// A call that came.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// Empty of a stream.
    pub(crate) message: Bytes,
}

pub(crate) struct FakeGateway {
    pub(crate) address: SocketAddr,
    script: Script,
}

#[derive(Clone)]
struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl FakeGateway {
    /// Answers one call after the other, and all further ones as the last.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
        Self::serve(listener, answers)
    }

    pub(crate) fn serve(listener: TcpListener, answers: impl IntoIterator<Item = Answer>) -> Self {
        let address = listener.local_addr().expect("it is bound");
        let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        let script = Script { answers, seen: Arc::default() };
        let routes = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
        Self { address, script }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().expect("nothing panics").clone()
    }

    /// What a header was in each call; empty when it was not there.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let text = |seen: &Seen| {
            let value = seen.headers.get(name).map(|value| value.to_str().expect("ASCII"));
            value.unwrap_or_default().to_owned()
        };
        self.seen().iter().map(text).collect()
    }
}

async fn answer(State(script): State<Script>, request: Request) -> Response {
    let answer = {
        let mut answers = script.answers.lock().expect("nothing panics");
        let next = answers.pop_front().expect("there is always one");
        if answers.is_empty() {
            answers.push_back(next.clone());
        }
        next
    };
    let (parts, body) = request.into_parts();
    let mut seen =
        Seen { path: parts.uri.path().to_owned(), headers: parts.headers, message: Bytes::new() };
    let seen_before = |seen: &Seen| script.seen.lock().expect("nothing panics").push(seen.clone());
    if let Answer::Receipts(go) = answer {
        seen_before(&seen);
        go.notified().await;
        return receipts(body);
    }
    let body = body.collect().await.expect("it comes wholly").to_bytes();
    seen.message = body.slice(5..);
    seen_before(&seen);
    match answer {
        Answer::Message(message) => {
            let mut response = Response::new(Body::new(ended(frame(&message))));
            if let Some(id) = seen.headers.get("callboard-message-id") {
                let headers = response.headers_mut();
                headers.insert("callboard-message-id", id.clone());
                headers.insert("callboard-sequence", HeaderValue::from_static("7"));
            }
            response
        }
        Answer::Status(status) => status.into_http(),
        Answer::Http(code) => {
            let mut response = Response::new(Body::from("an error page"));
            *response.status_mut() = code.try_into().expect("it is one");
            response
        }
        Answer::Receipts(_) | Answer::Never => std::future::pending().await,
    }
}

/// A message of the body, followed by OK.
fn ended(body: Bytes) -> impl http_body::Body<Data = Bytes, Error = axum::Error> + Send + 'static {
    let ok = HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    )]);
    let body = Full::new(body).map_err(|never| match never {});
    body.with_trailers(std::future::ready(Some(Ok(ok))))
}

/// A receipt for each message that comes, one frame for one message.
fn receipts(body: Body) -> Response {
    let receipts = body.into_data_stream().map(|chunk| {
        let mut rest = chunk?;
        let mut receipts = Vec::new();
        while !rest.is_empty() {
            let length = u32::from_be_bytes(rest[1..5].try_into().expect("four"));
            let message = rest.split_to(5 + length as usize);
            let told = pb::TellStreamRequest::decode(&message[5..]).expect("it is one");
            let message_id =
                told.tell.and_then(|tell| tell.message).expect("it is there").message_id;
            let receipt = pb::Receipt { message_id, ..pb::Receipt::default() };
            let told = pb::TellStreamResponse { receipt: Some(receipt) };
            receipts.extend_from_slice(&frame(&told.encode_to_vec()));
        }
        Ok::<_, axum::Error>(http_body::Frame::data(Bytes::from(receipts)))
    });
    let ok = http_body::Frame::trailers(HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    )]));
    let body = StreamBody::new(receipts.chain(futures::stream::iter([Ok(ok)])));
    Response::new(Body::new(body))
}

fn frame(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("it is short");
    [&[0][..], &length.to_be_bytes(), message].concat().into()
}
