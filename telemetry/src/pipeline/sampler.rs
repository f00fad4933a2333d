//! Which traces are kept. What the caller decided holds for all that follows from his call, also
//! where it goes on in a trace of its own.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

/// The sampler of `OTEL_TRACES_SAMPLER`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// The part of the traces that begin here which is kept, from 0 to 1.
    pub ratio: f64,
    /// Whether whoever called, or sent the message, has decided already.
    pub follows_caller: bool,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { ratio: 1.0, follows_caller: true }
    }
}

impl ShouldSample for Sampling {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let parent = parent_context.map(|context| context.span().span_context().clone());
        let parent = parent.filter(|parent| parent.is_valid());
        let decided = match &parent {
            _ if !self.follows_caller => None,
            Some(parent) => Some(parent.is_sampled()),
            // A linked trace goes on with what its senders were told. Of several, one that is
            // kept is enough, or its story would break off.
            None if links.is_empty() => None,
            None => Some(links.iter().any(|link| link.span_context.is_sampled())),
        };
        let Some(keep) = decided else {
            let ratio = Sampler::TraceIdRatioBased(self.ratio);
            return ratio.should_sample(
                parent_context,
                trace_id,
                name,
                span_kind,
                attributes,
                links,
            );
        };
        SamplingResult {
            decision: if keep { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop },
            attributes: Vec::new(),
            trace_state: parent.map(|parent| parent.trace_state().clone()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceState};

    use super::*;

    fn span(sampled: bool) -> SpanContext {
        let flags = TraceFlags::default().with_sampled(sampled);
        let (trace, span) = (TraceId::from(7), SpanId::from(7));
        SpanContext::new(trace, span, flags, true, TraceState::default())
    }

    fn keeps(sampling: Sampling, parent: Option<bool>, links: &[bool]) -> bool {
        let parent = parent.map(|sampled| Context::new().with_remote_span_context(span(sampled)));
        let link = |sampled: &bool| Link::new(span(*sampled), Vec::new(), 0);
        let links: Vec<_> = links.iter().map(link).collect();
        let id = TraceId::from(u128::MAX);
        let result =
            sampling.should_sample(parent.as_ref(), id, "x", &SpanKind::Internal, &[], &links);
        result.decision == SamplingDecision::RecordAndSample
    }

    #[test]
    fn the_caller_decides() {
        let (all, none) = (Sampling::default(), Sampling { ratio: 0.0, follows_caller: true });
        assert!(keeps(all, None, &[]) && !keeps(none, None, &[]));
        assert!(keeps(none, Some(true), &[]) && !keeps(all, Some(false), &[]));
    }

    #[test]
    fn a_linked_trace_goes_on_with_what_its_senders_were_told() {
        let (all, none) = (Sampling::default(), Sampling { ratio: 0.0, follows_caller: true });
        assert!(keeps(none, None, &[true]) && keeps(none, None, &[false, true]));
        assert!(!keeps(all, None, &[false, false]));
    }

    #[test]
    fn a_sampler_that_does_not_follow_decides_by_itself() {
        let none = Sampling { ratio: 0.0, follows_caller: false };
        assert!(!keeps(none, Some(true), &[true]));
    }
}
