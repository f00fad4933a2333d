//! Actors that stay in memory between the invocations of a warm function, so that
//! the next one need not read them again. Whether one is still the committed one is
//! told by the record: by its small state, or by its revision.

use std::num::NonZeroUsize;

use callboard_mailbox::Address;
use lru::LruCache;

use crate::actor::Actor;
use crate::state::Held;

/// The most actors of a type that are kept.
const ACTORS_MAX: NonZeroUsize = NonZeroUsize::new(1_000).expect("it is not zero");

/// The most bytes of their states, as they are stored; in memory they take more. One
/// actor is kept whatever its size.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The actors of one type that are kept, the latest ones.
pub(crate) struct Kept<A> {
    actors: LruCache<Address, Held<A>>,
    bytes: usize,
}

impl<A> Default for Kept<A> {
    fn default() -> Self {
        Self { actors: LruCache::new(ACTORS_MAX), bytes: 0 }
    }
}

impl<A: Actor> Kept<A> {
    /// Takes an actor out: it is used, and kept again after that.
    pub(crate) fn take(&mut self, address: &Address) -> Option<Held<A>> {
        let held = self.actors.pop(address)?;
        self.bytes -= held.bytes();
        Some(held)
    }

    pub(crate) fn keep(&mut self, address: Address, held: Held<A>) {
        self.bytes += held.bytes();
        if let Some((_, gone)) = self.actors.push(address, held) {
            self.bytes -= gone.bytes();
        }
        while self.bytes > BYTES_MAX && self.actors.len() > 1 {
            let Some((_, gone)) = self.actors.pop_lru() else { break };
            self.bytes -= gone.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::activation::tests::Text;

    fn held(bytes: usize) -> Held<Text> {
        let stored = [b"\x01\x00\"", vec![b'x'; bytes].as_slice(), b"\""].concat();
        Held::load(Some(&Bytes::from(stored))).expect("a state")
    }

    fn address(key: &str) -> Address {
        Address::new("test.v1.Text", key).expect("an address")
    }

    #[test]
    fn the_latest_are_kept_within_the_bytes() {
        let mut kept = Kept::default();
        for key in ["a", "b", "c"] {
            kept.keep(address(key), held(BYTES_MAX / 2 - 100));
        }
        assert!(kept.take(&address("a")).is_none());
        assert!(kept.take(&address("b")).is_some());
        kept.keep(address("large"), held(BYTES_MAX));
        assert!(kept.take(&address("c")).is_none());
        assert!(kept.take(&address("large")).is_some());
        assert_eq!((kept.bytes, kept.actors.len()), (0, 0));
    }

    #[test]
    fn the_latest_are_kept_within_their_number() {
        let mut kept = Kept::default();
        for n in 0..=ACTORS_MAX.get() {
            kept.keep(address(&n.to_string()), held(1));
        }
        assert!(kept.take(&address("0")).is_none());
        assert!(kept.take(&address("1")).is_some());
        assert_eq!(kept.bytes, held(1).bytes() * (ACTORS_MAX.get() - 1));
    }
}
