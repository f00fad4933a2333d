//! A state that is too large for the record.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use callboard_mailbox::Address;
use callboard_mailbox::state::Spilled;
use callboard_mailbox::store::Error;

use super::DynamoDbStore;
use crate::item::{key, piece, place};

/// All pieces in one request: a query would end after 1 MB.
pub(super) async fn get(
    store: &DynamoDbStore,
    address: &Address,
    spilled: Spilled,
) -> Result<Option<Bytes>, Error> {
    let numbers = 0..spilled.chunks as usize;
    let keys = numbers.map(|n| place(address, key::piece(n))).collect();
    let (items, is_complete) = store.get_all(&store.tables.mailboxes, keys, true).await?;
    if !is_complete {
        // That pieces are missing would mean that somebody else has committed.
        return Err(Error::Throttled("some pieces of a state were not read".into()));
    }
    let mut pieces = BTreeMap::new();
    for item in items {
        let (kind, revision, piece) = piece::read(item)?;
        if revision == spilled.revision {
            pieces.insert(kind, piece);
        }
    }
    let is_whole = pieces.len() == spilled.chunks as usize;
    Ok(is_whole.then(|| pieces.into_values().flatten().collect::<BytesMut>().freeze()))
}
