//! The kinds of violations, one for each promise.

use std::fmt;

/// A kind of [`Violation`]; its variants have the same names.
///
/// [`Violation`]: super::Violation
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Breach {
    /// A message that was stored never took effect.
    Lost,
    /// A message took effect more than once.
    Doubled,
    /// Messages took effect in another order than they were sent in.
    Reordered,
    /// An activation committed after a later one had committed.
    FencedLate,
    /// One message has two different replies.
    DoublyAnswered,
    /// A reply cannot be right.
    WronglyAnswered,
    /// An effect must not be.
    Unwarranted,
    /// A call was never answered.
    Unended,
    /// The history contradicts itself.
    Misrecorded,
}

impl Breach {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Lost,
        Self::Doubled,
        Self::Reordered,
        Self::FencedLate,
        Self::DoublyAnswered,
        Self::WronglyAnswered,
        Self::Unwarranted,
        Self::Unended,
        Self::Misrecorded,
    ];
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Doubled => "doubled",
            Self::Reordered => "reordered",
            Self::FencedLate => "fenced late",
            Self::DoublyAnswered => "doubly answered",
            Self::WronglyAnswered => "wrongly answered",
            Self::Unwarranted => "unwarranted",
            Self::Unended => "unended",
            Self::Misrecorded => "misrecorded",
        })
    }
}
