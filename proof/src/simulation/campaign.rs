//! Many seeds, on all processors.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::{Crashes, Deeds, Outcome, Tally};

/// How often each crash point is hit in a run of many seeds, and how often actors
/// do each of what they do to each other, at least.
pub const HITS_MIN: u64 = 100;

/// What came of many seeds.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Seeds that kept all promises.
    pub passed: u64,
    /// Seeds that broke one.
    pub failed: u64,
    /// Messages that were sent.
    pub messages: u64,
    /// How long the seeds took in their own time, together.
    pub took: Duration,
    /// The longest time until all was quiet, once nothing went wrong any more.
    pub quiet_after: Duration,
    /// How long they took in ours.
    pub elapsed: Duration,
    /// Where processes crashed.
    pub crashes: Crashes,
    /// What else happened.
    pub tally: Tally,
    /// What the actors did to each other.
    pub deeds: Deeds,
}

impl Totals {
    fn add(&mut self, outcome: &Outcome) {
        match outcome.wrong.is_empty() {
            true => self.passed += 1,
            false => self.failed += 1,
        }
        self.messages += outcome.messages;
        self.took += outcome.took;
        self.quiet_after = self.quiet_after.max(outcome.quiet_after);
        self.crashes.add(&outcome.crashes);
        self.tally.add(&outcome.tally);
        self.deeds.add(&outcome.deeds);
    }

    /// The crash points that were hit, and what actors did to each other, less often
    /// than it should be.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        let seldom = |(name, hits)| (hits < HITS_MIN).then_some(name);
        self.crashes.by_point().chain(self.deeds.by_name()).filter_map(seldom).collect()
    }
}

/// Runs each seed of a range, on as many threads as asked for. `each` sees every
/// outcome, in the order in which they come.
pub fn run(seeds: Range<u64>, threads: usize, mut each: impl FnMut(&Outcome, &Totals)) -> Totals {
    let begun = Instant::now();
    let mut totals = Totals::default();
    let next = AtomicU64::new(seeds.start);
    let (sender, outcomes) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let (next, sender, end) = (&next, sender.clone(), seeds.end);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || sender.send(super::run(seed, false)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for outcome in outcomes {
            totals.add(&outcome);
            totals.elapsed = begun.elapsed();
            each(&outcome, &totals);
        }
    });
    totals.elapsed = begun.elapsed();
    totals
}
