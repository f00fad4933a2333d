//! An actor in memory, and the stored bytes that it was made from.

use bytes::Bytes;
use callboard_mailbox::limits::STATE_BYTES_MAX;

use crate::actor::Actor;

/// An actor in memory that knows which stored state it stands for, so that it
/// is read again only when another state is to be run on.
pub(crate) struct Held<A> {
    actor: A,
    bytes: Option<Bytes>,
}

/// Why a state cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "the stored state cannot be read as this actor's: {0}; give new fields #[serde(default)]"
    )]
    Read(serde_json::Error),
    #[error("the state cannot be written: {0}")]
    Write(serde_json::Error),
    #[error("the state has {0} bytes as JSON, and at most {STATE_BYTES_MAX} are allowed")]
    TooLarge(usize),
}

impl<A: Actor> Held<A> {
    /// The actor that has this state.
    pub(crate) fn load(bytes: Option<&Bytes>) -> Result<Self, Error> {
        let actor = match bytes {
            None => A::default(),
            Some(bytes) => serde_json::from_slice(bytes).map_err(Error::Read)?,
        };
        Ok(Self { actor, bytes: bytes.cloned() })
    }

    /// Whether the actor has this state.
    pub(crate) fn is_at(&self, bytes: Option<&Bytes>) -> bool {
        self.bytes.as_ref() == bytes
    }

    pub(crate) fn actor(&mut self) -> &mut A {
        &mut self.actor
    }

    /// The actor's state if it is another one than before.
    pub(crate) fn changed(&mut self) -> Result<Option<Bytes>, Error> {
        let bytes = Bytes::from(serde_json::to_vec(&self.actor).map_err(Error::Write)?);
        if bytes.len() > STATE_BYTES_MAX {
            return Err(Error::TooLarge(bytes.len()));
        }
        if self.bytes.as_ref() == Some(&bytes) {
            return Ok(None);
        }
        self.bytes = Some(bytes.clone());
        Ok(Some(bytes))
    }
}
