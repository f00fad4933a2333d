//! A call as those see it who run the gateway: a span, how long it took and how it ended, and a
//! line of the log when it was refused.
//!
//! Health and reflection are not looked at: who asks for them asks again and again.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::Router;
use bytes::Bytes;
use callboard_mailbox::Store;
use callboard_proto::ERROR_DOMAIN;
use callboard_telemetry::Pipeline;
use callboard_telemetry::attributes::{self, OTHER, Rpc};
use callboard_telemetry::context;
use callboard_telemetry::span::{Place, Span};
use http::StatusCode;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower::ServiceExt;

use super::connect::Beside;
use crate::access::log::Lines;
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// What the paths of services begin with that are not looked at.
const UNSEEN: [&str; 2] = ["/grpc.health.", "/grpc.reflection."];

/// The methods whose answer is a stream: it goes on after its first byte.
const STREAMS: [&str; 2] = ["/callboard.v1.Gateway/TellStream", "/callboard.v1.Gateway/AskMany"];

/// The reasons of those whom access refuses, and writes a line for.
const TOLD_BY_ACCESS: [&str; 2] = ["UNAUTHENTICATED", "PERMISSION_DENIED"];

/// A call that has not ended yet. Dropped before, it was given up by its caller.
pub(super) struct Observed(Option<Call>);

struct Call {
    telemetry: Arc<Pipeline>,
    lines: Arc<Lines>,
    rpc: Rpc,
    /// `None` when there is no such method.
    method: Option<String>,
    is_stream: bool,
    begun: Instant,
    span: Span,
}

impl Observed {
    /// A call that begins now.
    pub(super) fn begin<S: Store + 'static>(
        gateway: &Gateway<S>,
        beside: &Beside,
        lines: &Arc<Lines>,
        rpc: Rpc,
        request: &http::Request<Body>,
    ) -> Self {
        let path = request.uri().path();
        if UNSEEN.iter().any(|unseen| path.starts_with(unseen)) {
            return Self(None);
        }
        let telemetry = Arc::clone(&gateway.settings.telemetry);
        let is_stream = STREAMS.contains(&path);
        let is_known =
            is_stream || gateway.catalog().route(path).is_ok() || beside.method(path).is_some();
        let method = path.strip_prefix('/').filter(|_| is_known).map(str::to_owned);
        let tracer = telemetry.tracer();
        let span = if tracer.is_on() {
            let caller = Some(request.headers()).filter(|_| telemetry.propagates());
            let caller = caller.and_then(context::of_request).unwrap_or_default();
            tracer.begin(Place::Under(&caller), || match &method {
                Some(method) => attributes::call(rpc, method),
                None => attributes::unknown_call(rpc, path),
            })
        } else {
            Span::none()
        };
        let (lines, begun) = (Arc::clone(lines), Instant::now());
        Self(Some(Call { telemetry, lines, rpc, method, is_stream, begun, span }))
    }

    /// The context of all that is done for it.
    pub(super) fn context(&self) -> opentelemetry::Context {
        self.0.as_ref().map(|call| call.span.context()).unwrap_or_default()
    }

    /// Takes it to what speaks gRPC.
    pub(super) async fn grpc(
        self,
        routes: Router,
        request: http::Request<Body>,
    ) -> http::Response<Body> {
        let Ok(response) = routes.oneshot(request).await;
        let response = response.map(Body::new);
        match (Status::from_header_map(response.headers()), &self.0) {
            (Some(status), _) => self.ended(&status),
            (None, Some(call)) if call.is_stream => {
                return response.map(|body| Body::new(Streamed { body, observed: Some(self) }));
            }
            (None, _) => self.ended(&Status::ok("")),
        }
        response
    }

    /// It was answered over Connect. An error has its status beside it.
    pub(super) fn connect(self, mut response: http::Response<Body>) -> http::Response<Body> {
        let status = response.extensions_mut().remove::<Status>();
        // HTTP's own refusal, of a GET for what may only be posted, has none.
        let is_ok = response.status().is_success();
        self.ended(&status.unwrap_or_else(|| match is_ok {
            true => Status::ok(""),
            false => Status::unimplemented(""),
        }));
        response
    }

    /// It is refused at the door.
    pub(super) fn refuse(self, refusal: Refusal) -> Status {
        let status = Status::from(refusal);
        self.ended(&status);
        status
    }

    /// It takes no door, or comes from a page that must not call.
    pub(super) fn turned_away(mut self, response: http::Response<Body>) -> http::Response<Body> {
        if let Some(call) = self.0.take() {
            let status = response.status();
            let code = match status {
                StatusCode::FORBIDDEN => Code::PermissionDenied,
                _ => Code::InvalidArgument,
            };
            call.ended(code, status.canonical_reason().map(str::to_owned));
        }
        response
    }

    /// It has ended with a status.
    pub(super) fn ended(mut self, status: &Status) {
        if let Some(call) = self.0.take() {
            call.ended(status.code(), reason(status));
        }
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call.ended(Code::Cancelled, None);
        }
    }
}

impl Call {
    /// Without a reason when it is no error, or a handler's own.
    fn ended(self, code: Code, reason: Option<String>) {
        let Self { telemetry, lines, rpc, method, begun, span, .. } = self;
        let (is_fault, code) = (is_fault(code), attributes::code_name(code.into()));
        telemetry.metrics().called(rpc, method.as_deref(), code, begun.elapsed());
        span.set(attributes::status(code));
        if is_fault {
            // Without its text: it may have keys, or be a handler's own.
            span.fail(reason.clone().unwrap_or_else(|| code.to_owned()), "");
        }
        let Some(reason) = reason.filter(|reason| !TOLD_BY_ACCESS.contains(&reason.as_str()))
        else {
            return;
        };
        if !lines.has_room(Instant::now()) {
            return;
        }
        let method = method.as_deref().unwrap_or(OTHER);
        let _within = span.context().attach();
        if is_fault {
            tracing::warn!(method, code, reason, "a call was refused");
        } else {
            tracing::info!(method, code, reason, "a call was refused");
        }
    }
}

/// Why a call was refused; `None` when a handler answered it.
fn reason(status: &Status) -> Option<String> {
    let info = status.get_details_error_info().filter(|info| info.domain == ERROR_DOMAIN);
    info.map(|info| info.reason)
}

/// Whether the server is to blame, as the conventions have it.
fn is_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// The body of an answer that is a stream. What makes it is done while it is read.
struct Streamed {
    body: Body,
    observed: Option<Observed>,
}

impl HttpBody for Streamed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let scope = self.observed.as_ref().map(|observed| observed.context().attach());
        let polled = Pin::new(&mut self.body).poll_frame(task);
        drop(scope);
        let frame = ready!(polled);
        let status = match &frame {
            Some(Ok(frame)) => frame.trailers_ref().and_then(Status::from_header_map),
            Some(Err(status)) => Some(status.clone()),
            None => None,
        };
        if let Some(status) = status
            && let Some(observed) = self.observed.take()
        {
            observed.ended(&status);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
