//! Health: of the gateway, and of each actor type by its function.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use callboard_mailbox::Store;
use futures::future::join_all;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::functions::Function;
use crate::gateway::Gateway;
use crate::generic;

/// How often it is looked whether functions can be reached. Those that cannot
/// are asked each time; of the others the calls tell.
const PERIOD: Duration = Duration::from_secs(5);

/// How long a function may take to answer, its cold start included.
const PING_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the first look may hold up the start. It saves who asks at once from
/// being told that an actor is not there only because nobody has looked.
const FIRST_LOOK_MAX: Duration = Duration::from_secs(1);

/// Reports the health of everything until the gateway drains.
pub(super) async fn report<S: Store + 'static>(gateway: Arc<Gateway<S>>, reporter: HealthReporter) {
    let (looked, first_look) = oneshot::channel();
    tokio::spawn(async move {
        let drained = gateway.draining.clone();
        let mut health = Health { gateway, reporter, reached: HashSet::new() };
        health.tell().await;
        drained.run_until_cancelled(health.watch(looked)).await;
        health.end().await;
    });
    let _ = timeout(FIRST_LOOK_MAX, first_look).await;
}

struct Health<S> {
    gateway: Arc<Gateway<S>>,
    reporter: HealthReporter,
    /// The functions that have answered.
    reached: HashSet<String>,
}

impl<S: Store + 'static> Health<S> {
    async fn watch(&mut self, looked: oneshot::Sender<()>) {
        self.look().await;
        // Nobody may wait for it any more.
        let _ = looked.send(());
        loop {
            sleep(PERIOD).await;
            self.look().await;
        }
    }

    /// Pings the functions that are not known to be reachable, and tells.
    async fn look(&mut self) {
        let all = self.gateway.functions.all();
        let asked = all.into_iter().filter(|function| !self.is_reached(function));
        let pings = asked.map(|function| async move {
            let answered = timeout(PING_TIMEOUT, function.ping()).await;
            matches!(answered, Ok(Ok(_))).then(|| function.name().to_owned())
        });
        let reached = join_all(pings).await;
        self.reached.extend(reached.into_iter().flatten());
        self.tell().await;
    }

    fn is_reached(&self, function: &Function) -> bool {
        self.reached.contains(function.name()) && function.unreachable().is_none()
    }

    async fn tell(&self) {
        self.reporter.set_service_status(generic::NAME, ServingStatus::Serving).await;
        for actor in self.gateway.catalog.schema().actors() {
            let function = self.gateway.functions.of(actor.type_name());
            let status = match function {
                Ok(function) if self.is_reached(function) => ServingStatus::Serving,
                _ => ServingStatus::NotServing,
            };
            self.reporter.set_service_status(actor.service().full_name(), status).await;
        }
    }

    /// Tells that nothing is served any more.
    async fn end(&self) {
        let actors = self.gateway.catalog.schema().actors().iter();
        let services = actors.map(|actor| actor.service().full_name().to_owned());
        for service in services.chain([String::new(), generic::NAME.to_owned()]) {
            self.reporter.set_service_status(service, ServingStatus::NotServing).await;
        }
    }
}
