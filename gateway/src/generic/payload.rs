//! Payloads as bytes, and as JSON.

use bytes::Bytes;
use callboard_proto::pb;
use prost_reflect::MessageDescriptor;

use crate::catalog::Route;
use crate::door::json;
use crate::refusal::Refusal;

/// How a caller writes messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Encoded,
    Json,
}

/// A message as its reader wants it.
pub(super) enum Written {
    Encoded(Bytes),
    Json(String),
}

/// The encoded request.
///
/// # Errors
/// When JSON is not that of the method's request: with the path of the field in
/// it.
pub(super) fn read(
    route: &Route,
    payload: Option<pb::message::Payload>,
) -> Result<(Bytes, Format), Refusal> {
    let json = match payload {
        None => return Ok((Bytes::new(), Format::Encoded)),
        Some(pb::message::Payload::Encoded(encoded)) => return Ok((encoded, Format::Encoded)),
        Some(pb::message::Payload::Json(json)) => json,
    };
    Ok((json::encode(route.method_schema().input(), json.as_bytes())?, Format::Json))
}

/// A response for its caller.
///
/// # Errors
/// When what the actor has answered is no such message.
pub(super) fn write(
    output: &MessageDescriptor,
    response: Bytes,
    format: Format,
) -> Result<Written, Refusal> {
    if format == Format::Encoded {
        return Ok(Written::Encoded(response));
    }
    // The gateway has made it, so it is UTF-8.
    let json = json::decode(output, response).and_then(|json| String::from_utf8(json.into()).ok());
    json.map(Written::Json).ok_or_else(|| {
        let detail = format!("the reply is not a {}", output.full_name());
        Refusal::Internal { detail }
    })
}
