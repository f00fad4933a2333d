//! The connection, and what can go wrong on it in gRPC's words.

use std::error::Error as StdError;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::{BoxFuture, FutureExt};
use http_body_util::BodyExt;
use tonic::body::Body;
use tonic::{Status, TimeoutExpired, transport};
use tower_service::Service;

/// A connection to the gateway, shared by its clones. What breaks is a status:
///
/// - DEADLINE_EXCEEDED: no answer came in time, not even the gateway's own
///   `ASK_TIMEOUT`. The message may be stored.
/// - UNAVAILABLE: nobody can be reached, and nothing was sent; or the
///   connection broke, and the message may be stored. The text tells which.
#[derive(Clone)]
pub(crate) struct Wire(transport::Channel);

impl Wire {
    pub(crate) fn new(channel: transport::Channel) -> Self {
        Self(channel)
    }
}

impl Service<http::Request<Body>> for Wire {
    type Response = http::Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.0.poll_ready(context).map_err(broken_off)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let response = self.0.call(request);
        async move {
            let response = response.await.map_err(broken_off)?;
            Ok(response.map(|body| Body::new(body.map_err(broken_off))))
        }
        .boxed()
    }
}

/// No answer came in time.
pub(crate) fn deadline_exceeded() -> Status {
    Status::deadline_exceeded("no answer came before the deadline; the message may be stored")
}

fn broken_off(error: impl StdError + Send + Sync + 'static) -> Status {
    if chain(&error).any(|error| error.is::<TimeoutExpired>()) {
        return deadline_exceeded();
    }
    let mut texts: Vec<_> = chain(&error).map(ToString::to_string).collect();
    texts.dedup();
    let text = texts.join(": ");
    let mut status = match chain(&error).any(|error| error.is::<tonic::ConnectError>()) {
        true => Status::unavailable(format!("{text}; nothing was sent")),
        false => Status::unavailable(format!(
            "the connection broke before the answer came; the message may be stored: {text}"
        )),
    };
    status.set_source(Arc::new(error));
    status
}

/// An error and what it comes from.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
