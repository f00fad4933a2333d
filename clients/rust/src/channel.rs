//! What is added to each call.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use tonic::body::Body;
use tonic::{Request, Status, TimeoutExpired, transport};
use tower_service::Service;

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// What a generated stub calls through. Cheap to clone; all clones share one
/// connection.
///
/// It gives a call without a deadline the default one, and turns what can go
/// wrong on the way into the status codes that gRPC has for it:
///
/// - DEADLINE_EXCEEDED: no answer came in time, not even the gateway's own
///   `ASK_TIMEOUT`. The message may be stored.
/// - UNAVAILABLE: nobody can be reached, and nothing was sent; or the
///   connection broke, and the message may be stored. The text tells which.
#[derive(Clone, Debug)]
pub struct Channel {
    inner: transport::Channel,
    timeout: HeaderValue,
}

impl Channel {
    pub(crate) fn new(inner: transport::Channel, timeout: Duration) -> Self {
        Self { inner, timeout: grpc_timeout(timeout) }
    }
}

impl Service<http::Request<Body>> for Channel {
    type Response = http::Response<Body>;
    type Error = transport::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        request.headers_mut().entry(GRPC_TIMEOUT).or_insert_with(|| self.timeout.clone());
        let response = self.inner.call(request);
        Box::pin(async move {
            match response.await {
                Ok(response) => Ok(response),
                Err(error) => Ok(broken_off(&error).into_http()),
            }
        })
    }
}

/// A duration as gRPC writes it; tonic does that for its own requests.
fn grpc_timeout(timeout: Duration) -> HeaderValue {
    let mut request = Request::new(());
    request.set_timeout(timeout);
    let headers = request.into_parts().0.into_headers();
    headers.get(GRPC_TIMEOUT).cloned().expect("it was just set")
}

fn broken_off(error: &transport::Error) -> Status {
    if in_chain::<TimeoutExpired>(error) {
        return Status::deadline_exceeded(
            "no answer came before the deadline; the message may be stored",
        );
    }
    if in_chain::<tonic::ConnectError>(error) {
        return Status::unavailable(format!("{}; nothing was sent", chain(error)));
    }
    Status::unavailable(format!(
        "the connection broke before the answer came; the message may be stored: {}",
        chain(error)
    ))
}

fn sources<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

fn in_chain<E: std::error::Error + 'static>(error: &transport::Error) -> bool {
    sources(error).any(|source| source.is::<E>())
}

fn chain(error: &transport::Error) -> String {
    let mut texts: Vec<_> = sources(error).map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}
