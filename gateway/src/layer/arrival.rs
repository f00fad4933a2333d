//! Requests that have to arrive in time, for services that tonic reads them for.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use hyper::body::{Body as HttpBody, Frame};
use tokio::time::{Sleep, sleep};
use tonic::Status;

use crate::refusal::{Refusal, Stored};

/// The calls whose requests may take as long as they like: their callers send on and
/// on, and are looked after by the connection.
const STREAMS: [&str; 1] = ["/callboard.v1.Gateway/TellStream"];

/// Ends a request that does not arrive in time with an error.
pub(crate) fn within(timeout: Duration, request: Request<Body>) -> Request<Body> {
    match STREAMS.contains(&request.uri().path()) {
        true => request,
        false => request.map(|body| {
            // It has arrived with its headers, or is small enough to have come with them.
            if body.is_end_stream() {
                return body;
            }
            Body::new(Arriving { body, late: Box::pin(sleep(timeout)), timeout })
        }),
    }
}

struct Arriving {
    body: Body,
    late: Pin<Box<Sleep>>,
    timeout: Duration,
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        // What is there is taken, however late it is looked at.
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        match self.late.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                let detail = format!("the request did not arrive within {:?}", self.timeout);
                let refusal = Refusal::Unavailable { detail, stored: Stored::No };
                Poll::Ready(Some(Err(Status::from(refusal).into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use http_body_util::BodyExt;
    use tonic::Code;

    /// A request whose first part has come.
    fn begun(path: &str) -> Request<Body> {
        let part = stream::iter([Ok::<_, axum::BoxError>(Bytes::from_static(b"a"))]);
        let body = Body::from_stream(futures::StreamExt::chain(part, stream::pending()));
        Request::builder().uri(path).body(body).expect("a request")
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_arrive_in_time_ends_with_unavailable() {
        let timeout = Duration::from_secs(30);
        let mut body = within(timeout, begun("/callboard.v1.Gateway/Tell")).into_body();
        let first = body.frame().await.expect("it is there").expect("it is well");
        assert_eq!(first.into_data().expect("it is data"), "a");
        let error = body.frame().await.expect("it ends").expect_err("it is late");
        let status = Status::from_error(error.into());
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().contains("30s"), "{status}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_may_take_as_long_as_it_likes() {
        let timeout = Duration::from_secs(30);
        let mut body = within(timeout, begun(STREAMS[0])).into_body();
        body.frame().await.expect("it is there").expect("it is well");
        let waited = tokio::time::timeout(100 * timeout, body.frame()).await;
        assert!(waited.is_err(), "it waits still");
    }
}
