//! What a retry policy may say.

use std::time::Duration;

use crate::pb::{Exhausted, RetryPolicy};

/// The longest wait between two attempts.
const LONGEST_MAX: Duration = Duration::from_secs(3_600);

/// The shortest first wait.
const FIRST_MIN: Duration = Duration::from_millis(1);

/// The wait after the first failure where none is set.
const FIRST_DEFAULT: Duration = Duration::from_millis(200);

/// By how much a wait may grow.
const FACTORS: std::ops::RangeInclusive<f64> = 1.0..=10.0;

/// What is wrong with a policy, and what to do about it.
pub(super) fn error(policy: &RetryPolicy) -> Option<(String, &'static str)> {
    let delay = |delay: &Option<prost_types::Duration>| {
        delay.map(|delay| Duration::try_from(delay).unwrap_or(Duration::ZERO))
    };
    let (first, longest) = (delay(&policy.first_delay), delay(&policy.longest_delay));
    if first.is_some_and(|first| !(FIRST_MIN..=LONGEST_MAX).contains(&first)) {
        return Some((
            "`first_delay` of the retry policy is out of range".to_owned(),
            "set it to 1 ms to 1 h: `first_delay: { nanos: 200000000 }` are 200 ms",
        ));
    }
    let shortest = first.unwrap_or(FIRST_DEFAULT);
    if longest.is_some_and(|longest| !(shortest..=LONGEST_MAX).contains(&longest)) {
        return Some((
            "`longest_delay` of the retry policy is out of range".to_owned(),
            "set it to at least `first_delay` (200 ms where that is not set) and at most 1 h: \
             `longest_delay: { seconds: 60 }`",
        ));
    }
    if policy.factor != 0.0 && !FACTORS.contains(&policy.factor) {
        let message = format!("`factor` of the retry policy is {}", policy.factor);
        return Some((message, "set it to 1 to 10"));
    }
    if Exhausted::try_from(policy.exhausted).is_err() {
        let message = format!("`exhausted` of the retry policy is {}", policy.exhausted);
        return Some((message, "set it to EXHAUSTED_DEAD_LETTER or EXHAUSTED_SUSPEND"));
    }
    None
}
