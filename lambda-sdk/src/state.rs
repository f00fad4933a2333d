//! An actor's state: how it is stored, and the actors that are kept in memory.

use bytes::{BufMut, Bytes};
use callboard_mailbox::limits::STATE_BYTES_MAX;
use callboard_mailbox::record::Revision;
use callboard_mailbox::state::Change;
use prost::encoding::{decode_varint, encode_varint};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::actor::Actor;
use crate::error::Error;

/// What can be an actor: a type that can be stored, with a default for an actor
/// that never had a message.
///
/// Every type that serde can write and read is one; it is stored as JSON. Give new
/// fields `#[serde(default)]`, so that what was stored before still reads. A
/// protobuf message is one when the `.proto` names it: `option
/// (callboard.v1.actor) = { state: "AccountState" }`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored as the state of an actor",
    note = "add `#[derive(Default, serde::Serialize, serde::Deserialize)]` to `{Self}`, or name a \
            message of the .proto as the state: `option (callboard.v1.actor) = {{ state: \"…\" }}`"
)]
pub trait State: Default + Send + Sync + 'static {
    /// How it is encoded.
    const ENCODING: Encoding;

    /// The encoded state.
    ///
    /// # Errors
    /// When it cannot be encoded.
    fn encode(&self) -> Result<Vec<u8>, Error>;

    /// Reads what [`State::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are no such state.
    fn decode(encoded: &[u8]) -> Result<Self, Error>;
}

/// How a state is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As JSON.
    Json,
    /// As protobuf.
    Protobuf,
}

impl<T: Serialize + DeserializeOwned + Default + Send + Sync + 'static> State for T {
    const ENCODING: Encoding = Encoding::Json;

    fn encode(&self) -> Result<Vec<u8>, Error> {
        let encoded = serde_json::to_vec(self)
            .map_err(|error| Error::retried(format!("the state cannot be written: {error}")))?;
        // JSON has no NaN and no infinity; serde_json writes them as null, which is no
        // number when it is read. Such a state must not be stored.
        if encoded.windows(4).any(|four| four == b"null") {
            serde_json::from_slice::<Self>(&encoded).map_err(|error| {
                Error::retried(format!(
                    "the state would not read back: {error}; is a number in it NaN or infinite?"
                ))
            })?;
        }
        Ok(encoded)
    }

    fn decode(encoded: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(encoded).map_err(|error| {
            Error::retried(format!(
                "the stored state cannot be read as this actor's: {error}; give new fields \
                 #[serde(default)], or raise Actor::STATE_VERSION and write Actor::migrate"
            ))
        })
    }
}

/// Makes a protobuf message the state of an actor. `callboard-build` writes it for
/// the message that the option `state` of an actor names.
#[macro_export]
macro_rules! protobuf_state {
    ($message:ty) => {
        impl $crate::State for $message {
            const ENCODING: $crate::Encoding = $crate::Encoding::Protobuf;

            fn encode(&self) -> $crate::Result<::std::vec::Vec<u8>> {
                ::core::result::Result::Ok($crate::prost::Message::encode_to_vec(self))
            }

            fn decode(encoded: &[u8]) -> $crate::Result<Self> {
                ::core::result::Result::Ok($crate::prost::Message::decode(encoded)?)
            }
        }
    };
}

/// The first byte of a stored state. Numbers are for ever.
impl Encoding {
    fn tag(self) -> u8 {
        match self {
            Self::Json => 1,
            Self::Protobuf => 2,
        }
    }
}

/// An actor as it is stored: its encoding, the version of its schema, itself.
fn stored<A: Actor>(actor: &A) -> Result<Bytes, Error> {
    let encoded = actor.encode()?;
    let mut stored = Vec::with_capacity(encoded.len() + 2);
    stored.put_u8(A::ENCODING.tag());
    encode_varint(A::STATE_VERSION.into(), &mut stored);
    stored.extend_from_slice(&encoded);
    if stored.len() > STATE_BYTES_MAX {
        return Err(crate::error::too_large("state", STATE_BYTES_MAX, stored.len()));
    }
    Ok(stored.into())
}

