//! What the two indexes hold: the keys of items, and nothing else.
//!
//! The directory is in the order of the actors' keys. Their addresses will not do:
//! a sort key has at most 1,024 bytes.

use callboard_mailbox::store::{Due, Error};
use callboard_mailbox::{Address, Timestamp, dead_letter};

use super::{
    DIRECTORY, DIRECTORY_KEY, DUE, Item, SHARD, corrupt, item, key, number, place, read_address,
    read_number, text,
};

/// The part of the directory that lists actors. A type has no `#`.
pub(crate) fn actors(actor_type: &str, shard: u32) -> String {
    format!("{actor_type}#{shard}")
}

/// The part of the directory that lists dead letters. It has one `#` more than
/// any that lists actors.
pub(crate) fn dead_letters(actor_type: &str, shard: u32) -> String {
    format!("{actor_type}#{shard}#x")
}

/// An entry of the due index.
pub(crate) fn read_due(item: &Item) -> Result<Due, Error> {
    let at = read_number(item, DUE)?.ok_or_else(|| corrupt(DUE))?;
    Ok(Due { at: Timestamp(at), address: read_address(item)? })
}

/// The key of an entry of the due index.
pub(crate) fn due_place(shard: u32, due: &Due) -> Item {
    let mut keys = place(&due.address, key::RECORD);
    keys.extend(item([(SHARD, number(shard)), (DUE, number(due.at.0))]));
    keys
}

/// An actor that the directory lists.
pub(crate) fn read_actor(item: &Item) -> Result<Address, Error> {
    read_address(item)
}

/// The key of an entry of the directory for an actor.
pub(crate) fn actor_place(directory: &str, address: &Address) -> Item {
    let mut keys = place(address, key::RECORD);
    keys.extend(item([(DIRECTORY, text(directory)), (DIRECTORY_KEY, text(address.key()))]));
    keys
}

/// The key of an entry of the directory for a dead letter.
pub(crate) fn dead_letter_place(directory: &str, letter: &dead_letter::Place) -> Item {
    let mut keys = actor_place(directory, &letter.address);
    keys.extend(place(&letter.address, key::dead_letter(&letter.key)));
    keys
}
