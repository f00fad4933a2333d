//! The protobuf wire format: fields as they stand in the bytes, without regard
//! to what they mean.
//!
//! It takes what prost takes, because that is what reads the message in the
//! end: <https://protobuf.dev/programming-guides/encoding/>.

use std::fmt;

/// How many messages may be nested in one another, the outermost included.
/// prost gives up one level deeper.
pub(super) const LEVELS_MAX: u32 = 100;

/// One field's value, or a bracket of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    GroupStart,
    GroupEnd,
    Fixed32([u8; 4]),
}

/// What is wrong with the bytes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    Truncated,
    Varint,
    FieldNumber,
    WireType,
    WrongWireType,
    Utf8,
    Group,
    Depth,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Problem::Truncated => "the bytes end within a field",
            Problem::Varint => "a varint is longer than 64 bits",
            Problem::FieldNumber => "a field number is out of range",
            Problem::WireType => "a wire type does not exist",
            Problem::WrongWireType => "the wire type is not that of the field's type",
            Problem::Utf8 => "the string is not valid UTF-8",
            Problem::Group => "a group is not closed by its own end",
            Problem::Depth => "messages are nested more than 100 deep",
        })
    }
}

/// Reads the fields of one message, or the elements of one packed field.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next field: its number and its value. None at the end.
    pub(super) fn field(&mut self) -> Result<Option<(u32, Value<'a>)>, Problem> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = u32::try_from(self.varint()?).map_err(|_| Problem::FieldNumber)?;
        let number = tag >> 3;
        if number == 0 {
            return Err(Problem::FieldNumber);
        }
        let value = match tag & 0b111 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.fixed()?),
            2 => {
                let length = self.varint()?;
                // A length that does not fit is longer than what is left.
                Value::Bytes(self.bytes(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            3 => Value::GroupStart,
            4 => Value::GroupEnd,
            5 => Value::Fixed32(self.fixed()?),
            _ => return Err(Problem::WireType),
        };
        Ok(Some((number, value)))
    }

    /// Skips the rest of a group whose start has been read. `level` is that of
    /// the group.
    pub(super) fn skip_group(&mut self, number: u32, level: u32) -> Result<(), Problem> {
        if level > LEVELS_MAX {
            return Err(Problem::Depth);
        }
        loop {
            match self.field()? {
                None => return Err(Problem::Truncated),
                Some((inner, Value::GroupStart)) => self.skip_group(inner, level + 1)?,
                Some((end, Value::GroupEnd)) if end == number => return Ok(()),
                Some((_, Value::GroupEnd)) => return Err(Problem::Group),
                Some(_) => {}
            }
        }
    }

    /// A varint: 7 bits a byte, the lowest first, 64 bits at most.
    pub(super) fn varint(&mut self) -> Result<u64, Problem> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.fixed()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && byte > 1 {
                return Err(Problem::Varint);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        unreachable!("the tenth byte, at shift 63, either ends the varint or is refused")
    }

    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(Problem::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], Problem> {
        let (head, rest) = self.rest.split_at_checked(length).ok_or(Problem::Truncated)?;
        self.rest = rest;
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use prost_reflect::prost::encoding;

    fn field(bytes: &[u8]) -> Result<Option<(u32, Value<'_>)>, Problem> {
        Reader::new(bytes).field()
    }

    #[test]
    fn malformed_bytes_are_refused() {
        let long = [[0x08].as_slice(), &[0xff; 10], &[0x01]].concat();
        let cases: [(&str, &[u8], Problem); 9] = [
            ("tag without value", &[0x08], Problem::Truncated),
            ("half a varint", &[0x08, 0x80], Problem::Truncated),
            ("half a fixed64", &[0x09, 1, 2, 3, 4], Problem::Truncated),
            ("half a fixed32", &[0x0d, 1, 2, 3], Problem::Truncated),
            ("half a string", &[0x0a, 3, b'a'], Problem::Truncated),
            ("eleven bytes of varint", &long, Problem::Varint),
            ("field number 0", &[0x00, 0x00], Problem::FieldNumber),
            (
                "tag of more than 32 bits",
                &[0x80, 0x80, 0x80, 0x80, 0x10, 0x00],
                Problem::FieldNumber,
            ),
            ("wire type 6", &[0x0e, 0x00], Problem::WireType),
        ];
        for (name, bytes, problem) in cases {
            assert_eq!(field(bytes), Err(problem), "{name}");
        }
    }

    #[test]
    fn a_group_ends_at_its_own_end() {
        // Group 1 holds group 2 and a varint; a varint follows.
        let bytes = [0x0b, 0x13, 0x14, 0x08, 0x05, 0x0c, 0x08, 0x07];
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.field(), Ok(Some((1, Value::GroupStart))));
        assert_eq!(reader.skip_group(1, 2), Ok(()));
        assert_eq!(reader.field(), Ok(Some((1, Value::Varint(7)))));
        assert_eq!(reader.field(), Ok(None));

        assert_eq!(Reader::new(&[0x14]).skip_group(1, 2), Err(Problem::Group));
        assert_eq!(Reader::new(&[]).skip_group(1, 2), Err(Problem::Truncated));
        let deep = [0x0b; 200];
        assert_eq!(Reader::new(&deep).skip_group(1, 2), Err(Problem::Depth));
    }

    proptest! {
        #[test]
        fn varints_are_read_as_prost_reads_them(
            bytes in prop::collection::vec(prop_oneof![Just(0xff_u8), any::<u8>()], 0..12),
        ) {
            let mut rest = bytes.as_slice();
            let expected = encoding::decode_varint(&mut rest).ok();
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.varint().ok(), expected);
            if expected.is_some() {
                prop_assert_eq!(reader.rest, rest);
            }
        }
    }
}
