//! The trace context that travels with a message: W3C `traceparent`, `tracestate` and `baggage`,
//! from and to the headers of a message or of HTTP.
//!
//! Whoever sends a bad one loses his trace, not his message: nothing here is an error. A caller
//! without any costs no allocation.

use std::str::FromStr;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::propagation::BaggagePropagator;

/// The header that names the caller's span.
pub const TRACEPARENT: &str = "traceparent";

/// The header with what tracing systems add to it.
pub const TRACESTATE: &str = "tracestate";

/// The header with what the caller says to all that follows.
pub const BAGGAGE: &str = "baggage";

/// The headers that travel with a message.
pub const HEADERS: [&str; 3] = [TRACEPARENT, TRACESTATE, BAGGAGE];

/// The most bytes that the three take together, names and values: as much as a message may have of
/// headers. What is beyond is left out: first the baggage, then the state.
pub const CONTEXT_BYTES_MAX: usize = 8 * 1024;

/// The longest `tracestate` that is taken, in bytes: [as much as W3C has everybody pass
/// on](https://www.w3.org/TR/trace-context/#tracestate-limits). It is exported with each span, and
/// callers who are not known yet can send one.
pub const STATE_BYTES_MAX: usize = 512;

/// The length of a `traceparent` of version 00. Those of later versions may go on after it.
const TRACEPARENT_BYTES: usize = 55;

/// The longest `traceparent` that is read.
const TRACEPARENT_BYTES_MAX: usize = 256;

/// The three headers, where they are.
#[derive(Default)]
struct Found<'a> {
    parent: Option<&'a str>,
    state: Option<&'a str>,
    baggage: Option<&'a str>,
}

/// The context that came with a message; `None` when none did.
///
/// ```
/// use callboard_telemetry::context;
/// use opentelemetry::trace::TraceContextExt;
///
/// let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let headers = [("traceparent".to_owned(), parent.to_owned())];
/// let context = context::of_message(&headers).expect("it has one");
/// assert!(context.span().span_context().is_sampled());
/// ```
#[must_use]
pub fn of_message(headers: &[(String, String)]) -> Option<Context> {
    found_in_message(headers).context()
}

/// The context that came with a request; `None` when none did.
///
/// ```
/// use callboard_telemetry::context;
///
/// assert!(context::of_request(&http::HeaderMap::new()).is_none());
/// ```
#[must_use]
pub fn of_request(headers: &HeaderMap) -> Option<Context> {
    if !HEADERS.iter().any(|name| headers.contains_key(*name)) {
        return None;
    }
    // Two parents are none: nobody can say which one is right.
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let parent = parents.next().filter(|_| parents.next().is_none());
    let (state, baggage) = (joined(headers, TRACESTATE), joined(headers, BAGGAGE));
    let found = Found {
        parent: parent.and_then(|value| value.to_str().ok()),
        state: state.as_deref(),
        baggage: baggage.as_deref(),
    };
    found.context()
}

/// The span that sent a message, for a link to it; `None` when it was in none.
#[must_use]
pub fn sender_of(headers: &[(String, String)]) -> Option<SpanContext> {
    found_in_message(headers).bounded().span_context()
}

/// Puts a context into the headers of a message, in place of the one that is there.
///
/// ```
/// use callboard_telemetry::context;
///
/// let mut headers = vec![("tenant".to_owned(), "a".to_owned())];
/// context::into_message(&opentelemetry::Context::new(), &mut headers);
/// assert_eq!(headers.len(), 1, "a context without a span adds nothing");
/// ```
pub fn into_message(context: &Context, headers: &mut Vec<(String, String)>) {
    headers.retain(|(name, _)| !HEADERS.contains(&name.as_str()));
    write(context, |name, value| headers.push((name.to_owned(), value)));
}

/// Puts a context into the headers of a request, in place of the one that is there.
pub fn into_request(context: &Context, headers: &mut HeaderMap) {
    for name in HEADERS {
        headers.remove(name);
    }
    write(context, |name, value| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    });
}

/// A list that may come in several headers.
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.map(str::to_owned).reduce(|list, value| list + "," + &value)
}

fn found_in_message(headers: &[(String, String)]) -> Found<'_> {
    let mut found = Found::default();
    for (name, value) in headers {
        // The first one of a name counts, as a handler sees it.
        let place = match name.as_str() {
            TRACEPARENT => &mut found.parent,
            TRACESTATE => &mut found.state,
            BAGGAGE => &mut found.baggage,
            _ => continue,
        };
        place.get_or_insert(value);
    }
    found
}

