//! Connections: listening, limits, shutting down.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use callboard_mailbox::Store;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::service::Routes;
use tower::ServiceExt;

use crate::catalog::Catalog;
use crate::door;
use crate::gateway::Gateway;

/// The most calls that one connection may have open. tonic and hyper have no
/// limit by themselves; gRPC clients open a further connection or wait.
const STREAMS_MAX: u32 = 250;

/// How often a quiet connection is asked whether the other side is there, and
/// how long it may take to answer.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How long answers may take on their way out, beyond the grace of the calls.
const LINGER: Duration = Duration::from_secs(1);

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
            "; stop the other process, or choose another address with --listen"
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

/// All that the port serves: reflection, health, and every path of the catalog.
///
/// # Errors
/// When the descriptors cannot be served by reflection.
pub async fn router<S: Store + 'static>(gateway: Arc<Gateway<S>>) -> Result<Router, Error> {
    let (health, health_service) = tonic_health::server::health_reporter();
    for service in services(gateway.catalog()) {
        health.set_service_status(service, tonic_health::ServingStatus::Serving).await;
    }
    let drained = gateway.draining.clone();
    let names: Vec<_> = services(gateway.catalog()).collect();
    tokio::spawn(async move {
        drained.cancelled().await;
        for service in names.into_iter().chain([String::new()]) {
            health.set_service_status(service, tonic_health::ServingStatus::NotServing).await;
        }
    });
    let descriptors = gateway.catalog().schema().descriptor_set();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(&descriptors)
    };
    let routes = Routes::new(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Ok(routes.into_axum_router().fallback(move |request: Request| {
        door::grpc::serve(Arc::clone(&gateway), request.map(Body::new))
    }))
}

fn services(catalog: &Catalog) -> impl Iterator<Item = String> {
    catalog.schema().actors().iter().map(|actor| actor.service().full_name().to_owned())
}

/// Serves connections until `stop`, then lets open calls finish for `grace`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    grace: Duration,
) {
    let connections = GracefulShutdown::new();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, for example: others may close some.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Without it small answers wait for the other side's delayed ACK.
        let _ = stream.set_nodelay(true);
        let service = router
            .clone()
            .map_request(|request: http::Request<_>| request.map(axum::body::Body::new));
        let connection =
            builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = connections.watch(connection.into_owned());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection ended with an error");
            }
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(grace + LINGER, connections.shutdown()).await;
}
