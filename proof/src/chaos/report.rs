//! What is printed: progress, and in the end what was found.

use std::convert::Infallible;
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, interval_at};

use super::journal::{Journal, Tally};
use super::ledgers::Ledgers;
use super::{Error, Result};
use crate::history::{Breach, History, Verdict};

/// How often progress is printed.
pub(super) const PROGRESS: Duration = Duration::from_secs(5);

/// What a Rust program says of its own defects.
const PANIC: &str = "panicked at";

/// Prints how far it is, until the future is dropped; it ends with an error alone.
pub(super) async fn progress(journal: &Journal, ledgers: &Ledgers<'_>) -> Error {
    match print_forever(journal, ledgers).await {
        Err(error) => error,
        Ok(never) => match never {},
    }
}

async fn print_forever(journal: &Journal, ledgers: &Ledgers<'_>) -> Result<Infallible> {
    let began = Instant::now();
    let mut ticks = interval_at(began + PROGRESS, PROGRESS);
    loop {
        ticks.tick().await;
        let effects = ledgers.count().await?;
        let tally = journal.tally();
        let (seconds, kills) = (began.elapsed().as_secs(), tally.kills());
        let Tally { sent, frozen, shifted, .. } = tally;
        let ended = tally.ended();
        println!(
            "{seconds:>4} s  {sent} sent, {ended} ended, {effects} effects; \
             {kills} kills, {frozen} freezes, {shifted} clock shifts"
        );
    }
}

/// Prints how many messages are to be processed yet.
pub(super) fn waiting(since: Duration, messages: usize) {
    println!("{:>4} s  {messages} messages wait", since.as_secs());
}

/// What was found.
pub(super) struct Report {
    seed: u64,
    tally: Tally,
    verdict: Verdict,
    took: Option<Duration>,
    checks: Vec<Check>,
}

struct Check {
    passed: bool,
    what: String,
}

impl Report {
    /// Holds a complete history against the promises, and looks into the logs.
    pub(super) fn new(
        seed: u64,
        tally: Tally,
        history: &History,
        took: Option<Duration>,
        max: Duration,
        ended_unasked: u64,
        folder: &Path,
    ) -> Result<Self> {
        let verdict = history.check();
        let mut checks: Vec<_> = Breach::ALL
            .into_iter()
            .map(|breach| {
                let count = verdict.summary.count(breach);
                Check { passed: count == 0, what: format!("{count} {breach}") }
            })
            .collect();
        let mut check = |passed, what: String| checks.push(Check { passed, what });
        let seconds = max.as_secs();
        check(took.is_some(), format!("all that was stored is processed within {seconds} s"));
        check(
            ended_unasked == 0,
            format!("{ended_unasked} gateways ended although nobody killed them"),
        );
        let panics = panics(folder)?;
        check(panics == 0, format!("{panics} panics in the logs"));
        let is_empty = verdict.summary.effects == 0 || tally.replied == 0 || tally.faults() == 0;
        check(!is_empty, "there were replies, effects and faults".to_owned());
        Ok(Self { seed, tally, verdict, took, checks })
    }

    /// Whether every check passed.
    pub(super) fn is_clean(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }
}

fn panics(folder: &Path) -> Result<usize> {
    let mut panics = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            let log = fs::read(path)?;
            panics += String::from_utf8_lossy(&log).matches(PANIC).count();
        }
    }
    Ok(panics)
}

impl Tally {
    fn kills(&self) -> u64 {
        self.gateways_killed + self.actors_killed
    }

    fn faults(&self) -> u64 {
        self.kills() + self.frozen + self.shifted
    }
}

/// A table, the checks, the verdict's line, and `N passed, M failed`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { sent, acknowledged, replied, queued, refused, unknown, .. } = self.tally;
        let Tally { gateways_killed, actors_killed, frozen, shifted, .. } = self.tally;
        let took = match self.took {
            Some(took) => format!("{:.1} s", took.as_secs_f64()),
            None => "never".to_owned(),
        };
        let rows = [
            ("calls", sent.to_string()),
            ("  tells acknowledged", acknowledged.to_string()),
            ("  asks replied to", replied.to_string()),
            ("  told only that it is stored", queued.to_string()),
            ("  told that it is not stored", refused.to_string()),
            ("  told nothing certain", unknown.to_string()),
            ("effects", self.verdict.summary.effects.to_string()),
            ("gateways killed", gateways_killed.to_string()),
            ("actor processes killed", actors_killed.to_string()),
            ("processes frozen", frozen.to_string()),
            ("clocks moved", shifted.to_string()),
            ("all processed after", took),
        ];
        writeln!(f)?;
        for (name, value) in rows {
            writeln!(f, "{name:<30}{value:>10}")?;
        }
        writeln!(f)?;
        for Check { passed, what } in &self.checks {
            writeln!(f, "{}  {what}", if *passed { "ok  " } else { "FAIL" })?;
        }
        let passed = self.checks.iter().filter(|check| check.passed).count();
        let failed = self.checks.len() - passed;
        write!(f, "\nseed {}: {}\n{passed} passed, {failed} failed", self.seed, self.verdict)
    }
}
