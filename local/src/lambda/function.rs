//! A function: the queue in front of it and its warm environments.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::config::FunctionConfig;
use super::environment::{Environment, Surroundings};
use super::invocation::Invocation;
use super::outcome::Outcome;

/// How long a new process is put off while another is about to become idle: it takes longer to
/// start one than a runtime takes from its answer to its next poll.
const FINISHING_MAX: Duration = Duration::from_millis(50);

/// Kept by whatever the host must wait for before it shuts down.
pub(super) type Ticket = mpsc::Sender<()>;

pub(super) struct Function {
    surroundings: Surroundings,
    pool: Mutex<Pool>,
    /// Told whenever an environment becomes idle or ends.
    returned: Notify,
}

struct Pool {
    config: Arc<FunctionConfig>,
    /// A permit for each environment that may run an invocation. tokio's semaphore is fair, which
    /// makes it the queue.
    slots: Arc<Semaphore>,
    /// The most recently used last. Together with the permits given out: at most `concurrency`.
    idle: Vec<Environment>,
    /// Environments that have answered and are not idle yet.
    finishing: usize,
    /// How many environments were ever started.
    started: u64,
    closed: bool,
}

/// The right to run one invocation.
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
}

impl Function {
    pub(super) fn new(config: FunctionConfig, surroundings: Surroundings) -> Self {
        Self {
            surroundings,
            pool: Mutex::new(Pool {
                slots: Arc::new(Semaphore::new(config.concurrency)),
                config: Arc::new(config),
                idle: Vec::new(),
                finishing: 0,
                started: 0,
                closed: false,
            }),
            returned: Notify::new(),
        }
    }

    /// Queues, first come, first served. `None` when no environment became free within `wait`.
    pub(super) async fn slot(&self, wait: Duration) -> Option<Slot> {
        let slots = self.pool().slots.clone();
        let permit = timeout(wait, slots.acquire_owned()).await.ok()?;
        Some(Slot { _permit: permit.expect("the semaphore is never closed") })
    }

    /// Runs an invocation in a task of its own: a caller that hangs up does not stop it.
    pub(super) fn run(
        self: Arc<Self>,
        slot: Slot,
        ticket: Ticket,
        invocation: Invocation,
    ) -> oneshot::Receiver<Outcome> {
        let (answer, answered) = oneshot::channel();
        tokio::spawn(async move {
            self.run_here(slot, invocation, answer).await;
            drop(ticket);
        });
        answered
    }

    async fn run_here(&self, slot: Slot, invocation: Invocation, answer: oneshot::Sender<Outcome>) {
        let mut environment = match self.environment(&invocation.id).await {
            Ok(environment) => environment,
            Err(outcome) => {
                let _ = answer.send(outcome);
                return;
            }
        };
        let outcome = environment.invoke(&invocation).await;
        // Counted before the caller hears: its next invocation must find the environment.
        self.pool().finishing += 1;
        let _ = answer.send(outcome);
        let settled = environment.settle().await;
        let surplus = self.give_back(environment, settled);
        drop(slot);
        if let Some(surplus) = surplus {
            surplus.stop().await;
        }
    }

    /// A warm environment, or else a new one.
    async fn environment(&self, id: &str) -> Result<Environment, Outcome> {
        if let Some(warm) = self.warm().await {
            return Ok(warm);
        }
        let (config, number) = {
            let mut pool = self.pool();
            pool.started += 1;
            (pool.config.clone(), pool.started)
        };
        Environment::start(config.clone(), number, self.surroundings.clone())
            .map_err(|error| Outcome::cannot_start(id, &config.command, &error))
    }

    async fn warm(&self) -> Option<Environment> {
        let give_up = Instant::now() + FINISHING_MAX;
        loop {
            let returned = self.returned.notified();
            {
                let mut pool = self.pool();
                while let Some(mut environment) = pool.idle.pop() {
                    if !environment.has_exited() {
                        return Some(environment);
                    }
                }
                if pool.finishing == 0 {
                    return None;
                }
            }
            timeout_at(give_up, returned).await.ok()?;
        }
    }

    /// Puts a settled environment on the warm stack; returns one that has no place there any more.
    fn give_back(&self, environment: Environment, settled: bool) -> Option<Environment> {
        let mut pool = self.pool();
        pool.finishing -= 1;
        let mut surplus = None;
        if settled && !pool.closed && environment.is_of(&pool.config) {
            pool.idle.push(environment);
        } else if settled {
            surplus = Some(environment);
        }
        drop(pool);
        self.returned.notify_waiters();
        surplus
    }

    /// From now on, environments are started from `config`. Returns the idle ones of the old.
    ///
    /// Invocations that are queued already keep the old limit on concurrency.
    pub(super) fn replace(&self, config: FunctionConfig) -> Vec<Environment> {
        let mut pool = self.pool();
        if pool.config.concurrency != config.concurrency {
            pool.slots = Arc::new(Semaphore::new(config.concurrency));
        }
        pool.config = Arc::new(config);
        std::mem::take(&mut pool.idle)
    }

    /// From now on, no environment is kept. Returns the idle ones.
    pub(super) fn close(&self) -> Vec<Environment> {
        let mut pool = self.pool();
        pool.closed = true;
        std::mem::take(&mut pool.idle)
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().expect("nothing panics while it holds this lock")
    }
}
