//! What operators read of who was refused, and why. Never a key, a token or an actor's
//! key; and not more lines than a disk can take, however many are refused.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most lines in a period.
const LINES_MAX: u64 = 20;

/// The period.
const PERIOD: Duration = Duration::from_secs(1);

/// Counts lines.
#[derive(Debug, Default)]
pub(crate) struct Lines(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    since: Option<Instant>,
    asked: u64,
}

impl Lines {
    /// Whether a further line may be written.
    pub(crate) fn has_room(&self, now: Instant) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |since: Instant| now.duration_since(since) >= PERIOD;
        if counted.since.is_none_or(is_over) {
            let left_out = counted.asked.saturating_sub(LINES_MAX);
            if left_out > 0 {
                tracing::warn!(left_out, "more calls were refused than there are lines for");
            }
            *counted = Counted { since: Some(now), asked: 0 };
        }
        counted.asked += 1;
        counted.asked <= LINES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_lines_are_written_in_a_period() {
        let (begin, lines) = (Instant::now(), Lines::default());
        let written = |at| (0..1_000).filter(|_| lines.has_room(at)).count() as u64;
        assert_eq!(written(begin), LINES_MAX);
        assert_eq!(written(begin + PERIOD / 2), 0);
        assert_eq!(written(begin + PERIOD), LINES_MAX);
    }
}
