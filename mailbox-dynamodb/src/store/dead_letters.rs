//! Dead letters.

use callboard_mailbox::dead_letter::{DeadLetter, Key};
use callboard_mailbox::parcel::{Parcel, Slot, Tick};
use callboard_mailbox::reply::ReplyKey;
use callboard_mailbox::store::Error;
use callboard_mailbox::{Address, Timestamp};

use super::DynamoDbStore;
use super::request::{Written, again_if_throttled};
use super::transaction::{Transacted, update};
use crate::database::Write;
use crate::error::is_first_refused;
use crate::expression;
use crate::item::{ADDRESS, dead_letter, key, parcel, place, reply};

pub(super) async fn list(
    store: &DynamoDbStore,
    address: &Address,
    after: Option<&Key>,
    limit: usize,
) -> Result<Vec<DeadLetter>, Error> {
    let after = after.map(|key| place(address, key::dead_letter(key)));
    let items = store.pages(store.range(address, key::dead_letters()), after, limit).await?;
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
        Write::delete_existing(mailboxes, ADDRESS, place(address, key::dead_letter(key))),
        Write::put(mailboxes, parcel::write(address, parcel)),
        update(mailboxes, address, expression::redriven(now)),
        Write::delete(&store.tables.replies, reply::place(&reply)),
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
    let place = place(address, key::dead_letter(key));
    let delete = Write::delete_existing(&store.tables.mailboxes, ADDRESS, place);
    Ok(matches!(store.write(delete).await?, Written::Done(_)))
}
