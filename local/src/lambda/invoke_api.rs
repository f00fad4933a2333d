//! The Invoke API, as any AWS SDK calls it.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::de::IgnoredAny;
use uuid::Uuid;

use super::body::{self, JSON};
use super::function::{Function, Ticket};
use super::host::Shared;
use super::invocation::{self, Invocation};
use super::invoker::{Answer, parsed};
use super::outcome::Outcome;
use super::refusal::{EVENT_BYTES_MAX, REQUEST_BYTES_MAX, Refusal};
use super::variables::VERSION;

/// How long AWS keeps an asynchronous invocation that it cannot run.
const EVENT_AGE_MAX: Duration = Duration::from_secs(6 * 60 * 60);

/// `X-Amz-Invocation-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The caller waits for the outcome.
    RequestResponse,
    /// The caller does not.
    Event,
    /// Whether it could be invoked.
    DryRun,
}

/// The routes of the Invoke API.
pub(super) fn router(host: Arc<Shared>) -> Router {
    Router::new().route("/2015-03-31/functions/{name}/invocations", post(invoke)).with_state(host)
}

async fn invoke(
    State(host): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let id = Uuid::now_v7().to_string();
    let request_id = HeaderValue::try_from(&id).expect("a UUID makes a header");
    let mut response = match answer(&host, &name, &headers, body, id).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    response.headers_mut().insert("x-amzn-requestid", request_id);
    response
}

/// The whole life of a call.
async fn answer(
    host: &Shared,
    name: &str,
    headers: &HeaderMap,
    body: Body,
    id: String,
) -> Result<Response, Refusal> {
    let _place = host.place()?;
    let kind = Kind::of(headers)?;
    let invocation = Invocation {
        id,
        payload: read_payload(kind, body).await?,
        trace: headers.get("x-amzn-trace-id").cloned().unwrap_or_else(invocation::fresh_trace),
        client_context: client_context(headers)?,
        tenant: headers.get("x-amz-tenant-id").cloned(),
    };
    let (function, ticket) = host.enter(name)?;
    match kind {
        Kind::DryRun => Ok(StatusCode::NO_CONTENT.into_response()),
        Kind::Event => accept(host, function, ticket, invocation),
        Kind::RequestResponse => {
            host.answer(function, ticket, invocation).await.map(IntoResponse::into_response)
        }
    }
}

/// Takes an event; it waits in the function's queue with everyone else, but for longer.
fn accept(
    host: &Shared,
    function: Arc<Function>,
    ticket: Ticket,
    invocation: Invocation,
) -> Result<Response, Refusal> {
    let events = host.events.clone();
    let place = events.try_acquire_owned().map_err(|_| Refusal::HostBusy)?;
    let mut killed = host.killed.clone();
    tokio::spawn(async move {
        let id = invocation.id.clone();
        let slot = tokio::select! {
            slot = function.slot(EVENT_AGE_MAX) => slot,
            _ = killed.wait_for(|killed| *killed) => None,
        };
        let Some(slot) = slot else {
            tracing::warn!(id, "an asynchronous invocation was dropped before it ran");
            return;
        };
        match function.run(slot, ticket, invocation).await {
            Ok(Outcome::Response(_)) => {}
            Ok(Outcome::FunctionError(error)) => {
                let error = String::from_utf8_lossy(&error);
                tracing::warn!(id, %error, "an asynchronous invocation failed; it is not tried again");
            }
            Ok(Outcome::Stopped) | Err(_) => {
                tracing::warn!(id, "an asynchronous invocation was cut off");
            }
        }
        drop(place);
    });
    Ok(StatusCode::ACCEPTED.into_response())
}

impl Kind {
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        match headers.get("x-amz-invocation-type").map(HeaderValue::as_bytes) {
            None | Some(b"RequestResponse") => Ok(Self::RequestResponse),
            Some(b"Event") => Ok(Self::Event),
            Some(b"DryRun") => Ok(Self::DryRun),
            Some(_) => Err(Refusal::InvalidParameter(
                "X-Amz-Invocation-Type must be RequestResponse, Event or DryRun",
            )),
        }
    }
}

async fn read_payload(kind: Kind, body: Body) -> Result<Bytes, Refusal> {
    let (bytes_max, too_large) = match kind {
        Kind::Event => (EVENT_BYTES_MAX, Refusal::EventTooLarge),
        Kind::RequestResponse | Kind::DryRun => (REQUEST_BYTES_MAX, Refusal::RequestTooLarge),
    };
    match body::read(body, bytes_max).await {
        Ok(payload) => parsed(payload),
        Err(body::Error::TooLarge) => Err(too_large),
        Err(body::Error::Broken) => Err(Refusal::InvalidContent("it broke off".into())),
    }
}

/// The mobile SDK's context: JSON in base64 on the way in, JSON on the way to the runtime.
fn client_context(headers: &HeaderMap) -> Result<Option<HeaderValue>, Refusal> {
    let Some(encoded) = headers.get("x-amz-client-context") else {
        return Ok(None);
    };
    let decoded = BASE64_STANDARD.decode(encoded.as_bytes()).ok();
    let json = decoded.filter(|json| serde_json::from_slice::<IgnoredAny>(json).is_ok());
    // A runtime would choke on a header that is not text.
    let header = json
        .and_then(|json| HeaderValue::from_bytes(&json).ok())
        .filter(|header| header.to_str().is_ok());
    match header {
        Some(header) => Ok(Some(header)),
        None => Err(Refusal::InvalidContent(
            "the client context must be JSON on one line, in ASCII, encoded as base64".into(),
        )),
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let version = ("x-amz-executed-version", VERSION);
        match self {
            Self::Response(body) => ([version, JSON], body).into_response(),
            Self::FunctionError(body) => {
                let failed = ("x-amz-function-error", "Unhandled");
                ([version, failed, JSON], body).into_response()
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let kind = ("x-amzn-errortype", self.kind());
        (self.status(), [kind, JSON], self.body().to_string()).into_response()
    }
}
