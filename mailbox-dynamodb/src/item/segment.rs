//! A segment of the log.

use callboard_mailbox::store::Error;
use callboard_mailbox::sweep::Next;
use callboard_mailbox::{Address, Segment, Timestamp};

use super::{
    BODY, Item, KIND, TTL, bytes, check_format, corrupt, key, mailbox_item, number, read_kind,
    read_number, take_body,
};
use crate::error::from_decode;

pub(crate) fn write(address: &Address, segment: &Segment, expires: Timestamp) -> Item {
    let attributes = [(BODY, bytes(segment.encoded().clone())), (TTL, number(expires.seconds()))];
    mailbox_item(address, key::segment(segment.first()), attributes)
}

pub(crate) fn read(mut item: Item) -> Result<Segment, Error> {
    check_format(&item)?;
    let first = key::read_segment(read_kind(&item)?).ok_or_else(|| corrupt(KIND))?;
    let encoded = take_body(&mut item)?;
    Segment::from_encoded(first, encoded).map_err(|error| from_decode(&error))
}

/// A segment of which only key and expiry were read.
pub(crate) fn read_next(item: &Item) -> Result<Next, Error> {
    let seconds = read_number(item, TTL)?.ok_or_else(|| corrupt(TTL))?;
    Ok(Next::Segment { expires: Timestamp(seconds.saturating_mul(1_000)) })
}
