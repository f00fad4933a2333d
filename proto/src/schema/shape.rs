//! Whether bytes are the message that they claim to be.
//!
//! Descriptors are good to ask and slow to walk. So what a check needs to know
//! of each request, and of all messages in it, is laid out flat once per
//! schema; a check then allocates nothing unless it fails.

use std::collections::HashMap;
use std::fmt;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::actor::Method;
use super::wire::{LEVELS_MAX, Problem, Reader, Value};

/// The bytes are not the message that they claim to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    field: String,
    problem: Problem,
}

impl Malformed {
    /// The path of the field at fault, such as `lines.price`; empty where it is
    /// not known which field it is.
    pub fn field(&self) -> &str {
        &self.field
    }

    pub(super) fn below(mut self, field: &str) -> Self {
        self.field = match self.field.as_str() {
            "" => field.to_owned(),
            inner => format!("{field}.{inner}"),
        };
        self
    }
}

impl From<Problem> for Malformed {
    fn from(problem: Problem) -> Self {
        Malformed { field: String::new(), problem }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => write!(f, "{}", self.problem),
            field => write!(f, "field `{field}`: {}", self.problem),
        }
    }
}

impl std::error::Error for Malformed {}

impl Method {
    /// Checks that the payload is an encoded request of this method: the wire
    /// type of each known field is that of its type, strings are UTF-8, nested
    /// messages are messages in turn, and nothing is cut off. Unknown fields
    /// pass.
    ///
    /// What passes can be decoded by the actor. It is a little narrower than
    /// what prost takes: messages may be nested 100 deep, the
    /// request included, and a map needs the wire type of a map.
    ///
    /// # Errors
    ///
    /// The first field that is wrong.
    pub fn check(&self, payload: &[u8]) -> Result<(), Malformed> {
        self.shapes.check(self.request, payload)
    }
}

/// The messages that can occur in requests.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    messages: Vec<Vec<Field>>,
    indexes: HashMap<String, usize>,
}

#[derive(Debug)]
struct Field {
    number: u32,
    name: Box<str>,
    shape: Shape,
    /// It may occur packed.
    packable: bool,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Varint,
    Fixed64,
    Fixed32,
    Bytes,
    Text,
    /// A message, or an entry of a map.
    Message(usize),
    Group(usize),
}

impl Shapes {
    /// Lays out the message and all that it can hold; returns its index.
    pub(super) fn add(&mut self, message: &MessageDescriptor) -> usize {
        if let Some(index) = self.indexes.get(message.full_name()) {
            return *index;
        }
        // The place is taken before the fields are: messages may be recursive.
        let index = self.messages.len();
        self.indexes.insert(message.full_name().to_owned(), index);
        self.messages.push(Vec::new());
        let mut fields: Vec<_> = message.fields().map(|field| self.field(&field)).collect();
        fields.sort_by_key(|field| field.number);
        self.messages[index] = fields;
        index
    }

    fn field(&mut self, field: &FieldDescriptor) -> Field {
        let shape = match field.kind() {
            Kind::Message(message) if field.is_group() => Shape::Group(self.add(&message)),
            Kind::Message(message) => Shape::Message(self.add(&message)),
            Kind::String => Shape::Text,
            Kind::Bytes => Shape::Bytes,
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Shape::Fixed64,
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Shape::Fixed32,
            Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => Shape::Varint,
            Kind::Sint32 | Kind::Sint64 | Kind::Bool | Kind::Enum(_) => Shape::Varint,
        };
        Field {
            number: field.number(),
            name: field.name().into(),
            shape,
            packable: field.is_list()
                && matches!(shape, Shape::Varint | Shape::Fixed64 | Shape::Fixed32),
        }
    }

    /// The index of a message that was added.
    pub(super) fn index(&self, message: &MessageDescriptor) -> usize {
        self.indexes[message.full_name()]
    }

    fn check(&self, index: usize, payload: &[u8]) -> Result<(), Malformed> {
        self.message(index, &mut Reader::new(payload), None, 1)
    }

    /// Checks one message, up to the end of the bytes, or, in a group, up to
    /// the end of the group.
    fn message(
        &self,
        index: usize,
        reader: &mut Reader<'_>,
        group: Option<u32>,
        level: u32,
    ) -> Result<(), Malformed> {
        if level > LEVELS_MAX {
            return Err(Problem::Depth.into());
        }
        let fields = &self.messages[index];
        while let Some((number, value)) = reader.field()? {
            if value == Value::GroupEnd {
                let own = group == Some(number);
                return own.then_some(()).ok_or(Problem::Group.into());
            }
            match fields.binary_search_by_key(&number, |field| field.number) {
                Ok(found) => {
                    let field = &fields[found];
                    self.value(field, value, reader, level)
                        .map_err(|malformed| malformed.below(&field.name))?;
                }
                Err(_) if value == Value::GroupStart => reader.skip_group(number, level + 1)?,
                Err(_) => {}
            }
        }
        match group {
            None => Ok(()),
            Some(_) => Err(Problem::Truncated.into()),
        }
    }

    fn value(
        &self,
        field: &Field,
        value: Value<'_>,
        reader: &mut Reader<'_>,
        level: u32,
    ) -> Result<(), Malformed> {
        match (field.shape, value) {
            (Shape::Varint, Value::Varint(_))
            | (Shape::Fixed64, Value::Fixed64(_))
            | (Shape::Fixed32, Value::Fixed32(_))
            | (Shape::Bytes, Value::Bytes(_)) => Ok(()),
            (Shape::Text, Value::Bytes(bytes)) => match str::from_utf8(bytes) {
                Ok(_) => Ok(()),
                Err(_) => Err(Problem::Utf8.into()),
            },
            (Shape::Message(index), Value::Bytes(bytes)) => {
                self.message(index, &mut Reader::new(bytes), None, level + 1)
            }
            (Shape::Group(index), Value::GroupStart) => {
                self.message(index, reader, Some(field.number), level + 1)
            }
            (shape, Value::Bytes(bytes)) if field.packable => Ok(packed(shape, bytes)?),
            _ => Err(Problem::WrongWireType.into()),
        }
    }
}

fn packed(shape: Shape, bytes: &[u8]) -> Result<(), Problem> {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        match shape {
            Shape::Fixed64 => drop(reader.fixed::<8>()?),
            Shape::Fixed32 => drop(reader.fixed::<4>()?),
            _ => drop(reader.varint()?),
        }
    }
    Ok(())
}
