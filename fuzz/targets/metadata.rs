//! Headers of a call: what is taken is within its bounds, and nothing that is not
//! Callboard's changes it. The input is headers, `name: value` in a line each.

#![no_main]

use bytes::Bytes;
use callboard_gateway::call::{Call, Deliver};
use callboard_gateway::fuzzing;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

/// What a call is made of, and its deadline.
const OURS: [&str; 10] = [
    "callboard-message-id",
    "callboard-key",
    "callboard-mode",
    "callboard-delay",
    "callboard-deliver-at",
    "callboard-api-key",
    "traceparent",
    "tracestate",
    "baggage",
    "grpc-timeout",
];

fn headers(input: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        let header = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value));
        if let (Ok(name), Ok(value)) = header {
            headers.append(name, value);
        }
    }
    headers
}

/// All of a call that headers say.
fn said(call: &Call) -> String {
    let Call { headers, message_id, deliver, key, wait, .. } = call;
    format!("{headers:?} {message_id:?} {deliver:?} {key:?} {wait:?}")
}

fuzz_target!(|input: &[u8]| {
    let headers = headers(input);
    let _ = fuzzing::timeout(&headers);
    let Ok(call) = fuzzing::call(&headers, Bytes::new()) else { return };
    let size: usize = call.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(size <= 8 * 1_024, "what travels is bounded");
    if let Some(id) = &call.message_id {
        let id = id.as_str();
        assert!((1..=128).contains(&id.len()));
        assert!(id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/'));
    }
    let both =
        headers.contains_key("callboard-delay") && headers.contains_key("callboard-deliver-at");
    assert!(!both, "one of them is refused");
    if let Some(Deliver::After(delay)) = call.deliver {
        assert!(headers.contains_key("callboard-delay"), "{delay:?} came from nowhere");
    }
    let names = headers.keys().map(HeaderName::as_str);
    let unknown =
        names.filter(|name| name.starts_with("callboard-")).find(|name| !OURS.contains(name));
    assert_eq!(unknown, None, "one that nobody knows was taken");

    let mut without_others = headers.clone();
    for name in headers.keys().filter(|name| !OURS.contains(&name.as_str())) {
        without_others.remove(name);
    }
    let again = fuzzing::call(&without_others, Bytes::new()).expect("the rest is valid");
    assert_eq!(said(&again), said(&call));
});
