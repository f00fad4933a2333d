//! One request to run a function.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::HeaderValue;
use bytes::Bytes;
use uuid::Uuid;

/// The account in every ARN.
pub(super) const ACCOUNT: &str = "000000000000";

/// What a function is given.
#[derive(Debug, Clone)]
pub(super) struct Invocation {
    /// Fresh for each invocation, even for a caller's retry.
    pub(super) id: String,
    /// JSON.
    pub(super) payload: Bytes,
    /// The X-Ray header: the caller's, or a fresh one that is not sampled.
    pub(super) trace: HeaderValue,
    /// The mobile SDK's context, as JSON.
    pub(super) client_context: Option<HeaderValue>,
    /// The tenant, of a function that isolates them.
    pub(super) tenant: Option<HeaderValue>,
}

/// A function's ARN.
pub(super) fn arn(region: &str, function: &str) -> String {
    format!("arn:aws:lambda:{region}:{ACCOUNT}:function:{function}")
}

/// A trace header of its own for a caller that sent none, as AWS makes one.
///
/// The form is `Root=1-{seconds, 8 hex digits}-{24 hex digits}`:
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
pub(super) fn fresh_trace() -> HeaderValue {
    let random = Uuid::now_v7().simple().to_string();
    let seconds = unix_ms(SystemTime::now()) / 1000;
    // The last digits of the id: the first ones are its time.
    let (root, parent) = (&random[8..], &random[16..]);
    HeaderValue::try_from(format!("Root=1-{seconds:08x}-{root};Parent={parent};Sampled=0"))
        .expect("hex digits and punctuation make a header")
}

/// Milliseconds since 1970, as in `Lambda-Runtime-Deadline-Ms`.
pub(super) fn unix_ms(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis()
}
