//! Messages on their way in and out: JSON or protobuf, compressed or not.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use callboard_mailbox::limits::MESSAGE_BYTES_MAX;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt, Full};
use prost_reflect::MessageDescriptor;
use tonic::Status;
use tonic::body::Body;

use super::{Failed, error};
use crate::door::headers::{invalid, single};
use crate::door::{COMPRESSED_FROM_BYTES, READ_BYTES_MAX, json};
use crate::layer::compression::{self, Encoding};
use crate::refusal::{Refusal, Stored};

/// The most that is read of a request only to get to its end: many clients of
/// HTTP/1 do not look for an answer before they have sent everything.
const DISCARDED_BYTES_MAX: usize = 16 * READ_BYTES_MAX;

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// In protobuf's canonical JSON.
    Json,
    /// Encoded.
    Proto,
}

/// A message as it came.
pub(super) struct Written {
    pub(super) format: Format,
    pub(super) encoding: Encoding,
    pub(super) bytes: Bytes,
}

impl Format {
    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json",
            Self::Proto => "application/proto",
        })
    }

    /// An encoded response as its caller wants it.
    pub(super) fn write(self, output: &MessageDescriptor, payload: Bytes) -> Result<Bytes, Status> {
        if self == Self::Proto {
            return Ok(payload);
        }
        let detail = || format!("the reply is not a {}", output.full_name());
        json::decode(output, payload).ok_or_else(|| Refusal::Internal { detail: detail() }.into())
    }
}

impl Written {
    /// Takes a body in.
    pub(super) async fn read(
        format: Format,
        headers: &HeaderMap,
        body: Body,
        timeout: Duration,
    ) -> Result<Self, Failed> {
        let name = single(headers, CONTENT_ENCODING.as_str())?.unwrap_or_default();
        let encoding = Encoding::named(name).ok_or_else(|| error::unknown_encoding(name))?;
        Ok(Self { format, encoding, bytes: read(body, timeout).await? })
    }

    /// The encoded request.
    pub(super) fn decode(self, input: &MessageDescriptor) -> Result<Bytes, Refusal> {
        let Self { format, encoding, bytes } = self;
        let plain = encoding.decompress(bytes, READ_BYTES_MAX).map_err(|error| match error {
            compression::Error::TooLarge => too_large(READ_BYTES_MAX + 1),
            compression::Error::Malformed => {
                let detail = format!("the request is not {}", encoding.name());
                invalid(CONTENT_ENCODING.as_str(), detail)
            }
        })?;
        match format {
            Format::Proto => Ok(plain),
            Format::Json => json::encode(input, &plain),
        }
    }
}

/// A response with a message.
pub(super) fn response(format: Format, payload: Bytes, accepted: Encoding) -> http::Response<Body> {
    let is_worth_it = payload.len() >= COMPRESSED_FROM_BYTES && accepted != Encoding::Identity;
    let compressed = is_worth_it.then(|| accepted.compress(payload.clone()).ok()).flatten();
    let encoding = compressed.is_some().then(|| HeaderValue::from_static(accepted.name()));
    let body = compressed.unwrap_or(payload);
    let mut response = http::Response::new(Body::new(Full::new(body)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, format.content_type());
    headers.insert(VARY, HeaderValue::from(ACCEPT_ENCODING));
    headers.extend(encoding.map(|encoding| (CONTENT_ENCODING, encoding)));
    response
}

/// Reads the body, as it is. Of one that is too large only the size is kept.
async fn read(mut body: Body, timeout: Duration) -> Result<Bytes, Refusal> {
    let reading = async {
        let (mut kept, mut size) = (BytesMut::new(), 0);
        while let Some(frame) = body.frame().await {
            let data = frame.map_err(|_| unread("the request broke off"))?;
            let data = data.into_data().unwrap_or_default();
            size += data.len();
            if size <= READ_BYTES_MAX {
                kept.extend_from_slice(&data);
            } else if size <= DISCARDED_BYTES_MAX {
                kept = BytesMut::new();
            } else {
                break;
            }
        }
        if size > READ_BYTES_MAX { Err(too_large(size)) } else { Ok(kept.freeze()) }
    };
    match tokio::time::timeout(timeout, reading).await {
        Ok(read) => read,
        Err(_) => Err(unread(&format!("the request did not arrive within {timeout:?}"))),
    }
}

fn unread(detail: &str) -> Refusal {
    Refusal::Unavailable { detail: detail.to_owned(), stored: Stored::No }
}

fn too_large(size: usize) -> Refusal {
    Refusal::TooLarge { what: "message", limit: MESSAGE_BYTES_MAX, size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_answers_are_compressed() {
        let encoding_of = |size, accepted| {
            let response = response(Format::Proto, vec![0; size].into(), accepted);
            response.headers().get(CONTENT_ENCODING).cloned()
        };
        assert_eq!(encoding_of(10, Encoding::Gzip), None);
        assert_eq!(encoding_of(10_000, Encoding::Identity), None);
        assert_eq!(encoding_of(10_000, Encoding::Zstd), Some(HeaderValue::from_static("zstd")));
    }
}
