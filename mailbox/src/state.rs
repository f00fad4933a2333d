//! An actor's state as it is stored: in the record while it is small, in items of
//! its own when it is large.

use bytes::Bytes;

use crate::limits::{STATE_CHUNK_BYTES_MAX, STATE_INLINE_BYTES_MAX};
use crate::record::Revision;

/// What a record says of the state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Stored {
    /// Here it is.
    Inline(Bytes),
    /// It has items of its own.
    Spilled(Spilled),
}

/// A state in items of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spilled {
    /// The revision of the record that wrote it. Each piece carries it too, so
    /// that a reader without a lease can tell when pieces of two states met.
    pub revision: Revision,
    /// How many items it has.
    pub chunks: u32,
}

/// What a message makes of the state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Change {
    /// It stays as it is.
    #[default]
    None,
    /// This is the new one.
    Set(Bytes),
    /// There is none any more.
    Delete,
}

/// A new state, as a commit writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    /// The whole state; `None` when it is deleted.
    pub state: Option<Bytes>,
    /// How many items the state before it has.
    pub chunks_before: u32,
}

impl Stored {
    /// How many items of its own the state has.
    #[must_use]
    pub fn chunks(&self) -> u32 {
        match self {
            Self::Inline(_) => 0,
            Self::Spilled(spilled) => spilled.chunks,
        }
    }
}

impl Write {
    /// The pieces of a state that needs items of its own; none for a small one.
    pub fn chunks(&self) -> impl ExactSizeIterator<Item = Bytes> + '_ {
        let large = self.state.as_ref().filter(|state| state.len() > STATE_INLINE_BYTES_MAX);
        let large = large.cloned().unwrap_or_default();
        (0..large.len().div_ceil(STATE_CHUNK_BYTES_MAX)).map(move |n| {
            let from = n * STATE_CHUNK_BYTES_MAX;
            large.slice(from..large.len().min(from + STATE_CHUNK_BYTES_MAX))
        })
    }

    /// What the record says of it after the commit that makes `revision`.
    #[must_use]
    pub fn stored(&self, revision: Revision) -> Option<Stored> {
        let state = self.state.clone()?;
        Some(match u32::try_from(self.chunks().len()).expect("a state is bounded") {
            0 => Stored::Inline(state),
            chunks => Stored::Spilled(Spilled { revision, chunks }),
        })
    }

    /// The numbers of the items that the state before has and this one has not.
    pub fn left_over(&self) -> std::ops::Range<u32> {
        let chunks = u32::try_from(self.chunks().len()).expect("a state is bounded");
        chunks..self.chunks_before.max(chunks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_state_is_cut_into_items_and_a_small_one_is_not() {
        let write =
            |len: usize, chunks_before| Write { state: Some(vec![1; len].into()), chunks_before };
        let small = write(STATE_INLINE_BYTES_MAX, 3);
        assert_eq!(small.stored(Revision(1)).map(|stored| stored.chunks()), Some(0));
        assert_eq!(small.left_over(), 0..3);
        let large = write(STATE_CHUNK_BYTES_MAX + 1, 1);
        assert_eq!(large.chunks().map(|chunk| chunk.len()).collect::<Vec<_>>(), [389_120, 1]);
        assert_eq!(
            large.stored(Revision(7)),
            Some(Stored::Spilled(Spilled { revision: Revision(7), chunks: 2 }))
        );
        assert!(large.left_over().is_empty());
        let deleted = Write { state: None, chunks_before: 2 };
        assert_eq!((deleted.stored(Revision(8)), deleted.left_over()), (None, 0..2));
    }
}
