//! gRPC in and out, for services that are known only at run time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use callboard_mailbox::Store;
use callboard_mailbox::limits::MESSAGE_BYTES_MAX;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};
use tonic::body::Body;
use tonic::codec::{CompressionEncoding, SingleMessageCompressionOverride};
use tonic::metadata::MetadataMap;
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt;

use super::headers::{self, invalid};
use super::{COMPRESSED_FROM_BYTES, READ_BYTES_MAX};
use crate::access::{self, Principal};
use crate::codec::RawCodec;
use crate::gateway::Gateway;
use crate::refusal::{Refusal, Stored};

/// Serves one call.
pub(crate) async fn serve<S: Store + 'static>(
    gateway: Arc<Gateway<S>>,
    request: http::Request<Body>,
) -> http::Response<Body> {
    let read_timeout = gateway.settings.request_timeout;
    let reached = Arc::new(AtomicBool::new(false));
    let handler = Handler {
        gateway,
        path: request.uri().path().to_owned(),
        timeout: timeout(request.headers()),
        principal: access::caller(request.extensions()),
        reached: Arc::clone(&reached),
    };
    let mut grpc = Grpc::new(RawCodec).apply_max_message_size_config(Some(READ_BYTES_MAX), None);
    for encoding in [CompressionEncoding::Zstd, CompressionEncoding::Gzip] {
        grpc = grpc.accept_compressed(encoding).send_compressed(encoding);
    }
    let mut answering = Box::pin(grpc.unary(handler, request));
    let mut response = match tokio::time::timeout(read_timeout, &mut answering).await {
        Ok(response) => response,
        Err(_) if reached.load(Ordering::Relaxed) => answering.await,
        Err(_) => {
            let detail = format!("the request did not arrive within {read_timeout:?}");
            return Status::from(Refusal::Unavailable { detail, stored: Stored::No }).into_http();
        }
    };
    if !reached.load(Ordering::Relaxed)
        && let Some(refused) = unread(response.headers_mut())
    {
        return refused;
    }
    response
}

/// Why tonic did not read a message, as Callboard says it.
fn unread(headers: &mut HeaderMap) -> Option<http::Response<Body>> {
    const ACCEPTED: HeaderName = HeaderName::from_static("grpc-accept-encoding");
    let status = Status::from_header_map(headers)?;
    let refusal = match status.code() {
        // It is large; or gets so when it is decompressed.
        Code::OutOfRange | Code::ResourceExhausted => {
            let (limit, size) = (MESSAGE_BYTES_MAX, READ_BYTES_MAX + 1);
            Refusal::TooLarge { what: "message", limit, size }
        }
        // Its frame or its compression is wrong, or there are none or several.
        Code::Internal => {
            let detail = format!("it is not one message as gRPC frames it: {}", status.message());
            invalid("body", detail)
        }
        // The protocol wants this code, and to be told which encodings are known.
        Code::Unimplemented => {
            let refused = Status::from(invalid("grpc-encoding", status.message()));
            let details = refused.get_error_details();
            let refused =
                Status::with_error_details(Code::Unimplemented, refused.message(), details);
            let mut response = refused.into_http();
            let accepted = headers.remove(ACCEPTED);
            response.headers_mut().extend(accepted.map(|accepted| (ACCEPTED, accepted)));
            return Some(response);
        }
        _ => return None,
    };
    Some(Status::from(refusal).into_http())
}

struct Handler<S> {
    gateway: Arc<Gateway<S>>,
    path: String,
    timeout: Result<Option<Duration>, Refusal>,
    principal: Arc<Principal>,
    reached: Arc<AtomicBool>,
}

impl<S: Store + 'static> UnaryService<Bytes> for Handler<S> {
    type Response = Bytes;
    type Future = BoxFuture<'static, Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        self.reached.store(true, Ordering::Relaxed);
        let gateway = Arc::clone(&self.gateway);
        let (path, timeout) = (self.path.clone(), self.timeout.clone());
        let principal = Arc::clone(&self.principal);
        Box::pin(async move {
            let (metadata, _, payload) = request.into_parts();
            let mut call = headers::call(metadata.as_ref(), &path, payload)?;
            call.timeout = timeout?;
            call.principal = principal;
            match gateway.call(call).await {
                Ok(answer) => {
                    let is_small = answer.payload.len() < COMPRESSED_FROM_BYTES;
                    let mut response = Response::new(answer.payload);
                    if is_small {
                        let plain = SingleMessageCompressionOverride::Disable;
                        response.extensions_mut().insert(plain);
                    }
                    if let Some(receipt) = &answer.receipt {
                        headers::tell(response.metadata_mut().as_mut(), receipt);
                    }
                    Ok(response)
                }
                Err(refused) => {
                    let mut status = Status::from(refused.refusal);
                    if let Some(receipt) = &refused.receipt {
                        headers::tell(MetadataMap::as_mut(status.metadata_mut()), receipt);
                    }
                    Err(status)
                }
            }
        })
    }
}

/// Reads `grpc-timeout`: at most eight digits and a unit
/// (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>).
pub(crate) fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Refusal> {
    const NAME: HeaderName = HeaderName::from_static("grpc-timeout");
    let Some(value) = headers.get(NAME) else { return Ok(None) };
    let parsed = parse_timeout(value);
    parsed
        .map(Some)
        .ok_or_else(|| invalid(NAME.as_str(), "it is not 1 to 8 digits and one of HMSmun"))
}

fn parse_timeout(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3_600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_grpc_writes_them() {
        let parse = |text| parse_timeout(&HeaderValue::from_static(text));
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse("99999999H"), Some(Duration::from_secs(99_999_999 * 3_600)));
        for bad in ["", "S", "5", "-5S", "123456789S", "5s", "5é"] {
            assert_eq!(
                parse_timeout(&HeaderValue::from_str(bad).expect("a header")),
                None,
                "{bad}"
            );
        }
    }
}
