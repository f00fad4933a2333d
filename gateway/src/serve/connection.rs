//! One connection: its limits, and how it ends.

use std::io::{self, Cursor};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::Tls;
use super::answers::Answers;
use crate::access::Certified;
use crate::layer::origin::ArrivedAt;
use crate::settings::Connections;

/// How many calls a client may give up before the gateway has looked at them. One
/// that does so on purpose (CVE-2023-44487) is sent away.
const RESETS_UNSEEN_MAX: usize = 50;

/// How many calls a client may break by not keeping to HTTP/2, before it is sent
/// away.
const RESETS_FOR_ERRORS_MAX: usize = 256;

/// What a connection with HTTP/2 begins with (RFC 9113, 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long is waited for the rest of it.
const PREFACE_PERIOD: Duration = Duration::from_millis(20);

/// Serves a connection until it ends, is too old, or `stop`; calls that are open
/// then may end.
pub(super) async fn serve(
    stream: TcpStream,
    router: Router,
    limits: Connections,
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
) {
    let Ok(at) = stream.local_addr() else { return };
    // Without it small answers wait for the other side's delayed ACK.
    let _ = stream.set_nodelay(true);
    let timely = limits.header_timeout;
    let Some(tls) = tls else {
        let greeting = stop.run_until_cancelled(timeout(timely, greeting(&stream)));
        if let Some(Ok(Ok(()))) = greeting.await {
            converse(stream, Arrival { at, certified: None }, router, limits, stop).await;
        }
        return;
    };
    let Some(Some((mut stream, certified))) = stop.run_until_cancelled(tls.accept(stream)).await
    else {
        return;
    };
    let greeting = stop.run_until_cancelled(timeout(timely, read_greeting(&mut stream)));
    if let Some(Ok(Ok(greeting))) = greeting.await {
        let (reader, writer) = tokio::io::split(stream);
        let stream = tokio::io::join(Cursor::new(greeting).chain(reader), writer);
        converse(stream, Arrival { at, certified }, router, limits, stop).await;
    }
}

/// What is known of every request of a connection.
#[derive(Clone)]
struct Arrival {
    at: SocketAddr,
    certified: Option<Certified>,
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    arrival: Arrival,
    router: Router,
    limits: Connections,
    stop: CancellationToken,
) {
    let answers = Answers::default();
    let watched = answers.clone();
    let service = router
        .map_request(move |request: http::Request<_>| arrive(request, &arrival))
        .map_response(move |response| watched.watch(response));
    let builder = builder(&limits);
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = pin!(connection);
    let aged = async {
        match limits.age {
            Some(age) => sleep(age.mul_f64(0.9 + 0.2 * fastrand::f64())).await,
            None => std::future::pending().await,
        }
    };
    let ended = async {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = async { tokio::select! { () = aged => {}, () = stop.cancelled() => {} } } => {}
        }
        // HTTP/2 says GOAWAY. How long its calls may still take is not limited here:
        // each has its deadline, and at a stop there is a grace.
        connection.as_mut().graceful_shutdown();
        connection.await
    };
    tokio::select! {
        ended = ended => if let Err(error) = ended {
            tracing::debug!(error, "a connection ended with an error");
        },
        () = answers.are_left_lying() => {
            tracing::debug!("a client that does not take its answers is sent away");
        }
    }
}

fn arrive<B>(request: http::Request<B>, arrival: &Arrival) -> http::Request<axum::body::Body>
where
    B: http_body_util::BodyExt<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    let mut request = request.map(axum::body::Body::new);
    request.extensions_mut().insert(ArrivedAt(arrival.at));
    if let Some(certified) = &arrival.certified {
        request.extensions_mut().insert(certified.clone());
    }
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

/// As [`greeting`], of a stream that cannot be looked into: what is read of it.
async fn read_greeting(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut seen = Vec::with_capacity(HTTP2_PREFACE.len());
    while seen.len() < HTTP2_PREFACE.len() && HTTP2_PREFACE.starts_with(&seen) {
        let left = HTTP2_PREFACE.len() - seen.len();
        if (&mut *stream).take(left as u64).read_buf(&mut seen).await? == 0 {
            break;
        }
    }
    Ok(seen)
}

fn builder(limits: &Connections) -> Builder<TokioExecutor> {
    let header_bytes_max = limits.header_bytes_max;
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        // What is read ahead; so the headers can have as much, and more than with HTTP/2,
        // which has them compressed.
        .max_buf_size(2 * header_bytes_max as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.calls_max)
        .max_header_list_size(header_bytes_max)
        .max_pending_accept_reset_streams(RESETS_UNSEEN_MAX)
        .max_local_error_reset_streams(RESETS_FOR_ERRORS_MAX)
        .keep_alive_interval(limits.keepalive)
        .keep_alive_timeout(limits.keepalive);
    builder
}
