//! The private port: for whoever runs the gateway, not for its callers.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use callboard_mailbox::Store;
use http::StatusCode;

use super::Port;
use crate::gateway::Gateway;
use crate::settings::Connections;

/// The most connections to a private port: a prober or a scraper needs one.
const CONNECTIONS_MAX: usize = 100;

/// All that a private port serves.
///
/// - `GET /livez`: 200 while the program runs
/// - `GET /readyz`: 200 while it takes calls, 503 when it is shutting down. That
///   an actor's function cannot be reached does not make a gateway unready:
///   messages are taken all the same, and other actors' functions may be fine.
#[must_use]
pub fn private<S: Store + 'static>(gateway: &Arc<Gateway<S>>) -> Port {
    let draining = gateway.draining.clone();
    let ready = move || async move {
        match draining.is_cancelled() {
            false => (StatusCode::OK, "ready\n"),
            true => (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n"),
        }
    };
    let router =
        Router::new().route("/livez", get(|| async { "alive\n" })).route("/readyz", get(ready));
    let connections = Connections { open_max: CONNECTIONS_MAX, ..gateway.settings.connections };
    Port { router, connections }
}
