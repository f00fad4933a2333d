//! What is counted and measured. Labels are of few values: types, methods that exist, codes,
//! tables. No key of an actor is among them.

mod boundaries;
mod mailboxes;
mod sweeps;

use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, UpDownCounter};
use opentelemetry_semantic_conventions::metric::{
    MESSAGING_PROCESS_DURATION, RPC_SERVER_CALL_DURATION,
};

use crate::attributes::{
    DB_COLLECTION_NAME, DB_OPERATION_NAME, ERROR_TYPE, MESSAGING_DESTINATION_NAME,
    MESSAGING_OPERATION_NAME, MESSAGING_SYSTEM, OTHER, RPC_METHOD, RPC_RESPONSE_STATUS_CODE,
    RPC_SYSTEM_NAME, RUN_END, Rpc, SYSTEM,
};
use mailboxes::Mailboxes;
pub use mailboxes::{Mailbox, TYPES_MAX};
use sweeps::Sweeps;

/// The label that says what became of a wake.
const OUTCOME: &str = "callboard.wake.outcome";

/// All instruments. Cheap to clone; off, it does nothing.
#[derive(Clone, Debug)]
pub struct Metrics(Option<Arc<Instruments>>);

/// What became of a wake that should have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Nobody woke the actor when its messages were stored: a crash, or a database that failed.
    Lost,
    /// A sweep found the messages, and woke it.
    Recovered,
}

/// An ask that somebody waits for, counted until it is dropped.
#[derive(Debug)]
#[must_use = "it is counted until it is dropped"]
pub struct OpenAsk(Metrics);

#[derive(Debug)]
struct Instruments {
    calls: Histogram<f64>,
    appends: Histogram<u64>,
    waits: Histogram<f64>,
    drains: Histogram<u64>,
    activations: Histogram<f64>,
    handlers: Histogram<f64>,
    retries: Counter<u64>,
    dead_letters: Counter<u64>,
    lease_steals: Counter<u64>,
    sweep_lags: Histogram<f64>,
    wakes: Counter<u64>,
    open_asks: UpDownCounter<i64>,
    request_units: Counter<f64>,
    mailboxes: Mailboxes,
    sweeps: Sweeps,
}

impl Metrics {
    /// Metrics that nobody reads, at no cost.
    ///
    /// ```
    /// use callboard_telemetry::Metrics;
    ///
    /// Metrics::off().retried("bank.v1.Account", 1);
    /// ```
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// All instruments of a meter.
    #[must_use]
    pub fn new(meter: &Meter) -> Self {
        Self(Some(Arc::new(Instruments::new(meter))))
    }

    /// Whether anybody reads them, so that it is worth finding out what to measure.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// A call was answered. `method` is `bank.v1.Account/Deposit`, and `None` when there is no
    /// such method; `code` is `OK` or `NOT_FOUND`.
    pub fn called(&self, rpc: Rpc, method: Option<&str>, code: &'static str, took: Duration) {
        let Some(instruments) = &self.0 else { return };
        let labels = [
            KeyValue::new(RPC_SYSTEM_NAME, rpc.name()),
            KeyValue::new(RPC_METHOD, method.unwrap_or(OTHER).to_owned()),
            KeyValue::new(RPC_RESPONSE_STATUS_CODE, code),
        ];
        instruments.calls.record(took.as_secs_f64(), &labels);
    }

    /// Messages were stored with one write.
    pub fn appended(&self, actor_type: &str, messages: u64) {
        let Some(instruments) = &self.0 else { return };
        instruments.appends.record(messages, &of_type(actor_type));
    }

    /// A message was begun so long after it became deliverable.
    pub fn waited(&self, actor_type: &str, waited: Duration) {
        let Some(instruments) = &self.0 else { return };
        instruments.waits.record(waited.as_secs_f64(), &of_type(actor_type));
    }

