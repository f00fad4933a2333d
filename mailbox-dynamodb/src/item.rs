//! What an item looks like.
//!
//! Names are short because DynamoDB counts them, on every read and write.
//!
//! An item of the table of mailboxes has `a` address, `k` its kind and its place
//! among its kind (see [`key`]), and `v` format. What is written in brackets may
//! be missing; a number that is missing is zero.
//!
//! | item | `k` | further attributes |
//! | --- | --- | --- |
//! | [`record`] | `!` | `h` head, (`p` partial), `e` epoch, (`r` revision, `c` the run that made it), (`l` end of the lease), (`w` token of the lease), (`n` attempt), (`o` the slot in front), (`x` error), (`f` not before), (`z` why it is paused), (`s` state, or `sr` and `sn`: revision and number of its pieces), (`t` timers), (`i` tick), (`u` wakes), `g` its shard of the due index, (`due`), `y` its part of the directory and `j` its actor's key |
//! | [`piece`] of a state | `!s#` and 4 digits | `r` the revision that wrote it, `b` bytes |
//! | [`segment`] | `m#` and 20 digits | `b` messages, `ttl` |
//! | [`parcel`], deliverable at once | `q#`, 17 digits, `#` and id | `b` message |
//! | [`parcel`], delayed | `t#`, 13 digits, `#` and id | `b` message, (`t` name of the timer) |
//! | [`dead_letter`] | `x#`, 13 digits, `#` and id | `b` message, `n` attempts, `x` error, `y` its part of the directory and `j` its actor's key |
//!
//! An item of the table of replies, see [`reply`], has `id`, `v` format, `c` code,
//! `b` response or status, (`d` digest of the request) and `ttl`.
//!
//! Times are milliseconds since the Unix epoch, `ttl` is seconds.

use bytes::Bytes;
use callboard_mailbox::Address;
use callboard_mailbox::store::Error;

pub(crate) mod dead_letter;
pub(crate) mod index;
pub(crate) mod key;
pub(crate) mod parcel;
pub(crate) mod piece;
pub(crate) mod record;
pub(crate) mod reply;
pub(crate) mod segment;

pub(crate) const ADDRESS: &str = "a";
pub(crate) const KIND: &str = "k";
pub(crate) const DIRECTORY: &str = "y";
pub(crate) const DIRECTORY_KEY: &str = "j";
pub(crate) const SHARD: &str = "g";
pub(crate) const DUE: &str = "due";
pub(crate) const TTL: &str = "ttl";
pub(crate) const REPLY_ID: &str = "id";
const FORMAT: &str = "v";
const BODY: &str = "b";

/// The version of the format that this code writes and reads.
pub(crate) const FORMAT_VERSION: u32 = 1;

pub(crate) use crate::database::{Item, Value};

pub(crate) fn number(value: impl ToString) -> Value {
    Value::N(value.to_string())
}

pub(crate) fn text(value: impl Into<String>) -> Value {
    Value::S(value.into())
}

pub(crate) fn bytes(value: impl Into<Bytes>) -> Value {
    Value::B(value.into())
}

/// The key of an item of the table of mailboxes.
pub(crate) fn place(address: &Address, kind: impl Into<String>) -> Item {
    item([(ADDRESS, text(address.as_str())), (KIND, text(kind))])
}

/// An item of the table of mailboxes.
fn mailbox_item<const N: usize>(
    address: &Address,
    kind: String,
    attributes: [(&str, Value); N],
) -> Item {
    let mut item = item(attributes);
    item.extend(place(address, kind));
    item.insert(FORMAT.to_owned(), number(FORMAT_VERSION));
    item
}

fn item<const N: usize>(attributes: [(&str, Value); N]) -> Item {
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

/// The sort key of an item.
pub(crate) fn read_kind(item: &Item) -> Result<&str, Error> {
    read_text(item, KIND)?.ok_or_else(|| corrupt(KIND))
}

fn read_address(item: &Item) -> Result<Address, Error> {
    let text = read_text(item, ADDRESS)?;
    text.and_then(|text| Address::parse(text).ok()).ok_or_else(|| corrupt(ADDRESS))
}

fn read_number(item: &Item, name: &str) -> Result<Option<u64>, Error> {
    match item.get(name) {
        None => Ok(None),
        Some(Value::N(digits)) => digits.parse().map(Some).map_err(|_| corrupt(name)),
        Some(_) => Err(corrupt(name)),
    }
}

/// A number that is zero when it is missing.
fn read_count<T: TryFrom<u64>>(item: &Item, name: &str) -> Result<T, Error> {
    T::try_from(read_number(item, name)?.unwrap_or_default()).map_err(|_| corrupt(name))
}

fn read_text<'a>(item: &'a Item, name: &str) -> Result<Option<&'a str>, Error> {
    match item.get(name) {
        None => Ok(None),
        Some(Value::S(text)) => Ok(Some(text)),
        Some(_) => Err(corrupt(name)),
    }
}

fn take_text(item: &mut Item, name: &str) -> Result<Option<String>, Error> {
    match item.remove(name) {
        None => Ok(None),
        Some(Value::S(text)) => Ok(Some(text)),
        Some(_) => Err(corrupt(name)),
    }
}

fn take_bytes(item: &mut Item, name: &str) -> Result<Option<Bytes>, Error> {
    match item.remove(name) {
        None => Ok(None),
        Some(Value::B(bytes)) => Ok(Some(bytes)),
        Some(_) => Err(corrupt(name)),
    }
}

/// The bytes that an item is there for.
fn take_body(item: &mut Item) -> Result<Bytes, Error> {
    take_bytes(item, BODY)?.ok_or_else(|| corrupt(BODY))
}

fn corrupt(name: &str) -> Error {
    Error::Corrupt(format!("attribute `{name}` of an item is missing or has another form"))
}
