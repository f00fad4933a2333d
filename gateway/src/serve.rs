//! The ports: listening, what each serves, and shutting down.

mod answers;
mod canary;
mod connection;
mod health;
mod private;
mod reflection;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use callboard_mailbox::Store;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::service::Routes;
use tower::util::MapRequestLayer;

use crate::admin;
use crate::door::connect::Beside;
use crate::door::{self, Doors};
use crate::gateway::Gateway;
use crate::generic::{self, Generic};
use crate::layer::arrival;
use crate::layer::origin::Pages;
use crate::settings::Connections;

pub use private::private;
use reflection::Reflection;
pub use tls::{Tls, TlsFiles};

/// How long answers may take on their way out, beyond the grace of the calls.
const LINGER: Duration = Duration::from_secs(1);

/// How long no connection is accepted after one could not be.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a port serves, and how it takes connections.
pub struct Port {
    router: Router,
    connections: Connections,
    tls: Option<Arc<Tls>>,
}

/// Why the gateway cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}{}", hint(.source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The descriptors cannot be served by reflection.
    #[error("cannot serve reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; stop the other process, or choose another address with --listen or --private-listen"
        }
        io::ErrorKind::PermissionDenied => "; choose a port above 1023 with --listen",
        _ => "",
    }
}

/// Listens on an address.
///
/// # Errors
/// When the address is in use or not allowed.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
}

/// All that the public port serves: reflection, health, and every path of the
/// catalog, for gRPC, gRPC-Web and Connect.
///
/// # Errors
/// When the descriptors cannot be served by reflection.
pub async fn router<S: Store + 'static>(gateway: Arc<Gateway<S>>) -> Result<Port, Error> {
    let (reporter, health_service) = tonic_health::server::health_reporter();
    health::report(Arc::clone(&gateway), reporter).await;
    let reflection = Arc::new(Reflection::new(Arc::clone(&gateway))?);
    let routes = Routes::new(health_service).add_service(Generic::new(Arc::clone(&gateway)));
    let routes = admin::add(routes, &gateway);
    let actors = Arc::clone(&gateway);
    let timeout = gateway.settings.request_timeout;
    let arriving = MapRequestLayer::new(move |request| arrival::within(timeout, request));
    let mut routes = routes.into_axum_router();
    for path in reflection::PATHS.into_iter().filter(|_| gateway.settings.reflection) {
        let reflection = Arc::clone(&reflection);
        let serve = move |request: Request| {
            let reflection = Arc::clone(&reflection);
            async move { reflection.serve(request).await }
        };
        routes = routes.route(path, any(serve));
    }
    let routes = routes.layer(arriving).fallback(move |request: Request| {
        door::grpc::serve(Arc::clone(&actors), request.map(Body::new))
    });
    let own = [
        Some(generic::DESCRIPTORS),
        Some(tonic_health::pb::FILE_DESCRIPTOR_SET),
        admin::descriptors(&gateway),
    ];
    let beside = Beside::new(routes.clone(), own.into_iter().flatten());
    let settings = &gateway.settings;
    let connections = settings.connections.clone();
    let tls = settings.tls.clone();
    let pages = Pages::new(&settings.pages.origins, &settings.pages.hosts);
    let doors = Arc::new(Doors { gateway, routes, beside, pages, lines: Arc::default() });
    let router = Router::new().fallback(move |request: Request| {
        let doors = Arc::clone(&doors);
        async move { doors.serve(request.map(Body::new)).await }
    });
    Ok(Port { router, connections, tls })
}

/// Serves connections until `stop`, then lets open calls finish for `grace`.
pub async fn serve(listener: TcpListener, port: Port, stop: CancellationToken, grace: Duration) {
    let Port { router, connections: limits, tls } = port;
    let open_max = limits.open_max;
    let open = Arc::new(Semaphore::new(open_max.min(Semaphore::MAX_PERMITS)));
    let connections = TaskTracker::new();
    let accept = || async {
        // Further ones wait in the listener's queue, and then at their client's.
        let permit = Arc::clone(&open).acquire_owned().await.expect("it is never closed");
        (permit, listener.accept().await)
    };
    while let Some((permit, accepted)) = stop.run_until_cancelled(accept()).await {
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, for example: others may close some.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connection =
            connection::serve(stream, router.clone(), limits.clone(), tls.clone(), stop.clone());
        connections.spawn(async move {
            connection.await;
            drop(permit);
        });
    }
    drop(listener);
    connections.close();
    let _ = tokio::time::timeout(grace + LINGER, connections.wait()).await;
}
