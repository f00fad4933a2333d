//! The buckets of histograms, chosen for what they hold.

/// A call or a handler, in seconds. These are those of the
/// [conventions](https://opentelemetry.io/docs/specs/semconv/rpc/rpc-metrics/).
pub(super) const CALL: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// A run, in seconds: from one message in an environment that is warm to the 15 minutes that
/// Lambda lets a function run.
pub(super) const RUN: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0];

/// A wait, in seconds: from a mailbox that is empty to one that a day's outage filled.
pub(super) const WAIT: &[f64] = &[
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 3_600.0, 86_400.0,
];

/// Messages that go together.
pub(super) const MESSAGES: &[f64] =
    &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0];
