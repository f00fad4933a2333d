//! Reading an actor's state, which is stored as the SDK writes it: a byte for the
//! encoding, the version of its schema as a varint, and the rest.

use bytes::{Buf, Bytes};
use callboard_mailbox::store::snapshot;
use callboard_mailbox::{Address, Store};
use callboard_proto::pb::{self, StateEncoding, read_state_response::State};
use callboard_proto::schema::Schema;
use prost::encoding::decode_varint;
use prost_reflect::MessageDescriptor;

use super::{no_mailbox, render, unread};
use crate::refusal::Refusal;

/// The first byte of a state of JSON.
const JSON: u8 = 1;

/// The first byte of a state of protobuf.
const PROTOBUF: u8 = 2;

/// Reads the committed state of an actor.
pub(super) async fn read(
    store: &impl Store,
    schema: &Schema,
    address: &Address,
) -> Result<pb::ReadStateResponse, Refusal> {
    let snapshot = snapshot(store, address).await.map_err(|error| unread(&error))?;
    let (record, state) = snapshot.ok_or_else(|| no_mailbox(address))?;
    let revision = record.revision.0;
    let Some(state) = state else {
        return Ok(pb::ReadStateResponse { revision, ..Default::default() });
    };
    let message = schema.actor(address.actor_type()).and_then(|actor| actor.state());
    Ok(pb::ReadStateResponse { revision, ..decode(state, message) })
}

/// What stored bytes mean.
fn decode(stored: Bytes, message: Option<&MessageDescriptor>) -> pb::ReadStateResponse {
    let unknown = |stored| pb::ReadStateResponse {
        state: Some(State::Encoded(stored)),
        ..Default::default()
    };
    let mut rest = stored.clone();
    let encoding = match rest.try_get_u8() {
        Ok(JSON) => StateEncoding::Json,
        Ok(PROTOBUF) => StateEncoding::Protobuf,
        _ => return unknown(stored),
    };
    let version = decode_varint(&mut rest).ok().and_then(|version| u32::try_from(version).ok());
    let Some(version) = version else { return unknown(stored) };
    let json = match encoding {
        StateEncoding::Json => std::str::from_utf8(&rest)
            .ok()
            .filter(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
            .map(str::to_owned),
        _ => message.and_then(|message| render::json(message, &rest)),
    };
    pb::ReadStateResponse {
        state: Some(json.map_or(State::Encoded(rest), State::Json)),
        encoding: encoding.into(),
        version,
        revision: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTO: &str = r#"
        syntax = "proto3"; package t; import "callboard/v1/options.proto";
        service A { option (callboard.v1.actor) = { state: "S" }; rpc Do(Q) returns (R); }
        message Q { string id = 1 [(callboard.v1.field) = { key: true }]; }
        message R {}
        message S { int64 cents = 1; string owner = 2; }
    "#;

    fn of(stored: &'static [u8]) -> (Option<State>, StateEncoding, u32) {
        let schema = Schema::compile_sources(&[("t.proto", PROTO)]).expect("it compiles");
        let message = schema.actor("t.A").and_then(|actor| actor.state());
        let decoded = decode(Bytes::from_static(stored), message);
        (decoded.state.clone(), decoded.encoding(), decoded.version)
    }

    fn json(text: &str) -> Option<State> {
        Some(State::Json(text.to_owned()))
    }

    fn encoded(bytes: &'static [u8]) -> Option<State> {
        Some(State::Encoded(Bytes::from_static(bytes)))
    }

    #[test]
    fn a_state_of_json_is_told_as_it_is() {
        let text = "{\"big\": 12345678901234567890, \"small\": 1.10}";
        let stored = b"\x01\x80\x01{\"big\": 12345678901234567890, \"small\": 1.10}";
        assert_eq!(of(stored), (json(text), StateEncoding::Json, 128));
    }

    #[test]
    fn a_state_of_protobuf_is_told_by_its_message() {
        let text = r#"{"cents":"5","owner":""}"#;
        assert_eq!(of(b"\x02\x00\x08\x05"), (json(text), StateEncoding::Protobuf, 0));
    }

    #[test]
    fn what_cannot_be_read_is_told_in_bytes() {
        let unspecified = StateEncoding::Unspecified;
        assert_eq!(of(b"\x02\x03\x08"), (encoded(b"\x08"), StateEncoding::Protobuf, 3));
        assert_eq!(of(b"\x01\x00{"), (encoded(b"{"), StateEncoding::Json, 0));
        assert_eq!(of(b"\x09abc"), (encoded(b"\x09abc"), unspecified, 0));
        assert_eq!(of(b"\x01\xff"), (encoded(b"\x01\xff"), unspecified, 0));
        assert_eq!(of(b""), (encoded(b""), unspecified, 0));
    }
}
