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

/// The message that scatters. In two of three seeds its sender is one of the hasty
/// ones, who alone send as many messages.
const SCATTERING: Message = Message { sender: 10, number: 77 };

impl Mood {
    /// How a message is taken.
    pub(super) fn of(message: Message) -> Self {
        if letter::is_letter(message) {
            return letter::mood(message);
        }
        match message.number {
            _ if message == SCATTERING => Self::Scattering,
            number if number % 89 == 40 => Self::Slow,
            number if number % 43 == 20 => Self::Failing,
            number if number % 31 == 9 => Self::Refusing,
            number if number % 14 == 3 => Self::Telling,
            number if number % 29 == 5 => Self::Asking,
            number if number % 37 == 7 => Self::Hurrying,
            number if number % 29 == 12 => Self::Forwarding,
            number if number % 23 == 8 => Self::Promising,
            _ => Self::Fair,
        }
    }
}
