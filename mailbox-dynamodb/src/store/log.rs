//! The log, and what can be delivered behind it.

use callboard_mailbox::append::{Put, Tail};
use callboard_mailbox::parcel::Slot;
use callboard_mailbox::store::{Error, Page};
use callboard_mailbox::sweep::Next;
use callboard_mailbox::{Address, Segment, Sequence, Timestamp};

use super::DynamoDbStore;
use super::request::{Written, again_if_throttled};
use crate::database::{Action, Query, Write};
use crate::expression::named;
use crate::item::{ADDRESS, Item, TTL, key, number, parcel, place, read_kind, segment};

pub(super) async fn put(
    store: &DynamoDbStore,
    address: &Address,
    segment: &Segment,
    expires: Timestamp,
) -> Result<Put, Error> {
    let item = segment::write(address, segment, expires);
    let put = Write::put_new(&store.tables.mailboxes, ADDRESS, item);
    match store.write(Write { returns_refused: true, ..put }).await? {
        Written::Done(_) => Ok(Put::Stored),
        Written::Refused(item) => Ok(Put::Occupied(segment::read(item.unwrap_or_default())?)),
    }
}

pub(super) async fn tail(store: &DynamoDbStore, address: &Address) -> Result<Tail, Error> {
    // The head first: it only grows, and so does the log behind it.
    let record = super::record::get(store, address).await?;
    let log = store.range(address, key::log(Sequence(0)));
    let (items, _) = store.page(Query { backwards: true, limit: Some(1), ..log }).await?;
    let last = items.into_iter().next().map(segment::read).transpose()?;
    Ok(Tail::found(record.as_ref(), last.as_ref()))
}

/// One range holds the log and the parcels that are due, in this order.
pub(super) async fn deliverable(
    store: &DynamoDbStore,
    address: &Address,
    first: Sequence,
    now: Timestamp,
    limit: usize,
) -> Result<Page, Error> {
    let query = store.range(address, key::deliverable(first, now));
    let (items, last) = store.page(Query { limit: Some(limit), ..query }).await?;
    read_page(items, last)
}

/// What a query returned of segments and parcels.
pub(super) fn read_page(items: Vec<Item>, last: Option<Item>) -> Result<Page, Error> {
    let mut page = Page { more: last.is_some(), ..Page::default() };
    for item in items {
        match read_kind(&item)?.starts_with(key::SEGMENT) {
            true => page.segments.push(segment::read(item)?),
            false => page.parcels.push(parcel::read(item)?),
        }
    }
    Ok(page)
}

pub(super) async fn next(
    store: &DynamoDbStore,
    address: &Address,
    first: Sequence,
) -> Result<Next, Error> {
    let query = Query {
        projection: Some("k, #ttl".to_owned()),
        names: ttl_name(),
        limit: Some(1),
        ..store.range(address, key::waiting(first))
    };
    let (items, _) = store.page(query).await?;
    let Some(item) = items.first() else { return Ok(Next::Nothing) };
    let kind = read_kind(item)?;
    match key::read_slot(kind) {
        None => segment::read_next(item),
        Some(Slot::Inbox { .. }) => Ok(Next::Inbox),
        Some(Slot::Delayed { at, .. }) => Ok(Next::Delayed { at }),
    }
}

/// A request for each segment: a transaction would be dearer, and what one of
/// them writes is right without the others.
pub(super) async fn extend(
    store: &DynamoDbStore,
    address: &Address,
    first: Sequence,
    expires: Timestamp,
) -> Result<(), Error> {
    let mut query = Query {
        filter: Some("#ttl < :ttl".to_owned()),
        projection: Some("k".to_owned()),
        names: ttl_name(),
        ..store.range(address, key::log(first))
    };
    query.values.insert(":ttl".to_owned(), number(expires.seconds()));
    let mut after = None;
    loop {
        let (items, last) = store.page(Query { after, ..query.clone() }).await?;
        for item in items {
            let kind = read_kind(&item)?;
            again_if_throttled(|| extend_one(store, address, kind, expires)).await?;
        }
        match last {
            None => return Ok(()),
            last => after = last,
        }
    }
}

async fn extend_one(
    store: &DynamoDbStore,
    address: &Address,
    kind: &str,
    expires: Timestamp,
) -> Result<(), Error> {
    let action = Action::Update { key: place(address, kind), update: "SET #ttl = :ttl".to_owned() };
    // One that is deleted meanwhile must not come back as an empty item.
    let condition = "attribute_exists(a) AND #ttl < :ttl".to_owned();
    let update = Write {
        names: ttl_name(),
        values: named([(":ttl", number(expires.seconds()))]),
        ..Write::of(&store.tables.mailboxes, action).on(condition)
    };
    store.write(update).await.map(|_| ())
}

/// The name of an attribute that is a reserved word.
fn ttl_name() -> Vec<(String, String)> {
    vec![("#ttl".to_owned(), TTL.to_owned())]
}