impl Found<'_> {
    fn context(self) -> Option<Context> {
        let found = self.bounded();
        let span = found.span_context();
        if span.is_none() && found.baggage.is_none() {
            return None;
        }
        let mut context = Context::new();
        if let Some(baggage) = found.baggage {
            context = BaggagePropagator::new().extract_with_context(&context, &OneHeader(baggage));
        }
        match span {
            Some(span) => Some(context.with_remote_span_context(span)),
            None => Some(context),
        }
    }

    fn bounded(mut self) -> Self {
        self.state = self.state.filter(|state| state.len() <= STATE_BYTES_MAX);
        let size = |name: &str, text: Option<&str>| text.map_or(0, |text| name.len() + text.len());
        let parent_and_state = size(TRACEPARENT, self.parent) + size(TRACESTATE, self.state);
        if parent_and_state + size(BAGGAGE, self.baggage) > CONTEXT_BYTES_MAX {
            self.baggage = None;
        }
        self
    }

    fn span_context(&self) -> Option<SpanContext> {
        let (trace, span, flags) = parse(self.parent?.trim())?;
        // A state that is not valid does not spoil the parent.
        let state = self.state.and_then(|state| TraceState::from_str(state).ok());
        let context = SpanContext::new(trace, span, flags, true, state.unwrap_or_default());
        context.is_valid().then_some(context)
    }
}

/// Reads a `traceparent`, [as W3C has it](https://www.w3.org/TR/trace-context/#traceparent-header):
/// stricter than the propagator of the SDK, which takes ids of any length.
fn parse(text: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let bytes = text.as_bytes();
    let is_long = bytes.len() > TRACEPARENT_BYTES;
    if bytes.len() < TRACEPARENT_BYTES || bytes.len() > TRACEPARENT_BYTES_MAX || !text.is_ascii() {
        return None;
    }
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let hex =
        |from: usize, to: usize| Some(&text[from..to]).filter(|t| t.bytes().all(|b| is_hex(&b)));
    if [2, 35, 52].iter().any(|at| bytes[*at] != b'-') {
        return None;
    }
    match hex(0, 2)? {
        "ff" => return None,
        "00" if is_long => return None,
        _ if is_long && bytes[TRACEPARENT_BYTES] != b'-' => return None,
        _ => {}
    }
    let trace = TraceId::from_hex(hex(3, 35)?).ok()?;
    let span = SpanId::from_hex(hex(36, 52)?).ok()?;
    let flags = u8::from_str_radix(hex(53, TRACEPARENT_BYTES)?, 16).ok()?;
    Some((trace, span, TraceFlags::new(flags) & TraceFlags::SAMPLED))
}

fn write(context: &Context, mut set: impl FnMut(&'static str, String)) {
    let mut room = CONTEXT_BYTES_MAX;
    let mut set_if_room = |name: &'static str, value: String| {
        if let Some(rest) = room.checked_sub(name.len() + value.len()).filter(|_| !value.is_empty())
        {
            room = rest;
            set(name, value);
        }
    };
    let span = context.span();
    let span = span.span_context();
    if span.is_valid() {
        let (trace, id, sampled) = (span.trace_id(), span.span_id(), u8::from(span.is_sampled()));
        set_if_room(TRACEPARENT, format!("00-{trace}-{id}-{sampled:02x}"));
        set_if_room(TRACESTATE, span.trace_state().header());
    }
    if !context.baggage().is_empty() {
        let mut written = Written(String::new());
        BaggagePropagator::new().inject_context(context, &mut written);
        set_if_room(BAGGAGE, written.0);
    }
}

/// A carrier that has one header, and calls it whatever it is asked for.
struct OneHeader<'a>(&'a str);

