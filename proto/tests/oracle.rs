//! The key and the soundness of random requests, with prost as the oracle:
//! prost is what decodes a request in the end.

use std::collections::HashMap;
use std::sync::LazyLock;

use callboard_proto::schema::{KeyError, KeyField, Method, Schema};
use proptest::prelude::*;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};

/// A method whose request has a field of every kind.
static EVERYTHING: LazyLock<Method> =
    LazyLock::new(|| method(include_str!("everything.proto.txt")));

/// The same without maps: prost reads an entry of a map whatever its wire type
/// says, which `check` does not.
static WITHOUT_MAPS: LazyLock<Method> = LazyLock::new(|| {
    let lines = include_str!("everything.proto.txt").lines();
    let lines: Vec<_> = lines.filter(|line| !line.contains("map<")).collect();
    method(&lines.join("\n"))
});

fn method(body: &str) -> Method {
    let schema = Schema::compile_sources(&[("t.proto", body)]).expect("valid");
    schema.actors()[0].methods()[0].clone()
}

/// A random value of a field's type.
fn value(kind: &Kind, depth: u32) -> BoxedStrategy<Value> {
    match kind {
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::String => "[/%a\u{e9}]{0,6}".prop_map(Value::String).boxed(),
        Kind::Bytes => prop::collection::vec(any::<u8>(), 0..6)
            .prop_map(|bytes| Value::Bytes(bytes.into()))
            .boxed(),
        Kind::Double => any::<f64>().prop_map(Value::F64).boxed(),
        Kind::Float => any::<f32>().prop_map(Value::F32).boxed(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => any::<i32>().prop_map(Value::I32).boxed(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => any::<i64>().prop_map(Value::I64).boxed(),
        Kind::Uint32 | Kind::Fixed32 => any::<u32>().prop_map(Value::U32).boxed(),
        Kind::Uint64 | Kind::Fixed64 => any::<u64>().prop_map(Value::U64).boxed(),
        Kind::Enum(_) => any::<i32>().prop_map(Value::EnumNumber).boxed(),
        Kind::Message(inner) => message(inner, depth + 1).prop_map(Value::Message).boxed(),
    }
}

/// What leads to a key is set more often than the rest: all of it makes a key.
const KEYS: [&str; 7] = ["shop", "id", "place", "street", "house", "floor", "number"];

/// A random message, with about a third of its fields set.
fn message(descriptor: &MessageDescriptor, depth: u32) -> BoxedStrategy<DynamicMessage> {
    let set: Vec<_> = descriptor
        .fields()
        .map(|field| {
            let is_key = KEYS.contains(&field.name());
            let leaf = matches!(field.kind(), Kind::Message(_)) && depth >= 2 && !is_key;
            if leaf {
                return Just(None).boxed();
            }
            let value = if field.is_map() {
                let Kind::Message(entry) = field.kind() else { unreachable!("a map has entries") };
                let key = value(&entry.map_entry_key_field().kind(), depth);
                let key = key.prop_map(|key| match key {
                    Value::String(text) => MapKey::String(text),
                    Value::U32(number) => MapKey::U32(number),
                    other => unreachable!("no such key in the fixture: {other:?}"),
                });
                let value = value(&entry.map_entry_value_field().kind(), depth);
                prop::collection::hash_map(key, value, 0..3).prop_map(Value::Map).boxed()
            } else if field.is_list() {
                prop::collection::vec(value(&field.kind(), depth), 0..4)
                    .prop_map(Value::List)
                    .boxed()
            } else {
                value(&field.kind(), depth)
            };
            prop::option::weighted(if is_key { 0.9 } else { 0.35 }, value)
                .prop_map(move |value| value.map(|value| (field.clone(), value)))
                .boxed()
        })
        .collect();
    let descriptor = descriptor.clone();
    set.prop_map(move |fields| {
        let mut message = DynamicMessage::new(descriptor.clone());
        for (field, value) in fields.into_iter().flatten() {
            message.set_field(&field, value);
        }
        message
    })
    .boxed()
}

/// The key as a full decode finds it, or the first field that is missing.
fn key_by_decoding(method: &Method, payload: &[u8]) -> Result<String, KeyError> {
    let message = DynamicMessage::decode(method.input().clone(), payload).expect("sound");
    let missing = |key: &KeyField| KeyError::Missing { field: key.name().to_owned() };
    let part = |key| part(&message, KeyField::path(key)).ok_or_else(|| missing(key));
    let parts: Result<Vec<_>, _> = method.key().iter().map(part).collect();
    parts.map(|parts| callboard_proto::key(&parts))
}

fn part(message: &DynamicMessage, path: &[FieldDescriptor]) -> Option<String> {
    let (field, deeper) = path.split_first().expect("a path is not empty");
    let number = |number: &dyn ToString| message.has_field(field).then(|| number.to_string());
    match &*message.get_field(field) {
        Value::Message(inner) if !deeper.is_empty() => part(inner, deeper),
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::I64(value) => number(value),
        Value::U32(value) => number(value),
        Value::U64(value) => number(value),
        other => unreachable!("no such key in the fixture: {other:?}"),
    }
}

/// The message without its key fields, and without what was there for them alone.
fn without_key(message: &mut DynamicMessage, path: &[FieldDescriptor]) {
    let (field, deeper) = path.split_first().expect("a path is not empty");
    let Some(Value::Message(inner)) =
        message.has_field(field).then(|| message.get_field_mut(field))
    else {
        return message.clear_field(field);
    };
    without_key(inner, deeper);
    if inner.encoded_len() == 0 {
        message.clear_field(field);
    }
}

/// The same message with each of its fields in an occurrence of its own: that
/// of the second half first, so that messages are split over them.
fn scattered(message: &DynamicMessage, cut: usize) -> Vec<u8> {
    let (mut one, mut other) = (message.clone(), message.clone());
    let fields: Vec<_> = message.fields().map(|(field, _)| field).collect();
    for (index, field) in fields.iter().enumerate() {
        let is_single = matches!(field.kind(), Kind::Message(_)) && !field.is_list();
        if is_single && let Value::Message(inner) = &*message.get_field(field) {
            let halves = halves(inner, cut);
            one.set_field(field, Value::Message(halves.0));
            other.set_field(field, Value::Message(halves.1));
        } else if (index + cut).is_multiple_of(2) {
            one.clear_field(field);
        } else {
            other.clear_field(field);
        }
    }
    [other.encode_to_vec(), one.encode_to_vec()].concat()
}

fn halves(message: &DynamicMessage, cut: usize) -> (DynamicMessage, DynamicMessage) {
    let (mut one, mut other) = (message.clone(), message.clone());
    let fields: Vec<_> = message.fields().map(|(field, _)| field).collect();
    for (index, field) in fields.iter().enumerate() {
        match (index + cut).is_multiple_of(2) {
            true => one.clear_field(field),
            false => other.clear_field(field),
        }
    }
    (one, other)
}

/// What turns a sound request into one that may be unsound.
#[derive(Clone, Debug)]
enum Damage {
    Cut(prop::sample::Index),
    Put(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        index().prop_map(Damage::Cut),
        (index(), any::<u8>()).prop_map(|(at, byte)| Damage::Put(at, byte)),
        (index(), prop::collection::vec(any::<u8>(), 1..4))
            .prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
    ]
}

fn damaged(mut payload: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        match damage {
            Damage::Cut(at) => payload.truncate(at.index(payload.len() + 1)),
            Damage::Put(at, byte) if !payload.is_empty() => {
                let at = at.index(payload.len());
                payload[at] = *byte;
            }
            Damage::Put(..) => {}
            Damage::Insert(at, bytes) => {
                let at = at.index(payload.len() + 1);
                payload.splice(at..at, bytes.iter().copied());
            }
        }
    }
    payload
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn the_scan_finds_the_key_that_a_full_decode_finds(
        payload in message(EVERYTHING.input(), 0).prop_map(|message| message.encode_to_vec()),
        more in message(EVERYTHING.input(), 2).prop_map(|message| message.encode_to_vec()),
    ) {
        let method = &*EVERYTHING;
        // Two encoded messages in a row are one, and the later fields win.
        let payload = [payload, more].concat();
        prop_assert_eq!(method.check(&payload), Ok(()));
        prop_assert_eq!(method.key_of(&payload), key_by_decoding(method, &payload));
    }

    #[test]
    fn a_message_in_several_pieces_has_the_same_key(
        message in message(EVERYTHING.input(), 0), cut in 0..2_usize,
    ) {
        let method = &*EVERYTHING;
        let payload = scattered(&message, cut);
        prop_assert_eq!(method.check(&payload), Ok(()));
        let key = method.key_of(&message.encode_to_vec());
        prop_assert_eq!(method.key_of(&payload), key);
        prop_assert_eq!(method.key_of(&payload), key_by_decoding(method, &payload));
    }

    #[test]
    fn a_request_with_a_part_of_its_key_is_filled_with_the_rest(
        full in message(EVERYTHING.input(), 0), cut in 0..2_usize,
        key in ("[/%a]{1,3}", any::<i64>(), any::<u32>(), "[/%a]{1,3}", any::<u64>()),
    ) {
        let method = &*EVERYTHING;
        let (shop, id, house, street, floor) = key;
        let key = callboard_proto::key(&[
            shop, id.to_string(), house.to_string(), street, floor.to_string(),
        ]);
        let mut bare = full;
        for field in method.key() {
            without_key(&mut bare, field.path());
        }
        let bare = bare.encode_to_vec();
        let only = method.with_key(b"", &key).expect("it fits");
        let only = DynamicMessage::decode(method.input().clone(), only.as_slice()).expect("sound");
        // One half of the key in the request, and the other one beside it.
        let payload = [bare, halves(&only, cut).0.encode_to_vec()].concat();
        let filled = method.with_key(&payload, &key).expect("it says the same");
        prop_assert_eq!(method.check(&filled), Ok(()));
        prop_assert_eq!(method.key_of(&filled), Ok(key.clone()));
        prop_assert_eq!(key_by_decoding(method, &filled), Ok(key));
    }

    #[test]
    fn a_key_that_fills_a_request_is_its_key_and_changes_nothing_else(
        payload in message(EVERYTHING.input(), 0).prop_map(|message| message.encode_to_vec()),
        (shop, id) in ("[/%a\u{e9}]{0,6}", any::<i64>()),
        (street, house, floor) in ("[/%a\u{e9}]{0,6}", any::<u32>(), any::<u64>()),
    ) {
        let method = &*EVERYTHING;
        let given = callboard_proto::key(&[
            shop, id.to_string(), house.to_string(), street, floor.to_string(),
        ]);
        // A random key hardly ever fits a request that has one.
        let own = method.key_of(&payload).unwrap_or_else(|_| given.clone());
        for key in [given, own] {
            let Ok(filled) = method.with_key(&payload, &key) else { continue };
            prop_assert_eq!(method.check(&filled), Ok(()));
            prop_assert_eq!(method.key_of(&filled), Ok(key));
            let appended = filled.strip_prefix(payload.as_slice());
            let appended = appended.expect("the request stays as it is");
            let mut appended =
                DynamicMessage::decode(method.input().clone(), appended).expect("sound");
            for key in method.key() {
                without_key(&mut appended, key.path());
            }
            prop_assert_eq!(appended.encoded_len(), 0);
        }
    }

    #[test]
    fn a_request_passes_if_and_only_if_prost_decodes_it(
        payload in message(WITHOUT_MAPS.input(), 0).prop_map(|message| message.encode_to_vec()),
        damages in prop::collection::vec(damage(), 1..3),
    ) {
        let payload = damaged(payload, &damages);
        let checked = WITHOUT_MAPS.check(&payload);
        let decoded = DynamicMessage::decode(WITHOUT_MAPS.input().clone(), payload.as_slice());
        prop_assert_eq!(checked.is_ok(), decoded.is_ok(), "{:?} {:?}", checked, decoded);
    }

    #[test]
    fn a_request_with_maps_passes_only_if_prost_decodes_it(
        payload in message(EVERYTHING.input(), 0).prop_map(|message| message.encode_to_vec()),
        damages in prop::collection::vec(damage(), 1..3),
    ) {
        let payload = damaged(payload, &damages);
        if EVERYTHING.check(&payload).is_ok() {
            let decoded = DynamicMessage::decode(EVERYTHING.input().clone(), payload.as_slice());
            prop_assert!(decoded.is_ok(), "{:?}", decoded);
        }
    }

    #[test]
    fn what_passes_has_no_malformed_key(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let key = EVERYTHING.key_of(&bytes);
        if EVERYTHING.check(&bytes).is_ok() {
            prop_assert!(!matches!(key, Err(KeyError::Malformed(_))), "{:?}", key);
        }
    }

    #[test]
    fn what_passes_is_decoded_by_generated_code(
        payload in message(GENERATED.input(), 0).prop_map(|message| message.encode_to_vec()),
        damages in prop::collection::vec(damage(), 0..3),
    ) {
        let payload = damaged(payload, &damages);
        if GENERATED.check(&payload).is_ok() {
            let decoded = Q::decode(payload.as_slice());
            prop_assert!(decoded.is_ok(), "{:?}", decoded);
        }
    }
}

/// A method whose request is `Q`.
static GENERATED: LazyLock<Method> = LazyLock::new(|| {
    method(
        r#"
        syntax = "proto3";
        import "callboard/v1/options.proto";
        service A { option (callboard.v1.actor) = {}; rpc Do(Q) returns (R); }
        message R {}
        message Q {
          string id = 1 [(callboard.v1.field) = { key: true }];
          repeated sint32 numbers = 2;
          map<string, Q> children = 3;
          Q inner = 4;
          oneof which { string text = 5; fixed64 wide = 6; }
          bytes raw = 7;
        }"#,
    )
});

/// What prost-build makes of `Q`.
#[derive(Clone, PartialEq, Message)]
struct Q {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(sint32, repeated, tag = "2")]
    numbers: Vec<i32>,
    #[prost(map = "string, message", tag = "3")]
    children: HashMap<String, Q>,
    #[prost(message, optional, boxed, tag = "4")]
    inner: Option<Box<Q>>,
    #[prost(oneof = "Which", tags = "5, 6")]
    which: Option<Which>,
    #[prost(bytes = "vec", tag = "7")]
    raw: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Which {
    #[prost(string, tag = "5")]
    Text(String),
    #[prost(fixed64, tag = "6")]
    Wide(u64),
}

/// An unknown field, nested in messages, each in the field given of the next.
fn nested(levels: u32, fields: &[u32]) -> Vec<u8> {
    (1..levels).fold(vec![0xa0, 0x06, 0x01], |inner, level| {
        let field = fields[level as usize % fields.len()];
        let mut outer = Vec::new();
        encode_key(field, WireType::LengthDelimited, &mut outer);
        encode_varint(inner.len() as u64, &mut outer);
        outer.extend(inner);
        outer
    })
}

#[test]
fn messages_nest_a_hundred_deep_and_generated_code_decodes_them() {
    // Field 2 of an entry of the map `children` is again a message.
    for fields in [[4, 4], [2, 3]] {
        let payload = nested(100, &fields);
        assert_eq!(GENERATED.check(&payload), Ok(()));
        Q::decode(payload.as_slice()).expect("prost goes as deep");
    }
    let malformed = GENERATED.check(&nested(101, &[4])).expect_err("too deep");
    assert!(malformed.to_string().ends_with("messages are nested more than 100 deep"));
}
