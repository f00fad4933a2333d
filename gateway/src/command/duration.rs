//! Durations as they are written in settings: `30s`, `5m`, `1h 30m`.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Shorthands for bounds.
pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A day, for bounds.
pub(crate) const DAY: Duration = seconds(24 * 3_600);

/// Reads a duration within bounds.
pub(crate) fn within(
    range: RangeInclusive<Duration>,
) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static {
    move |text| match humantime::parse_duration(text) {
        Ok(duration) if range.contains(&duration) => Ok(duration),
        Ok(_) => {
            let write = humantime::format_duration;
            Err(format!("it is not within {} and {}", write(*range.start()), write(*range.end())))
        }
        Err(error) => Err(format!("{error}; write a number and a unit: 500ms, 30s, 5m, 2h, 7d")),
    }
}

/// As [`within`], and zero besides.
pub(crate) fn zero_or_within(
    range: RangeInclusive<Duration>,
) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static {
    let within = within(range);
    move |text| match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Ok(Duration::ZERO),
        _ => within(text).map_err(|error| format!("{error} (0s is taken, too)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit_and_bounds() {
        let read = within(seconds(1)..=seconds(3_600));
        assert_eq!(read("30s"), Ok(seconds(30)));
        assert_eq!(read("1m 30s"), Ok(seconds(90)));
        assert_eq!(read("1h"), Ok(seconds(3_600)));
        for (text, word) in [
            ("30", "unit"),
            ("", "empty"),
            ("-1s", "number"),
            ("0s", "not within 1s and 1h"),
            ("61m", "not within 1s and 1h"),
            ("1lightyear", "unit"),
            ("99999999999999999999s", "large"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn zero_may_be_taken_besides() {
        let read = zero_or_within(seconds(1)..=seconds(3_600));
        assert_eq!(read("0s"), Ok(Duration::ZERO));
        assert_eq!(read("1s"), Ok(seconds(1)));
        assert!(read("999ms").expect_err("too short").contains("0s"));
    }
}
