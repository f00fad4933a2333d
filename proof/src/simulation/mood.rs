//! How a ledger takes a message. It is decided by the message's number, so that
//! whoever checks the history knows it too.

use super::letter;
use crate::history::Message;

/// How the ledger takes a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// It writes it down.
    Fair,
    /// It takes its time.
    Slow,
    /// It fails at first, and tells another ledger of it.
    Failing,
    /// It refuses it for good, and what it tells another ledger is undone.
    Refusing,
    /// It tells another ledger of it.
    Telling,
    /// It asks another ledger to record something.
    Asking,
    /// It does so, and waits for a few seconds only.
    Hurrying,
    /// It has another ledger answer.
    Forwarding,
    /// It promises to answer later.
    Promising,
    /// It tells and asks several ledgers more than fits in one transaction.
    Scattering,
}

/// Of the messages with this number, of as many, one scatters in each seed: there
/// are six hasty senders in a row, and no other sends as many messages.
const SCATTERING: (u64, u32) = (77, 6);

impl Mood {
    /// How a message is taken.
    pub(super) fn of(message: Message) -> Self {
        let Message { sender, number } = message;
        if letter::is_letter(message) {
            return letter::mood(message);
        }
        match number {
            number if number == SCATTERING.0 && sender.is_multiple_of(SCATTERING.1) => {
                Self::Scattering
            }
            number if number % 89 == 40 => Self::Slow,
            number if number % 43 == 20 => Self::Failing,
            number if number % 31 == 9 => Self::Refusing,
            number if number % 14 == 3 => Self::Telling,
            number if number % 21 == 5 => Self::Asking,
            number if number % 23 == 7 => Self::Hurrying,
            number if number % 19 == 12 => Self::Forwarding,
            number if number % 17 == 8 => Self::Promising,
            _ => Self::Fair,
        }
    }
}
