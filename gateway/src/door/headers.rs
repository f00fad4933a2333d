//! What goes with a call in headers, and what comes with its answer. It is the
//! same at every door: gRPC calls it metadata, HTTP calls it headers.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use callboard_mailbox::MessageId;
use callboard_mailbox::limits::HEADER_BYTES_MAX;
use callboard_telemetry::context;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::access::api_key;
use crate::call::{Call, Deliver, Receipt, Wait};
use crate::refusal::Refusal;

/// What the names of Callboard's own headers begin with.
pub(crate) const OWN_PREFIX: &str = "callboard-";

/// The message's id: given by the caller, told by the gateway.
const MESSAGE_ID: &str = "callboard-message-id";

/// The actor's key: given by the caller, told by the gateway when it made it.
const KEY: &str = "callboard-key";

/// What the caller of an ask waits for.
const MODE: &str = "callboard-mode";

/// How long after its call a message is delivered.
const DELAY: &str = "callboard-delay";

/// When a message is delivered.
const DELIVER_AT: &str = "callboard-deliver-at";

/// The place of the message in its mailbox's log.
const SEQUENCE: &str = "callboard-sequence";

/// Whether the message was sent before.
const DUPLICATE: &str = "callboard-duplicate";

/// What a caller may give.
const GIVEN: [&str; 6] = [MESSAGE_ID, KEY, MODE, DELAY, DELIVER_AT, api_key::HEADER];

/// What a caller is told. A web page reads them only when the answer says that
/// it may.
pub(crate) const TOLD: [&str; 4] = [MESSAGE_ID, SEQUENCE, DUPLICATE, KEY];

/// The call that headers describe, for the door to add how long its caller
/// waits.
///
/// # Errors
/// When one is not valid, or is Callboard's and not known.
pub(crate) fn call(headers: &HeaderMap, path: &str, payload: Bytes) -> Result<Call, Refusal> {
    Ok(Call {
        path: path.to_owned(),
        payload,
        headers: travelling(headers)?,
        message_id: message_id(headers)?,
        deliver: deliver(headers)?,
        key: single(headers, KEY)?.map(str::to_owned),
        wait: wait(headers)?,
        ..Call::default()
    })
}

/// Tells the caller what became of its message.
pub(crate) fn tell(headers: &mut HeaderMap, receipt: &Receipt) {
    let mut set = |name, value| headers.insert(HeaderName::from_static(name), value);
    let id = HeaderValue::from_str(receipt.message_id.as_str());
    set(MESSAGE_ID, id.expect("an id is visible ASCII"));
    if let Some(sequence) = receipt.sequence {
        set(SEQUENCE, sequence.0.into());
    }
    if receipt.duplicate {
        set(DUPLICATE, HeaderValue::from_static("true"));
    }
    if let Some(key) = &receipt.new_key {
        set(KEY, HeaderValue::from_str(key).expect("a UUID is visible ASCII"));
    }
}

/// Refuses a header or a parameter.
pub(super) fn invalid(field: &str, detail: impl Into<String>) -> Refusal {
    Refusal::Invalid { field: field.to_owned(), detail: detail.into() }
}

/// The id that the caller gives the message.
fn message_id(headers: &HeaderMap) -> Result<Option<MessageId>, Refusal> {
    let text = single(headers, MESSAGE_ID)?;
    let id = text.map(MessageId::new).transpose();
    id.map_err(|error| invalid(MESSAGE_ID, error.to_string()))
}

/// What the caller waits for.
fn wait(headers: &HeaderMap) -> Result<Wait, Refusal> {
    match single(headers, MODE)? {
        None => Ok(Wait::Reply),
        Some("tell") => Ok(Wait::Stored),
        Some(_) => Err(invalid(MODE, "it is not tell, the only mode that is given")),
    }
}

/// When the message is to be delivered.
fn deliver(headers: &HeaderMap) -> Result<Option<Deliver>, Refusal> {
    let after = single(headers, DELAY)?.map(|text| {
        parse_delay(text).ok_or_else(|| {
            invalid(DELAY, "it is not a number and a unit of ms, s, m, h or d, such as 90s")
        })
    });
    let at = single(headers, DELIVER_AT)?.map(|text| {
        let time = text.parse::<prost_types::Timestamp>();
        let time = time.ok().and_then(|time| SystemTime::try_from(time).ok());
        time.ok_or_else(|| {
            invalid(DELIVER_AT, "it is not a time of RFC 3339, such as 2030-01-31T08:00:00Z")
        })
    });
    match (after, at) {
        (Some(_), Some(_)) => Err(invalid(DELAY, "give it or callboard-deliver-at, not both")),
        (Some(delay), None) => Ok(Some(Deliver::After(delay?))),
        (None, Some(time)) => Ok(Some(Deliver::At(time?.into()))),
        (None, None) => Ok(None),
    }
}

