//! Health: of the gateway, by a canary, and of each actor type, by its function.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use callboard_mailbox::Store;
use futures::future::join_all;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::canary;
use crate::functions::Function;
use crate::gateway::Gateway;
use crate::generic;
use crate::pulse::Pulse;

/// How often it is looked whether functions can be reached. Those that cannot
/// are asked each time; of the others the calls tell.
const PERIOD: Duration = Duration::from_secs(5);

/// How long a function may take to answer, its cold start included.
const PING_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the first look may hold up the start. It saves who asks at once from
/// being told that an actor is not there only because nobody has looked.
const FIRST_LOOK_MAX: Duration = Duration::from_secs(1);

/// How long a canary may take. The first one may hold up the start for as long.
const CANARY_TIMEOUT: Duration = Duration::from_secs(5);

/// How soon the next canary follows one that failed, at most.
const CANARY_AGAIN: Duration = Duration::from_secs(5);

/// How many canaries must fail in a row until messages are said not to get
/// through: one may meet a moment of throttling, or of a lost connection.
const FAILURES_MAX: u32 = 3;

/// Reports the health of everything until the gateway is about to go.
pub(super) async fn report<S: Store + 'static>(gateway: Arc<Gateway<S>>, reporter: HealthReporter) {
    let (looked, first_look) = oneshot::channel();
    let (sent, first_canary) = oneshot::channel();
    let whole = Whole { gateway: Arc::clone(&gateway), reporter: reporter.clone(), failures: 0 };
    whole.tell(ServingStatus::NotServing).await;
    tokio::spawn(async move {
        let (leaving, draining) = (gateway.leaving.clone(), gateway.draining.clone());
        let mut types = Types { gateway, reporter, reached: HashSet::new(), told: HashSet::new() };
        types.tell().await;
        let watching = async { tokio::join!(types.watch(looked), whole.watch(sent)) };
        leaving.run_until_cancelled(watching).await;
        types.end().await;
        draining.cancelled().await;
        types.forget().await;
    });
    let _ =
        tokio::join!(timeout(FIRST_LOOK_MAX, first_look), timeout(CANARY_TIMEOUT, first_canary));
}

/// The health of the whole: whether messages get through.
struct Whole<S> {
    gateway: Arc<Gateway<S>>,
    reporter: HealthReporter,
    /// How many canaries have failed in a row.
    failures: u32,
}

impl<S: Store + 'static> Whole<S> {
    async fn watch(mut self, sent: oneshot::Sender<()>) {
        let period = self.gateway.settings.canary_period;
        self.look().await;
        // Nobody may wait for it any more.
        let _ = sent.send(());
        loop {
            let rest = if self.failures == 0 { period } else { period.min(CANARY_AGAIN) };
            sleep(rest).await;
            self.look().await;
        }
    }

    /// Sends a canary, and tells what became of it.
    async fn look(&mut self) {
        let now = (self.gateway.clock)();
        let sent = timeout(CANARY_TIMEOUT, canary::send(&self.gateway.store, now)).await;
        let reason = match sent {
            Ok(Ok(())) => return self.good().await,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the canary did not get through");
                error.reason()
            }
            Err(_) => {
                tracing::warn!("the canary did not get through within {CANARY_TIMEOUT:?}");
                "the database does not answer"
            }
        };
        self.failures = self.failures.saturating_add(1);
        if self.failures == FAILURES_MAX && *self.gateway.pulse.borrow() == Pulse::Good {
            tracing::error!(reason, "messages do not get through; health says NOT_SERVING");
            self.gateway.pulse.send_replace(Pulse::Bad(reason));
            self.tell(ServingStatus::NotServing).await;
        }
    }

    async fn good(&mut self) {
        self.failures = 0;
        let before = self.gateway.pulse.send_replace(Pulse::Good);
        if before == Pulse::Good {
            return;
        }
        if before != Pulse::Unknown {
            tracing::info!("messages get through again; health says SERVING");
        }
        self.tell(ServingStatus::Serving).await;
    }

    async fn tell(&self, status: ServingStatus) {
        self.reporter.set_service_status("", status).await;
    }
}

/// The health of each actor type.
struct Types<S> {
    gateway: Arc<Gateway<S>>,
    reporter: HealthReporter,
    /// The functions that have answered.
    reached: HashSet<String>,
    /// The services that are told of.
    told: HashSet<String>,
}

impl<S: Store + 'static> Types<S> {
    async fn watch(&mut self, looked: oneshot::Sender<()>) {
        let mut looked = Some(looked);
        let mut catalogs = self.gateway.catalogs();
        let mut asking = pin!(self.ask(Duration::ZERO));
        loop {
            tokio::select! {
                biased;
                // At once, and not when a function that is asked has answered.
                Ok(()) = catalogs.changed() => self.tell().await,
                reached = &mut asking => {
                    self.reached.extend(reached);
                    self.tell().await;
                    // Nobody may wait for it any more.
                    looked.take().map(|looked| looked.send(()));
                    asking.set(self.ask(PERIOD));
                }
            }
        }
    }

    /// Pings the functions that are not known to be reachable, after a rest; those
    /// that have answered.
    fn ask(&self, rest: Duration) -> impl Future<Output = Vec<String>> + use<S> {
        let (gateway, reached) = (Arc::clone(&self.gateway), self.reached.clone());
        async move {
            sleep(rest).await;
            let all = gateway.functions.all();
            let asked = all.into_iter().filter(|function| !is_reached(&reached, function));
            let pings = asked.map(|function| async move {
                let answered = timeout(PING_TIMEOUT, function.ping()).await;
                matches!(answered, Ok(Ok(_))).then(|| function.name().to_owned())
            });
            join_all(pings).await.into_iter().flatten().collect()
        }
    }

    async fn tell(&mut self) {
        self.reporter.set_service_status(generic::NAME, ServingStatus::Serving).await;
        let catalog = self.gateway.catalog();
        let mut told = HashSet::new();
        for actor in catalog.schema().actors() {
            let function = self.gateway.functions.of(actor.type_name());
            let status = match function {
                Ok(function) if is_reached(&self.reached, &function) => ServingStatus::Serving,
                _ => ServingStatus::NotServing,
            };
            let service = actor.service().full_name();
            self.reporter.set_service_status(service, status).await;
            told.insert(service.to_owned());
        }
        for gone in self.told.difference(&told) {
            self.reporter.clear_service_status(gone).await;
        }
        self.told = told;
    }

    /// Tells that nothing is served any more.
    async fn end(&self) {
        for service in self.services() {
            self.reporter.set_service_status(service, ServingStatus::NotServing).await;
        }
    }

    /// Ends the calls of those who watch, lest the port wait for them.
    async fn forget(&self) {
        let mut reporter = self.reporter.clone();
        for service in self.services() {
            reporter.clear_service_status(service).await;
        }
    }

    fn services(&self) -> impl Iterator<Item = &str> {
        self.told.iter().map(String::as_str).chain(["", generic::NAME])
    }
}

/// Whether a function is reached, as far as is known: it has answered, and nothing
/// was heard to the contrary since.
fn is_reached(reached: &HashSet<String>, function: &Function) -> bool {
    reached.contains(function.name()) && function.unreachable().is_none()
}
