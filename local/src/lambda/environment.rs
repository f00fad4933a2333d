//! One environment: a process and the Runtime API that it polls.
//!
//! An environment is owned by whoever runs an invocation in it, and lies on the function's warm
//! stack in between. It has no task of its own: calls that arrive while it is idle wait in their
//! channel.
//!
//! Its life: `start` → [ `invoke` → `settle` ]… → `stop`, or the end of its process at any point.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::body;
use super::config::{FunctionConfig, OnLog};
use super::extensions::{self, Extensions};
use super::invocation::{self, Invocation};
use super::outcome::Outcome;
use super::process::Process;
use super::runtime_api::{self, Call, Delivery, Verdict};
use super::variables;
use super::warden::Warden;
use crate::listen;

/// Calls that may wait for the environment to look at them; further ones wait in their handler.
const CALLS_MAX: usize = 8;

/// What all environments of a host share.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) region: Arc<str>,
    pub(super) init_limit: Duration,
    pub(super) stop_wait: Duration,
    pub(super) on_log: OnLog,
    pub(super) warden: Arc<Warden>,
    /// Turns true when the host's patience is over: what still runs is killed.
    pub(super) killed: watch::Receiver<bool>,
}

pub(super) struct Environment {
    config: Arc<FunctionConfig>,
    surroundings: Surroundings,
    process: Process,
    calls: mpsc::Receiver<Call>,
    server: AbortHandle,
    /// The runtime's poll, held open.
    next: Option<oneshot::Sender<Delivery>>,
    extensions: Extensions,
    /// Whether the runtime has ever polled.
    initialised: bool,
    /// Until when the last invocation may keep it busy.
    deadline: Instant,
}

/// Why there is nothing more to expect of a process.
enum End {
    Exited(ExitStatus),
    /// The limit given to `step` has passed.
    Late,
    /// The host kills what still runs.
    Killed,
}

impl Environment {
    /// Opens a Runtime API and starts the binary; does not wait for it.
    pub(super) fn start(
        config: Arc<FunctionConfig>,
        number: u64,
        surroundings: Surroundings,
    ) -> io::Result<Self> {
        let any_port = (std::net::Ipv4Addr::LOCALHOST, 0).into();
        let listener = listen::loopback(any_port).map_err(io::Error::other)?;
        let address = listener.local_addr()?;
        let (sender, calls) = mpsc::channel(CALLS_MAX);
        let variables = variables::of(&config, number, &surroundings.region, address);
        let process = Process::start(
            &config,
            variables,
            number,
            &surroundings.on_log,
            surroundings.warden.clone(),
        )?;
        // The process may connect before this runs: the listener is there.
        let router = runtime_api::router(&config.name, sender);
        let server =
            tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
        tracing::debug!(function = config.name, number, %address, "started an environment");
        Ok(Self {
            config,
            surroundings,
            process,
            calls,
            server,
            next: None,
            extensions: Extensions::default(),
            initialised: false,
            deadline: Instant::now(),
        })
    }

    /// Whether it was started from this configuration.
    pub(super) fn is_of(&self, config: &Arc<FunctionConfig>) -> bool {
        Arc::ptr_eq(&self.config, config)
    }

    pub(super) fn has_exited(&mut self) -> bool {
        self.process.has_exited()
    }

    /// Runs an invocation: waits for the runtime where it is starting, hands it over, and waits for
    /// the answer. Whatever goes wrong ends the process, and is the outcome.
    pub(super) async fn invoke(&mut self, invocation: &Invocation) -> Outcome {
        self.process.resume();
        if let Err(outcome) = self.deliver(invocation).await {
            return outcome;
        }
        loop {
            match self.step(self.deadline).await {
                Ok(call) => {
                    if let Some(outcome) = self.take(call, Some(&invocation.id)) {
                        return outcome;
                    }
                }
                Err(end) => {
                    self.process.end().await;
                    return match end {
                        End::Exited(status) => Outcome::exited(&invocation.id, status, ""),
                        End::Late => Outcome::timed_out(&invocation.id, self.config.timeout),
                        End::Killed => Outcome::Stopped,
                    };
                }
            }
        }
    }

    async fn deliver(&mut self, invocation: &Invocation) -> Result<(), Outcome> {
        let limit = Instant::now() + self.surroundings.init_limit;
        let arn = invocation::arn(&self.surroundings.region, &self.config.name);
        loop {
            self.until_ready(limit, invocation).await?;
            let Some(next) = self.next.take() else { continue };
            // The time-out counts from here, as in AWS: the start has a limit of its own.
            self.deadline = Instant::now() + self.config.timeout;
            let deadline = SystemTime::now() + self.config.timeout;
            let delivery = Delivery { invocation: invocation.clone(), arn: arn.clone(), deadline };
            // It comes back when the runtime has hung up: it is about to exit, or to poll again.
            if next.send(delivery).is_ok() {
                self.extensions.invoke(invocation, &arn, deadline);
                return Ok(());
            }
        }
    }

