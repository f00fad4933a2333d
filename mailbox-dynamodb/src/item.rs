//! What an item looks like.
//!
//! Names are short because DynamoDB counts them, on every read and write.
//!
//! | item | key | attributes |
//! | --- | --- | --- |
//! | record | `a` address, `k` = `!` | `v` format, `h` head, `p` partial, `e` epoch, `l` end of the lease, `w` token of the lease, `n` attempt, `f` not before, `s` state, and `g` its shard of the due index, and `due` while it is due |
//! | segment | `a` address, `k` = `m#` and 20 digits | `v` format, `b` messages, `ttl` |
//! | reply | `id` | `v` format, `c` status code, `b` response or status, `ttl` |
//!
//! Times are milliseconds since the Unix epoch, `ttl` is seconds.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use callboard_mailbox::reply::{Outcome, ReplyKey};
use callboard_mailbox::store::{Due, Error};
use callboard_mailbox::{Address, Epoch, MessageId, Record, Reply, Segment, Sequence, Timestamp};

use crate::error;

pub(crate) const ADDRESS: &str = "a";
pub(crate) const KIND: &str = "k";
pub(crate) const SHARD: &str = "g";
pub(crate) const DUE: &str = "due";
pub(crate) const TTL: &str = "ttl";
pub(crate) const REPLY_ID: &str = "id";
const FORMAT: &str = "v";
const HEAD: &str = "h";
const PARTIAL: &str = "p";
const EPOCH: &str = "e";
const LEASE_UNTIL: &str = "l";
const LEASE_TOKEN: &str = "w";
const ATTEMPT: &str = "n";
const NOT_BEFORE: &str = "f";
const STATE: &str = "s";
const BODY: &str = "b";
const CODE: &str = "c";

/// The version of the format that this code writes and reads.
pub(crate) const FORMAT_VERSION: u32 = 1;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The sort key of the record.
pub(crate) const RECORD: &str = "!";

/// The sort key of a segment. Twenty digits hold every `u64`, so that the order
/// of the texts is the order of the numbers.
pub(crate) fn segment_key(first: Sequence) -> String {
    format!("m#{:020}", first.0)
}

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(crate) fn bytes(value: &Bytes) -> AttributeValue {
    AttributeValue::B(Blob::new(value.to_vec()))
}

pub(crate) fn segment(address: &Address, segment: &Segment, expires: Timestamp) -> Item {
    item([
        (ADDRESS, text(address.as_str())),
        (KIND, AttributeValue::S(segment_key(segment.first()))),
        (FORMAT, number(FORMAT_VERSION)),
        (BODY, bytes(segment.encoded())),
        (TTL, number(expires.seconds())),
    ])
}

pub(crate) fn read_segment(item: &mut Item) -> Result<Segment, Error> {
    check_format(item)?;
    let first = match item.get(KIND) {
        Some(AttributeValue::S(key)) => {
            key.strip_prefix("m#").and_then(|digits| digits.parse().ok())
        }
        _ => None,
    };
    let first = Sequence(first.ok_or_else(|| corrupt(KIND))?);
    let encoded = take_bytes(item, BODY)?.ok_or_else(|| corrupt(BODY))?;
    Segment::from_encoded(first, encoded).map_err(|error| error::from_decode(&error))
}

pub(crate) fn read_record(mut item: Item) -> Result<Record, Error> {
    check_format(&item)?;
    let required = |name| read_number(&item, name)?.ok_or_else(|| corrupt(name));
    let small = |name| u32::try_from(required(name)?).map_err(|_| corrupt(name));
    let time = |name| Ok::<_, Error>(read_number(&item, name)?.map(Timestamp));
    Ok(Record {
        head: Sequence(required(HEAD)?),
        partial: small(PARTIAL)?,
        epoch: Epoch(required(EPOCH)?),
        lease_until: time(LEASE_UNTIL)?,
        lease_token: required(LEASE_TOKEN)?,
        attempt: small(ATTEMPT)?,
        not_before: time(NOT_BEFORE)?,
        due: time(DUE)?,
        state: take_bytes(&mut item, STATE)?,
    })
}

pub(crate) fn reply(key: &ReplyKey, reply: &Reply) -> Item {
    item([
        (REPLY_ID, text(key.as_str())),
        (FORMAT, number(FORMAT_VERSION)),
        (CODE, number(reply.outcome.code())),
        (BODY, bytes(reply.outcome.body())),
        (TTL, number(reply.expires.seconds())),
    ])
}

/// A reply with the text of its key.
pub(crate) fn read_reply(mut item: Item) -> Result<(String, Reply), Error> {
    check_format(&item)?;
    let Some(AttributeValue::S(key)) = item.remove(REPLY_ID) else {
        return Err(corrupt(REPLY_ID));
    };
    let id = key.rsplit_once('/').and_then(|(_, id)| MessageId::new(id).ok());
    let required = |name| read_number(&item, name)?.ok_or_else(|| corrupt(name));
    let code = u32::try_from(required(CODE)?).map_err(|_| corrupt(CODE))?;
    let expires = Timestamp(required(TTL)?.saturating_mul(1_000));
    let body = take_bytes(&mut item, BODY)?.ok_or_else(|| corrupt(BODY))?;
    let id = id.ok_or_else(|| corrupt(REPLY_ID))?;
    Ok((key, Reply { id, outcome: Outcome::new(code, body), expires }))
}

/// An entry of the due index.
pub(crate) fn read_due(item: &Item) -> Result<Due, Error> {
    let address = match item.get(ADDRESS) {
        Some(AttributeValue::S(text)) => Address::parse(text).map_err(|_| corrupt(ADDRESS))?,
        _ => return Err(corrupt(ADDRESS)),
    };
    let at = read_number(item, DUE)?.ok_or_else(|| corrupt(DUE))?;
    Ok(Due { at: Timestamp(at), address })
}

/// The key of an entry of the due index.
pub(crate) fn due_key(shard: u32, due: &Due) -> Item {
    item([
        (SHARD, number(shard)),
        (DUE, number(due.at.0)),
        (ADDRESS, text(due.address.as_str())),
        (KIND, text(RECORD)),
    ])
}

fn item<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Item {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn check_format(item: &Item) -> Result<(), Error> {
    match read_number(item, FORMAT)? {
        Some(version) if version == u64::from(FORMAT_VERSION) => Ok(()),
        Some(version) => Err(Error::Corrupt(format!(
            "an item has format {version}, and this version of Callboard knows format {FORMAT_VERSION}"
        ))),
        None => Err(corrupt(FORMAT)),
    }
}

fn read_number(item: &Item, name: &str) -> Result<Option<u64>, Error> {
    match item.get(name) {
        None => Ok(None),
        Some(AttributeValue::N(digits)) => digits.parse().map(Some).map_err(|_| corrupt(name)),
        Some(_) => Err(corrupt(name)),
    }
}

fn take_bytes(item: &mut Item, name: &str) -> Result<Option<Bytes>, Error> {
    match item.remove(name) {
        None => Ok(None),
        Some(AttributeValue::B(blob)) => Ok(Some(blob.into_inner().into())),
        Some(_) => Err(corrupt(name)),
    }
}

fn corrupt(name: &str) -> Error {
    Error::Corrupt(format!("attribute `{name}` of an item is missing or has another type"))
}
