//! What a check found.

use std::fmt;

use super::answer::Answer;
use super::breach::Breach;
use super::violation::Violation;

/// How many violations of one kind are kept. The first few tell what is wrong,
/// and a flood of one kind must not hide another.
const KEPT_OF_A_BREACH: u64 = 10;

/// What a check found: all that was counted, and the first few violations of
/// each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// All that was counted.
    pub summary: Summary,
    /// The first few violations of each kind.
    pub violations: Vec<Violation>,
}

/// How much of what is in a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Calls that were begun.
    pub calls: u64,
    /// Different messages that they sent.
    pub messages: u64,
    /// Calls that ended with [`Answer::Acknowledged`].
    pub acknowledged: u64,
    /// Calls that ended with [`Answer::Replied`].
    pub replied: u64,
    /// Calls that ended with [`Answer::Queued`].
    pub queued: u64,
    /// Calls that ended with [`Answer::Refused`].
    pub refused: u64,
    /// Calls that ended with [`Answer::Unknown`].
    pub unknown: u64,
    /// Effects in actors.
    pub effects: u64,
    /// Replies that are stored.
    pub replies: u64,
    /// Messages that were set aside.
    pub set_aside: u64,
    breaches: [u64; Breach::ALL.len()],
}

impl Verdict {
    /// Whether every promise was kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.summary.violations() == 0
    }

    pub(super) fn add(&mut self, violation: Violation) {
        let count = &mut self.summary.breaches[violation.breach() as usize];
        *count += 1;
        if *count <= KEPT_OF_A_BREACH {
            self.violations.push(violation);
        }
    }
}

impl Summary {
    /// How many violations of a kind there are.
    #[must_use]
    pub fn count(&self, breach: Breach) -> u64 {
        self.breaches[breach as usize]
    }

    /// How many violations there are in all.
    #[must_use]
    pub fn violations(&self) -> u64 {
        self.breaches.iter().sum()
    }

    pub(super) fn count_answer(&mut self, answer: Answer) {
        *match answer {
            Answer::Acknowledged => &mut self.acknowledged,
            Answer::Replied(_) => &mut self.replied,
            Answer::Queued => &mut self.queued,
            Answer::Refused => &mut self.refused,
            Answer::Unknown => &mut self.unknown,
        } += 1;
    }
}

/// One line: `3 operations: 0 lost, 0 doubled, …`.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} operations", self.calls)?;
        for (index, breach) in Breach::ALL.into_iter().enumerate() {
            let before = if index == 0 { ": " } else { ", " };
            write!(f, "{before}{} {breach}", self.count(breach))?;
        }
        Ok(())
    }
}

/// The summary, what it was made of, and a line for each violation that was
/// kept.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = &self.summary;
        writeln!(f, "{all}")?;
        write!(
            f,
            "{} messages: {} acknowledged, {} replied, {} queued, {} refused, {} unknown; \
             {} effects, {} stored replies, {} set aside",
            all.messages,
            all.acknowledged,
            all.replied,
            all.queued,
            all.refused,
            all.unknown,
            all.effects,
            all.replies,
            all.set_aside
        )?;
        for violation in &self.violations {
            write!(f, "\n{violation}")?;
        }
        let kept = self.violations.len() as u64;
        match all.violations().saturating_sub(kept) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}
