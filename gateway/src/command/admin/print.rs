//! What operators read: times, addresses, columns.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use callboard_proto::pb::{self, stored_message::Payload};
use prost_types::Timestamp;

/// `type/key`.
pub(super) fn address(address: Option<&pb::Address>) -> String {
    address.map(|pb::Address { r#type, key }| format!("{type}/{key}")).unwrap_or_default()
}

/// How far a time is away: `12 s ago`, `in 5 min`.
pub(super) fn relative(time: Option<&Timestamp>, now: SystemTime) -> String {
    let Some(time) = time.copied().and_then(|time| SystemTime::try_from(time).ok()) else {
        return "-".to_owned();
    };
    match (now.duration_since(time), time.duration_since(now)) {
        (Ok(ago), _) => format!("{} ago", duration(ago)),
        (_, Ok(later)) => format!("in {}", duration(later)),
        _ => "now".to_owned(),
    }
}

/// A duration in its largest unit.
fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Rows in columns; the last one is as wide as it is.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |n: usize| rows.iter().map(|row| row[n].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// The payload of a message.
pub(super) fn payload(message: &pb::StoredMessage) -> String {
    match &message.payload {
        Some(Payload::Json(json)) => json.clone(),
        Some(Payload::Encoded(encoded)) => format!("base64 {}", BASE64_STANDARD.encode(encoded)),
        None => String::new(),
    }
}

/// `1 message`, `2 messages`.
pub(super) fn count(n: u64, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {one}{s}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_by_its_distance() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let at = |seconds: i64| Timestamp { seconds: 1_000_000 + seconds, nanos: 0 };
        for (seconds, text) in [
            (0, "0 ms ago"),
            (-12, "12 s ago"),
            (300, "in 5 min"),
            (-10_000, "2 h ago"),
            (400_000, "in 4 d"),
        ] {
            assert_eq!(relative(Some(&at(seconds)), now), text);
        }
        assert_eq!(relative(None, now), "-");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "bb", "c"], ["aaa", "b", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), "a    bb  c\naaa  b\n");
    }
}
