//! The trace context that goes with a message: W3C `traceparent`, `tracestate`
//! and `baggage` of the current context of OpenTelemetry.

use http::HeaderMap;

/// The most bytes of names and values that the headers of a message may have.
const HEADER_BYTES_MAX: usize = 8 * 1024;

/// The current trace context as headers of a message. The gateway refuses a
/// message with more than fits, so that loses the trace, and not the message.
pub(crate) fn of_message() -> impl Iterator<Item = (String, String)> {
    let mut headers = HeaderMap::new();
    inject(&mut headers);
    let mut room = HEADER_BYTES_MAX;
    ["traceparent", "tracestate", "baggage"].into_iter().filter_map(move |name| {
        let value = headers.get(name)?.to_str().ok()?;
        room = room.checked_sub(name.len() + value.len())?;
        Some((name.to_owned(), value.to_owned()))
    })
}

/// Adds the current trace context, if there is one; what is there stays.
#[cfg(feature = "opentelemetry")]
pub(crate) fn inject(headers: &mut HeaderMap) {
    use http::HeaderValue;
    use opentelemetry::Context;
    use opentelemetry::baggage::BaggageExt;
    use opentelemetry::trace::TraceContextExt;

    let context = Context::current();
    // What does not fit into a header loses the trace, and not the message.
    let mut add = |name: &'static str, text: String| {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.entry(name).or_insert(value);
        }
    };
    let span = context.span();
    let span = span.span_context();
    if span.is_valid() {
        let flags = span.trace_flags().to_u8();
        add("traceparent", format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id()));
        let state = span.trace_state().header();
        if !state.is_empty() {
            add("tracestate", state);
        }
    }
    let baggage = context.baggage();
    if !baggage.is_empty() {
        add("baggage", baggage.to_string());
    }
}

/// Without the feature `opentelemetry` there is none.
#[cfg(not(feature = "opentelemetry"))]
pub(crate) fn inject(_: &mut HeaderMap) {}

#[cfg(all(test, feature = "opentelemetry"))]
mod tests {
    use http::HeaderValue;
    use opentelemetry::baggage::BaggageExt;
    use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
    use opentelemetry::{Context, KeyValue};

    use super::*;

    fn headers_in(context: Context, mut headers: HeaderMap) -> HeaderMap {
        let _current = context.attach();
        inject(&mut headers);
        headers
    }

    fn traced() -> Context {
        let span = SpanContext::new(
            0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.into(),
            0x0000_ad6b_7169_2033_u64.into(),
            TraceFlags::SAMPLED,
            false,
            TraceState::from_key_value([("vendor", "abc")]).expect("it is valid"),
        );
        Context::new().with_remote_span_context(span)
    }

    #[test]
    fn the_current_context_is_in_the_headers() {
        let context = traced().with_baggage([KeyValue::new("tenant", "a b")]);
        let headers = headers_in(context, HeaderMap::new());
        assert_eq!(
            headers["traceparent"],
            "00-0af7651916cd43dd8448eb211c80319c-0000ad6b71692033-01"
        );
        assert_eq!(headers["tracestate"], "vendor=abc");
        assert_eq!(headers["baggage"], "tenant=a%20b");
    }

    #[test]
    fn without_a_context_there_are_no_headers() {
        assert!(headers_in(Context::new(), HeaderMap::new()).is_empty());
    }

    #[test]
    fn what_the_caller_has_set_stays() {
        let own = HeaderMap::from_iter([(
            http::HeaderName::from_static("traceparent"),
            HeaderValue::from_static("own"),
        )]);
        assert_eq!(headers_in(traced(), own)["traceparent"], "own");
    }
}
