//! A request or a response, as it is sent.

use bytes::Bytes;
use callboard_proto::pb;
use prost::Message;
use tonic::Status;

use crate::call::unreadable;

/// A request or a response, as it is sent.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    /// In protobuf's encoding.
    Encoded(Bytes),
    /// In protobuf's JSON.
    Json(String),
}

/// How a response of one type is read.
pub(crate) type Read<R> = fn(Payload) -> Result<R, Status>;

/// Reads a response of a stub.
pub(crate) fn decoded<R: Message + Default>(payload: Payload) -> Result<R, Status> {
    R::decode(encoded(payload)?).map_err(|error| unreadable(&error.to_string()))
}

pub(crate) fn encoded(payload: Payload) -> Result<Bytes, Status> {
    match payload {
        Payload::Encoded(encoded) => Ok(encoded),
        Payload::Json(_) => Err(unreadable("it is JSON")),
    }
}

pub(crate) fn json(payload: Payload) -> Result<String, Status> {
    match payload {
        Payload::Json(json) => Ok(json),
        Payload::Encoded(_) => Err(unreadable("it is not JSON")),
    }
}

impl From<Payload> for pb::message::Payload {
    fn from(payload: Payload) -> Self {
        match payload {
            Payload::Encoded(encoded) => Self::Encoded(encoded),
            Payload::Json(json) => Self::Json(json),
        }
    }
}

/// A response without any field may come as none.
impl From<Option<pb::ask_response::Payload>> for Payload {
    fn from(payload: Option<pb::ask_response::Payload>) -> Self {
        match payload {
            Some(pb::ask_response::Payload::Encoded(encoded)) => Self::Encoded(encoded),
            Some(pb::ask_response::Payload::Json(json)) => Self::Json(json),
            None => Self::Encoded(Bytes::new()),
        }
    }
}

impl From<Option<pb::await_response::Payload>> for Payload {
    fn from(payload: Option<pb::await_response::Payload>) -> Self {
        match payload {
            Some(pb::await_response::Payload::Encoded(encoded)) => Self::Encoded(encoded),
            Some(pb::await_response::Payload::Json(json)) => Self::Json(json),
            None => Self::Encoded(Bytes::new()),
        }
    }
}
