//! The Runtime API and the Extensions API of one environment, over HTTP.
//!
//! Each environment has a listener of its own, so that the port tells who is calling. The handlers
//! decide nothing: they turn a request into a [`Call`] for the environment and wait for its reply.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html> and
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::body::{self, JSON};
use super::extensions::{self, EventKind};
use super::invocation::{ACCOUNT, Invocation, unix_ms};
use super::outcome::RESPONSE_BYTES_MAX;
use super::variables::{HANDLER, VERSION};

/// A registration is a name and two words.
const REGISTRATION_BYTES_MAX: usize = 64 * 1024;

const EXTENSION_ID: &str = "lambda-extension-identifier";

/// What a process asks of its environment.
#[derive(Debug)]
pub(super) enum Call {
    /// The runtime is ready for an invocation.
    Next { reply: oneshot::Sender<Delivery> },
    /// The function's answer to an invocation.
    Response { id: String, body: Result<Bytes, body::Error>, reply: oneshot::Sender<Verdict> },
    /// The function failed an invocation.
    Error { id: String, body: Result<Bytes, body::Error>, reply: oneshot::Sender<Verdict> },
    /// The runtime cannot start.
    InitError { body: Result<Bytes, body::Error>, reply: oneshot::Sender<Verdict> },
    /// An extension introduces itself; the reply is its identifier.
    Register { events: Vec<EventKind>, reply: oneshot::Sender<Result<String, extensions::Error>> },
    /// An extension is ready for an event.
    NextEvent { id: String, reply: oneshot::Sender<Result<Bytes, extensions::Error>> },
}

/// An invocation on its way to the runtime.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) invocation: Invocation,
    pub(super) arn: String,
    pub(super) deadline: SystemTime,
}

/// What the environment says to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    /// No such invocation is running here: it timed out, or was answered already.
    UnknownInvocation,
    /// The start is over; the runtime may not fail it any more.
    TooLate,
    TooLarge,
    /// The body broke off.
    Broken,
}

#[derive(Debug, Clone)]
struct Api {
    function: String,
    calls: mpsc::Sender<Call>,
}

/// The routes of one environment.
pub(super) fn router(function: &str, calls: mpsc::Sender<Call>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .route("/2020-01-01/extension/register", post(register))
        .route("/2020-01-01/extension/event/next", get(next_event))
        .route("/2020-01-01/extension/init/error", post(extension_error))
        .route("/2020-01-01/extension/exit/error", post(extension_error))
        .with_state(Api { function: function.into(), calls })
}

/// Held open until there is an invocation: lambda_runtime takes any answer for one.
async fn next(State(api): State<Api>) -> Response {
    match api.ask(|reply| Call::Next { reply }).await {
        Some(delivery) => delivery.into_response(),
        None => gone(),
    }
}

async fn response(State(api): State<Api>, Path(id): Path<String>, body: Body) -> Response {
    let body = body::read(body, RESPONSE_BYTES_MAX).await;
    api.judge(|reply| Call::Response { id, body, reply }).await
}

async fn error(State(api): State<Api>, Path(id): Path<String>, body: Body) -> Response {
    let body = body::read(body, RESPONSE_BYTES_MAX).await;
    api.judge(|reply| Call::Error { id, body, reply }).await
}

async fn init_error(State(api): State<Api>, body: Body) -> Response {
    let body = body::read(body, RESPONSE_BYTES_MAX).await;
    api.judge(|reply| Call::InitError { body, reply }).await
}

async fn register(State(api): State<Api>, body: Body) -> Response {
    #[derive(Deserialize)]
    struct Registration {
        #[serde(default)]
        events: Vec<EventKind>,
    }
    let body = body::read(body, REGISTRATION_BYTES_MAX).await.unwrap_or_default();
    let Ok(Registration { events }) = serde_json::from_slice(&body) else {
        let message = "the body must be {\"events\": […]} with INVOKE and SHUTDOWN";
        return failed(StatusCode::BAD_REQUEST, "InvalidRequestFormat", message);
    };
    match api.ask(|reply| Call::Register { events, reply }).await {
        Some(Ok(id)) => {
            let body = json!({
                "functionName": api.function,
                "functionVersion": VERSION,
                "handler": HANDLER,
                "accountId": ACCOUNT,
            });
            let headers = [(EXTENSION_ID, id.as_str()), JSON];
            (headers, body.to_string()).into_response()
        }
        Some(Err(error)) => refused(error),
        None => gone(),
    }
}

