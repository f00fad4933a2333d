//! What a run has done, counted for the gateway's metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callboard_mailbox::Sequence;
use callboard_mailbox::clock::{Timestamp, millis};
use callboard_mailbox::commit::Commit;
use callboard_mailbox::drain::Run;
use callboard_proto::pb::{HandlerStats, RequestUnits, RunStats};

/// The most values of each list. They go with the result of the run.
const VALUES_MAX: usize = 2_000;

/// What was counted so far.
#[derive(Debug, Default)]
pub(crate) struct Stats(RunStats);

impl Stats {
    /// A message is handled now.
    pub(crate) fn begun(&mut self, run: &Run, now: Timestamp) {
        if run.attempt > 1 {
            self.0.retries = self.0.retries.saturating_add(1);
        } else if self.0.waited_ms.len() < VALUES_MAX {
            let deliverable = run.at.unwrap_or_default().max(run.message.sent_at);
            let waited = millis(now.since(deliverable));
            self.0.waited_ms.push(u32::try_from(waited).unwrap_or(u32::MAX));
        }
    }

    /// Its handler has ended, with a failure of this kind if it is tried again.
    pub(crate) fn handled(&mut self, run: &Run, failure: Option<&str>, took: Duration) {
        let error_type = failure.unwrap_or_default();
        let handlers = &mut self.0.handlers;
        let count: usize = handlers.iter().map(|handler| handler.took_us.len()).sum();
        if count >= VALUES_MAX {
            return;
        }
        let took = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        let method = &run.message.method;
        let known = handlers
            .iter_mut()
            .find(|handler| handler.method == *method && handler.error_type == error_type);
        match known {
            Some(known) => known.took_us.push(took),
            None => handlers.push(HandlerStats {
                method: method.clone(),
                error_type: error_type.to_owned(),
                took_us: vec![took],
            }),
        }
    }

    /// What it has done so far is committed; `before` is where the log's head was.
    pub(crate) fn committed(&mut self, commit: &Commit, before: Sequence) {
        let messages = commit.head.0.saturating_sub(before.0) + commit.consumed.len() as u64;
        if messages > 0 && self.0.drained.len() < VALUES_MAX {
            self.0.drained.push(u32::try_from(messages).unwrap_or(u32::MAX));
        }
        let dead = u32::try_from(commit.dead_letters.len()).unwrap_or(u32::MAX);
        self.0.dead_letters = self.0.dead_letters.saturating_add(dead);
    }

    /// All of it.
    pub(crate) fn told(self) -> RunStats {
        self.0
    }
}

/// The units of the database that this process has consumed and not told yet. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Units(Arc<Mutex<Consumed>>);

/// By operation and table.
type Consumed = BTreeMap<(&'static str, String), f64>;

impl Units {
    /// A request has consumed some.
    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "requests are not watched"))]
    pub(crate) fn add(&self, operation: &'static str, table: &str, units: f64) {
        let mut consumed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *consumed.entry((operation, table.to_owned())).or_default() += units;
    }

    /// All of it, to be told now.
    pub(crate) fn told(&self) -> Vec<RequestUnits> {
        let consumed = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let told = |((operation, table), units): ((&str, String), f64)| RequestUnits {
            operation: operation.to_owned(),
            table,
            units,
        };
        consumed.into_iter().map(told).collect()
    }
}
