//! What goes wrong with requests on their way.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;

use super::operation::Effect;

/// How likely each fault is, per request that it can befall: from 0 to 1.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    /// It takes most of a time-out, or more than one.
    pub(super) slow: f64,
    /// DynamoDB is over its rate, and did nothing.
    pub(super) throttled: f64,
    /// A transaction holds the item, and nothing was done.
    pub(super) conflict: f64,
    /// A server error, and nothing was done.
    pub(super) failed: f64,
    /// A server error, and it was done.
    pub(super) failed_and_applied: f64,
    /// It never arrives.
    pub(super) lost: f64,
    /// It is applied, and its answer never arrives.
    pub(super) unanswered: f64,
    /// It is applied long after its sender gave up.
    pub(super) late: f64,
    /// A query reads its second half later than its first.
    pub(super) torn: f64,
    /// A read misses an item that is there.
    pub(super) lagging: f64,
    /// Lambda does not take an invocation: its rate, or a server error.
    pub(super) refused: f64,
    /// An invocation runs twice at once.
    pub(super) doubled: f64,
    /// The process is paused, for seconds to minutes.
    pub(super) frozen: f64,
    /// The process's clock jumps.
    pub(super) clock_jump: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            slow: 0.005,
            throttled: 0.008,
            conflict: 0.008,
            failed: 0.003,
            failed_and_applied: 0.003,
            lost: 0.002,
            unanswered: 0.003,
            late: 0.002,
            torn: 0.3,
            lagging: 0.03,
            refused: 0.01,
            doubled: 0.02,
            frozen: 0.000_6,
            clock_jump: 0.000_3,
        }
    }
}

impl Rates {
    /// All of them times `factor`.
    pub(super) fn times(&self, factor: f64) -> Self {
        Self {
            slow: self.slow * factor,
            throttled: self.throttled * factor,
            conflict: self.conflict * factor,
            failed: self.failed * factor,
            failed_and_applied: self.failed_and_applied * factor,
            lost: self.lost * factor,
            unanswered: self.unanswered * factor,
            late: self.late * factor,
            torn: self.torn * factor,
            lagging: self.lagging * factor,
            refused: self.refused * factor,
            doubled: self.doubled * factor,
            frozen: self.frozen * factor,
            clock_jump: self.clock_jump * factor,
        }
    }
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    None,
    Slow,
    Throttled,
    Conflict,
    Failed,
    FailedAndApplied,
    Lost,
    Unanswered,
    Late,
    Torn,
    Lagging,
    Refused,
    Doubled,
}

impl Fault {
    /// Draws what befalls a request.
    pub(super) fn draw(rates: &Rates, effect: Effect, random: &mut Rng) -> Self {
        let own = match effect {
            Effect::Put | Effect::Read => (0.0, Self::None),
            Effect::Update => (rates.conflict, Self::Conflict),
            Effect::Scan => (rates.torn, Self::Torn),
            Effect::LaggingRead => (rates.lagging, Self::Lagging),
            Effect::Invoke => (rates.doubled, Self::Doubled),
        };
        let (over_rate, fails) = match effect {
            Effect::Invoke => ((rates.refused, Self::Refused), (0.0, Self::None)),
            _ => ((rates.throttled, Self::Throttled), (rates.failed, Self::Failed)),
        };
        let faults = [
            own,
            over_rate,
            fails,
            (rates.failed_and_applied, Self::FailedAndApplied),
            (rates.slow, Self::Slow),
            (rates.lost, Self::Lost),
            (rates.unanswered, Self::Unanswered),
            (rates.late, Self::Late),
        ];
        let mut left = random.f64();
        for (rate, fault) in faults {
            if left < rate {
                return fault;
            }
            left -= rate;
        }
        Self::None
    }

    /// How long a request is on its way, to its service and back again.
    pub(super) fn journeys(self, random: &mut Rng) -> (Duration, Duration) {
        let mut millis = |longest: u64| Duration::from_millis(random.u64(1..=longest));
        match self {
            Self::Slow => (millis(2_500), millis(2_500)),
            _ => (millis(12), millis(12)),
        }
    }
}

/// How late a late request is applied: from seconds to ten minutes, the shorter
/// the likelier.
pub(super) fn lateness(random: &mut Rng) -> Duration {
    spread(random, Duration::from_secs(3), Duration::from_secs(600))
}

/// How long a process is frozen.
pub(super) fn freeze(random: &mut Rng) -> Duration {
    spread(random, Duration::from_secs(1), Duration::from_secs(180))
}

/// A length between two, such that each doubling is equally likely.
fn spread(random: &mut Rng, least: Duration, most: Duration) -> Duration {
    least.mul_f64((most.as_secs_f64() / least.as_secs_f64()).powf(random.f64()))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "",
            Self::Slow => "slow",
            Self::Throttled => "throttled",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
            Self::FailedAndApplied => "failed, applied",
            Self::Lost => "lost",
            Self::Unanswered => "unanswered",
            Self::Late => "late",
            Self::Torn => "torn",
            Self::Lagging => "lagging",
            Self::Refused => "refused",
            Self::Doubled => "doubled",
        })
    }
}
