//! Values of one type, read as another.
//!
//! On the wire, by
//! [the guide](https://protobuf.dev/programming-guides/proto3/#updating): int32,
//! uint32, int64, uint64, bool and enums are written alike; so are sint32 and
//! sint64, fixed32 and sfixed32, fixed64 and sfixed64, and strings are bytes. What
//! does not fit into the type as which it is read is cut to it. In
//! [JSON](https://protobuf.dev/programming-guides/json/) numbers of 64 bits are
//! text; whoever reads a number by its type takes both.

use prost_reflect::Kind;

use super::Flow;

/// What becomes of values that are read as another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// They are what they were.
    Same,
    /// They are in protobuf's encoding, but not in JSON.
    NotInJson,
    /// Some are, others become others or cannot be read.
    Some,
    /// They cannot be read.
    None,
}

/// How values are written.
#[derive(PartialEq)]
enum Wire {
    Varint,
    ZigZag,
    Four,
    Eight,
    Float,
    Double,
    Bytes,
    Message,
}

/// How values stand in JSON.
#[derive(Clone, Copy, PartialEq)]
enum Json {
    Bool,
    /// The name of a value of an enum; its number is read too.
    Name,
    Number,
    /// A number as text.
    Digits,
    Text,
    Base64,
    Object,
}

/// What becomes of single values. Two messages or two enums are `Same`: what is in
/// them is compared elsewhere.
pub(super) fn fit(written: &Kind, read: &Kind, flow: Flow) -> Fit {
    match (written, read) {
        (Kind::Message(_), Kind::Message(_)) | (Kind::Enum(_), Kind::Enum(_)) => return Fit::Same,
        _ if written == read => return Fit::Same,
        _ => {}
    }
    if wire(written) != wire(read) {
        return Fit::None;
    }
    if let (Some((low, high)), Some((lowest, highest))) = (range(written), range(read))
        && (low < lowest || high > highest)
    {
        return Fit::Some;
    }
    // Bytes need not be UTF-8.
    if matches!((written, read), (Kind::Bytes, Kind::String)) {
        return Fit::Some;
    }
    match flow.is_json() && !json_fits(json(written), json(read), flow) {
        true => Fit::NotInJson,
        false => Fit::Same,
    }
}

fn json_fits(written: Json, read: Json, flow: Flow) -> bool {
    match (written, read) {
        // The gateway reads by the type. A caller need not: it may be a script.
        (Json::Number, Json::Digits | Json::Name) | (Json::Digits, Json::Number) => {
            flow == Flow::Request
        }
        (written, read) => written == read,
    }
}

/// The least and the greatest value of a type that is a number on the wire.
fn range(kind: &Kind) -> Option<(i128, i128)> {
    Some(match kind {
        Kind::Bool => (0, 1),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Enum(_) => {
            (i32::MIN.into(), i32::MAX.into())
        }
        Kind::Uint32 | Kind::Fixed32 => (0, u32::MAX.into()),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => (i64::MIN.into(), i64::MAX.into()),
        Kind::Uint64 | Kind::Fixed64 => (0, u64::MAX.into()),
        _ => return None,
    })
}

fn wire(kind: &Kind) -> Wire {
    match kind {
        Kind::Bool | Kind::Enum(_) => Wire::Varint,
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => Wire::Varint,
        Kind::Sint32 | Kind::Sint64 => Wire::ZigZag,
        Kind::Fixed32 | Kind::Sfixed32 => Wire::Four,
        Kind::Fixed64 | Kind::Sfixed64 => Wire::Eight,
        Kind::Float => Wire::Float,
        Kind::Double => Wire::Double,
        Kind::String | Kind::Bytes => Wire::Bytes,
        // It is bytes that happen to be a message, and nobody writes such a thing.
        Kind::Message(_) => Wire::Message,
    }
}

fn json(kind: &Kind) -> Json {
    match kind {
        Kind::Bool => Json::Bool,
        Kind::Enum(_) => Json::Name,
        Kind::Int32 | Kind::Uint32 | Kind::Sint32 | Kind::Fixed32 | Kind::Sfixed32 => Json::Number,
        Kind::Float | Kind::Double => Json::Number,
        Kind::Int64 | Kind::Uint64 | Kind::Sint64 | Kind::Fixed64 | Kind::Sfixed64 => Json::Digits,
        Kind::String => Json::Text,
        Kind::Bytes => Json::Base64,
        Kind::Message(_) => Json::Object,
    }
}

/// A type as it stands in a .proto file.
pub(super) fn name(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(r#enum) => r#enum.full_name().to_owned(),
        plain => format!("{plain:?}").to_lowercase(),
    }
}
