//! Dead letters.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use callboard_mailbox::dead_letter::{DeadLetter, Key};
use callboard_mailbox::parcel::{Parcel, Slot, Tick};
use callboard_mailbox::reply::ReplyKey;
use callboard_mailbox::store::Error;
use callboard_mailbox::{Address, Timestamp};

use super::DynamoDbStore;
use super::request::{again_if_throttled, pages};
use super::transaction::{Transacted, delete, delete_existing, put, update};
use crate::error::{from_sdk, is_first_refused};
use crate::expression;
use crate::item::{ADDRESS, dead_letter, key, parcel, place, reply};

pub(super) async fn list(
    store: &DynamoDbStore,
    address: &Address,
    after: Option<&Key>,
    limit: usize,
) -> Result<Vec<DeadLetter>, Error> {
    let after = after.map(|key| place(address, key::dead_letter(key)));
    let items = pages(store.range(address, key::dead_letters()), after, limit).await?;
    items.into_iter().map(dead_letter::read).collect()
}

/// Reads the letter, since a transaction copies nothing, and moves it.
pub(super) async fn redrive(
    store: &DynamoDbStore,
    address: &Address,
    key: &Key,
    tick: Tick,
) -> Result<bool, Error> {
    let letter = store.get(&store.tables.mailboxes, place(address, key::dead_letter(key))).await?;
    let Some(letter) = letter.map(dead_letter::read).transpose()? else { return Ok(false) };
    let slot = Slot::Inbox { tick, id: letter.message.id.clone() };
    let parcel = Parcel { slot, message: letter.message, timer: None };
    again_if_throttled(|| redrive_once(store, address, key, &parcel, tick.time())).await
}

async fn redrive_once(
    store: &DynamoDbStore,
    address: &Address,
    key: &Key,
    parcel: &Parcel,
    now: Timestamp,
) -> Result<bool, Error> {
    let mailboxes = &store.tables.mailboxes;
    let reply = ReplyKey::new(address, &parcel.message.id);
    let items = vec![
        delete_existing(mailboxes, ADDRESS, place(address, key::dead_letter(key))),
        put(mailboxes, parcel::write(address, parcel)),
        update(mailboxes, address, expression::redriven(now)),
        delete(&store.tables.replies, reply::place(&reply)),
    ];
    match store.transact(items).await? {
        Transacted::Done => Ok(true),
        // The letter was there a moment ago. Perhaps an earlier try of this very
        // request moved it, whose answer was lost: then the parcel is there, or
        // is consumed and nobody needs to be woken.
        Transacted::Cancelled(reasons) => {
            is_first_refused(&reasons)?;
            let moved = store.get(mailboxes, place(address, key::slot(&parcel.slot))).await?;
            Ok(moved.is_some())
        }
    }
}

pub(super) async fn discard(
    store: &DynamoDbStore,
    address: &Address,
    key: &Key,
) -> Result<bool, Error> {
    let answer = store
        .client
        .delete_item()
        .table_name(&store.tables.mailboxes)
        .set_key(Some(place(address, key::dead_letter(key))))
        .condition_expression("attribute_exists(a)")
        .send()
        .await;
    match answer {
        Ok(_) => Ok(true),
        Err(error) => match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(false),
            _ => Err(from_sdk(error)),
        },
    }
}
