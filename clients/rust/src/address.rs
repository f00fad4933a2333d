//! Which actor.

use callboard_proto::pb;

/// Which actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Its type: the full name of its service (`bank.v1.Account`), unless its
    /// `.proto` has another in the option `actor.type`.
    pub actor_type: String,
    /// Its key: 1 to 1,024 bytes of UTF-8. Several parts are joined by
    /// [`key`](crate::key()). It is empty in a message whose request has the key,
    /// and in one that makes a new actor.
    pub key: String,
}

impl Address {
    /// The actor of a type and a key.
    pub fn new(actor_type: impl Into<String>, key: impl Into<String>) -> Self {
        Self { actor_type: actor_type.into(), key: key.into() }
    }
}

impl From<Address> for pb::Address {
    fn from(Address { actor_type, key }: Address) -> Self {
        Self { r#type: actor_type, key }
    }
}