    /// Messages were consumed by one commit.
    pub fn drained(&self, actor_type: &str, messages: u64) {
        let Some(instruments) = &self.0 else { return };
        instruments.drains.record(messages, &of_type(actor_type));
    }

    /// A run of an actor ended as `end` says, such as `released` or `crashed`.
    pub fn activated(&self, actor_type: &str, end: &'static str, took: Duration) {
        let Some(instruments) = &self.0 else { return };
        let labels = [destination(actor_type), KeyValue::new(RUN_END, end)];
        instruments.activations.record(took.as_secs_f64(), &labels);
    }

    /// A handler ended, with one of few kinds of errors if it failed. `method` is `Deposit`.
    pub fn handled(
        &self,
        actor_type: &str,
        method: &str,
        error_type: Option<&'static str>,
        took: Duration,
    ) {
        let Some(instruments) = &self.0 else { return };
        let mut labels = Vec::with_capacity(5);
        labels.extend([
            KeyValue::new(MESSAGING_SYSTEM, SYSTEM),
            KeyValue::new(MESSAGING_OPERATION_NAME, "process"),
            destination(actor_type),
            KeyValue::new(crate::attributes::MESSAGE_METHOD, method.to_owned()),
        ]);
        labels.extend(error_type.map(|error| KeyValue::new(ERROR_TYPE, error)));
        instruments.handlers.record(took.as_secs_f64(), &labels);
    }

    /// Messages are handled once more, after they failed. None makes no series.
    pub fn retried(&self, actor_type: &str, messages: u64) {
        let Some(instruments) = self.0.as_ref().filter(|_| messages > 0) else { return };
        instruments.retries.add(messages, &of_type(actor_type));
    }

    /// Messages were set aside after their last attempt. None makes no series.
    pub fn dead_lettered(&self, actor_type: &str, messages: u64) {
        let Some(instruments) = self.0.as_ref().filter(|_| messages > 0) else { return };
        instruments.dead_letters.add(messages, &of_type(actor_type));
    }

    /// A lease that ran out was taken over.
    pub fn lease_stolen(&self, actor_type: &str) {
        let Some(instruments) = &self.0 else { return };
        instruments.lease_steals.add(1, &of_type(actor_type));
    }

    /// A sweep looked at an actor so long after it was due.
    pub fn swept(&self, lag: Duration) {
        let Some(instruments) = &self.0 else { return };
        instruments.sweep_lags.record(lag.as_secs_f64(), &[]);
    }

    /// A sweep has read all that is due, and ended at this time: `callboard.sweep.age` counts from
    /// there, until it is read. Tell also when sweeping begins, so that a first sweep shows that
    /// never ends; one of which a part failed is not told.
    pub fn sweep_ended(&self, at: Instant) {
        if let Some(instruments) = &self.0 {
            instruments.sweeps.ended(at);
        }
    }

    /// A wake did not come when it should have, or came late by a sweep.
    pub fn wake(&self, actor_type: &str, wake: Wake) {
        let Some(instruments) = &self.0 else { return };
        let outcome = match wake {
            Wake::Lost => "lost",
            Wake::Recovered => "recovered",
        };
        instruments.wakes.add(1, &[destination(actor_type), KeyValue::new(OUTCOME, outcome)]);
    }

    /// Somebody waits for the reply to an ask.
    pub fn ask_opened(&self) -> OpenAsk {
        if let Some(instruments) = &self.0 {
            instruments.open_asks.add(1, &[]);
        }
        OpenAsk(self.clone())
    }

    /// A request to the database consumed units.
    pub fn consumed(&self, operation: &'static str, table: &str, units: f64) {
        let Some(instruments) = &self.0 else { return };
        let labels = [
            KeyValue::new(DB_OPERATION_NAME, operation),
            KeyValue::new(DB_COLLECTION_NAME, table.to_owned()),
        ];
        instruments.request_units.add(units, &labels);
    }

