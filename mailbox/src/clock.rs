//! Timestamps. The protocol reads no clock: time comes in as an argument.
//!
//! Times are compared across machines, so they only ever decide who tries
//! next. Safety rests on the epoch alone, whatever the clocks say.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

/// Where a caller of the protocol gets the time from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A duration in whole milliseconds, or the most that there are.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Timestamp {
    /// This time plus `duration`, or the latest time there is.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// This time less `duration`, or 1970.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// How long it is from `earlier` to this time; zero if it is not later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This time rounded up to a multiple of `step`.
    #[must_use]
    pub fn round_up(self, step: Duration) -> Self {
        let step = millis(step).max(1);
        Self(self.0.div_ceil(step).saturating_mul(step))
    }

    /// Whole seconds since the Unix epoch, as DynamoDB's `ttl` wants them.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0 / 1_000
    }
}

impl From<SystemTime> for Timestamp {
    /// A time before 1970 counts as 1970.
    fn from(time: SystemTime) -> Self {
        Self(0).plus(time.duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> Self {
        UNIX_EPOCH + Duration::from_millis(timestamp.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_up_keeps_a_multiple_as_it_is() {
        let minute = Duration::from_secs(60);
        assert_eq!(Timestamp(60_000).round_up(minute), Timestamp(60_000));
        assert_eq!(Timestamp(60_001).round_up(minute), Timestamp(120_000));
        assert_eq!(Timestamp(7).round_up(Duration::ZERO), Timestamp(7));
    }
}
