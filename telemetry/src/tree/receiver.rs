//! Takes spans in by OTLP, over gRPC and HTTP on one port, and writes the tree of each flow when
//! it is finished. For this machine alone: nobody is asked who he is.

use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::post;
use http::StatusCode;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1 as otlp;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tracing::warn;

use super::{Assembler, Bounds, Piece, Role};
use crate::attributes::{ATTEMPT, ERROR_TYPE, MESSAGE_METHOD, RPC_RESPONSE_STATUS_CODE};

/// How many spans wait for the assembler; more are refused, and sent again.
const SPANS_MAX: usize = 10_000;

/// The largest request that is taken.
const REQUEST_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How often finished flows are looked for.
const PERIOD: Duration = Duration::from_millis(100);

/// Variables that would have a program send its spans elsewhere, in another way, to fewer places
/// or not at all. Empty, they count as unset.
const CLEARED: [&str; 18] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_PROPAGATORS",
    "OTEL_BSP_MAX_QUEUE_SIZE",
];

/// What a program needs in its environment so that it sends all of its spans here, and soon,
/// whatever else is set.
#[must_use]
pub fn variables(address: SocketAddr) -> Vec<(&'static str, String)> {
    let set = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}")),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf".to_owned()),
        ("OTEL_TRACES_EXPORTER", "otlp".to_owned()),
        ("OTEL_METRICS_EXPORTER", "none".to_owned()),
        ("OTEL_SDK_DISABLED", "false".to_owned()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
    ];
    set.into_iter().chain(CLEARED.map(|name| (name, String::new()))).collect()
}

/// Receives spans until it is told to stop, and writes trees.
///
/// # Errors
/// When the listener or the writer fails.
pub async fn serve(
    listener: TcpListener,
    writer: impl Write + Send + 'static,
    bounds: Bounds,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (sender, received) = mpsc::channel(SPANS_MAX);
    let writing = tokio::spawn(write(received, writer, Assembler::new(bounds)));
    let service =
        TraceServiceServer::new(Inlet(sender.clone())).max_decoding_message_size(REQUEST_BYTES_MAX);
    let http = Router::new()
        .route("/v1/traces", post(take))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(Inlet(sender));
    let router = Routes::new(service).prepare().into_axum_router().merge(http);
    axum::serve(listener, router).with_graceful_shutdown(stop).await?;
    writing.await.map_err(std::io::Error::other)?
}

/// Owns the assembler, and ends when nobody sends any more.
async fn write(
    mut received: mpsc::Receiver<Piece>,
    mut writer: impl Write,
    mut assembler: Assembler,
) -> std::io::Result<()> {
    let mut period = tokio::time::interval(PERIOD);
    loop {
        let (trees, is_last) = tokio::select! {
            piece = received.recv() => match piece {
                Some(piece) => {
                    assembler.add(piece, Instant::now());
                    continue;
                }
                None => (assembler.rest(), true),
            },
            _ = period.tick() => (assembler.finished(Instant::now()), false),
        };
        for tree in trees {
            writeln!(writer, "{tree}")?;
        }
        writer.flush()?;
        if is_last {
            return Ok(());
        }
    }
}

/// The way to the assembler.
#[derive(Clone)]
struct Inlet(mpsc::Sender<Piece>);

impl Inlet {
    /// All of a request, or nothing of it.
    fn put(&self, request: ExportTraceServiceRequest) -> Result<(), Status> {
        let pieces: Vec<_> = pieces(request).collect();
        if pieces.is_empty() {
            return Ok(());
        }
        let places = self.0.try_reserve_many(pieces.len());
        let places = places.map_err(|_| Status::unavailable("too many spans wait"))?;
        places.zip(pieces).for_each(|(place, piece)| place.send(piece));
        Ok(())
    }
}

#[tonic::async_trait]
impl TraceService for Inlet {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.put(request.into_inner())?;
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn take(State(inlet): State<Inlet>, body: Bytes) -> (StatusCode, Vec<u8>) {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        warn!("a request was no OTLP in protobuf");
        return (StatusCode::BAD_REQUEST, Vec::new());
    };
    match inlet.put(request) {
        Ok(()) => (StatusCode::OK, ExportTraceServiceResponse::default().encode_to_vec()),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, Vec::new()),
    }
}

/// The spans of a request whose ids are valid.
fn pieces(request: ExportTraceServiceRequest) -> impl Iterator<Item = Piece> {
    request.resource_spans.into_iter().flat_map(|resource| {
        let attributes = resource.resource.map(|resource| resource.attributes).unwrap_or_default();
        let service = text(&attributes, "service.name").unwrap_or_default();
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.filter_map(move |span| piece(span, &service))
    })
}

fn piece(span: otlp::Span, service: &str) -> Option<Piece> {
    let links = span.links.iter().filter_map(|link| {
        Some((
            <[u8; 16]>::try_from(&*link.trace_id).ok()?,
            <[u8; 8]>::try_from(&*link.span_id).ok()?,
        ))
    });
    let role = match span.kind() {
        otlp::span::SpanKind::Producer if span.name.starts_with("send ") => Role::Sends,
        otlp::span::SpanKind::Consumer => Role::Processes,
        _ => Role::Other,
    };
    Some(Piece {
        trace: (&*span.trace_id).try_into().ok()?,
        id: (&*span.span_id).try_into().ok()?,
        parent: (&*span.parent_span_id).try_into().ok(),
        links: links.collect(),
        role,
        service: service.to_owned(),
        begun: span.start_time_unix_nano,
        ended: span.end_time_unix_nano,
        error: error(&span),
        method: text(&span.attributes, MESSAGE_METHOD),
        attempt: number(&span.attributes, ATTEMPT),
        name: span.name,
    })
}

fn error(span: &otlp::Span) -> Option<String> {
    let status = span.status.as_ref()?;
    if status.code() != otlp::status::StatusCode::Error {
        return None;
    }
    let kind = text(&span.attributes, RPC_RESPONSE_STATUS_CODE)
        .or_else(|| text(&span.attributes, ERROR_TYPE));
    Some(match (kind, status.message.as_str()) {
        (None, "") => "failed".to_owned(),
        (None, message) => message.to_owned(),
        (Some(kind), "") => kind,
        (Some(kind), message) => format!("{kind}: {message}"),
    })
}

fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a any_value::Value> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match &found.value {
        Some(AnyValue { value: Some(value) }) => Some(value),
        _ => None,
    }
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    match value(attributes, key)? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        _ => None,
    }
}

fn number(attributes: &[KeyValue], key: &str) -> Option<i64> {
    match value(attributes, key)? {
        any_value::Value::IntValue(number) => Some(*number),
        _ => None,
    }
}
