//! What all processes of one run share: chance, time, the trace, the services.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use super::crash::{Fate, Point, Side};
use super::dynamodb::DynamoDb;
use super::fault::{self, Fault};
use super::lambda::Lambda;
use super::operation::Operation;
use super::plan::Plan;
use super::process::{Process, Role};
use super::signal::Signal;
use super::trace::Trace;

/// How many requests a run makes, at most: many times what it needs.
const REQUESTS_MAX: u64 = 1_000_000;

/// How long a run takes in its own time, at most.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// The world of one seed.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) dynamodb: DynamoDb,
    pub(super) lambda: Lambda,
    /// Nothing goes wrong from then on.
    pub(super) calm: Arc<Signal>,
    /// What is late arrives now.
    pub(super) late_arrives: Signal,
    exhausted: Signal,
    started: Instant,
    random: Mutex<Rng>,
    fate: Mutex<Fate>,
    trace: Mutex<Trace>,
    tally: Mutex<Tally>,
    /// How many requests are late and not yet applied.
    late: AtomicU64,
    processes: AtomicU64,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

/// What happened, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests to DynamoDB and Lambda.
    pub requests: u64,
    /// How often each fault befell a request or a process.
    pub faults: BTreeMap<String, u64>,
}

impl Tally {
    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        for (fault, count) in &other.faults {
            *self.faults.entry(fault.clone()).or_default() += count;
        }
    }
}

impl World {
    /// The world of a seed, at its beginning.
    pub(super) fn new(seed: u64, is_printed: bool) -> Arc<Self> {
        let mut random = Rng::with_seed(seed);
        Arc::new(Self {
            plan: Plan::draw(&mut random),
            dynamodb: DynamoDb::new(),
            lambda: Lambda::default(),
            calm: Arc::default(),
            late_arrives: Signal::default(),
            exhausted: Signal::default(),
            started: Instant::now(),
            random: Mutex::new(random),
            fate: Mutex::new(Fate::of(seed)),
            trace: Mutex::new(Trace::new(is_printed)),
            tally: Mutex::default(),
            late: AtomicU64::new(0),
            processes: AtomicU64::new(0),
        })
    }

    /// Draws something.
    pub(super) fn draw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut lock(&self.random))
    }

    /// How long the run has taken, in its own time.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// A new process, with an error of its clock of its own.
    pub(super) fn process(&self, role: Role) -> Arc<Process> {
        let number = self.processes.fetch_add(1, Ordering::Relaxed);
        let (name, ahead) = match role {
            Role::Observer => ("observer".to_owned(), 0),
            Role::Gateway => (format!("gateway {number}"), self.clock_error()),
            Role::Function => (format!("function {number}"), self.clock_error()),
        };
        Process::new(role, name, ahead, self.started, Arc::clone(&self.calm))
    }

    fn clock_error(&self) -> i64 {
        let most = self.plan.clock_error_max;
        self.draw(|random| random.i64(-most..=most))
    }

    /// Adds a line to the trace.
    pub(super) fn note(&self, who: &str, what: fmt::Arguments<'_>) {
        self.trace().add(self.elapsed(), who, what, None);
    }

    /// Adds a line to the trace, with details for a person who reads along.
    pub(super) fn note_in_detail(
        &self,
        who: &str,
        what: fmt::Arguments<'_>,
        details: impl FnOnce() -> String,
    ) {
        let mut trace = self.trace();
        let details = trace.is_printed().then(details);
        trace.add(self.elapsed(), who, what, details);
    }

    pub(super) fn trace(&self) -> MutexGuard<'_, Trace> {
        lock(&self.trace)
    }

    /// What befalls a process before it makes a request.
    pub(super) fn befalls(&self, process: &Process, operation: Operation) {
        let requests = {
            let mut tally = lock(&self.tally);
            tally.requests += 1;
            tally.requests
        };
        if requests > REQUESTS_MAX {
            self.exhausted.raise();
        }
        if self.calm.is_raised() {
            return;
        }
        let rates = &self.plan.rates;
        if self.draw(Rng::f64) < rates.frozen {
            let length = self.draw(fault::freeze);
            process.freeze(length);
            self.count("frozen", process.name(), format_args!("frozen for {length:.3?}"));
        }
        if self.draw(Rng::f64) < rates.clock_jump {
            let ahead = self.clock_error();
            process.set_ahead(ahead);
            self.count("clock jump", process.name(), format_args!("clock ahead by {ahead} ms"));
        }
        self.strikes(process, operation, Side::Before);
    }

    /// Waits until the run has made more requests, or taken longer, than any.
    pub(super) async fn exhausted(&self) {
        tokio::select! {
            biased;
            () = self.exhausted.raised() => {}
            () = tokio::time::sleep(LONGEST) => {}
        }
    }

    /// Lets a process die on this side of an operation, if that is its fate.
    pub(super) fn strikes(&self, process: &Process, operation: Operation, side: Side) {
        if self.calm.is_raised() || process.is_dead() {
            return;
        }
        let point = Point { operation, side };
        let now = self.elapsed();
        if self.draw(|random| lock(&self.fate).strikes(point, now, random)) {
            self.note(process.name(), format_args!("CRASH at {point}"));
            process.die();
        }
    }

    /// What befalls a request.
    pub(super) fn fault(&self, operation: Operation) -> Fault {
        if self.calm.is_raised() {
            return Fault::None;
        }
        let fault = self.draw(|random| Fault::draw(&self.plan.rates, operation.effect(), random));
        if fault != Fault::None {
            *lock(&self.tally).faults.entry(fault.to_string()).or_default() += 1;
        }
        fault
    }

    fn count(&self, fault: &str, who: &str, what: fmt::Arguments<'_>) {
        *lock(&self.tally).faults.entry(fault.to_owned()).or_default() += 1;
        self.note(who, what);
    }

    /// Waits until a late request arrives.
    pub(super) async fn arrives_late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
        let lateness = self.draw(fault::lateness);
        tokio::select! {
            biased;
            () = self.late_arrives.raised() => {}
            () = tokio::time::sleep(lateness) => {}
        }
        // Those that arrive together arrive in any order.
        let (journey, _) = self.draw(|random| Fault::None.journeys(random));
        tokio::time::sleep(journey).await;
        self.late.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many requests are late and have not arrived.
    pub(super) fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }

    pub(super) fn tally(&self) -> Tally {
        lock(&self.tally).clone()
    }

    pub(super) fn fate(&self) -> MutexGuard<'_, Fate> {
        lock(&self.fate)
    }
}

/// A lock that a panic elsewhere does not close: the run is reported anyway.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