    async fn until_ready(
        &mut self,
        limit: Instant,
        invocation: &Invocation,
    ) -> Result<(), Outcome> {
        while !self.is_ready() {
            let end = match self.step(limit).await {
                Ok(call) => match self.take(call, None) {
                    None => continue,
                    Some(failed_init) => {
                        self.process.end().await;
                        return Err(failed_init);
                    }
                },
                Err(end) => end,
            };
            self.process.end().await;
            // A process that got to work before has its words in the log.
            let stderr = match self.initialised {
                true => String::new(),
                false => self.process.last_words(),
            };
            return Err(match end {
                End::Exited(status) => Outcome::exited(&invocation.id, status, &stderr),
                End::Late => {
                    Outcome::init_timed_out(&invocation.id, self.surroundings.init_limit, &stderr)
                }
                End::Killed => Outcome::Stopped,
            });
        }
        Ok(())
    }

    /// After an invocation, waits until the environment can take the next; false when it cannot.
    pub(super) async fn settle(&mut self) -> bool {
        if self.has_exited() {
            return false;
        }
        while !self.is_ready() {
            match self.step(self.deadline).await {
                Ok(call) => {
                    let _ = self.take(call, None);
                }
                Err(_) => {
                    self.process.end().await;
                    return false;
                }
            }
        }
        if self.config.freeze {
            self.process.freeze();
        }
        true
    }

    /// Asks the process to exit, and kills it when it does not in time.
    pub(super) async fn stop(mut self) {
        let wait = self.surroundings.stop_wait;
        self.process.resume();
        self.extensions.shutdown(wait);
        self.process.terminate();
        let limit = Instant::now() + wait;
        loop {
            // Extensions poll once more before they exit.
            let call = tokio::select! {
                Some(call) = self.calls.recv() => call,
                _ = self.process.wait() => break,
                () = sleep_until(limit) => break,
            };
            let _ = self.take(call, None);
        }
        self.process.end().await;
    }

    fn is_ready(&self) -> bool {
        let polls = self.next.as_ref().is_some_and(|next| !next.is_closed());
        polls && self.extensions.ready()
    }

    /// The next call of the process, or why there will be none.
    async fn step(&mut self, limit: Instant) -> Result<Call, End> {
        tokio::select! {
            biased;
            Some(call) = self.calls.recv() => Ok(call),
            status = self.process.wait() => Err(End::Exited(status)),
            () = sleep_until(limit) => Err(End::Late),
            // An error means that the host is gone altogether.
            _ = self.surroundings.killed.wait_for(|killed| *killed) => Err(End::Killed),
        }
    }

    /// Replies to a call. An answer to the invocation `running`, or a failed start, is an outcome.
    fn take(&mut self, call: Call, running: Option<&str>) -> Option<Outcome> {
        let (outcome, verdict, reply) = match call {
            Call::Next { reply } => {
                self.initialised = true;
                self.next = Some(reply);
                return None;
            }
            Call::Register { events, reply } => {
                let registered = match self.initialised {
                    true => Err(extensions::Error::RegistrationClosed),
                    false => self.extensions.register(events),
                };
                let _ = reply.send(registered);
                return None;
            }
            Call::NextEvent { id, reply } => {
                self.extensions.poll(&id, reply);
                return None;
            }
            Call::Response { id, body, reply } if running == Some(&id) => {
                let (outcome, verdict) = answer(body, Outcome::Response);
                (outcome, verdict, reply)
            }
            Call::Error { id, body, reply } if running == Some(&id) => {
                let (outcome, verdict) = answer(body, Outcome::FunctionError);
                (outcome, verdict, reply)
            }
            Call::Response { reply, .. } | Call::Error { reply, .. } => {
                (None, Verdict::UnknownInvocation, reply)
            }
            Call::InitError { body, reply } if !self.initialised => {
                let (outcome, verdict) = answer(body, Outcome::FunctionError);
                (outcome, verdict, reply)
            }
            Call::InitError { reply, .. } => (None, Verdict::TooLate, reply),
        };
        let _ = reply.send(verdict);
        outcome
    }
}

fn answer(
    body: Result<bytes::Bytes, body::Error>,
    outcome: impl FnOnce(bytes::Bytes) -> Outcome,
) -> (Option<Outcome>, Verdict) {
    match body {
        Ok(body) => (Some(outcome(body)), Verdict::Accepted),
        Err(body::Error::TooLarge) => (Some(Outcome::response_too_large()), Verdict::TooLarge),
        // The runtime may try again, or exit.
        Err(body::Error::Broken) => (None, Verdict::Broken),
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.server.abort();
    }
}
