//! What is done to a record alone.

use callboard_mailbox::control::Control;
use callboard_mailbox::lease::{self, Lease, Wake, Woken};
use callboard_mailbox::store::Error;
use callboard_mailbox::sweep::{self, Action, Settle};
use callboard_mailbox::{Address, Record, Timestamp, schedule};

use super::DynamoDbStore;
use super::request::Updated;
use crate::expression::{self, Update};
use crate::item::{key, place, record};

/// How often a schedule looks again, because the record was due sooner or later
/// than a moment before.
const SCHEDULE_TRIES: u32 = 8;

pub(super) async fn get(store: &DynamoDbStore, address: &Address) -> Result<Option<Record>, Error> {
    let item = store.get(&store.tables.mailboxes, place(address, key::RECORD)).await?;
    item.map(record::read).transpose()
}

pub(super) async fn wake(
    store: &DynamoDbStore,
    address: &Address,
    wake: &Wake,
) -> Result<Woken, Error> {
    match store.update(address, &expression::wake(address, wake)).await? {
        Updated::Done(item) => {
            let record = record::read(item)?;
            Ok(Woken::Granted(Lease { address: address.clone(), record }))
        }
        Updated::Refused(item) => Ok(lease::refused(address, record::read(item)?, wake)),
    }
}

/// An update cannot take the earlier of two times. So the first request is for a
/// record that is not due so early, and only if it is, a second one.
pub(super) async fn schedule(
    store: &DynamoDbStore,
    address: &Address,
    at: Timestamp,
) -> Result<(), Error> {
    for _ in 0..SCHEDULE_TRIES {
        let earlier = store.update(address, &expression::schedule(address, at)).await?;
        let Updated::Refused(item) = earlier else { return Ok(()) };
        if schedule::apply(&record::read(item)?, at).is_none() {
            return Ok(());
        }
        let as_due = store.update(address, &expression::schedule_due(at)).await?;
        if matches!(as_due, Updated::Done(_)) {
            return Ok(());
        }
    }
    Err(Error::Throttled("the record changes faster than it can be scheduled".into()))
}

pub(super) async fn settle(
    store: &DynamoDbStore,
    address: &Address,
    settle: &Settle,
) -> Result<Option<Record>, Error> {
    let item = match store.update(address, &expression::settle(settle)).await? {
        Updated::Done(item) => return record::read(item).map(Some),
        Updated::Refused(item) => item,
    };
    match &settle.action {
        // It has no attempt that could be taken back.
        Action::Defer { counts: false, not_before, error }
            if sweep::apply(&record::read_or_default(item)?, settle).is_some() =>
        {
            let action =
                Action::Defer { counts: true, not_before: *not_before, error: error.clone() };
            let settle = Settle { epoch: settle.epoch, action };
            write(store, address, &expression::settle(&settle)).await
        }
        _ => Ok(None),
    }
}

pub(super) async fn control(
    store: &DynamoDbStore,
    address: &Address,
    control: &Control,
) -> Result<Option<Record>, Error> {
    write(store, address, &expression::control(control)).await
}

/// The record after an update, or `None` when its condition does not hold.
async fn write(
    store: &DynamoDbStore,
    address: &Address,
    update: &Update,
) -> Result<Option<Record>, Error> {
    match store.update(address, update).await? {
        Updated::Done(item) => record::read(item).map(Some),
        Updated::Refused(_) => Ok(None),
    }
}
