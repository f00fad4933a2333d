//! The private port: for whoever runs the gateway, not for its callers.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use callboard_mailbox::Store;
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::Port;
use crate::gateway::Gateway;
use crate::pulse::Pulse;
use crate::settings::Connections;

/// The most connections to a private port: a prober or a scraper needs one.
const CONNECTIONS_MAX: usize = 100;

/// The format of metrics.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All that a private port serves.
///
/// - `GET /livez`: 200 while the program runs
/// - `GET /readyz`: 200 while it takes calls; 503 until its first canary has gone
///   through, and when it is shutting down or about to.
/// - `GET /metrics`: what is counted and measured, for Prometheus
///
/// That an actor's function cannot be reached does not make a gateway unready:
/// messages are taken all the same, and other actors' functions may be fine. Nor
/// does a database that answers no more: it answers no other gateway either, and
/// callers learn more from one that tells them so than from a load balancer that
/// has taken out all of them. Then it is ready, and the text says what is wrong.
#[must_use]
pub fn private<S: Store + 'static>(gateway: &Arc<Gateway<S>>) -> Port {
    let (leaving, pulse) = (gateway.leaving.clone(), gateway.pulse.subscribe());
    let ready = move || async move {
        match *pulse.borrow() {
            _ if leaving.is_cancelled() => {
                (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n".to_owned())
            }
            Pulse::Unknown => {
                let text = "no message has got through yet; the log says why\n";
                (StatusCode::SERVICE_UNAVAILABLE, text.to_owned())
            }
            Pulse::Good => (StatusCode::OK, "ready\n".to_owned()),
            Pulse::Bad(reason) => (StatusCode::OK, format!("ready, but {reason}\n")),
        }
    };
    let router =
        Router::new().route("/livez", get(|| async { "alive\n" })).route("/readyz", get(ready));
    let telemetry = Arc::clone(&gateway.settings.telemetry);
    let metrics = move || {
        let text = telemetry.prometheus_text();
        async { ([(CONTENT_TYPE, PROMETHEUS)], text) }
    };
    let router = router.route("/metrics", get(metrics));
    let connections = Connections { open_max: CONNECTIONS_MAX, ..gateway.settings.connections };
    Port { router, connections, tls: None }
}
