//! Messages as JSON, in protobuf's canonical mapping
//! (<https://protobuf.dev/programming-guides/json/>).

use bytes::Bytes;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, MapKey, MessageDescriptor, ReflectMessage, Value,
};
use serde_path_to_error::{Deserializer, Track};

use super::headers::invalid;
use crate::refusal::Refusal;

/// What a request that is no JSON at all is called in errors.
const WHOLE: &str = "body";

/// Encodes a message that is given as JSON. The same message gives the same
/// bytes each time: they are what tells whether an id was used before.
///
/// # Errors
/// Invalid, with the path of the field: one that the message does not have, too.
pub(crate) fn encode(message: &MessageDescriptor, json: &[u8]) -> Result<Bytes, Refusal> {
    let mut track = Track::new();
    let mut reader = serde_json::Deserializer::from_slice(json);
    let tracked = Deserializer::new(&mut reader, &mut track);
    let message = DynamicMessage::deserialize(message.clone(), tracked).map_err(|error| {
        let text = error.to_string();
        invalid(&field(&track.path().to_string(), &text), text)
    })?;
    reader.end().map_err(|error| invalid(WHOLE, error.to_string()))?;
    let mut encoded = Vec::new();
    encode_sorted(&message, &mut encoded);
    Ok(encoded.into())
}

/// An encoded message as JSON; none when it is not that message.
pub(crate) fn decode(message: &MessageDescriptor, encoded: Bytes) -> Option<Bytes> {
    let message = DynamicMessage::decode(message.clone(), encoded).ok()?;
    Some(serde_json::to_vec(&message).ok()?.into())
}

/// The field that an error is about. Of a field that is unknown only the error's
/// text has the name: what is left of the path is where it was found.
fn field(path: &str, text: &str) -> String {
    let unknown = text.strip_prefix("unrecognized field name '");
    let unknown = unknown.and_then(|rest| Some(rest.split_once('\'')?.0));
    // Where JSON breaks off there may be no name yet.
    let path = path.trim_end_matches(['?', '.']);
    match (path, unknown) {
        ("", Some(name)) => name.to_owned(),
        ("", None) => WHOLE.to_owned(),
        (path, Some(name)) => format!("{path}.{name}"),
        (path, None) => path.to_owned(),
    }
}

/// Encodes a message, the entries of its maps in the order of their keys. The
/// maps of prost-reflect have another order in each process and message.
fn encode_sorted(message: &DynamicMessage, encoded: &mut Vec<u8>) {
    for (field, value) in message.fields() {
        match value {
            Value::Message(inner) if !field.is_group() => encode_inner(&field, inner, encoded),
            Value::List(items) if is_of_messages(&field) => {
                for inner in items.iter().filter_map(Value::as_message) {
                    encode_inner(&field, inner, encoded);
                }
            }
            Value::Map(entries) => {
                let mut entries: Vec<_> = entries.iter().collect();
                entries.sort_by(|(a, _), (b, _)| order(a).cmp(&order(b)));
                for (key, value) in entries {
                    encode_inner(&field, &entry(&field, key, value), encoded);
                }
            }
            _ => {
                let mut alone = DynamicMessage::new(message.descriptor());
                alone.set_field(&field, value.clone());
                encoded.extend(alone.encode_to_vec());
            }
        }
    }
    let mut extensions = DynamicMessage::new(message.descriptor());
    for (extension, value) in message.extensions() {
        extensions.set_extension(&extension, value.clone());
    }
    encoded.extend(extensions.encode_to_vec());
}

fn encode_inner(field: &FieldDescriptor, inner: &DynamicMessage, encoded: &mut Vec<u8>) {
    let mut bytes = Vec::new();
    encode_sorted(inner, &mut bytes);
    encode_key(field.number(), WireType::LengthDelimited, encoded);
    encode_varint(bytes.len() as u64, encoded);
    encoded.extend(bytes);
}

fn is_of_messages(field: &FieldDescriptor) -> bool {
    field.kind().as_message().is_some() && !field.is_group()
}

