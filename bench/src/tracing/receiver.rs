//! A receiver of OTLP over HTTP. It decodes all that it gets, as a collector does, and counts.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::Result;

/// How long spans may be under way: they are exported every 200 ms.
const UNDERWAY_MAX: Duration = Duration::from_secs(20);

/// How long no span comes once all have come.
const QUIET: Duration = Duration::from_millis(600);

/// What came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// All of them.
    pub(super) spans: u64,
    /// Those of calls, which the gateway makes.
    pub(super) calls: u64,
    /// Those of attempts at messages, which functions make.
    pub(super) attempts: u64,
}

#[derive(Default)]
struct Counters {
    spans: AtomicU64,
    calls: AtomicU64,
    attempts: AtomicU64,
}

pub(super) struct Receiver {
    url: String,
    counters: Arc<Counters>,
    server: JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let counters = Arc::new(Counters::default());
        let router = Router::new()
            .route("/v1/traces", post(take))
            .route("/v1/metrics", post(StatusCode::OK))
            .with_state(Arc::clone(&counters));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the receiver ended: {error}");
            }
        });
        Ok(Self { url, counters, server })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    fn counts(&self) -> Counts {
        let Counters { spans, calls, attempts } = &*self.counters;
        let [spans, calls, attempts] =
            [spans, calls, attempts].map(|counter| counter.load(Ordering::Relaxed));
        Counts { spans, calls, attempts }
    }

    /// Waits until no more spans come; how many have come so far.
    pub(super) async fn settled(&self) -> Result<Counts> {
        let until = Instant::now() + UNDERWAY_MAX;
        let mut before = self.counts();
        while Instant::now() < until {
            sleep(QUIET).await;
            let now = self.counts();
            if now == before {
                return Ok(now);
            }
            before = now;
        }
        Err("spans still come, though nothing is asked".into())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(counters): State<Arc<Counters>>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    let spans: Vec<&Span> = scopes.flat_map(|scope| &scope.spans).collect();
    let of_kind =
        |kind: SpanKind| spans.iter().filter(|span| span.kind() == kind && is_named(span)).count();
    let add =
        |counter: &AtomicU64, count: usize| counter.fetch_add(count as u64, Ordering::Relaxed);
    add(&counters.spans, spans.len());
    add(&counters.calls, of_kind(SpanKind::Server));
    add(&counters.attempts, of_kind(SpanKind::Consumer));
    StatusCode::OK
}

/// Whether it is of a call or of an attempt. Functions have spans of runs, too.
fn is_named(span: &Span) -> bool {
    matches!(&*span.name, "counter.v1.Counter/Add" | "process counter.v1.Counter")
}
