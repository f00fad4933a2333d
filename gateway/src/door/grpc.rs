//! gRPC in and out, for services that are known only at run time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use callboard_mailbox::limits::{HEADER_BYTES_MAX, MESSAGE_BYTES_MAX};
use callboard_mailbox::{MessageId, Store};
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tonic::body::Body;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Request, Response, Status};

use crate::call::{Call, Deliver, Receipt};
use crate::codec::RawCodec;
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// Headers of a call that travel with its message.
const TRAVELLING_HEADERS: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// What the names of Callboard's own metadata begin with.
const OWN_PREFIX: &str = "callboard-";

/// The message's id: given by the caller, told by the gateway.
const MESSAGE_ID: &str = "callboard-message-id";

/// How long after its call a message is delivered.
const DELAY: &str = "callboard-delay";

/// When a message is delivered.
const DELIVER_AT: &str = "callboard-deliver-at";

/// The largest message that is read at all. What is larger than a message may
/// be and smaller than this gets an error that tells its exact size.
const READ_BYTES_MAX: usize = 4 * MESSAGE_BYTES_MAX;

/// Serves one call.
pub(crate) async fn serve<S: Store + 'static>(
    gateway: Arc<Gateway<S>>,
    request: http::Request<Body>,
) -> http::Response<Body> {
    if !is_grpc(&request) {
        let mut response = http::Response::new(Body::empty());
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return response;
    }
    let reached = Arc::new(AtomicBool::new(false));
    let handler = Handler {
        gateway,
        path: request.uri().path().to_owned(),
        timeout: timeout(request.headers()),
        reached: Arc::clone(&reached),
    };
    let response = Grpc::new(RawCodec)
        .apply_max_message_size_config(Some(READ_BYTES_MAX), None)
        .unary(handler, request)
        .await;
    // tonic says OUT_OF_RANGE of a message that is too large to be read.
    let status = Status::from_header_map(response.headers());
    if !reached.load(Ordering::Relaxed) && status.is_some_and(|s| s.code() == Code::OutOfRange) {
        let (limit, size) = (MESSAGE_BYTES_MAX, READ_BYTES_MAX + 1);
        return Status::from(Refusal::TooLarge { what: "message", limit, size }).into_http();
    }
    response
}

/// Whether a request is gRPC. tonic does not ask, and a web page may make any
/// browser send bytes to this machine, but not with this content type.
fn is_grpc(request: &http::Request<Body>) -> bool {
    let content_type = request.headers().get(http::header::CONTENT_TYPE);
    let content_type = content_type.map_or(&[][..], HeaderValue::as_bytes);
    let is_grpc = match content_type.strip_prefix(b"application/grpc") {
        Some(rest) => matches!(rest, [] | [b'+' | b';', ..]),
        None => false,
    };
    is_grpc && request.method() == http::Method::POST
}

struct Handler<S> {
    gateway: Arc<Gateway<S>>,
    path: String,
    timeout: Result<Option<Duration>, Refusal>,
    reached: Arc<AtomicBool>,
}

impl<S: Store + 'static> UnaryService<Bytes> for Handler<S> {
    type Response = Bytes;
    type Future = BoxFuture<'static, Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        self.reached.store(true, Ordering::Relaxed);
        let gateway = Arc::clone(&self.gateway);
        let (path, timeout) = (self.path.clone(), self.timeout.clone());
        Box::pin(async move {
            let headers = headers(request.metadata())?;
            let (message_id, deliver) =
                (message_id(request.metadata())?, deliver(request.metadata())?);
            let payload = request.into_inner();
            let call = Call { path, payload, timeout: timeout?, headers, message_id, deliver };
            match gateway.call(call).await {
                Ok(answer) => {
                    let mut response = Response::new(answer.payload);
                    if let Some(receipt) = &answer.receipt {
                        tell(response.metadata_mut(), receipt);
                    }
                    Ok(response)
                }
                Err(refused) => {
                    let mut status = Status::from(refused.refusal);
                    if let Some(receipt) = &refused.receipt {
                        tell(status.metadata_mut(), receipt);
                    }
                    Err(status)
                }
            }
        })
    }
}

/// Tells the caller what became of its message.
fn tell(metadata: &mut MetadataMap, receipt: &Receipt) {
    let id = receipt.message_id.as_str().parse().expect("an id is visible ASCII");
    metadata.insert(MESSAGE_ID, id);
    if let Some(sequence) = receipt.sequence {
        metadata.insert("callboard-sequence", sequence.0.into());
    }
    if receipt.duplicate {
        metadata.insert("callboard-duplicate", MetadataValue::from_static("true"));
    }
}

/// The id that the caller gives the message.
fn message_id(metadata: &MetadataMap) -> Result<Option<MessageId>, Refusal> {
    let text = single(metadata, MESSAGE_ID)?;
    let id = text.map(MessageId::new).transpose();
    id.map_err(|error| invalid(MESSAGE_ID, &error.to_string()))
}

