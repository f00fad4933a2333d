//! What a recorded history of sends, effects and replies proves.
//!
//! A proof lets many senders loose on many actors and breaks things meanwhile.
//! Then it waits until all is quiet and reads what the actors have committed.
//! What it saw is a [`History`]: a list of [`Event`]s, in any order.
//! [`History::check`] holds them against Callboard's promises:
//!
//! | breach | what happened |
//! | --- | --- |
//! | lost | a sender was told that its message is stored, and it never took effect |
//! | doubled | a message took effect more than once |
//! | reordered | a message was sent after the answer to another, and took effect before it |
//! | fenced late | an activation committed after a later one had committed |
//! | doubly answered | one message has two different replies |
//! | wrongly answered | a reply without its effect, or not the one of its effect |
//! | unwarranted | an effect of what nobody sent, or of what was refused |
//! | unended | a call was never answered |
//! | misrecorded | the history contradicts itself, so the recorder is wrong |
//!
//! A history that is written to a file has one event in JSON on each line, so
//! that the files of several recorders can be put together.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `message`, `answer`, `event` | what is recorded |
//! | `life`, `lives` | all that happened to each message |
//! | `fate` | the rules about one message |
//! | `order` | the rules about one actor |
//! | `violation`, `breach`, `verdict` | what is found |

mod answer;
mod breach;
mod event;
mod fate;
mod life;
mod lives;
mod message;
mod order;
mod verdict;
mod violation;

use std::io::{self, BufRead, Write};

pub use answer::{Answer, Digest, Reply};
pub use breach::Breach;
pub use event::{Event, Reason};
pub use message::{Actor, Kind, Message};
pub use verdict::{Summary, Verdict};
pub use violation::{Contradiction, Unwarranted, Violation, WrongReply};

use lives::Lives;

/// What happened, as recorders saw it.
///
/// It is to be complete when it is checked: everything that was sent is
/// handled, and what the actors committed is in it. A message that is queued
/// still counts as lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    events: Vec<Event>,
}

/// Why a history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A line is not an event.
    #[error("line {line} is not an event: {source}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file itself cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl History {
    /// Adds what happened.
    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// All that happened, as it was added.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Holds the history against the promises.
    #[must_use]
    pub fn check(&self) -> Verdict {
        let mut verdict = Verdict::default();
        let lives = Lives::gather(&self.events, &mut verdict);
        fate::judge(&lives, &mut verdict);
        order::judge(&lives, &mut verdict);
        verdict
    }

    /// Reads what [`write`](Self::write) wrote. Empty lines mean nothing.
    ///
    /// # Errors
    /// When it cannot be read, or a line is no event.
    pub fn read(lines: impl BufRead) -> Result<Self, ReadError> {
        let mut history = Self::default();
        for (index, line) in lines.lines().enumerate() {
            let line = line?;
            if line.trim().is_empty() {
                continue;
            }
            let event = serde_json::from_str(&line)
                .map_err(|source| ReadError::Line { line: index + 1, source })?;
            history.push(event);
        }
        Ok(history)
    }

    /// Writes each event in JSON on a line of its own. The writer is better
    /// buffered.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write(&self, mut lines: impl Write) -> io::Result<()> {
        for event in &self.events {
            serde_json::to_writer(&mut lines, event)?;
            lines.write_all(b"\n")?;
        }
        lines.flush()
    }
}

impl Extend<Event> for History {
    fn extend<I: IntoIterator<Item = Event>>(&mut self, events: I) {
        self.events.extend(events);
    }
}

impl FromIterator<Event> for History {
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> Self {
        Self { events: events.into_iter().collect() }
    }
}
