//! Sort keys: the kinds of items in a mailbox, in an order that makes what a
//! reader needs one range.
//!
//! ```text
//! !               record
//! !s#0000         piece of a large state
//! m#…  q#…  t#…   what can be delivered: log, parcels, delayed parcels
//! x#…             dead letter
//! ```
//!
//! Numbers have leading zeros, so that the order of the texts is theirs. A
//! message's id ends a key, because it may hold any `#`.

use callboard_mailbox::dead_letter;
use callboard_mailbox::parcel::{Slot, Tick};
use callboard_mailbox::{MessageId, Sequence, Timestamp};

/// The sort key of the record.
pub(crate) const RECORD: &str = "!";

/// What begins the sort key of a segment.
pub(crate) const SEGMENT: &str = "m#";

/// The latest time that a key holds with 13 digits: the year 2286. A later one
/// would be out of order.
const TIME_MAX: u64 = 9_999_999_999_999;

/// The same for a tick, with 17 digits.
const TICK_MAX: u64 = 99_999_999_999_999_999;

/// Greater than the `#` that ends the digits of a key, and than every digit.
const BEHIND: char = '~';

/// The sort key of a piece of a state.
pub(crate) fn piece(number: usize) -> String {
    format!("!s#{number:04}")
}

/// The sort key of a segment. Twenty digits hold every `u64`.
pub(crate) fn segment(first: Sequence) -> String {
    format!("{SEGMENT}{:020}", first.0)
}

/// Reads what [`segment`] wrote.
pub(crate) fn read_segment(key: &str) -> Option<Sequence> {
    key.strip_prefix(SEGMENT)?.parse().ok().map(Sequence)
}

/// The sort key of a parcel.
pub(crate) fn slot(slot: &Slot) -> String {
    match slot {
        Slot::Inbox { tick, id } => format!("q#{:017}#{id}", tick.0.min(TICK_MAX)),
        Slot::Delayed { at, id } => format!("t#{}#{id}", time(*at)),
    }
}

/// Reads what [`slot`] wrote.
pub(crate) fn read_slot(key: &str) -> Option<Slot> {
    if let Some(rest) = key.strip_prefix("q#") {
        let (tick, id) = number_and_id(rest)?;
        return Some(Slot::Inbox { tick: Tick(tick), id });
    }
    let (at, id) = number_and_id(key.strip_prefix("t#")?)?;
    Some(Slot::Delayed { at: Timestamp(at), id })
}

/// The sort key of a dead letter.
pub(crate) fn dead_letter(key: &dead_letter::Key) -> String {
    format!("x#{}#{}", time(key.at), key.id)
}

/// Reads what [`dead_letter()`] wrote.
pub(crate) fn read_dead_letter(key: &str) -> Option<dead_letter::Key> {
    let (at, id) = number_and_id(key.strip_prefix("x#")?)?;
    Some(dead_letter::Key { at: Timestamp(at), id })
}

/// From a segment on to the last one.
pub(crate) fn log(first: Sequence) -> [String; 2] {
    [segment(first), segment(Sequence(u64::MAX))]
}

/// From a segment on to the last parcel, due or not.
pub(crate) fn waiting(first: Sequence) -> [String; 2] {
    [segment(first), format!("t#{BEHIND}")]
}

/// From a segment on to the last parcel that is due.
pub(crate) fn deliverable(first: Sequence, now: Timestamp) -> [String; 2] {
    [segment(first), until(now)]
}

/// The parcels that are due.
pub(crate) fn inbox(now: Timestamp) -> [String; 2] {
    ["q#".into(), until(now)]
}

/// The delayed parcels, due or not.
pub(crate) fn delayed() -> [String; 2] {
    ["t#".into(), format!("t#{BEHIND}")]
}

/// The dead letters.
pub(crate) fn dead_letters() -> [String; 2] {
    ["x#".into(), format!("x#{BEHIND}")]
}

/// Behind every delayed parcel of a millisecond, and before those of the next.
fn until(now: Timestamp) -> String {
    format!("t#{}{BEHIND}", time(now))
}

fn time(time: Timestamp) -> String {
    format!("{:013}", time.0.min(TIME_MAX))
}

fn number_and_id(text: &str) -> Option<(u64, MessageId)> {
    let (digits, id) = text.split_once('#')?;
    Some((digits.parse().ok()?, MessageId::new(id).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> MessageId {
        MessageId::new(text).expect("an id")
    }

    fn delayed_at(ms: u64, text: &str) -> Slot {
        Slot::Delayed { at: Timestamp(ms), id: id(text) }
    }

    #[test]
    fn a_key_reads_back_also_with_an_id_that_looks_like_one() {
        for text in ["a", "#", "a#b", "~", "0#1"] {
            for whole in [Slot::Inbox { tick: Tick(7), id: id(text) }, delayed_at(7, text)] {
                assert_eq!(read_slot(&slot(&whole)), Some(whole));
            }
            let letter = dead_letter::Key { at: Timestamp(7), id: id(text) };
            assert_eq!(read_dead_letter(&dead_letter(&letter)), Some(letter));
        }
        assert_eq!(read_segment(&segment(Sequence(9))), Some(Sequence(9)));
        for bad in ["q#", "q#1", "t#x#a", "t#1#", "m#1", "x#1#a/b"] {
            assert_eq!((read_slot(bad), read_dead_letter(bad)), (None, None), "{bad}");
        }
    }

    #[test]
    fn what_is_due_is_a_range_that_ends_with_its_millisecond() {
        let [first, last] = deliverable(Sequence(5), Timestamp(1_999));
        let has = |key: &str| (first.as_str()..=last.as_str()).contains(&key);
        assert!(!has(&segment(Sequence(4))) && has(&segment(Sequence(5))));
        assert!(has(&segment(Sequence(u64::MAX))));
        assert!(has(&slot(&Slot::Inbox { tick: Tick(u64::MAX), id: id("~~~") })));
        assert!(has(&slot(&delayed_at(1_999, "~~~"))) && !has(&slot(&delayed_at(2_000, "!"))));
        assert!(!has(RECORD) && !has(&piece(0)) && !has(&piece(9_999)));
        let letter = dead_letter::Key { at: Timestamp(0), id: id("a") };
        assert!(!has(&dead_letter(&letter)));
    }

    #[test]
    fn the_order_of_keys_is_the_order_of_slots() {
        let slots = [
            Slot::Inbox { tick: Tick(9), id: id("z") },
            Slot::Inbox { tick: Tick(10), id: id("a") },
            Slot::Inbox { tick: Tick(10), id: id("b") },
            delayed_at(9, "z"),
            delayed_at(TIME_MAX, "a"),
        ];
        assert!(slots.is_sorted());
        assert!(slots.each_ref().map(slot).is_sorted());
    }
}