async fn next_event(State(api): State<Api>, headers: HeaderMap) -> Response {
    let Some(id) = extension_id(&headers) else {
        return refused(extensions::Error::Unknown);
    };
    match api.ask(|reply| Call::NextEvent { id, reply }).await {
        Some(Ok(event)) => ([JSON], event).into_response(),
        Some(Err(error)) => refused(error),
        None => gone(),
    }
}

/// An extension that reports an error exits by itself, which the environment sees.
async fn extension_error(State(api): State<Api>, headers: HeaderMap, body: Body) -> Response {
    let body = body::read(body, REGISTRATION_BYTES_MAX).await.unwrap_or_default();
    tracing::warn!(
        function = api.function,
        kind = ?headers.get("lambda-extension-function-error-type"),
        error = %String::from_utf8_lossy(&body),
        "an extension failed"
    );
    accepted()
}

impl Api {
    /// Puts a call to the environment; `None` when the environment has ended.
    async fn ask<Reply>(&self, call: impl FnOnce(oneshot::Sender<Reply>) -> Call) -> Option<Reply> {
        let (reply, replied) = oneshot::channel();
        self.calls.send(call(reply)).await.ok()?;
        replied.await.ok()
    }

    async fn judge(&self, call: impl FnOnce(oneshot::Sender<Verdict>) -> Call) -> Response {
        let bad_request = StatusCode::BAD_REQUEST;
        match self.ask(call).await {
            Some(Verdict::Accepted) => accepted(),
            Some(Verdict::UnknownInvocation) => {
                failed(bad_request, "InvalidRequestID", "no such invocation is running here")
            }
            Some(Verdict::TooLate) => {
                failed(StatusCode::FORBIDDEN, "InvalidStateTransition", "the start is over")
            }
            Some(Verdict::Broken) => {
                failed(bad_request, "InvalidRequestFormat", "the body broke off")
            }
            Some(Verdict::TooLarge) => failed(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                &format!("Exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."),
            ),
            None => gone(),
        }
    }
}

impl Delivery {
    fn into_response(self) -> Response {
        let Invocation { id, payload, trace, client_context, tenant } = self.invocation;
        let mut response = ([JSON], payload).into_response();
        let headers = response.headers_mut();
        let mut set = |name: &'static str, value: String| {
            let value = value.try_into().expect("ids, numbers and ARNs make headers");
            headers.insert(name, value);
        };
        set("lambda-runtime-aws-request-id", id);
        set("lambda-runtime-deadline-ms", unix_ms(self.deadline).to_string());
        set("lambda-runtime-invoked-function-arn", self.arn);
        // Tells attempts at one request apart where there are several.
        set("lambda-runtime-invocation-id", Uuid::now_v7().to_string());
        headers.insert("lambda-runtime-trace-id", trace);
        let optional = [
            ("lambda-runtime-client-context", client_context),
            ("lambda-runtime-aws-tenant-id", tenant),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        response
    }
}

fn extension_id(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(EXTENSION_ID)?.to_str().ok()?.to_owned())
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, [JSON], r#"{"status":"OK"}"#).into_response()
}

fn failed(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({ "errorType": kind, "errorMessage": message });
    (status, [JSON], body.to_string()).into_response()
}

fn refused(error: extensions::Error) -> Response {
    let kind = match error {
        extensions::Error::RegistrationClosed => "Extension.RegistrationClosed",
        extensions::Error::TooMany => "Extension.LimitExceeded",
        extensions::Error::Unknown => "Extension.UnknownExtensionIdentifier",
    };
    failed(StatusCode::FORBIDDEN, kind, &error.to_string())
}

/// AWS's words for an environment that has ended.
fn gone() -> Response {
    failed(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalServerError",
        "Container error. Non-recoverable state. Runtime should exit promptly.",
    )
}
