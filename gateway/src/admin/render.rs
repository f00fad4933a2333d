//! What is stored, as an operator reads it.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use callboard_mailbox::message::{self, Answer, Message};
use callboard_mailbox::reply::Outcome;
use callboard_mailbox::{Address, Timestamp};
use callboard_proto::pb::{self, stored_message::Payload};
use callboard_proto::schema::{Kind, Schema};
use prost_reflect::{DynamicMessage, MessageDescriptor, SerializeOptions};

/// A time. The furthest ones are cut, so that every client can hold them.
pub(super) fn time(time: Timestamp) -> prost_types::Timestamp {
    /// The end of the year 9999, the last that a `google.protobuf.Timestamp` may be.
    const LAST_MS: u64 = 253_402_300_799_999;
    (UNIX_EPOCH + Duration::from_millis(time.0.min(LAST_MS))).into()
}

/// An address.
pub(super) fn address(address: &Address) -> pb::Address {
    pb::Address { r#type: address.actor_type().to_owned(), key: address.key().to_owned() }
}

/// A message to an actor, with its payload as the schema says.
pub(super) fn message(schema: &Schema, actor_type: &str, message: Message) -> pb::StoredMessage {
    let payload = payload(schema, actor_type, &message);
    pb::StoredMessage {
        message_id: message.id.as_str().to_owned(),
        is_ask: message.kind == message::Kind::Ask,
        sent_at: Some(time(message.sent_at)),
        sender: message.sender.as_ref().map(address),
        payload: Some(payload),
        method: message.method,
    }
}

/// How many bytes a message takes in a page, about.
pub(super) fn size(message: &pb::StoredMessage) -> usize {
    match &message.payload {
        Some(Payload::Json(json)) => json.len(),
        Some(Payload::Encoded(encoded)) => encoded.len(),
        None => 0,
    }
}

fn payload(schema: &Schema, actor_type: &str, message: &Message) -> Payload {
    let json = || {
        let method = schema.actor(actor_type)?.method(&message.method)?;
        let encoded = match method.kind() {
            Kind::Ask | Kind::Tell => message.payload.clone(),
            Kind::Answer => match Answer::from_encoded(message.payload.clone()).ok()?.outcome {
                Outcome::Ok(response) => response,
                // A status has no place in the method's request.
                _ => return None,
            },
        };
        json(method.input(), &encoded)
    };
    json().map_or_else(|| Payload::Encoded(message.payload.clone()), Payload::Json)
}

/// Encoded bytes as protobuf's JSON, fields with default values included; `None`
/// when they are no such message.
pub(super) fn json(descriptor: &MessageDescriptor, encoded: &Bytes) -> Option<String> {
    let message = DynamicMessage::decode(descriptor.clone(), encoded.clone()).ok()?;
    let mut json = Vec::new();
    let options = SerializeOptions::new().skip_default_fields(false);
    let mut serializer = serde_json::Serializer::new(&mut json);
    message.serialize_with_options(&mut serializer, &options).ok()?;
    String::from_utf8(json).ok()
}

/// Whether a message is Callboard's own: a relay, which carries what the actor has
/// sent in a committed write. It is not the operator's to give up. No method of a
/// `.proto` has a dot in its name.
pub(super) fn is_own(message: &Message) -> bool {
    message.method.contains('.')
}