/// A map's entry as the message that it is on the wire.
fn entry(map: &FieldDescriptor, key: &MapKey, value: &Value) -> DynamicMessage {
    let kind = map.kind();
    let descriptor = kind.as_message().expect("the entries of a map are messages");
    let mut entry = DynamicMessage::new(descriptor.clone());
    entry.set_field(&descriptor.map_entry_key_field(), key.clone().into());
    entry.set_field(&descriptor.map_entry_value_field(), value.clone());
    entry
}

/// What sorts keys: all those of a map are of one kind.
fn order(key: &MapKey) -> (i128, &str) {
    match key {
        MapKey::Bool(key) => (i128::from(*key), ""),
        MapKey::I32(key) => (i128::from(*key), ""),
        MapKey::I64(key) => (i128::from(*key), ""),
        MapKey::U32(key) => (i128::from(*key), ""),
        MapKey::U64(key) => (i128::from(*key), ""),
        MapKey::String(key) => (0, key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use callboard_proto::schema::Schema;

    const PROTO: &str = r#"
        syntax = "proto3";
        package test.v1;
        import "callboard/v1/options.proto";
        service Basket {
          option (callboard.v1.actor) = {};
          rpc Put(PutRequest) returns (PutResponse);
        }
        message PutRequest {
          string basket = 1 [(callboard.v1.field) = { key: true }];
          map<string, int64> amounts = 2;
          map<int32, Item> items = 3;
          repeated Item more_items = 4;
          bytes stamp = 5;
        }
        message Item { string name = 1; map<string, string> labels = 2; }
        message PutResponse { int64 total = 1; }
    "#;

    fn request() -> MessageDescriptor {
        let schema = Schema::compile_sources(&[("basket.proto", PROTO)]).expect("it compiles");
        schema.actors()[0].methods()[0].input().clone()
    }

    fn refused_field(json: &str) -> String {
        match encode(&request(), json.as_bytes()) {
            Err(Refusal::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn json_is_read_and_written_in_the_canonical_mapping() {
        let json =
            r#"{"basket":"b","amounts":{"x":"7"},"moreItems":[{"name":"n"}],"stamp":"/w=="}"#;
        let encoded = encode(&request(), json.as_bytes()).expect("valid");
        assert_eq!(decode(&request(), encoded).as_deref(), Some(json.as_bytes()));
        // The names of the .proto and numbers are read as well.
        let other = br#"{"basket":"b","amounts":{"x":7},"more_items":[{"name":"n"}],"stamp":"_w"}"#;
        assert_eq!(encode(&request(), other), encode(&request(), json.as_bytes()));
    }

    #[test]
    fn errors_name_the_field() {
        assert_eq!(refused_field(r#"{"colour":1}"#), "colour");
        assert_eq!(refused_field(r#"{"moreItems":[{},{"size":1}]}"#), "moreItems[1].size");
        assert_eq!(refused_field(r#"{"amounts":{"x":"many"}}"#), "amounts.x");
        assert_eq!(refused_field(r#"{"basket":7}"#), "basket");
        assert_eq!(refused_field(r#"{"amounts":{"x":"#), "amounts.x");
        for not_an_object in ["", "7", "{", "{} {}", "\u{feff}{}"] {
            assert_eq!(refused_field(not_an_object), "body", "{not_an_object}");
        }
    }

    #[test]
    fn the_same_json_gives_the_same_bytes() {
        let amounts: Vec<_> = (0..50).map(|n| format!(r#""k{n}":{n}"#)).collect();
        let items: Vec<_> =
            (0..50).map(|n| format!(r#""{n}":{{"labels":{{{}}}}}"#, amounts_text())).collect();
        let json = format!(
            r#"{{"basket":"b","amounts":{{{}}},"items":{{{}}}}}"#,
            amounts.join(","),
            items.join(",")
        );
        let first = encode(&request(), json.as_bytes()).expect("valid");
        for _ in 0..5 {
            assert_eq!(encode(&request(), json.as_bytes()), Ok(first.clone()));
        }
        let read = DynamicMessage::decode(request(), first).expect("it is the message");
        let map = read.get_field_by_name("items").expect("it is there").into_owned();
        assert_eq!(map.as_map().expect("a map").len(), 50);
    }

    fn amounts_text() -> String {
        let labels: Vec<_> = (0..10).map(|n| format!(r#""l{n}":"v{n}""#)).collect();
        labels.join(",")
    }
}
