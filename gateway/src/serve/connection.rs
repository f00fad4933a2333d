//! One connection: its limits, and how it ends.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::layer::origin::ArrivedAt;

/// The most calls that one connection may have open. tonic and hyper have no
/// limit by themselves; gRPC clients open a further connection or wait.
const STREAMS_MAX: u32 = 250;

/// The most bytes of headers that a call may have. Trace context has 8 KiB of
/// them, and tokens may be long.
const HEADER_BYTES_MAX: u32 = 32 * 1_024;

/// The most bytes of an HTTP/1 request that are read ahead, and so the most that
/// its headers may have.
const HTTP1_BUFFER_BYTES: usize = 64 * 1_024;

/// How many calls a client may give up before the gateway has looked at them. One
/// that does so on purpose (CVE-2023-44487) is sent away.
const RESETS_UNSEEN_MAX: usize = 50;

/// How many calls a client may break by not keeping to HTTP/2, before it is sent
/// away.
const RESETS_FOR_ERRORS_MAX: usize = 256;

/// How often a quiet connection is asked whether the other side is there, and
/// how long it may take to answer.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How long the headers of an HTTP/1 request may take, and how long a connection
/// may wait for its next request. Also how long it may take until it is clear
/// which HTTP a connection speaks.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// What a connection with HTTP/2 begins with (RFC 9113, 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long is waited for the rest of it.
const PREFACE_PERIOD: Duration = Duration::from_millis(20);

/// Serves a connection until it ends, is too old, or `stop`; calls that are open
/// then may end.
pub(super) async fn serve(
    stream: TcpStream,
    router: Router,
    age: Option<Duration>,
    stop: CancellationToken,
) {
    let greeting = stop.run_until_cancelled(timeout(HEADER_READ_TIMEOUT, greeting(&stream)));
    let (Some(Ok(Ok(()))), Ok(at)) = (greeting.await, stream.local_addr()) else { return };
    // Without it small answers wait for the other side's delayed ACK.
    let _ = stream.set_nodelay(true);
    let service = router.map_request(move |request: http::Request<_>| arrive(request, at));
    let builder = builder();
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = pin!(connection);
    let aged = async {
        match age {
            Some(age) => sleep(age.mul_f64(0.9 + 0.2 * fastrand::f64())).await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { tokio::select! { () = aged => {}, () = stop.cancelled() => {} } } => {
            // HTTP/2 says GOAWAY. How long its calls may still take is not limited
            // here: each has its deadline, and at a stop there is a grace.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "a connection ended with an error");
    }
}

fn arrive<B>(request: http::Request<B>, at: SocketAddr) -> http::Request<axum::body::Body>
where
    B: http_body_util::BodyExt<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    let mut request = request.map(axum::body::Body::new);
    request.extensions_mut().insert(ArrivedAt(at));
    request
}

/// Waits for as much as tells HTTP/2 from HTTP/1, and leaves it there: hyper
/// itself would wait for ever.
async fn greeting(stream: &TcpStream) -> io::Result<()> {
    let mut seen = [0; HTTP2_PREFACE.len()];
    loop {
        let length = stream.peek(&mut seen).await?;
        let is_clear = length == seen.len() || !HTTP2_PREFACE.starts_with(&seen[..length]);
        if is_clear || length == 0 {
            return Ok(());
        }
        sleep(PREFACE_PERIOD).await;
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(HTTP1_BUFFER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .max_pending_accept_reset_streams(RESETS_UNSEEN_MAX)
        .max_local_error_reset_streams(RESETS_FOR_ERRORS_MAX)
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE);
    builder
}