    /// Who knows of mailboxes that have work. It is asked whenever metrics are read, a few times
    /// each, and hands over each mailbox as it is then. It must not wait for anything, nor use
    /// these metrics. Whoever was named before is forgotten.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// use callboard_telemetry::Metrics;
    /// use callboard_telemetry::metrics::Mailbox;
    ///
    /// let since = Instant::now();
    /// Metrics::off().ask_for_mailboxes(move |tell| {
    ///     tell(Mailbox { actor_type: "bank.v1.Account", messages: 4, oldest: since.elapsed() });
    /// });
    /// ```
    pub fn ask_for_mailboxes(
        &self,
        source: impl Fn(&mut dyn FnMut(Mailbox<'_>)) + Send + Sync + 'static,
    ) {
        if let Some(instruments) = &self.0 {
            instruments.mailboxes.ask(Box::new(source));
        }
    }
}

impl Drop for OpenAsk {
    fn drop(&mut self) {
        if let Some(instruments) = &self.0.0 {
            instruments.open_asks.add(-1, &[]);
        }
    }
}

impl Instruments {
    fn new(meter: &Meter) -> Self {
        let seconds = |name: &'static str, what: &'static str, boundaries: &[f64]| {
            let builder = meter.f64_histogram(name).with_unit("s").with_description(what);
            builder.with_boundaries(boundaries.to_vec()).build()
        };
        let messages = |name: &'static str, what: &'static str| {
            let builder = meter.u64_histogram(name).with_unit("{message}").with_description(what);
            builder.with_boundaries(boundaries::MESSAGES.to_vec()).build()
        };
        let count = |name: &'static str, unit: &'static str, what: &'static str| {
            meter.u64_counter(name).with_unit(unit).with_description(what).build()
        };
        Self {
            calls: seconds(
                RPC_SERVER_CALL_DURATION,
                "How long calls took, until they were answered",
                boundaries::CALL,
            ),
            appends: messages("callboard.append.messages", "Messages stored with one write"),
            waits: seconds(
                "callboard.mailbox.wait.duration",
                "How long messages waited in their mailbox until they were handled",
                boundaries::WAIT,
            ),
            drains: messages("callboard.drain.messages", "Messages consumed by one commit"),
            activations: seconds(
                "callboard.activation.duration",
                "How long runs of actors took",
                boundaries::RUN,
            ),
            handlers: seconds(
                MESSAGING_PROCESS_DURATION,
                "How long handlers took",
                boundaries::CALL,
            ),
            retries: count(
                "callboard.message.retries",
                "{message}",
                "Messages handled once more, after they failed",
            ),
            dead_letters: count(
                "callboard.message.dead_letters",
                "{message}",
                "Messages set aside after their last attempt",
            ),
            lease_steals: count(
                "callboard.lease.steals",
                "{lease}",
                "Leases that ran out and were taken over",
            ),
            sweep_lags: seconds(
                "callboard.sweep.lag",
                "How long after they were due a sweep looked at actors",
                boundaries::WAIT,
            ),
            wakes: count(
                "callboard.wakes",
                "{wake}",
                "Wakes that were lost, and those that a sweep made up for",
            ),
            open_asks: meter
                .i64_up_down_counter("callboard.asks.open")
                .with_unit("{ask}")
                .with_description("Asks whose callers wait")
                .build(),
            request_units: meter
                .f64_counter("callboard.store.request_units")
                .with_unit("{unit}")
                .with_description("Request units that the database says were consumed")
                .build(),
            mailboxes: Mailboxes::new(meter),
            sweeps: Sweeps::new(meter),
        }
    }
}

fn destination(actor_type: &str) -> KeyValue {
    KeyValue::new(MESSAGING_DESTINATION_NAME, actor_type.to_owned())
}

fn of_type(actor_type: &str) -> [KeyValue; 1] {
    [destination(actor_type)]
}
