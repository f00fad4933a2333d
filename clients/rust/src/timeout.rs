//! How gRPC writes how long a caller waits.

use std::time::Duration;

use http::HeaderValue;

pub(crate) const HEADER: &str = "grpc-timeout";

/// The longest that the gateway keeps; a longer one counts as this.
pub(crate) const MAX: Duration = Duration::from_secs(24 * 3_600);

/// gRPC has eight digits for it.
const DIGITS_MAX: u128 = 99_999_999;

/// At most [`MAX`], and at least a microsecond: none would be no timeout.
pub(crate) fn write(timeout: Duration) -> HeaderValue {
    let timeout = timeout.clamp(Duration::from_micros(1), MAX);
    let text = match timeout.as_micros() {
        micros @ ..=DIGITS_MAX => format!("{micros}u"),
        _ => format!("{}m", timeout.as_millis()),
    };
    HeaderValue::try_from(text).expect("digits and a letter")
}

/// `None` of what is no timeout.
pub(crate) fn read(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount: u64 = digits.parse().ok()?;
    let timeout = match unit {
        "H" => Duration::from_secs(amount.checked_mul(3_600)?),
        "M" => Duration::from_secs(amount.checked_mul(60)?),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    };
    Some(timeout.min(MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_read_as_it_is_written() {
        for (timeout, text) in [
            (Duration::ZERO, "1u"),
            (Duration::from_secs(30), "30000000u"),
            (Duration::from_secs(100), "100000m"),
            (Duration::MAX, "86400000m"),
        ] {
            let value = write(timeout);
            assert_eq!(value, text);
            assert_eq!(read(&value), Some(timeout.clamp(Duration::from_micros(1), MAX)));
        }
    }

    #[test]
    fn every_unit_is_read() {
        for (text, seconds) in [("1H", 3_600), ("2M", 120), ("3S", 3), ("4000m", 4)] {
            assert_eq!(read(&HeaderValue::from_static(text)), Some(Duration::from_secs(seconds)));
        }
        assert_eq!(read(&HeaderValue::from_static("5n")), Some(Duration::from_nanos(5)));
        for text in ["", "5", "S", "5x", "-1S", "99999999999999999999S"] {
            assert_eq!(read(&HeaderValue::from_static(text)), None, "{text}");
        }
    }
}
