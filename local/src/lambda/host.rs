//! The host: its functions, its door, and its end.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::config::{Error, FunctionConfig, HostConfig};
use super::environment::{Environment, Surroundings};
use super::function::{Function, Ticket};
use super::invoke_api;
use super::invoker::Invoker;
use super::warden::Warden;
use crate::listen;

/// Invocations under way at a time, queued or running; AWS's default for an account.
pub(super) const INVOCATIONS_MAX: usize = 1000;
/// `Event` invocations accepted and not finished.
pub(super) const EVENTS_MAX: usize = 1000;
/// How long cut-off invocations may take to say so to their callers.
const LAST_ANSWERS_MAX: Duration = Duration::from_secs(2);

/// A running Lambda host. Dropping it kills its processes at once.
pub struct LambdaHost {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Ends when the last ticket is gone.
    tickets: mpsc::Receiver<()>,
    kill: watch::Sender<bool>,
    server: JoinHandle<()>,
    close_server: Option<oneshot::Sender<()>>,
}

/// What those who invoke see of the host.
pub(super) struct Shared {
    pub(super) region: Arc<str>,
    pub(super) queue_wait: Duration,
    pub(super) invocations: Arc<Semaphore>,
    pub(super) events: Arc<Semaphore>,
    pub(super) killed: watch::Receiver<bool>,
    functions: RwLock<HashMap<String, Arc<Function>>>,
    surroundings: Surroundings,
    /// Gives a ticket to each invocation that comes in; `None` once the door is closed.
    door: Mutex<Option<Ticket>>,
}

impl LambdaHost {
    /// Starts serving the Invoke API on a loopback address; port 0 takes any free port. Processes
    /// start when they are needed.
    ///
    /// # Errors
    ///
    /// See [`Error`]: the address cannot be listened on, or a function's configuration makes no
    /// sense. A binary that does not exist is not an error here: its invocations fail.
    ///
    /// ```
    /// use callboard_local::{FunctionConfig, HostConfig, LambdaHost};
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let config = HostConfig {
    ///     functions: vec![FunctionConfig::new("counter", "target/debug/counter")],
    ///     ..HostConfig::default()
    /// };
    /// let host = LambdaHost::start(config, "127.0.0.1:0".parse().unwrap())?;
    /// assert!(host.endpoint_url().starts_with("http://127.0.0.1:"));
    /// # Ok::<(), callboard_local::lambda::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn start(config: HostConfig, listen: SocketAddr) -> Result<Self, Error> {
        config.validate()?;
        Handle::try_current().map_err(|_| Error::NoRuntime)?;
        let listener = listen::loopback(listen)?;
        let address = listener
            .local_addr()
            .map_err(|source| listen::Error::Refused { address: listen, source })?;
        let warden = Warden::start().map_err(Error::Warden)?;

        let (kill, killed) = watch::channel(false);
        let (ticket, tickets) = mpsc::channel(1);
        let region: Arc<str> = config.region.into();
        let surroundings = Surroundings {
            region: region.clone(),
            init_limit: config.init_limit,
            stop_wait: config.stop_wait,
            on_log: config.on_log,
            warden: Arc::new(warden),
            killed: killed.clone(),
        };
        let functions = config.functions.into_iter().map(|function| {
            let name = function.name.clone();
            (name, Arc::new(Function::new(function, surroundings.clone())))
        });
        let shared = Arc::new(Shared {
            region,
            queue_wait: config.queue_wait,
            invocations: Arc::new(Semaphore::new(INVOCATIONS_MAX)),
            events: Arc::new(Semaphore::new(EVENTS_MAX)),
            killed,
            functions: RwLock::new(functions.collect()),
            surroundings,
            door: Mutex::new(Some(ticket)),
        });

        let (close_server, closed) = oneshot::channel::<()>();
        let router = invoke_api::router(shared.clone());
        let server = tokio::spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(async {
                let _ = closed.await;
            });
            if let Err(error) = serving.await {
                tracing::error!(%error, "the Lambda host stopped serving");
            }
        });
        Ok(Self { address, shared, tickets, kill, server, close_server: Some(close_server) })
    }

    /// What to give an AWS SDK as its endpoint, for example `http://127.0.0.1:9001`.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What invokes its functions from within this process.
    pub fn invoker(&self) -> Invoker {
        Invoker(Arc::clone(&self.shared))
    }

    /// Takes a new configuration for a function, or a new function.
    ///
    /// The next invocation starts a process of the new one. Idle processes of the old one are
    /// stopped, and busy ones when they have answered.
    ///
    /// # Errors
    ///
    /// [`Error::Function`] when the configuration makes no sense; the old one stays.
    pub fn replace(&self, config: FunctionConfig) -> Result<(), Error> {
        config.validate()?;
        let Some(ticket) = self.shared.ticket() else {
            return Ok(()); // Shutting down: there is no next invocation.
        };
        let old = {
            let mut functions =
                self.shared.functions.write().expect("nothing panics while it holds this lock");
            match functions.get(&config.name) {
                Some(function) => function.replace(config),
                None => {
                    let name = config.name.clone();
                    let function = Function::new(config, self.shared.surroundings.clone());
                    functions.insert(name, Arc::new(function));
                    Vec::new()
                }
            }
        };
        for environment in old {
            let ticket = ticket.clone();
            tokio::spawn(async move {
                environment.stop().await;
                drop(ticket);
            });
        }
        Ok(())
    }

    /// Stops: refuses new invocations, lets those under way finish for as long as `grace`, asks the
    /// processes to exit, and kills and reaps what is left.
    pub async fn shutdown(mut self, grace: Duration) {
        self.shared.close_door();
        if timeout(grace, self.tickets.recv()).await.is_err() {
            tracing::warn!("invocations were cut off at shutdown");
        }
        let mut stopping: JoinSet<()> =
            (self.shared.close_functions().into_iter()).map(Environment::stop).collect();
        self.kill.send_replace(true);
        while stopping.join_next().await.is_some() {}
        // Those who were cut off, and their callers.
        let _ = timeout(LAST_ANSWERS_MAX, self.tickets.recv()).await;
        drop(self.close_server.take());
        let _ = timeout(LAST_ANSWERS_MAX, &mut self.server).await;
    }
}

impl Drop for LambdaHost {
    fn drop(&mut self) {
        self.shared.close_door();
        self.kill.send_replace(true);
        self.server.abort();
        // An idle environment kills its process as it is dropped; a busy one is dropped by its
        // task, which sees the kill, or which the runtime drops if that ends first.
        drop(self.shared.close_functions());
    }
}

impl Shared {
    /// `None` once the host is shutting down.
    pub(super) fn ticket(&self) -> Option<Ticket> {
        self.door.lock().expect("nothing panics while it holds this lock").clone()
    }

    pub(super) fn function(&self, name: &str) -> Option<Arc<Function>> {
        let functions = self.functions.read().expect("nothing panics while it holds this lock");
        functions.get(name).cloned()
    }

    fn close_functions(&self) -> Vec<Environment> {
        let functions = self.functions.read().expect("nothing panics while it holds this lock");
        functions.values().flat_map(|function| function.close()).collect()
    }

    fn close_door(&self) {
        self.door.lock().expect("nothing panics while it holds this lock").take();
    }
}