fn read<A: Actor>(stored: &Bytes) -> Result<A, Error> {
    let unreadable = || Error::retried("the stored state is none that an SDK has written");
    let (tag, mut rest) = stored.split_first().ok_or_else(unreadable)?;
    let version = decode_varint(&mut rest).map_err(|_| unreadable())?;
    let version = u32::try_from(version).map_err(|_| unreadable())?;
    if version == A::STATE_VERSION && *tag == A::ENCODING.tag() {
        return A::decode(rest);
    }
    A::migrate(version, rest)
}

/// An actor in memory that knows which stored state it stands for, so that it
/// is read again only when another state is to be run on.
pub(crate) struct Held<A> {
    actor: A,
    stored: Option<Bytes>,
    /// The revision of the record as of which `stored` is its state.
    revision: Revision,
}

impl<A: Actor> Held<A> {
    /// The actor that has this state.
    pub(crate) fn load(stored: Option<&Bytes>) -> Result<Self, Error> {
        let actor = match stored {
            None => A::default(),
            Some(stored) => read(stored)?,
        };
        Ok(Self { actor, stored: stored.cloned(), revision: Revision::default() })
    }

    /// Whether the actor has this state.
    pub(crate) fn is_at(&self, stored: Option<&Bytes>) -> bool {
        self.stored.as_ref() == stored
    }

    /// Whether the actor has no state yet.
    pub(crate) fn is_new(&self) -> bool {
        self.stored.is_none()
    }

    pub(crate) fn into_actor(self) -> A {
        self.actor
    }

    pub(crate) fn actor(&self) -> &A {
        &self.actor
    }

    pub(crate) fn actor_mut(&mut self) -> &mut A {
        &mut self.actor
    }

    /// What a message has made of the actor's state.
    pub(crate) fn changed(&mut self) -> Result<Change, Error> {
        let stored = stored(&self.actor)?;
        if self.stored.as_ref() == Some(&stored) {
            return Ok(Change::None);
        }
        self.stored = Some(stored.clone());
        Ok(Change::Set(stored))
    }

    /// The actor is deleted: it is what it was before its first message.
    pub(crate) fn deleted(&mut self) -> Change {
        self.actor = A::default();
        match self.stored.take() {
            Some(_) => Change::Delete,
            None => Change::None,
        }
    }

    /// The stored state, if it is that of the record at this revision: each commit
    /// makes a new one.
    pub(crate) fn stored_at(&self, revision: Revision) -> Option<Bytes> {
        self.stored.clone().filter(|_| self.revision == revision)
    }

    pub(crate) fn at(self, revision: Revision) -> Self {
        Self { revision, ..self }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.stored.as_ref().map_or(0, Bytes::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::tests::Text;

    #[test]
    fn a_state_reads_back_with_its_version() {
        let bytes = stored(&Text("a".into())).expect("it is small");
        assert_eq!(bytes, Bytes::from_static(b"\x01\x00\"a\""));
        assert_eq!(read::<Text>(&bytes).expect("it reads").0, "a");
    }

    #[test]
    fn what_would_not_read_back_is_not_stored() {
        assert!(f64::NAN.encode().is_err());
        assert!(Some(1.5).encode().is_ok());
        assert_eq!(Option::<f64>::None.encode().expect("it reads back"), b"null");
    }

    #[test]
    fn a_number_reads_back_to_its_last_bit() {
        // The shortest text of it is read as the one before by a parser that is in a hurry.
        let number = f64::from_bits(0x3ff9_1111_1111_1112);
        let read = f64::decode(&number.encode().expect("it is small")).expect("it reads");
        assert_eq!(read.to_bits(), number.to_bits());
    }

    #[test]
    fn what_is_no_state_is_told() {
        for bad in
            [&b""[..], b"\x01", b"\x01\xff", b"\x01\x00{", b"\x02\x00\"a\"", b"\x01\x01\"a\""]
        {
            assert!(read::<Text>(&Bytes::from_static(bad)).is_err(), "{bad:?}");
        }
    }
}
