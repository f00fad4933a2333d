//! A dead letter.

use callboard_mailbox::dead_letter::{DeadLetter, Place};
use callboard_mailbox::store::Error;
use callboard_mailbox::{Address, Message};

use super::{
    BODY, DIRECTORY, DIRECTORY_KEY, Item, KIND, bytes, check_format, corrupt, index, key,
    mailbox_item, number, read_address, read_count, read_kind, take_body, take_text, text,
};
use crate::error::from_decode;

const ATTEMPTS: &str = "n";
const ERROR: &str = "x";

pub(crate) fn write(address: &Address, letter: &DeadLetter) -> Item {
    let attributes = [
        (BODY, bytes(letter.message.encoded())),
        (ATTEMPTS, number(letter.attempts)),
        (ERROR, text(&letter.error)),
        (DIRECTORY, text(index::dead_letters(address.actor_type(), address.directory_shard()))),
        (DIRECTORY_KEY, text(address.key())),
    ];
    mailbox_item(address, key::dead_letter(&letter.key()), attributes)
}

pub(crate) fn read(mut item: Item) -> Result<DeadLetter, Error> {
    check_format(&item)?;
    let key = key::read_dead_letter(read_kind(&item)?).ok_or_else(|| corrupt(KIND))?;
    let encoded = take_body(&mut item)?;
    Ok(DeadLetter {
        message: Message::from_encoded(encoded).map_err(|error| from_decode(&error))?,
        at: key.at,
        attempts: read_count(&item, ATTEMPTS)?,
        error: take_text(&mut item, ERROR)?.unwrap_or_default(),
    })
}

/// Where a dead letter lies, of which only the key was read.
pub(crate) fn read_place(item: &Item) -> Result<Place, Error> {
    let key = key::read_dead_letter(read_kind(item)?).ok_or_else(|| corrupt(KIND))?;
    Ok(Place { address: read_address(item)?, key })
}
