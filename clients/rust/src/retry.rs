//! When a call is tried again.

use std::time::Duration;

use tonic::Code;

use crate::error::Error;

/// By which part the wait that an error asks for is prolonged at most, so that
/// all who were refused do not come back at once.
const JITTER: f64 = 0.2;

/// How a call is tried again.
///
/// That happens only after UNAVAILABLE, and after errors that say when to come
/// again (`google.rpc.RetryInfo`), with the same message id, and not beyond the
/// call's deadline. It never happens after DEADLINE_EXCEEDED.
///
/// ```
/// use callboard_client::RetryPolicy;
///
/// let patient = RetryPolicy { attempts: 10, ..RetryPolicy::default() };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many attempts there are at most, the first one included; 0 counts as
    /// 1. Default: 5.
    pub attempts: u32,
    /// What bounds the first wait, which is chosen at random between nothing and
    /// this; each further bound is twice the one before. Default: 100 ms.
    pub base: Duration,
    /// The largest bound. Default: 2 s.
    ///
    /// When an error says how long to wait, the wait is that, and up to a fifth
    /// more, instead.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 5, base: Duration::from_millis(100), cap: Duration::from_secs(2) }
    }
}

impl RetryPolicy {
    /// A single attempt.
    #[must_use]
    pub fn never() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// How long to wait after an attempt, counted from 1, that failed; `None`
    /// when there must be no further one. `random` is in [0, 1).
    pub(crate) fn wait(&self, attempt: u32, failed: &Error, random: f64) -> Option<Duration> {
        if attempt >= self.attempts || !is_retryable(failed) {
            return None;
        }
        if let Some(delay) = failed.retry_delay() {
            return Some(delay.mul_f64(1.0 + JITTER * random));
        }
        let doubled = 2_u32.saturating_pow(attempt - 1);
        Some(self.base.saturating_mul(doubled).min(self.cap).mul_f64(random))
    }
}

/// Whether the same message may be sent again as it is, and may then succeed.
pub(crate) fn is_retryable(failed: &Error) -> bool {
    match failed.code() {
        Code::DeadlineExceeded => false,
        Code::Unavailable => true,
        _ => failed.retry_delay().is_some(),
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;
    use tonic_types::{ErrorDetails, StatusExt};

    use super::*;

    fn asking_for(code: Code, delay: Duration) -> Error {
        let details = ErrorDetails::with_retry_info(Some(delay));
        Error::from(Status::with_error_details(code, "", details))
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let policy = RetryPolicy { attempts: 100, ..RetryPolicy::default() };
        let failed = Error::from(Status::unavailable(""));
        for (attempt, bound) in [(1, 100), (2, 200), (3, 400), (5, 1_600), (6, 2_000), (99, 2_000)]
        {
            let wait = |random| policy.wait(attempt, &failed, random);
            assert_eq!(wait(0.0), Some(Duration::ZERO));
            assert_eq!(wait(0.5), Some(Duration::from_millis(bound / 2)), "{attempt}");
        }
    }

    #[test]
    fn the_last_attempt_is_the_last() {
        let failed = Error::from(Status::unavailable(""));
        assert!(RetryPolicy::default().wait(4, &failed, 0.5).is_some());
        assert_eq!(RetryPolicy::default().wait(5, &failed, 0.5), None);
        assert_eq!(RetryPolicy::never().wait(1, &failed, 0.5), None);
    }

    #[test]
    fn a_delay_that_is_asked_for_is_kept_and_prolonged_by_a_fifth_at_most() {
        let failed = asking_for(Code::ResourceExhausted, Duration::from_secs(10));
        let wait = |random| RetryPolicy::default().wait(1, &failed, random);
        assert_eq!(wait(0.0), Some(Duration::from_secs(10)));
        assert_eq!(wait(0.5), Some(Duration::from_secs(11)));
    }

    #[test]
    fn other_errors_are_not_tried_again() {
        for code in [Code::Internal, Code::ResourceExhausted, Code::Aborted, Code::Cancelled] {
            let failed = Error::from(Status::new(code, ""));
            assert_eq!(RetryPolicy::default().wait(1, &failed, 0.5), None, "{code:?}");
        }
        let late = asking_for(Code::DeadlineExceeded, Duration::from_millis(1));
        assert_eq!(RetryPolicy::default().wait(1, &late, 0.5), None);
    }
}
