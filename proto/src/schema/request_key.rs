//! The actor's key, found in the bytes of a request.

use prost_reflect::Kind;

use super::actor::Method;
use super::key_field::{KeyTree, What};
use super::shape::Malformed;
use super::wire::{Problem, Reader, Value};
use crate::key;

/// Why a request has no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A key field is absent, or it is an empty string, or it is an integer of
    /// 0 that is not declared `optional`.
    #[error("the key field `{field}` is missing or empty")]
    Missing {
        /// The path of the first such field.
        field: String,
    },
    /// The bytes are not a protobuf message, or a key field in them is not of
    /// its type.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl Method {
    /// The key of the actor that an encoded request is for.
    ///
    /// It looks at the key fields, and at the messages that hold them, and skips
    /// everything else: [`Method::check`] is what tells whether the request is sound.
    ///
    /// ```
    /// use callboard_proto::schema::{KeyError, Schema};
    ///
    /// let schema = Schema::compile_sources(&[("door.proto", r#"
    ///     syntax = "proto3";
    ///     import "callboard/v1/options.proto";
    ///     service Door {
    ///       option (callboard.v1.actor) = {};
    ///       rpc Open(OpenRequest) returns (OpenResponse);
    ///     }
    ///     message OpenRequest { string house = 1 [(callboard.v1.field) = { key: true }]; }
    ///     message OpenResponse {}
    /// "#)])?;
    /// let open = schema.actor("Door").and_then(|door| door.method("Open")).unwrap();
    /// assert_eq!(open.key_of(b"\x0a\x03elm")?, "elm");
    /// assert_eq!(open.key_of(b""), Err(KeyError::Missing { field: "house".into() }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// An answer has no key: it is empty, and no actor has an empty key.
    ///
    /// # Errors
    ///
    /// When a key field is missing, or the bytes are no protobuf message.
    pub fn key_of(&self, payload: &[u8]) -> Result<String, KeyError> {
        let parts = self.key_parts(payload)?;
        match parts.iter().position(String::is_empty) {
            None => Ok(key(&parts)),
            Some(missing) => Err(KeyError::Missing { field: self.key[missing].name().to_owned() }),
        }
    }

    /// The values of the key fields; empty where one is as good as absent.
    pub(super) fn key_parts(&self, payload: &[u8]) -> Result<Vec<String>, Malformed> {
        let mut parts = vec![String::new(); self.key.len()];
        scan(&self.key_tree, payload, 1, &mut parts)?;
        Ok(parts)
    }
}

/// Of several values of a field, the last one counts, and what is set in any
/// occurrence of a message is set in it: protobuf merges them.
fn scan(tree: &KeyTree, message: &[u8], level: u32, parts: &mut [String]) -> Result<(), Malformed> {
    let mut reader = Reader::new(message);
    while let Some((number, value)) = reader.field()? {
        match value {
            Value::GroupStart => reader.skip_group(number, level + 1)?,
            Value::GroupEnd => return Err(Problem::Group.into()),
            _ => {}
        }
        let Some(branch) = tree.branches.iter().find(|branch| branch.number == number) else {
            continue;
        };
        let found = match (&branch.what, value) {
            (What::Part { index, kind, has_presence }, value) => {
                text(kind, *has_presence, value).map_err(Malformed::from).map(|text| {
                    parts[*index] = text;
                })
            }
            (What::Message(tree), Value::Bytes(inner)) => scan(tree, inner, level + 1, parts),
            (What::Message(_), _) => Err(Problem::WrongWireType.into()),
        };
        found.map_err(|malformed| malformed.below(&branch.name))?;
    }
    Ok(())
}

/// A value of a key field as text. It is empty where the value is as good as
/// absent.
fn text(kind: &Kind, has_presence: bool, value: Value<'_>) -> Result<String, Problem> {
    // A narrower type takes the low bits of a varint, as everywhere in protobuf.
    let number: i128 = match (kind, value) {
        (Kind::String, Value::Bytes(bytes)) => {
            let text = str::from_utf8(bytes).map_err(|_| Problem::Utf8)?;
            return Ok(text.to_owned());
        }
        (Kind::Int32, Value::Varint(bits)) => (bits as i32).into(),
        (Kind::Int64, Value::Varint(bits)) => (bits as i64).into(),
        (Kind::Uint32, Value::Varint(bits)) => (bits as u32).into(),
        (Kind::Uint64, Value::Varint(bits)) => bits.into(),
        (Kind::Sint32, Value::Varint(bits)) => (zigzag(u64::from(bits as u32)) as i32).into(),
        (Kind::Sint64, Value::Varint(bits)) => zigzag(bits).into(),
        (Kind::Fixed32, Value::Fixed32(bytes)) => u32::from_le_bytes(bytes).into(),
        (Kind::Sfixed32, Value::Fixed32(bytes)) => i32::from_le_bytes(bytes).into(),
        (Kind::Fixed64, Value::Fixed64(bytes)) => u64::from_le_bytes(bytes).into(),
        (Kind::Sfixed64, Value::Fixed64(bytes)) => i64::from_le_bytes(bytes).into(),
        _ => return Err(Problem::WrongWireType),
    };
    if number == 0 && !has_presence {
        return Ok(String::new());
    }
    Ok(number.to_string())
}

/// Undoes the encoding of signed as unsigned: 0, 1, 2, 3 are 0, -1, 1, -2.
fn zigzag(bits: u64) -> i64 {
    (bits >> 1) as i64 ^ -((bits & 1) as i64)
}
