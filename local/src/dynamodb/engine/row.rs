//! Items as dynoxide's tables have them: DynamoDB's JSON in a text. And how large they are.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use callboard_mailbox_dynamodb::database::{Item, Value};
use dynoxide::types::number_size;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::expression::number;

/// DynamoDB takes documents of 32 levels.
const LEVELS_MAX: usize = 30;

/// The bytes of an item, as DynamoDB counts them.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
pub(super) fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &Value) -> usize {
    match value {
        Value::S(text) => text.len(),
        Value::N(digits) => number_size(digits),
        Value::B(bytes) => bytes.len(),
        Value::M(map) => 3 + map.len() + size(map),
        Value::L(list) => 3 + list.len() + list.iter().map(value_size).sum::<usize>(),
        Value::Other => 1,
    }
}

/// Whether it has only what the store writes, and so nothing that DynamoDB refuses or writes
/// differently.
pub(super) fn is_plain(item: &Item) -> bool {
    is_plain_to(item, LEVELS_MAX)
}

fn is_plain_to(item: &Item, levels: usize) -> bool {
    item.iter().all(|(name, value)| !name.is_empty() && is_plain_value(value, levels))
}

fn is_plain_value(value: &Value, levels: usize) -> bool {
    match value {
        Value::S(_) | Value::B(_) => true,
        Value::N(digits) => number(digits).is_some(),
        Value::M(map) => levels > 0 && is_plain_to(map, levels - 1),
        Value::L(list) => levels > 0 && list.iter().all(|value| is_plain_value(value, levels - 1)),
        Value::Other => false,
    }
}

pub(super) fn write(item: &Item) -> String {
    serde_json::to_string(&Written(item)).expect("names are texts")
}

pub(super) fn read(text: &str) -> serde_json::Result<Item> {
    let read: HashMap<String, Read> = serde_json::from_str(text)?;
    Ok(plain(read))
}

fn plain(read: HashMap<String, Read>) -> Item {
    read.into_iter().map(|(name, Read(value))| (name, value)).collect()
}

struct Written<'a>(&'a Item);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, WrittenValue(value))))
    }
}

struct WrittenValue<'a>(&'a Value);

impl Serialize for WrittenValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self.0 {
            Value::S(text) => map.serialize_entry("S", text)?,
            Value::N(digits) => map.serialize_entry("N", digits)?,
            Value::B(bytes) => map.serialize_entry("B", &BASE64_STANDARD.encode(bytes))?,
            Value::M(item) => map.serialize_entry("M", &Written(item))?,
            Value::L(list) => {
                let list: Vec<_> = list.iter().map(WrittenValue).collect();
                map.serialize_entry("L", &list)?;
            }
            // Nobody writes one: see `is_plain`.
            Value::Other => map.serialize_entry("NULL", &true)?,
        }
        map.end()
    }
}

struct Read(Value);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadVisitor)
    }
}

struct ReadVisitor;

impl<'de> Visitor<'de> for ReadVisitor {
    type Value = Read;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value under the name of its type")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Read, M::Error> {
        let kind = map.next_key::<String>()?.ok_or_else(|| M::Error::custom("no type"))?;
        let value = match &*kind {
            "S" => Value::S(map.next_value()?),
            "N" => Value::N(map.next_value()?),
            "B" => {
                let text: String = map.next_value()?;
                Value::B(BASE64_STANDARD.decode(text).map_err(M::Error::custom)?.into())
            }
            "M" => Value::M(plain(map.next_value()?)),
            "L" => {
                let list: Vec<Read> = map.next_value()?;
                Value::L(list.into_iter().map(|Read(value)| value).collect())
            }
            _ => {
                map.next_value::<IgnoredAny>()?;
                Value::Other
            }
        };
        Ok(Read(value))
    }
}
