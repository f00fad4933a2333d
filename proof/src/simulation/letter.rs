//! What ledgers send to each other. All of it follows from the entry that causes
//! it, so that whoever checks the history knows it too.

use std::time::Duration;

use super::mood::Mood;
use crate::history::{Actor, Message};

/// The senders of letters: those above this number, by the number of the ledger.
/// Whatever one ledger sends has one order.
const LEDGERS: u32 = 1_000_000;

/// A letter's number is that of its cause's place, which of the cause's letters it
/// is, and how it is taken, one behind the other in decimals.
const PLACE: u64 = 10_000;
const NTH: u64 = 10;

/// How many letters a message scatters, at least, and how many kinds of more there
/// are: more than fits in one transaction, and less than fits in three.
const SCATTERED: (u64, u64) = (120, 81);

/// Among how many ledgers they are scattered, of which the own may be one.
const SCATTERED_AMONG: u32 = 4;

/// One in so many of these is an ask.
const SCATTERED_ASKS: u64 = 16;

/// Something that a ledger sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) to: Actor,
    pub(super) way: Way,
    pub(super) message: Message,
}

/// What the sender of a letter waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// For nothing.
    Tell,
    /// For the answer, as long as it takes.
    Ask,
    /// For the answer, for some time.
    AskFor(Duration),
    /// For nothing: whoever waits for the cause gets the answer.
    Forward,
}

/// Whether a message was sent by a ledger.
pub(super) fn is_letter(message: Message) -> bool {
    message.sender >= LEDGERS
}

/// How a letter is taken.
pub(super) fn mood(message: Message) -> Mood {
    match message.number % NTH {
        2 => Mood::Refusing,
        3 => Mood::Promising,
        4 => Mood::Forwarding,
        5 => Mood::Failing,
        _ => Mood::Fair,
    }
}

/// How an asking ledger wants to be taken: each way in its turn.
const ASKED: [u64; 5] = [0, 2, 3, 4, 5];

/// As above, of asks with a time-out. When one of these was refused and timed out,
/// nobody could tell whether it was.
const HURRIED: [u64; 4] = [0, 3, 4, 5];

/// How long a hurrying ledger waits, in seconds. An answer takes some seconds while
/// all goes wrong, so that of the answer and the time-out either may be first.
const PATIENCE: [u64; 3] = [2, 8, 32];

/// Whether the answer to a letter is taken at the second attempt only.
pub(super) fn is_heard_late(number: u64) -> bool {
    (number / PLACE).is_multiple_of(7)
}

/// What a ledger sends because of the entry that stands at a place, in order.
pub(super) fn letters(own: Actor, place: u64, cause: Message) -> Vec<Letter> {
    let letter = |nth: u64, to: u32, way: Way, taken: u64| {
        let number = place * PLACE + nth * NTH + taken;
        Letter { to: Actor(to), way, message: Message { sender: LEDGERS + own.0, number } }
    };
    let one_of = |ways: &[u64]| ways[(place % ways.len() as u64) as usize];
    let other = (own.0 + 1) % 2;
    match Mood::of(cause) {
        Mood::Forwarding => vec![letter(0, (own.0 + 1) % 3, Way::Forward, 0)],
        _ if is_letter(cause) => Vec::new(),
        Mood::Telling | Mood::Failing | Mood::Refusing => vec![letter(0, other, Way::Tell, 0)],
        Mood::Asking => vec![letter(0, other, Way::Ask, one_of(&ASKED))],
        Mood::Hurrying => {
            let patience = Duration::from_secs(one_of(&PATIENCE));
            vec![letter(0, other, Way::AskFor(patience), one_of(&HURRIED))]
        }
        Mood::Scattering => (0..SCATTERED.0 + place % SCATTERED.1)
            .map(|nth| {
                let is_ask = nth % SCATTERED_ASKS == SCATTERED_ASKS - 1;
                let way = if is_ask { Way::Ask } else { Way::Tell };
                letter(nth, (nth % u64::from(SCATTERED_AMONG)) as u32, way, 0)
            })
            .collect(),
        Mood::Fair | Mood::Slow | Mood::Promising => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_count_up_and_are_known_as_such() {
        let cause = |number| Message { sender: 6, number };
        let sent: Vec<_> = (1..=130)
            .flat_map(|number| letters(Actor(0), number, cause(number)))
            .map(|letter| letter.message)
            .collect();
        assert!(sent.is_sorted_by(|a, b| a.number < b.number));
        assert!(sent.into_iter().all(is_letter));
    }

    #[test]
    fn one_message_of_a_sender_scatters_more_than_fits_in_one_transaction() {
        let all = (1..=130).map(|number| Message { sender: 10, number });
        let mut scattering = all.filter(|message| Mood::of(*message) == Mood::Scattering);
        let cause = scattering.next().expect("one scatters");
        assert_eq!(scattering.next(), None);
        assert!((120..=200).contains(&letters(Actor(0), 80, cause).len()));
    }
}