impl Extractor for OneHeader<'_> {
    fn get(&self, _: &str) -> Option<&str> {
        Some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// A carrier that takes one header.
struct Written(String);

impl Injector for Written {
    fn set(&mut self, _: &str, value: String) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn message(headers: &[(&str, &str)]) -> Vec<(String, String)> {
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_context_comes_out_as_it_went_in() {
        let headers =
            message(&[(TRACEPARENT, PARENT), (TRACESTATE, "a=1,b=2"), (BAGGAGE, "tenant=x")]);
        let context = of_message(&headers).expect("it has one");
        let mut out = message(&[("other", "1"), (TRACEPARENT, "old")]);
        into_message(&context, &mut out);
        assert_eq!(out[0], ("other".to_owned(), "1".to_owned()));
        assert_eq!(out[1..], headers);
        let mut http = HeaderMap::new();
        into_request(&context, &mut http);
        let again = of_request(&http).expect("it has one");
        assert_eq!(again.span().span_context(), context.span().span_context());
        assert_eq!(again.baggage().get("tenant").map(ToString::to_string), Some("x".to_owned()));
    }

    #[test]
    fn bad_parents_are_ignored() {
        let bad = [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            "00-4bf92f3577b34da6a3ce929d0e0e473\u{fc}-00f067aa0ba902b7-01",
        ];
        for text in bad {
            assert!(of_message(&message(&[(TRACEPARENT, text)])).is_none(), "{text}");
        }
        let later = format!("01{}-more", &PARENT[2..]);
        assert!(sender_of(&message(&[(TRACEPARENT, &later)])).is_some());
    }

    #[test]
    fn two_parents_are_none_and_states_are_joined() {
        let mut http = HeaderMap::new();
        http.append(TRACEPARENT, HeaderValue::from_static(PARENT));
        http.append(TRACESTATE, HeaderValue::from_static("a=1"));
        http.append(TRACESTATE, HeaderValue::from_static("b=2"));
        let context = of_request(&http).expect("it has one");
        assert_eq!(context.span().span_context().trace_state().header(), "a=1,b=2");
        http.append(TRACEPARENT, HeaderValue::from_static(PARENT));
        assert!(of_request(&http).is_none());
    }

    #[test]
    fn a_bad_state_does_not_spoil_its_parent() {
        let headers = message(&[(TRACEPARENT, PARENT), (TRACESTATE, "no pairs")]);
        let sender = sender_of(&headers).expect("it has one");
        assert_eq!(sender.trace_state().header(), "");
        assert!(sender.is_remote() && sender.is_sampled());
    }

    #[test]
    fn what_is_too_long_is_left_out_baggage_first() {
        let long = format!("a={}", "x".repeat(CONTEXT_BYTES_MAX - 40));
        let headers = message(&[(TRACEPARENT, PARENT), (TRACESTATE, "a=1"), (BAGGAGE, &long)]);
        let context = of_message(&headers).expect("it has a parent");
        assert!(context.baggage().is_empty());
        assert_eq!(context.span().span_context().trace_state().header(), "a=1");
    }

    #[test]
    fn a_state_that_is_longer_than_everybody_takes_is_left_out() {
        for (length, is_kept) in [(STATE_BYTES_MAX, true), (STATE_BYTES_MAX + 1, false)] {
            let pairs = (0..4).map(|number| format!("k{number}={}", "x".repeat(100)));
            let state = pairs.collect::<Vec<_>>().join(",") + ",z=";
            let state = format!("{state}{}", "y".repeat(length - state.len()));
            let headers = message(&[(TRACEPARENT, PARENT), (TRACESTATE, &state)]);
            let sender = sender_of(&headers).expect("its parent stays");
            assert_eq!(sender.trace_state().header() == state, is_kept, "{length}");
        }
    }

    #[test]
    fn what_is_written_fits_where_messages_are_stored() {
        let list = (0..60).map(|number| format!("k{number}={}", "x".repeat(110)));
        let baggage = list.collect::<Vec<_>>().join(",");
        let state = format!("a={}", "y".repeat(200));
        for (state, fits) in [(state.clone(), true), (vec![state; 7].join(","), false)] {
            let context = of_message(&message(&[(TRACEPARENT, PARENT), (BAGGAGE, &baggage)]));
            let context = context.expect("it has one");
            let state = state.split(',').enumerate().map(|(n, pair)| format!("{n}{pair}"));
            let state = state.collect::<Vec<_>>().join(",");
            let span = context.span().span_context().clone();
            let (trace, id, flags) = (span.trace_id(), span.span_id(), span.trace_flags());
            let state = TraceState::from_str(&state).expect("a state");
            let span = SpanContext::new(trace, id, flags, true, state);
            let mut headers = Vec::new();
            into_message(&context.with_remote_span_context(span), &mut headers);
            let size: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
            assert!(size <= CONTEXT_BYTES_MAX, "{size}");
            assert_eq!(headers.iter().any(|(name, _)| name == BAGGAGE), fits);
        }
    }

    #[test]
    fn what_an_unsampled_caller_decided_is_passed_on() {
        let unsampled = format!("{}00", &PARENT[..53]);
        let headers = message(&[(TRACEPARENT, &unsampled)]);
        let mut out = Vec::new();
        into_message(&of_message(&headers).expect("it has one"), &mut out);
        assert_eq!(out, headers);
    }
}
