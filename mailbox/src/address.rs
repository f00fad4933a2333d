//! An actor's address: its type and its key.

use std::fmt;
use std::sync::Arc;

use crate::limits::{DIRECTORY_SHARDS, DUE_SHARDS, KEY_BYTES_MAX, TYPE_BYTES_MAX};

/// The address of one actor, `type/key`. Cheap to clone.
///
/// A type has no `/`, so the first one ends it, and a key may hold any
/// further ones.
///
/// ```
/// use callboard_mailbox::Address;
///
/// let address = Address::new("bank.v1.Account", "alice")?;
/// assert_eq!(address.as_str(), "bank.v1.Account/alice");
/// assert_eq!(Address::parse("bank.v1.Account/alice")?, address);
/// # Ok::<(), callboard_mailbox::address::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    text: Arc<str>,
    type_len: usize,
}

/// Why a text is no address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The type is empty, too long or has a character that it may not have.
    #[error(
        "an actor type is 1 to {TYPE_BYTES_MAX} of A-Z, a-z, 0-9, '.' and '_', and this one is not"
    )]
    Type,
    /// The key is empty.
    #[error("the actor's key is empty")]
    EmptyKey,
    /// The key is too long.
    #[error("the actor's key has {0} bytes, and at most {KEY_BYTES_MAX} are allowed")]
    LongKey(usize),
    /// The key has a control character.
    #[error("the actor's key has a control character")]
    ControlCharacter,
    /// There is no `/` between type and key.
    #[error("an address is written type/key, and this one has no '/'")]
    NoSlash,
}

impl Address {
    /// The address of the actor of a type that has a key.
    ///
    /// # Errors
    /// When the type is not 1 to 255 of `A-Z a-z 0-9 . _`, or the key is not
    /// 1 to 1,024 bytes without control characters.
    pub fn new(actor_type: &str, key: &str) -> Result<Self, Error> {
        let type_is_valid = (1..=TYPE_BYTES_MAX).contains(&actor_type.len())
            && actor_type
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_');
        if !type_is_valid {
            return Err(Error::Type);
        }
        if key.is_empty() {
            return Err(Error::EmptyKey);
        }
        if key.len() > KEY_BYTES_MAX {
            return Err(Error::LongKey(key.len()));
        }
        if key.chars().any(char::is_control) {
            return Err(Error::ControlCharacter);
        }
        Ok(Self { text: format!("{actor_type}/{key}").into(), type_len: actor_type.len() })
    }

    /// Reads an address as [`Address::as_str`] writes it.
    ///
    /// # Errors
    /// As [`Address::new`], and when there is no `/`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (actor_type, key) = text.split_once('/').ok_or(Error::NoSlash)?;
        Self::new(actor_type, key)
    }

    /// The whole address, `type/key`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The actor's type.
    #[must_use]
    pub fn actor_type(&self) -> &str {
        &self.text[..self.type_len]
    }

    /// The actor's key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.text[self.type_len + 1..]
    }

    /// A number that spreads actors: FNV-1a of the address, so that every version
    /// of every part agrees (<http://www.isthe.com/chongo/tech/comp/fnv/>).
    #[must_use]
    pub fn hash(&self) -> u32 {
        self.text
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    }

    /// The partition of the due index that this actor's record is in.
    #[must_use]
    pub fn due_shard(&self) -> u32 {
        self.hash() % DUE_SHARDS
    }

    /// The partition of its type's directory that this actor is in.
    #[must_use]
    pub fn directory_shard(&self) -> u32 {
        self.hash() % DIRECTORY_SHARDS
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_slash_ends_the_type() {
        let address = Address::parse("shop.v1.Cart/eu/42").expect("an address");
        assert_eq!(address.actor_type(), "shop.v1.Cart");
        assert_eq!(address.key(), "eu/42");
    }

    #[test]
    fn bad_addresses_are_refused_with_the_reason() {
        let long = "k".repeat(KEY_BYTES_MAX + 1);
        let cases = [
            ("a-b", "k", Error::Type),
            ("", "k", Error::Type),
            ("a", "", Error::EmptyKey),
            ("a", long.as_str(), Error::LongKey(KEY_BYTES_MAX + 1)),
            ("a", "a\nb", Error::ControlCharacter),
        ];
        for (actor_type, key, error) in cases {
            assert_eq!(Address::new(actor_type, key), Err(error));
        }
        assert_eq!(Address::parse("no slash"), Err(Error::NoSlash));
    }

    #[test]
    fn shards_are_stable_and_spread() {
        let shard = |key: &str| Address::new("t", key).expect("an address").due_shard();
        // What is stored must be found by later versions: these never change.
        assert_eq!((shard("alice"), shard("bob")), (4, 15));
        let mut hits = [0; DUE_SHARDS as usize];
        for n in 0..1_600 {
            hits[shard(&n.to_string()) as usize] += 1;
        }
        assert!(hits.iter().all(|&n| n > 50), "{hits:?}");
    }
}
