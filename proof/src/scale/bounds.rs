//! What must hold for any number of gateways. `docs/scale.md` derives each of these bounds.

use callboard_gateway::Settings;
use callboard_mailbox::limits::DUE_SHARDS;

use super::Outcome;
use super::tally::Kind;

/// A bound, and what was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// Of what.
    pub what: String,
    /// What it is.
    pub is: f64,
    /// What it may be at most.
    pub most: f64,
}

impl Bound {
    /// Whether it is kept.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.is <= self.most
    }
}

/// All bounds of a run.
#[must_use]
pub fn of(outcome: &Outcome) -> Vec<Bound> {
    let Outcome { plan, tally, took, left, .. } = outcome;
    let gateways = f64::from(plan.gateways);
    let seconds = took.as_secs_f64();
    // The first sweep comes at once.
    let sweeps = seconds / Settings::default().sweep_period.as_secs_f64() + 1.0;
    let all = tally.all();
    let mut bounds = Vec::new();
    let mut bound = |what: &str, is: f64, most: f64| {
        bounds.push(Bound { what: what.to_owned(), is, most });
    };

    bound("actors that never come to rest", *left as f64, 0.0);
    let unhandled = all.acknowledged.saturating_sub(all.handled);
    bound("messages acknowledged and not handled", unhandled as f64, 0.0);
    bound("messages handled twice", all.handled.saturating_sub(all.sent) as f64, 0.0);
    let queries = f64::from(DUE_SHARDS) * gateways * sweeps / seconds;
    bound("sweep queries a second", tally.sweep_queries as f64 / seconds, queries);
    // Each lease makes the record due once, and so does the delay of a message.
    let dues = (all.granted + tally.kind(Kind::Delayed).sent) as f64;
    bound("entries of the index read by sweeps", tally.swept as f64, 2.0 * gateways * dues);
    for (kind, conflicts, refused, empty) in [
        (Kind::Calm, 0.1, 0.1, 0.01),
        (Kind::Busy, 5.0, 2.0, 1.0),
        (Kind::Failing, 0.1, 2.0 * gateways, 1.0),
        (Kind::Delayed, 0.0, 2.0 * gateways, 1.0),
    ] {
        let counts = tally.kind(kind);
        let mut a_message = |what: &str, is: u64, most: f64| {
            let what = format!("{what} a {} message", kind.name());
            bound(&what, counts.per_message(is), most);
        };
        a_message("append conflicts", counts.conflicts, conflicts);
        a_message("refused wakes", counts.refused, refused);
        a_message("empty runs", counts.empty, empty);
    }
    let calm = tally.kind(Kind::Calm);
    bound("writes a calm message", calm.per_message(calm.writes), 3.0 + gateways);
    bound("reads a calm message", calm.per_message(calm.reads), 4.0 + 2.0 * gateways);
    bounds
}
