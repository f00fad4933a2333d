//! A state that is too large for the record.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use callboard_mailbox::Address;
use callboard_mailbox::record::Revision;
use callboard_mailbox::state::Spilled;
use callboard_mailbox::store::Error;

use super::DynamoDbStore;
use crate::item::{key, piece, place};

/// How often pieces are read that are older than their record.
const LOOKS: u32 = 3;

/// The wait between two looks. A transaction is seen in all of its items a few
/// milliseconds after it is seen in the first.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// No read of several items is isolated from a transaction, so the record may be
/// read before the pieces that were committed with it.
pub(super) async fn get(
    store: &DynamoDbStore,
    address: &Address,
    spilled: Spilled,
) -> Result<Option<Bytes>, Error> {
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let pieces = read(store, address, spilled).await?;
        if pieces.values().any(|(revision, _)| *revision > spilled.revision) {
            break;
        }
        let of_it = pieces.into_values().filter(|(revision, _)| *revision == spilled.revision);
        let pieces: Vec<_> = of_it.map(|(_, piece)| piece).collect();
        if pieces.len() == spilled.chunks as usize {
            return Ok(Some(pieces.concat().into()));
        }
    }
    Ok(None)
}

/// The pieces in order, all in one request: a query would end after 1 MB.
async fn read(
    store: &DynamoDbStore,
    address: &Address,
    spilled: Spilled,
) -> Result<BTreeMap<String, (Revision, Bytes)>, Error> {
    let numbers = 0..spilled.chunks as usize;
    let keys = numbers.map(|n| place(address, key::piece(n))).collect();
    let (items, is_complete) = store.get_all(&store.tables.mailboxes, keys, true).await?;
    if !is_complete {
        // That pieces are missing would mean that somebody else has committed.
        return Err(Error::Throttled("some pieces of a state were not read".into()));
    }
    items.into_iter().map(piece::read).collect()
}
