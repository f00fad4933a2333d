//! A key put into the bytes of a request.
//!
//! The request is not encoded anew: the fields that it lacks are appended, which
//! is what protobuf means by merging: of two values of a singular field the later
//! one counts, and two occurrences of a singular message are one message.

use prost_reflect::Kind;
use prost_reflect::prost::encoding::{WireType, encode_key, encode_varint};

use super::actor::Method;
use super::key_field::{Branch, KeyField, KeyTree, What};
use super::shape::Malformed;
use crate::key::split;

/// Why a request and a key do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// The key is not made of a part for each key field.
    #[error("it is not one part for each of the key fields {fields}, with `/` between them")]
    Parts {
        /// The paths of the key fields, separated by commas.
        fields: String,
    },
    /// A part is empty, or the field's type has no such value.
    #[error("its part for the key field `{field}` is no key")]
    Value {
        /// The path of the field.
        field: String,
    },
    /// The request has another key.
    #[error("the key field `{field}` of the request has another value")]
    Other {
        /// The path of the field.
        field: String,
    },
    /// The bytes are not a protobuf message, or a key field in them is not of
    /// its type.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl Method {
    /// An encoded request with a key in its key fields. Those that it has already
    /// must have the same value. [`Method::key_of`] of the result is the key.
    ///
    /// ```
    /// # use callboard_proto::schema::Schema;
    /// # let schema = Schema::compile_sources(&[("door.proto", r#"
    /// #     syntax = "proto3";
    /// #     import "callboard/v1/options.proto";
    /// #     service Door {
    /// #       option (callboard.v1.actor) = {};
    /// #       rpc Open(OpenRequest) returns (OpenResponse);
    /// #     }
    /// #     message OpenRequest { string house = 1 [(callboard.v1.field) = { key: true }]; }
    /// #     message OpenResponse {}
    /// # "#)])?;
    /// # let open = schema.actor("Door").and_then(|door| door.method("Open")).unwrap();
    /// assert_eq!(open.with_key(b"", "elm")?, b"\x0a\x03elm");
    /// assert_eq!(open.with_key(b"\x0a\x03elm", "elm")?, b"\x0a\x03elm");
    /// assert!(open.with_key(b"\x0a\x03elm", "oak").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the key does not fit the key fields, or not what they hold.
    pub fn with_key(&self, payload: &[u8], key: &str) -> Result<Vec<u8>, FillError> {
        let given = split(key, self.key.len()).ok_or_else(|| {
            let fields: Vec<_> = self.key.iter().map(KeyField::name).collect();
            FillError::Parts { fields: fields.join(", ") }
        })?;
        let mut missing = vec![None; given.len()];
        for (index, part) in self.key_parts(payload)?.iter().enumerate() {
            if part.is_empty() {
                missing[index] = Some(given[index].as_str());
            } else if *part != given[index] {
                return Err(FillError::Other { field: self.key[index].name().to_owned() });
            }
        }
        let mut request = payload.to_vec();
        // The message ends where its last field does, so more can follow.
        append(&self.key_tree, &missing, &mut request)
            .map_err(|bad| FillError::Value { field: self.key[bad].name().to_owned() })?;
        // A number may be written in several ways, of which one is its key, and 0 may
        // be none.
        let filled = self.key_parts(&request)?;
        match filled.iter().zip(&given).position(|(part, given)| part.is_empty() || part != given) {
            None => Ok(request),
            Some(bad) => Err(FillError::Value { field: self.key[bad].name().to_owned() }),
        }
    }
}

/// Appends the parts that are missing, those in messages in another occurrence
/// of the message. Fails with the index of a part whose type has no such value.
fn append(tree: &KeyTree, missing: &[Option<&str>], message: &mut Vec<u8>) -> Result<(), usize> {
    for Branch { number, what, .. } in &tree.branches {
        let (wire_type, value) = match what {
            What::Part { index, kind, .. } => match missing[*index] {
                Some(text) => encode(kind, text).ok_or(*index)?,
                None => continue,
            },
            What::Message(tree) => {
                let mut inner = Vec::new();
                append(tree, missing, &mut inner)?;
                if inner.is_empty() {
                    continue;
                }
                (WireType::LengthDelimited, with_length(&inner))
            }
        };
        encode_key(*number, wire_type, message);
        message.extend(value);
    }
    Ok(())
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    encode_varint(bytes.len() as u64, &mut encoded);
    encoded.extend(bytes);
    encoded
}

/// A value of a type, from its text; `None` when the type has no such value.
fn encode(kind: &Kind, text: &str) -> Option<(WireType, Vec<u8>)> {
    let varint = |bits: u64| {
        let mut encoded = Vec::new();
        encode_varint(bits, &mut encoded);
        (WireType::Varint, encoded)
    };
    let four = |bytes: [u8; 4]| (WireType::ThirtyTwoBit, bytes.to_vec());
    let eight = |bytes: [u8; 8]| (WireType::SixtyFourBit, bytes.to_vec());
    Some(match kind {
        Kind::String => (WireType::LengthDelimited, with_length(text.as_bytes())),
        // A negative number takes all 64 bits, whatever its type.
        Kind::Int32 => varint(i64::from(text.parse::<i32>().ok()?) as u64),
        Kind::Int64 => varint(text.parse::<i64>().ok()? as u64),
        Kind::Uint32 => varint(text.parse::<u32>().ok()?.into()),
        Kind::Uint64 => varint(text.parse().ok()?),
        Kind::Sint32 => varint(zigzag(text.parse::<i32>().ok()?.into())),
        Kind::Sint64 => varint(zigzag(text.parse().ok()?)),
        Kind::Fixed32 => four(text.parse::<u32>().ok()?.to_le_bytes()),
        Kind::Sfixed32 => four(text.parse::<i32>().ok()?.to_le_bytes()),
        Kind::Fixed64 => eight(text.parse::<u64>().ok()?.to_le_bytes()),
        Kind::Sfixed64 => eight(text.parse::<i64>().ok()?.to_le_bytes()),
        // The schema has no such key.
        _ => return None,
    })
}

/// The encoding of signed as unsigned: 0, -1, 1, -2 are 0, 1, 2, 3.
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}
