//! What the fuzz targets in `fuzz/` reach of what is private. Nobody else is to use it.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use prost_reflect::MessageDescriptor;

use crate::call::Call;
use crate::door::{grpc, headers, json};
use crate::refusal::Refusal;

/// The call that headers describe, as all doors read it.
///
/// # Errors
/// When one is not valid.
pub fn call(headers: &HeaderMap, payload: Bytes) -> Result<Call, Refusal> {
    headers::call(headers, "/a.B/C", payload)
}

/// How long the caller waits, as gRPC writes it.
///
/// # Errors
/// When it is not valid.
pub fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Refusal> {
    grpc::timeout(headers)
}

/// Encodes a message that is given as JSON.
///
/// # Errors
/// When it is not that message.
pub fn from_json(message: &MessageDescriptor, json: &[u8]) -> Result<Bytes, Refusal> {
    json::encode(message, json)
}

/// An encoded message as JSON; none when it is not that message.
pub fn to_json(message: &MessageDescriptor, encoded: Bytes) -> Option<Bytes> {
    json::decode(message, encoded)
}
