//! One call of the gateway, with all of its attempts.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::{BoxStream, Stream, StreamExt};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Collected, Full, Limited};
use prost::Message;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::{Code, Status};
use tonic_prost::ProstCodec;
use tower_service::Service;

use crate::error::Error;
use crate::link::Link;
use crate::{frame, timeout, trace};

/// More than any answer of the gateway has.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// A unary call.
pub(crate) struct Call {
    pub(crate) path: PathAndQuery,
    pub(crate) headers: HeaderMap,
    /// The request as gRPC writes it.
    pub(crate) body: Bytes,
    /// What errors tell.
    pub(crate) message_id: String,
    /// For all attempts together.
    pub(crate) timeout: Duration,
}

/// An answer that is no error, and came wholly.
pub(crate) type Answer = http::Response<Collected<Bytes>>;

impl Call {
    /// A call of `callboard.v1.Gateway`, with the current trace context.
    pub(crate) fn of_gateway(
        path: &'static str,
        request: &impl Message,
        message_id: &str,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let mut headers = HeaderMap::new();
        trace::inject(&mut headers);
        let body = frame::write(&request.encode_to_vec());
        Ok(Self {
            path: PathAndQuery::from_static(path),
            headers,
            body: body.map_err(|status| Error::sent(status, message_id))?,
            message_id: message_id.to_owned(),
            timeout,
        })
    }
}

/// When a call must be over.
pub(crate) fn deadline(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(timeout::MAX)
}

impl Link {
    /// Makes a call, in as many attempts as it takes.
    pub(crate) async fn unary(&self, call: &Call) -> Result<Answer, Error> {
        let fail = |status| Error::sent(status, &call.message_id);
        let _open = self.begin().map_err(fail)?;
        let deadline = deadline(call.timeout);
        let mut attempt = 1;
        loop {
            let failed = match self.within(deadline, self.attempt(call, deadline)).await {
                Ok(answer) => return Ok(answer),
                Err(status) => fail(status),
            };
            match self.settings.retry.wait(attempt, &failed, fastrand::f64()) {
                Some(wait) if Instant::now() + wait < deadline => {
                    self.pause(deadline, wait).await.map_err(fail)?;
                }
                _ => return Err(failed),
            }
            attempt += 1;
        }
    }

    /// Makes a call, and reads the message of its answer.
    pub(crate) async fn ask<A: Message + Default>(&self, call: &Call) -> Result<A, Error> {
        let answer = self.unary(call).await?;
        let message = message(answer.into_body())
            .and_then(|message| A::decode(message).map_err(|error| unreadable(&error.to_string())));
        message.map_err(|status| Error::sent(status, &call.message_id))
    }

    async fn attempt(&self, call: &Call, deadline: Instant) -> Result<Answer, Status> {
        let mut request = http::Request::new(Body::new(Full::new(call.body.clone())));
        *request.method_mut() = http::Method::POST;
        *request.version_mut() = http::Version::HTTP_2;
        *request.uri_mut() = call.path.clone().into();
        let headers = request.headers_mut();
        *headers = call.headers.clone();
        self.settings.credentials.show(headers).await?;
        headers.insert("te", HeaderValue::from_static("trailers"));
        headers.insert("content-type", HeaderValue::from_static("application/grpc"));
        headers.insert(timeout::HEADER, timeout::write(deadline - Instant::now()));
        let mut wire = self.wire()?;
        poll_fn(|context| wire.poll_ready(context)).await?;
        read(wire.call(request).await?).await
    }

    /// Opens a stream; its deadline, the caller sees to.
    pub(crate) fn stream<Q, A>(
        &self,
        path: &'static str,
        requests: impl Stream<Item = Q> + Send + 'static,
        deadline: Option<Instant>,
    ) -> BoxStream<'_, Result<A, Status>>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let mut request = tonic::Request::new(requests);
        trace::inject(request.metadata_mut().as_mut());
        let answers = async move {
            self.settings.credentials.show(request.metadata_mut().as_mut()).await?;
            if let Some(deadline) = deadline {
                request.set_timeout(deadline - Instant::now());
            }
            let mut grpc = Grpc::new(self.wire()?).max_decoding_message_size(ANSWER_BYTES_MAX);
            grpc.ready().await?;
            let path = PathAndQuery::from_static(path);
            let answers = grpc.streaming(request, path, ProstCodec::<Q, A>::default()).await?;
            Ok::<_, Status>(answers.into_inner())
        };
        futures::stream::once(answers).try_flatten().boxed()
    }
}

/// Reads an answer to its end, and finds out whether it is an error.
async fn read(answer: http::Response<Body>) -> Result<Answer, Status> {
    let (parts, body) = answer.into_parts();
    let is_ok = match Status::from_header_map(&parts.headers) {
        Some(status) if status.code() != Code::Ok => return Err(status),
        status => status.is_some(),
    };
    if parts.status != StatusCode::OK {
        return Err(Status::new(
            code_of(parts.status),
            format!("HTTP {}, and no gRPC", parts.status),
        ));
    }
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| match error
        .downcast::<Status>(
    ) {
        Ok(broken) => *broken,
        Err(error) => unreadable(&error.to_string()),
    })?;
    match body.trailers().and_then(Status::from_header_map) {
        Some(mut status) if status.code() != Code::Ok => {
            // What became of the message may be in either.
            let metadata: &mut HeaderMap = status.metadata_mut().as_mut();
            let trailers = std::mem::replace(metadata, parts.headers);
            metadata.extend(trailers);
            Err(status)
        }
        None if !is_ok => Err(unreadable("it has no status")),
        _ => Ok(http::Response::from_parts(parts, body)),
    }
}

/// The message in the body of an answer.
pub(crate) fn message(body: Collected<Bytes>) -> Result<Bytes, Status> {
    frame::read(&body.to_bytes()).map_err(unreadable)
}

pub(crate) fn unreadable(detail: &str) -> Status {
    Status::internal(format!("the answer cannot be read: {detail}"))
}

/// What gRPC makes of the answer of a proxy that does not speak it.
fn code_of(status: StatusCode) -> Code {
    match status.as_u16() {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502..=504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}
