//! Errors as the Connect protocol writes them
//! (<https://connectrpc.com/docs/protocol#error-end-stream>).

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use prost_types::Any;
use serde_json::{Value, json};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{Encoding, Failed};
use crate::door::headers::invalid;

/// The types of Google's error details, and of Callboard's own.
static GOOGLES: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(tonic_types::pb::FILE_DESCRIPTOR_SET).unwrap_or_default()
});

/// An error as a response. `pool` has the users' own types.
pub(super) fn response(status: &Status, pool: &DescriptorPool) -> http::Response<Body> {
    let (name, http_status) = code(status.code());
    let mut error = json!({ "code": name });
    if !status.message().is_empty() {
        error["message"] = status.message().into();
    }
    let details = tonic_types::pb::Status::decode(status.details()).unwrap_or_default().details;
    if !details.is_empty() {
        error["details"] = details.iter().map(|any| detail(any, pool)).collect();
    }
    let mut response = http::Response::new(Body::new(error.to_string()));
    *response.status_mut() = http_status;
    // For those who run the gateway; HTTP does not see it.
    response.extensions_mut().insert(status.clone());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if status.code() == Code::Unimplemented {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(Encoding::NAMES));
    }
    response
}

/// A body in an encoding that nobody here knows.
pub(super) fn unknown_encoding(name: &str) -> Failed {
    let detail = format!("{name} is not known here, but {}", Encoding::NAMES);
    let status = Status::from(invalid("content-encoding", detail));
    // The protocol wants this code, so that clients may learn and try again.
    let (text, details) = (status.message().to_owned(), status.get_error_details());
    let status = Status::with_error_details(Code::Unimplemented, text, details);
    Failed { status, receipt: None }
}

/// A detail: its bytes, and what is in them for those who only look.
fn detail(any: &Any, pool: &DescriptorPool) -> Value {
    let name = any.type_url.rsplit('/').next().unwrap_or_default();
    let mut detail = json!({ "type": name, "value": BASE64_STANDARD_NO_PAD.encode(&any.value) });
    let kind = pool.get_message_by_name(name).or_else(|| GOOGLES.get_message_by_name(name));
    let message = kind.and_then(|kind| DynamicMessage::decode(kind, &*any.value).ok());
    if let Some(debug) = message.and_then(|message| serde_json::to_value(message).ok()) {
        detail["debug"] = debug;
    }
    detail
}

/// The name of a code, and the status of the response
/// (<https://connectrpc.com/docs/protocol#error-codes>).
fn code(code: Code) -> (&'static str, StatusCode) {
    let (name, status) = match code {
        Code::Cancelled => ("canceled", 499),
        Code::InvalidArgument => ("invalid_argument", 400),
        Code::DeadlineExceeded => ("deadline_exceeded", 504),
        Code::NotFound => ("not_found", 404),
        Code::AlreadyExists => ("already_exists", 409),
        Code::PermissionDenied => ("permission_denied", 403),
        Code::ResourceExhausted => ("resource_exhausted", 429),
        Code::FailedPrecondition => ("failed_precondition", 400),
        Code::Aborted => ("aborted", 409),
        Code::OutOfRange => ("out_of_range", 400),
        Code::Unimplemented => ("unimplemented", 501),
        Code::Internal => ("internal", 500),
        Code::Unavailable => ("unavailable", 503),
        Code::DataLoss => ("data_loss", 500),
        Code::Unauthenticated => ("unauthenticated", 401),
        // An error with the code OK is a defect of the handler that made it.
        Code::Unknown | Code::Ok => ("unknown", 500),
    };
    (name, StatusCode::from_u16(status).expect("it has three digits"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn an_error_has_its_details_in_bytes_and_in_words() {
        let status = Status::from(invalid("a.b", "bad"));
        let response = response(&status, &DescriptorPool::new());
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let error: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(error["code"], "invalid_argument");
        assert_eq!(error["message"], "a.b: bad");
        let details = error["details"].as_array().expect("a list");
        let of = |name: &str| details.iter().find(|detail| detail["type"] == name);
        let info = of("google.rpc.ErrorInfo").expect("every error has one");
        assert_eq!(info["debug"]["reason"], "INVALID_REQUEST");
        let value = BASE64_STANDARD_NO_PAD.decode(info["value"].as_str().expect("text"));
        let read = tonic_types::pb::ErrorInfo::decode(&*value.expect("base64")).expect("it is one");
        assert_eq!(read.metadata["field"], "a.b");
        assert!(of("google.rpc.BadRequest").is_some());
    }

    #[test]
    fn an_unknown_encoding_is_unimplemented_with_those_that_are_known() {
        let failed = unknown_encoding("br");
        let response = response(&failed.status, &DescriptorPool::new());
        assert_eq!(response.status(), StatusCode::NOT_IMPLEMENTED);
        assert_eq!(response.headers()[ACCEPT_ENCODING], "zstd, gzip");
    }
}