/// When the message is to be delivered.
fn deliver(metadata: &MetadataMap) -> Result<Option<Deliver>, Refusal> {
    let after = single(metadata, DELAY)?.map(|text| {
        parse_delay(text).ok_or_else(|| {
            invalid(DELAY, "it is not a number and a unit of ms, s, m, h or d, such as 90s")
        })
    });
    let at = single(metadata, DELIVER_AT)?.map(|text| {
        let time = text.parse::<prost_types::Timestamp>();
        let time = time.ok().and_then(|time| SystemTime::try_from(time).ok());
        time.ok_or_else(|| {
            invalid(DELIVER_AT, "it is not a time of RFC 3339, such as 2030-01-31T08:00:00Z")
        })
    });
    match (after, at) {
        (Some(_), Some(_)) => Err(invalid(DELAY, "give it or callboard-deliver-at, not both")),
        (Some(delay), None) => Ok(Some(Deliver::After(delay?))),
        (None, Some(time)) => Ok(Some(Deliver::At(time?.into()))),
        (None, None) => Ok(None),
    }
}

/// The only value of a metadata entry.
fn single<'a>(metadata: &'a MetadataMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = metadata.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(invalid(name, "it is given more than once"));
    }
    value.to_str().map(Some).map_err(|_| invalid(name, "it is not visible ASCII"))
}

/// Reads a delay: digits and a unit.
fn parse_delay(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(unit);
    let amount: u64 = digits.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(Duration::from_millis(amount.checked_mul(millis)?))
}

/// The headers that travel with the message.
fn headers(metadata: &MetadataMap) -> Result<Vec<(String, String)>, Refusal> {
    let map = metadata.as_ref();
    let is_unknown = |name: &str| {
        name.starts_with(OWN_PREFIX) && ![MESSAGE_ID, DELAY, DELIVER_AT].contains(&name)
    };
    if let Some(name) = map.keys().find(|name| is_unknown(name.as_str())) {
        return Err(invalid(name.as_str(), "this version of Callboard knows no such metadata"));
    }
    let mut headers = Vec::new();
    for name in TRAVELLING_HEADERS {
        for value in map.get_all(name) {
            let text = value.to_str().map_err(|_| invalid(name, "it is not visible ASCII"))?;
            headers.push((name.to_owned(), text.to_owned()));
        }
    }
    let size: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > HEADER_BYTES_MAX {
        return Err(Refusal::TooLarge { what: "trace context", limit: HEADER_BYTES_MAX, size });
    }
    Ok(headers)
}

/// Reads `grpc-timeout`: at most eight digits and a unit
/// (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>).
fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Refusal> {
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

fn invalid(field: &str, detail: &str) -> Refusal {
    Refusal::Invalid { field: field.to_owned(), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use callboard_mailbox::Timestamp;

    #[test]
    fn only_posts_of_grpc_are_taken() {
        let request = |method: &str, content_type: &str| {
            let request = http::Request::builder().method(method);
            let request = request.header("content-type", content_type).body(Body::empty());
            is_grpc(&request.expect("a request"))
        };
        for content_type in ["application/grpc", "application/grpc+proto", "application/grpc;a=b"] {
            assert!(request("POST", content_type), "{content_type}");
            assert!(!request("GET", content_type), "{content_type}");
        }
        for content_type in ["", "text/plain", "application/grpc-web", "application/json"] {
            assert!(!request("POST", content_type), "{content_type}");
        }
    }

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

    #[test]
    fn delays_are_a_number_and_a_unit() {
        assert_eq!(parse_delay("90s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_delay("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_delay("2d"), Some(Duration::from_secs(172_800)));
        for bad in ["", "s", "5", "-5s", "1.5s", "5 s", "5w", "99999999999999999999s"] {
            assert_eq!(parse_delay(bad), None, "{bad}");
        }
    }

    #[test]
    fn ids_and_times_of_callers_are_checked() {
        let with = |name: &'static str, value: &'static str| {
            let mut metadata = MetadataMap::new();
            metadata.insert(name, value.parse().expect("ASCII"));
            metadata
        };
        assert!(message_id(&with(MESSAGE_ID, "order-7")).expect("valid").is_some());
        assert!(message_id(&with(MESSAGE_ID, "a/b")).is_err());
        let at = deliver(&with(DELIVER_AT, "1970-01-01T00:00:02Z")).expect("valid");
        assert_eq!(at, Some(Deliver::At(Timestamp(2_000))));
        assert!(deliver(&with(DELIVER_AT, "tomorrow")).is_err());
        let mut both = with(DELIVER_AT, "1970-01-01T00:00:02Z");
        both.insert(DELAY, "1s".parse().expect("ASCII"));
        assert!(deliver(&both).is_err());
        let mut twice = with(MESSAGE_ID, "a");
        twice.append(MESSAGE_ID, "b".parse().expect("ASCII"));
        assert!(message_id(&twice).is_err());
    }

    #[test]
    fn trace_context_travels_and_unknown_metadata_of_ours_is_refused() {
        let mut metadata = MetadataMap::new();
        metadata.insert("traceparent", "00-1-2-01".parse().expect("ASCII"));
        metadata.insert("x-request-id", "7".parse().expect("ASCII"));
        assert_eq!(
            headers(&metadata).expect("all of it is fine"),
            [("traceparent".to_owned(), "00-1-2-01".to_owned())]
        );
        metadata.insert("callboard-colour", "red".parse().expect("ASCII"));
        let refusal = headers(&metadata).expect_err("nobody knows it");
        assert!(matches!(refusal, Refusal::Invalid { field, .. } if field == "callboard-colour"));
    }
}
