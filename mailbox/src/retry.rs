//! How long a mailbox waits after a failed message.

use std::time::Duration;

/// Exponential back-off with full jitter, as in
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>,
/// but never below half of the step, so that a failing dependency gets air.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The wait after the first failure.
    pub first: Duration,
    /// By how much each further wait grows; at least 1.
    pub factor: f64,
    /// The longest wait.
    pub longest: Duration,
}

/// What becomes of a message that failed in all of its attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Exhausted {
    /// It is set aside, and the next message runs.
    #[default]
    DeadLetter,
    /// The mailbox is paused until somebody resumes it: order is kept.
    Suspend,
}

/// How often a message is tried, and what then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attempts {
    /// The most attempts; `None` for no end.
    pub most: Option<u32>,
    /// What becomes of the message after the last one.
    pub then: Exhausted,
}

impl Default for Attempts {
    /// With the default waits these are about twelve minutes: longer than most
    /// outages of what a handler calls, shorter than anybody's patience.
    fn default() -> Self {
        Self { most: Some(20), then: Exhausted::default() }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(200), factor: 2.0, longest: Duration::from_secs(60) }
    }
}

impl Backoff {
    /// The wait after failure number `attempt`, counted from 1. `random` is
    /// between 0 and 1.
    #[must_use]
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let steps = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let wait = self.first.as_secs_f64() * self.factor.max(1.0).powi(steps);
        let wait = wait.min(self.longest.as_secs_f64());
        Duration::from_secs_f64(wait * (0.5 + random.clamp(0.0, 1.0) / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_by_the_factor_up_to_the_longest() {
        let backoff = Backoff::default();
        let waits: Vec<_> =
            [1, 2, 3, 30, u32::MAX].map(|attempt| backoff.delay(attempt, 1.0).as_millis()).into();
        assert_eq!(waits, [200, 400, 800, 60_000, 60_000]);
        assert_eq!(backoff.delay(1, 0.0), Duration::from_millis(100));
    }
}
