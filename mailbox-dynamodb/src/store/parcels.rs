//! Parcels that no commit puts or removes.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use callboard_mailbox::parcel::{Parcel, Slot};
use callboard_mailbox::reply::{Outcome, ReplyKey};
use callboard_mailbox::store::{Cancelled, Error, Page};
use callboard_mailbox::{Address, MessageId, Reply, Timestamp};

use super::DynamoDbStore;
use super::log::read_page;
use super::request::{again_if_throttled, at_most, page};
use super::transaction::{Transacted, delete_existing, put_new};
use crate::error::{from_sdk, is_first_refused};
use crate::item::{ADDRESS, REPLY_ID, key, parcel, place, read_kind, reply};

/// The most items that DynamoDB takes in one batch of writes.
const BATCH_WRITES: usize = 25;

pub(super) async fn put(
    store: &DynamoDbStore,
    address: &Address,
    parcel: &Parcel,
) -> Result<(), Error> {
    let answer = store
        .client
        .put_item()
        .table_name(&store.tables.mailboxes)
        .set_item(Some(parcel::write(address, parcel)))
        .condition_expression("attribute_not_exists(a)")
        .send()
        .await;
    match answer {
        Ok(_) => Ok(()),
        Err(error) => match error.as_service_error() {
            // It is there.
            Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(()),
            _ => Err(from_sdk(error)),
        },
    }
}

pub(super) async fn inbox(
    store: &DynamoDbStore,
    address: &Address,
    now: Timestamp,
    limit: usize,
) -> Result<Page, Error> {
    let query = store.range(address, key::inbox(now)).limit(at_most(limit));
    let (items, last) = page(query).await?;
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
        let (items, last) = page(query.clone().set_exclusive_start_key(after)).await?;
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
        delete_existing(&store.tables.mailboxes, ADDRESS, place(address, key::slot(slot))),
        put_new(&store.tables.replies, REPLY_ID, reply::write(&key, receipt)),
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
    let deletes = slots.iter().map(|slot| {
        let delete = DeleteRequest::builder().set_key(Some(place(address, key::slot(slot))));
        let delete = delete.build().expect("the request has a key");
        WriteRequest::builder().delete_request(delete).build()
    });
    let batch = store.client.batch_write_item();
    let answer = batch.request_items(&store.tables.mailboxes, deletes.collect()).send().await;
    match answer.map_err(from_sdk)?.unprocessed_items.is_none_or(|items| items.is_empty()) {
        true => Ok(()),
        // All of them once more: it is the same whether an item is deleted twice.
        false => Err(Error::Throttled("some parcels of a batch were not removed".into())),
    }
}
