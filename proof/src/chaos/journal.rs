//! What is written down while it happens.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tokio::time::Instant;

use super::plan::{Deed, Whom};
use crate::history::{Answer, Event, History};

/// The file with what is worth reading when something went wrong.
const NOTES: &str = "journal.jsonl";

/// The history of the calls, the faults in between, and how many of each there
/// were.
pub(super) struct Journal {
    began: Instant,
    pages: Mutex<Pages>,
}

struct Pages {
    history: History,
    tally: Tally,
    notes: BufWriter<File>,
}

/// How often what happened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Calls that were begun.
    pub(super) sent: u64,
    /// Tells that were answered with OK.
    pub(super) acknowledged: u64,
    /// Asks that were answered by the actor.
    pub(super) replied: u64,
    /// Calls that ended with the word that their message is stored.
    pub(super) queued: u64,
    /// Calls that ended with the word that their message is not stored.
    pub(super) refused: u64,
    /// Calls after which nobody knows.
    pub(super) unknown: u64,
    /// Gateways that were killed.
    pub(super) gateways_killed: u64,
    /// Processes of the actors that were killed.
    pub(super) actors_killed: u64,
    /// Processes that were frozen.
    pub(super) frozen: u64,
    /// Clocks that were moved.
    pub(super) shifted: u64,
    /// How far a clock was ahead at most.
    pub(super) furthest_ahead: Duration,
}

/// A line of the notes.
#[derive(Serialize)]
struct Note<'a> {
    /// Microseconds since the beginning, as in the history.
    at: u64,
    /// The true time, in milliseconds since 1970; the clocks in logs are moved.
    time_ms: u128,
    who: &'a str,
    what: &'a str,
}

impl Journal {
    /// An empty one, whose notes are in a file in a folder.
    pub(super) fn begin(folder: &Path) -> io::Result<Self> {
        let notes = BufWriter::new(File::create(folder.join(NOTES))?);
        let pages = Pages { history: History::default(), tally: Tally::default(), notes };
        Ok(Self { began: Instant::now(), pages: Mutex::new(pages) })
    }

    /// Microseconds since the beginning.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).expect("it is not 500,000 years")
    }

    /// Adds to the history.
    pub(super) fn record(&self, event: Event) {
        let mut pages = self.pages();
        pages.tally.count(&event);
        pages.history.push(event);
    }

    /// Notes something for whoever searches for a cause.
    pub(super) fn note(&self, who: &str, what: &str) {
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let note = Note { at: self.now(), time_ms: time.as_millis(), who, what };
        let line = serde_json::to_string(&note).expect("a note is JSON");
        // A disk that is full shows elsewhere.
        let _ = writeln!(self.pages().notes, "{line}");
    }

    /// Notes and counts what was done to a process.
    pub(super) fn fault(&self, whom: Whom, who: &str, deed: Deed) {
        self.pages().tally.count_fault(whom, deed);
        let what = match deed {
            Deed::Kill => "killed".to_owned(),
            Deed::Freeze(length) => format!("frozen for {length:.1?}"),
            Deed::Shift(ms) => format!("clock at {ms:+} ms"),
        };
        self.note(who, &what);
    }

    /// The counts until now.
    pub(super) fn tally(&self) -> Tally {
        self.pages().tally
    }

    /// The history until now. The notes are all in their file then.
    pub(super) fn history(&self) -> io::Result<History> {
        let mut pages = self.pages();
        pages.notes.flush()?;
        Ok(pages.history.clone())
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        // Nothing that is done under the lock can panic half-way.
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    /// Calls that ended.
    pub(super) fn ended(&self) -> u64 {
        self.acknowledged + self.replied + self.queued + self.refused + self.unknown
    }

    fn count(&mut self, event: &Event) {
        let counter = match event {
            Event::Sent { .. } => &mut self.sent,
            Event::Answered { answer, .. } => match answer {
                Answer::Acknowledged => &mut self.acknowledged,
                Answer::Replied(_) => &mut self.replied,
                Answer::Queued => &mut self.queued,
                Answer::Refused => &mut self.refused,
                Answer::Unknown => &mut self.unknown,
            },
            _ => return,
        };
        *counter += 1;
    }

    fn count_fault(&mut self, whom: Whom, deed: Deed) {
        match (deed, whom) {
            (Deed::Kill, Whom::Gateway) => self.gateways_killed += 1,
            (Deed::Kill, _) => self.actors_killed += 1,
            (Deed::Freeze(_), _) => self.frozen += 1,
            (Deed::Shift(ms), _) => {
                self.shifted += 1;
                let ahead = Duration::from_millis(ms.max(0).unsigned_abs());
                self.furthest_ahead = self.furthest_ahead.max(ahead);
            }
        }
    }
}
