//! A piece of a state that is too large for the record.

use bytes::Bytes;
use callboard_mailbox::Address;
use callboard_mailbox::record::Revision;
use callboard_mailbox::store::Error;

use super::{
    BODY, Item, bytes, check_format, key, mailbox_item, number, read_count, read_kind, take_body,
};

const REVISION: &str = "r";

pub(crate) fn write(address: &Address, n: usize, revision: Revision, piece: Bytes) -> Item {
    let attributes = [(REVISION, number(revision.0)), (BODY, bytes(piece))];
    mailbox_item(address, key::piece(n), attributes)
}

/// A piece with its sort key and the revision that wrote it.
pub(crate) fn read(mut item: Item) -> Result<(String, (Revision, Bytes)), Error> {
    check_format(&item)?;
    let revision = Revision(read_count(&item, REVISION)?);
    let piece = take_body(&mut item)?;
    Ok((read_kind(&item)?.to_owned(), (revision, piece)))
}
