//! What the parts of a gateway share; starting it and draining it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callboard_mailbox::clock::Clock;
use callboard_mailbox::{Address, Store};
use callboard_telemetry::{Metrics, Tracer};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::busy::Busy;
use crate::catalog::Catalog;
use crate::functions::Functions;
use crate::lane::{Command, Lane};
use crate::pulse::Pulse;
use crate::rate::Rates;
use crate::refusal::Refusal;
use crate::replies::Replies;
use crate::settings::Settings;
use crate::sweep;

/// A gateway over any store. It holds nothing worth saving.
pub struct Gateway<S> {
    pub(crate) store: S,
    catalog: watch::Sender<Arc<Catalog>>,
    /// Whether messages get through; health finds it out.
    pub(crate) pulse: watch::Sender<Pulse>,
    pub(crate) functions: Functions,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) replies: Arc<Replies>,
    pub(crate) busy: Arc<Busy>,
    pub(crate) open_calls: Semaphore,
    pub(crate) rates: Rates,
    /// Set when the gateway is about to go: health tells it, and calls are taken.
    pub(crate) leaving: CancellationToken,
    /// Set when the gateway shuts down: no new calls, and no new work that the
    /// next sweep finds anyway.
    pub(crate) draining: CancellationToken,
    lanes: Mutex<HashMap<Address, mpsc::UnboundedSender<Command>>>,
    pub(crate) tasks: TaskTracker,
    background: CancellationToken,
}

impl<S: Store + 'static> Gateway<S> {
    /// Starts the gateway's background work: reading replies, and sweeping.
    #[must_use]
    pub fn start(
        store: S,
        catalog: Catalog,
        functions: Functions,
        settings: Settings,
        clock: Clock,
    ) -> Arc<Self> {
        let gateway = Arc::new(Self {
            store,
            catalog: watch::Sender::new(Arc::new(catalog)),
            pulse: watch::Sender::default(),
            functions,
            open_calls: Semaphore::new(settings.open_calls_max),
            rates: Rates::new(settings.rates),
            settings,
            clock,
            replies: Arc::default(),
            busy: Arc::default(),
            leaving: CancellationToken::new(),
            draining: CancellationToken::new(),
            lanes: Mutex::default(),
            tasks: TaskTracker::new(),
            background: CancellationToken::new(),
        });
        let (busy, clock) = (Arc::clone(&gateway.busy), Arc::clone(&gateway.clock));
        gateway.metrics().ask_for_mailboxes(move |tell| busy.each(clock(), tell));
        let reader = Arc::clone(&gateway);
        gateway.in_background(async move {
            reader.replies.read_forever(&reader.store, &reader.clock).await;
        });
        let sweeper = Arc::clone(&gateway);
        gateway.in_background(async move { sweep::run_forever(&sweeper).await });
        gateway
    }

    fn in_background(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.background.clone();
        tokio::spawn(async move { stopped.run_until_cancelled(work).await });
    }

    /// What the gateway serves. Whoever holds it goes on with it when another one
    /// takes its place.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.borrow())
    }

    /// Serves another catalog from now on. Calls that are open end under the one
    /// that they began with.
    pub fn serve_from_now_on(&self, catalog: Catalog) {
        self.catalog.send_replace(Arc::new(catalog));
    }

    /// The catalog, and each that takes its place.
    pub(crate) fn catalogs(&self) -> watch::Receiver<Arc<Catalog>> {
        self.catalog.subscribe()
    }

    /// What makes spans.
    pub(crate) fn tracer(&self) -> &Tracer {
        self.settings.telemetry.tracer()
    }

    /// What counts and measures.
    pub(crate) fn metrics(&self) -> &Metrics {
        self.settings.telemetry.metrics()
    }

    /// The actors' functions.
    #[must_use]
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// Tells that it goes, to whoever asks for its health. Calls are taken as before.
    pub fn leave(&self) {
        self.leaving.cancel();
    }

    /// Refuses new calls from now on.
    pub fn stop_accepting(&self) {
        self.leaving.cancel();
        self.draining.cancel();
    }

    /// Waits until what was accepted is stored, running invocations have ended
    /// and asks are answered, at most for `grace`. Whether all of it was done;
    /// what was not is safe in the mailboxes, and its callers are told.
    pub async fn drain(&self, grace: Duration) -> bool {
        let deadline = Instant::now() + grace;
        self.stop_accepting();
        self.tasks.close();
        let done = tokio::time::timeout_at(deadline, self.tasks.wait()).await.is_ok();
        self.replies.drain(deadline.saturating_duration_since(Instant::now())).await;
        self.background.cancel();
        done
    }

    /// Hands a command to an actor's lane, which is opened for it if need be.
    pub(crate) fn to_lane(
        self: &Arc<Self>,
        address: &Address,
        command: Command,
    ) -> Result<(), Refusal> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let command = match lanes.get(address) {
            Some(lane) => match lane.send(command) {
                Ok(()) => return Ok(()),
                // The lane's task has panicked; a new one replaces it.
                Err(mpsc::error::SendError(command)) => command,
            },
            None => command,
        };
        let function = self.functions.of(address.actor_type())?;
        let (sender, commands) = mpsc::unbounded_channel();
        // The receiver is alive, so this succeeds.
        let _ = sender.send(command);
        lanes.insert(address.clone(), sender);
        let lane = Lane::new(Arc::clone(self), address.clone(), function, commands);
        self.tasks.spawn(lane.run());
        Ok(())
    }

    /// Closes a lane if no command waits in it.
    pub(crate) fn close_lane(
        &self,
        address: &Address,
        commands: &mpsc::UnboundedReceiver<Command>,
    ) -> bool {
        // Commands are sent under this lock, so none can slip in.
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let is_empty = commands.is_empty();
        if is_empty {
            lanes.remove(address);
        }
        is_empty
    }
}

#[cfg(test)]
impl Gateway<callboard_mailbox::memory::MemoryStore> {
    /// One of types that have a function, which cannot be invoked.
    pub(crate) fn of_types<'a>(
        types: impl IntoIterator<Item = &'a str>,
        settings: Settings,
    ) -> Arc<Self> {
        let schema = callboard_proto::schema::Schema::compile_sources(&[(
            "t.proto",
            r#"
            syntax = "proto3";
            package t.v1;
            import "callboard/v1/options.proto";
            service A {
              option (callboard.v1.actor) = {};
              rpc Put(PutRequest) returns (PutResponse);
            }
            message PutRequest { string key = 1 [(callboard.v1.field) = { key: true }]; }
            message PutResponse {}
            "#,
        )]);
        let config = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .build();
        let by_type = types.into_iter().map(|kind| (kind.to_owned(), "f".to_owned()));
        let functions = Functions::new(&config, None, by_type);
        let clock: Clock = Arc::new(|| std::time::SystemTime::now().into());
        let catalog = Catalog::new(schema.expect("it is valid"));
        Self::start(Default::default(), catalog, functions, settings, clock)
    }
}
