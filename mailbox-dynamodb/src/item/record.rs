//! The record, as it is read. It is written in parts, by `expression`.

use std::collections::BTreeMap;

use callboard_mailbox::parcel::{PendingWake, Slot, Tick};
use callboard_mailbox::record::Revision;
use callboard_mailbox::state::{Spilled, Stored};
use callboard_mailbox::store::Error;
use callboard_mailbox::{Address, Epoch, Record, Sequence, Timestamp};

use super::{
    DUE, Item, Value, check_format, corrupt, key, read_count, read_number, take_bytes, take_text,
    text,
};

const HEAD: &str = "h";
const PARTIAL: &str = "p";
const EPOCH: &str = "e";
const REVISION: &str = "r";
const RUN: &str = "c";
const LEASE_UNTIL: &str = "l";
const LEASE_TOKEN: &str = "w";
const ATTEMPT: &str = "n";
const FRONT: &str = "o";
const ERROR: &str = "x";
const NOT_BEFORE: &str = "f";
const PAUSED: &str = "z";
const STATE: &str = "s";
const PIECES_REVISION: &str = "sr";
const PIECES: &str = "sn";
const TIMERS: &str = "t";
const TICK: &str = "i";
const WAKES: &str = "u";

pub(crate) fn read(mut item: Item) -> Result<Record, Error> {
    check_format(&item)?;
    let time = |name| Ok::<_, Error>(read_number(&item, name)?.map(Timestamp));
    let record = Record {
        head: Sequence(read_count(&item, HEAD)?),
        partial: read_count(&item, PARTIAL)?,
        epoch: Epoch(read_number(&item, EPOCH)?.ok_or_else(|| corrupt(EPOCH))?),
        revision: Revision(read_count(&item, REVISION)?),
        run: read_count(&item, RUN)?,
        lease_until: time(LEASE_UNTIL)?,
        lease_token: read_count(&item, LEASE_TOKEN)?,
        attempt: read_count(&item, ATTEMPT)?,
        not_before: time(NOT_BEFORE)?,
        due: time(DUE)?,
        tick: Tick(read_count(&item, TICK)?),
        ..Record::default()
    };
    Ok(Record {
        front: take_text(&mut item, FRONT)?.map(|key| read_slot(&key, FRONT)).transpose()?,
        error: take_text(&mut item, ERROR)?,
        paused: take_text(&mut item, PAUSED)?,
        state: take_state(&mut item)?,
        timers: take_timers(&mut item)?,
        wakes: take_wakes(&mut item)?,
        ..record
    })
}

/// The record of an item that a failed condition returned; an empty one means that
/// the actor has no record.
pub(crate) fn read_or_default(item: Item) -> Result<Record, Error> {
    if item.is_empty() { Ok(Record::default()) } else { read(item) }
}

fn take_state(item: &mut Item) -> Result<Option<Stored>, Error> {
    if let Some(state) = take_bytes(item, STATE)? {
        return Ok(Some(Stored::Inline(state)));
    }
    match read_count(item, PIECES)? {
        0 => Ok(None),
        chunks => {
            let revision = Revision(read_count(item, PIECES_REVISION)?);
            Ok(Some(Stored::Spilled(Spilled { revision, chunks })))
        }
    }
}

/// The timers, each name with the sort key of its parcel.
pub(crate) fn timers(timers: &BTreeMap<String, Slot>) -> Value {
    let timers = timers.iter().map(|(name, slot)| (name.clone(), text(key::slot(slot))));
    Value::M(timers.collect())
}

fn take_timers(item: &mut Item) -> Result<BTreeMap<String, Slot>, Error> {
    let timers = match item.remove(TIMERS) {
        None => Item::new(),
        Some(Value::M(timers)) => timers,
        Some(_) => return Err(corrupt(TIMERS)),
    };
    let read = |(name, value)| match value {
        Value::S(key) => Ok((name, read_slot(&key, TIMERS)?)),
        _ => Err(corrupt(TIMERS)),
    };
    timers.into_iter().map(read).collect()
}

/// The actors to wake, each as its time, if it has one, `@` and its address.
pub(crate) fn wakes(wakes: &[PendingWake]) -> Value {
    let wakes = wakes.iter().map(|PendingWake { address, at }| match at {
        None => text(format!("@{address}")),
        Some(at) => text(format!("{}@{address}", at.0)),
    });
    Value::L(wakes.collect())
}

fn take_wakes(item: &mut Item) -> Result<Vec<PendingWake>, Error> {
    let wakes = match item.remove(WAKES) {
        None => Vec::new(),
        Some(Value::L(wakes)) => wakes,
        Some(_) => return Err(corrupt(WAKES)),
    };
    let read = |value: Value| {
        let Value::S(text) = value else { return None };
        let (at, address) = text.split_once('@')?;
        let at = match at {
            "" => None,
            digits => Some(Timestamp(digits.parse().ok()?)),
        };
        Some(PendingWake { address: Address::parse(address).ok()?, at })
    };
    wakes.into_iter().map(|value| read(value).ok_or_else(|| corrupt(WAKES))).collect()
}

fn read_slot(text: &str, name: &str) -> Result<Slot, Error> {
    key::read_slot(text).ok_or_else(|| corrupt(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::number;

    fn item(name: &str, value: Value) -> Item {
        let named = |name: &str, value| (name.to_owned(), value);
        Item::from([named("v", number(1)), named(EPOCH, number(7)), named(name, value)])
    }

    #[test]
    fn what_is_missing_is_zero_or_nothing() {
        let record = read(item(HEAD, number(3))).expect("a record");
        assert_eq!(record, Record { head: Sequence(3), epoch: Epoch(7), ..Record::default() });
        assert_eq!(read_or_default(Item::new()).expect("none"), Record::default());
    }

    #[test]
    fn an_attribute_of_another_form_is_told() {
        let bad_wake = Value::L(vec![text("soon@test.v1.A/a")]);
        let bad_timer = Value::M(Item::from([("name".into(), text("t#1#a/b"))]));
        for (name, value) in [
            (HEAD, text("3")),
            (EPOCH, number(-1)),
            (ATTEMPT, number(u64::MAX)),
            (FRONT, text("m#00000000000000000001")),
            (WAKES, bad_wake),
            (TIMERS, bad_timer),
            (STATE, text("state")),
        ] {
            let Err(Error::Corrupt(text)) = read(item(name, value)) else {
                panic!("`{name}` was read");
            };
            assert!(text.contains(&format!("`{name}`")), "{text}");
        }
    }

    #[test]
    fn a_record_of_another_format_is_refused_with_both_versions() {
        let Err(Error::Corrupt(text)) = read(item("v", number(2))) else { panic!("it was read") };
        assert!(text.contains("format 2") && text.contains("format 1"), "{text}");
    }
}
