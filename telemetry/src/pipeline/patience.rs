//! How long somebody waits for a collector that does not answer: after a few failures not at
//! all, but for a try now and then.

use std::time::Duration;

use tokio::time::Instant;

/// How many failures in a row it takes until nobody waits.
const FAILURES_MAX: u32 = 2;

/// The wait between tries after that, at first; it doubles with each.
const WAIT_FIRST: Duration = Duration::from_secs(1);

/// The longest wait between tries.
const WAIT_LONGEST: Duration = Duration::from_secs(60);

/// The wait after so many failures in a row.
pub(super) fn wait(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    WAIT_FIRST.saturating_mul(1 << doublings).min(WAIT_LONGEST)
}

/// What is known of a collector by whoever may have to wait for it.
#[derive(Debug, Default)]
pub(super) struct Patience {
    failures: u32,
    next_try: Option<Instant>,
}

impl Patience {
    /// Whether to wait now. A yes after failures is one try: the next one is later.
    pub(super) fn try_now(&mut self, now: Instant) -> bool {
        if self.failures < FAILURES_MAX {
            return true;
        }
        if self.next_try.is_some_and(|next| now < next) {
            return false;
        }
        self.next_try = Some(now + wait(self.failures - FAILURES_MAX + 1));
        true
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    pub(super) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_MAX {
            self.next_try = Some(now + wait(self.failures - FAILURES_MAX + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_failures_there_is_a_try_now_and_then() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut patience = Patience::default();
        assert!(patience.try_now(at(0)));
        patience.failed(at(0));
        assert!(patience.try_now(at(0)), "one failure is an accident");
        patience.failed(at(0));
        assert!(!patience.try_now(at(0)));
        assert!(patience.try_now(at(1)));
        assert!(!patience.try_now(at(1)), "one try at a time");
        patience.failed(at(1));
        assert!(!patience.try_now(at(2)), "the waits grow");
        assert!(patience.try_now(at(3)));
        patience.succeeded();
        assert!(patience.try_now(at(3)));
    }

    #[test]
    fn waits_are_bounded() {
        assert_eq!(wait(1), Duration::from_secs(1));
        assert_eq!(wait(3), Duration::from_secs(4));
        assert_eq!(wait(u32::MAX), WAIT_LONGEST);
    }
}
