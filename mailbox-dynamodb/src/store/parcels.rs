//! Parcels that no commit puts or removes.

use callboard_mailbox::parcel::{Parcel, Slot};
use callboard_mailbox::reply::{Outcome, ReplyKey};
use callboard_mailbox::store::{Cancelled, Error, Page};
use callboard_mailbox::{Address, MessageId, Reply, Timestamp};

use super::DynamoDbStore;
use super::log::read_page;
use super::request::again_if_throttled;
use super::transaction::Transacted;
use crate::database::{Answer, Query, Request, Write, unexpected};
use crate::error::is_first_refused;
use crate::item::{ADDRESS, REPLY_ID, key, parcel, place, read_kind, reply};

/// The most items that DynamoDB takes in one batch of writes.
const BATCH_WRITES: usize = 25;

pub(super) async fn put(
    store: &DynamoDbStore,
    address: &Address,
    parcel: &Parcel,
) -> Result<(), Error> {
    let item = parcel::write(address, parcel);
    // When it is refused, it is there.
    store.write(Write::put_new(&store.tables.mailboxes, ADDRESS, item)).await.map(|_| ())
}

pub(super) async fn inbox(
    store: &DynamoDbStore,
    address: &Address,
    now: Timestamp,
    limit: usize,
) -> Result<Page, Error> {
    let query = store.range(address, key::inbox(now));
    let (items, last) = store.page(Query { limit: Some(limit), ..query }).await?;
    read_page(items, last)
}

/// Looks for the message, since its time is not known, and removes it.
pub(super) async fn cancel(
    store: &DynamoDbStore,
    address: &Address,
    id: &MessageId,
    expires: Timestamp,
) -> Result<Cancelled, Error> {
    let Some(parcel) = find_delayed(store, address, id).await? else {
        return Ok(Cancelled::NotFound);
    };
    let outcome = Outcome::Cancelled;
    let receipt = Reply { id: id.clone(), outcome, digest: parcel.message.digest(), expires };
    again_if_throttled(|| cancel_once(store, address, &parcel.slot, &receipt)).await
}

async fn find_delayed(
    store: &DynamoDbStore,
    address: &Address,
    id: &MessageId,
) -> Result<Option<Parcel>, Error> {
    let query = store.range(address, key::delayed());
    let mut after = None;
    loop {
        let (items, last) = store.page(Query { after, ..query.clone() }).await?;
        for item in items {
            // The others may be large: they are not decoded.
            if key::read_slot(read_kind(&item)?).is_none_or(|slot| slot.id() != id) {
                continue;
            }
            // A timer belongs to its actor.
            return Ok(Some(parcel::read(item)?).filter(|parcel| parcel.timer.is_none()));
        }
        match last {
            None => return Ok(None),
            last => after = last,
        }
    }
}

async fn cancel_once(
    store: &DynamoDbStore,
    address: &Address,
    slot: &Slot,
    receipt: &Reply,
) -> Result<Cancelled, Error> {
    let key = ReplyKey::new(address, &receipt.id);
    let items = vec![
        Write::delete_existing(&store.tables.mailboxes, ADDRESS, place(address, key::slot(slot))),
        Write::put_new(&store.tables.replies, REPLY_ID, reply::write(&key, receipt)),
    ];
    let reasons = match store.transact(items).await? {
        Transacted::Done => return Ok(Cancelled::Done),
        Transacted::Cancelled(reasons) => reasons,
    };
    if !is_first_refused(&reasons)? {
        return Ok(Cancelled::NotFound);
    }
    // The parcel was there a moment ago. Perhaps an earlier try of this very
    // request removed it, whose answer was lost.
    let receipt = store.get(&store.tables.replies, reply::place(&key)).await?;
    match receipt.map(reply::read).transpose()? {
        Some((_, Reply { outcome: Outcome::Cancelled, .. })) => Ok(Cancelled::Done),
        _ => Ok(Cancelled::NotFound),
    }
}

pub(super) async fn remove(
    store: &DynamoDbStore,
    address: &Address,
    slots: &[Slot],
) -> Result<(), Error> {
    for slots in slots.chunks(BATCH_WRITES) {
        again_if_throttled(|| remove_batch(store, address, slots)).await?;
    }
    Ok(())
}

async fn remove_batch(
    store: &DynamoDbStore,
    address: &Address,
    slots: &[Slot],
) -> Result<(), Error> {
    let keys = slots.iter().map(|slot| place(address, key::slot(slot))).collect();
    let table = store.tables.mailboxes.clone();
    match store.database.call(Request::DeleteAll { table, keys }).await? {
        Answer::Deleted(true) => Ok(()),
        // All of them once more: it is the same whether an item is deleted twice.
        Answer::Deleted(false) => {
            Err(Error::Throttled("some parcels of a batch were not removed".into()))
        }
        other => Err(unexpected(&other)),
    }
}
