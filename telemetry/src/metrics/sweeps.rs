//! How long ago the last whole sweep was. It grows also while a sweep hangs: an outage must show.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use opentelemetry::metrics::{Meter, ObservableGauge};

/// The instrument, and what it reads. It tells nothing of a program that does not sweep.
#[derive(Debug)]
pub(super) struct Sweeps {
    last: Arc<Mutex<Option<Instant>>>,
    _age: ObservableGauge<f64>,
}

impl Sweeps {
    pub(super) fn new(meter: &Meter) -> Self {
        let last = Arc::<Mutex<Option<Instant>>>::default();
        let read = Arc::clone(&last);
        let age = meter
            .f64_observable_gauge("callboard.sweep.age")
            .with_unit("s")
            .with_description("How long ago the last sweep ended that could read all that is due")
            .with_callback(move |gauge| {
                let last = *read.lock().unwrap_or_else(PoisonError::into_inner);
                last.iter().for_each(|at| gauge.observe(at.elapsed().as_secs_f64(), &[]));
            })
            .build();
        Self { last, _age: age }
    }

    pub(super) fn ended(&self, at: Instant) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }
}