/// The only value of a header.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(invalid(name, "it is given more than once"));
    }
    value.to_str().map(Some).map_err(|_| invalid(name, "it is not visible ASCII"))
}

/// Reads a delay: digits and a unit.
fn parse_delay(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(unit);
    let amount: u64 = digits.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(Duration::from_millis(amount.checked_mul(millis)?))
}

/// The headers that travel with the message: its trace context, as it came.
///
/// # Errors
/// When there are some that are Callboard's and not known.
pub(crate) fn travelling(map: &HeaderMap) -> Result<Vec<(String, String)>, Refusal> {
    let is_unknown = |name: &str| name.starts_with(OWN_PREFIX) && !GIVEN.contains(&name);
    if let Some(name) = map.keys().find(|name| is_unknown(name.as_str())) {
        return Err(invalid(name.as_str(), "this version of Callboard knows no such metadata"));
    }
    let mut headers = Vec::new();
    let mut room = HEADER_BYTES_MAX;
    for name in context::HEADERS {
        // Two parents are none: nobody can say which one is right.
        if name == context::TRACEPARENT && map.get_all(name).iter().count() > 1 {
            continue;
        }
        // What cannot be read or does not fit is left out: who sends it loses his trace, and not
        // his message.
        for text in map.get_all(name).iter().filter_map(|value| value.to_str().ok()) {
            if let Some(rest) = room.checked_sub(name.len() + text.len()) {
                room = rest;
                headers.push((name.to_owned(), text.to_owned()));
            }
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use callboard_mailbox::Timestamp;

    fn with(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    #[test]
    fn delays_are_a_number_and_a_unit() {
        assert_eq!(parse_delay("90s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_delay("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_delay("2d"), Some(Duration::from_secs(172_800)));
        for bad in ["", "s", "5", "-5s", "1.5s", "5 s", "5w", "99999999999999999999s"] {
            assert_eq!(parse_delay(bad), None, "{bad}");
        }
    }

    #[test]
    fn ids_and_times_of_callers_are_checked() {
        assert!(message_id(&with(MESSAGE_ID, "order-7")).expect("valid").is_some());
        assert!(message_id(&with(MESSAGE_ID, "a/b")).is_err());
        let at = deliver(&with(DELIVER_AT, "1970-01-01T00:00:02Z")).expect("valid");
        assert_eq!(at, Some(Deliver::At(Timestamp(2_000))));
        assert!(deliver(&with(DELIVER_AT, "tomorrow")).is_err());
        let mut both = with(DELIVER_AT, "1970-01-01T00:00:02Z");
        both.insert(DELAY, HeaderValue::from_static("1s"));
        assert!(deliver(&both).is_err());
        let mut twice = with(MESSAGE_ID, "a");
        twice.append(MESSAGE_ID, HeaderValue::from_static("b"));
        assert!(message_id(&twice).is_err());
    }

    #[test]
    fn trace_context_travels_and_unknown_headers_of_ours_are_refused() {
        let mut headers = with("traceparent", "00-1-2-01");
        headers.insert("x-request-id", HeaderValue::from_static("7"));
        assert_eq!(
            travelling(&headers).expect("all of it is fine"),
            [("traceparent".to_owned(), "00-1-2-01".to_owned())]
        );
        headers.insert("callboard-colour", HeaderValue::from_static("red"));
        let refusal = travelling(&headers).expect_err("nobody knows it");
        assert!(matches!(refusal, Refusal::Invalid { field, .. } if field == "callboard-colour"));
    }

    #[test]
    fn two_parents_are_none() {
        let mut headers = with("traceparent", "00-1-2-01");
        headers.append("traceparent", HeaderValue::from_static("00-3-4-01"));
        headers.insert("baggage", HeaderValue::from_static("a=1"));
        let travelling = travelling(&headers).expect("all of it is fine");
        assert_eq!(travelling, [("baggage".to_owned(), "a=1".to_owned())]);
    }
}
