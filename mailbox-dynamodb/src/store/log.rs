//! The log, and what can be delivered behind it.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure as OnFailure;
use callboard_mailbox::append::{Put, Tail};
use callboard_mailbox::parcel::Slot;
use callboard_mailbox::store::{Error, Page};
use callboard_mailbox::sweep::Next;
use callboard_mailbox::{Address, Segment, Sequence, Timestamp};

use super::DynamoDbStore;
use super::request::{again_if_throttled, at_most, page};
use crate::error::from_sdk;
use crate::item::{Item, TTL, key, number, parcel, place, read_kind, segment};

pub(super) async fn put(
    store: &DynamoDbStore,
    address: &Address,
    segment: &Segment,
    expires: Timestamp,
) -> Result<Put, Error> {
    let answer = store
        .client
        .put_item()
        .table_name(&store.tables.mailboxes)
        .set_item(Some(segment::write(address, segment, expires)))
        .condition_expression("attribute_not_exists(a)")
        .return_values_on_condition_check_failure(OnFailure::AllOld)
        .send()
        .await;
    let error = match answer {
        Ok(_) => return Ok(Put::Stored),
        Err(error) => error,
    };
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(failed)) => {
            Ok(Put::Occupied(segment::read(failed.item.clone().unwrap_or_default())?))
        }
        _ => Err(from_sdk(error)),
    }
}

pub(super) async fn tail(store: &DynamoDbStore, address: &Address) -> Result<Tail, Error> {
    // The head first: it only grows, and so does the log behind it.
    let record = super::record::get(store, address).await?;
    let log = store.range(address, key::log(Sequence(0)));
    let (items, _) = page(log.scan_index_forward(false).limit(1)).await?;
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
    let query = store.range(address, key::deliverable(first, now)).limit(at_most(limit));
    let (items, last) = page(query).await?;
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
    let query = store
        .range(address, key::waiting(first))
        .projection_expression("k, #ttl")
        .expression_attribute_names("#ttl", TTL)
        .limit(1);
    let (items, _) = page(query).await?;
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
    let query = store
        .range(address, key::log(first))
        .filter_expression("#ttl < :ttl")
        .projection_expression("k")
        .expression_attribute_names("#ttl", TTL)
        .expression_attribute_values(":ttl", number(expires.seconds()));
    let mut after = None;
    loop {
        let (items, last) = page(query.clone().set_exclusive_start_key(after)).await?;
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
    let answer = store
        .client
        .update_item()
        .table_name(&store.tables.mailboxes)
        .set_key(Some(place(address, kind)))
        // One that is deleted meanwhile must not come back as an empty item.
        .condition_expression("attribute_exists(a) AND #ttl < :ttl")
        .update_expression("SET #ttl = :ttl")
        .expression_attribute_names("#ttl", TTL)
        .expression_attribute_values(":ttl", number(expires.seconds()))
        .send()
        .await;
    match answer {
        Ok(_) => Ok(()),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
            _ => Err(from_sdk(error)),
        },
    }
}
