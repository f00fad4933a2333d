use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use callboard_telemetry::{Place, attributes};
use lambda_runtime::Context;
use lambda_runtime::tower::service_fn;
use opentelemetry_sdk::trace::InMemorySpanExporter;
use tokio::net::TcpListener;

use super::*;

/// What a busy machine may add to a time-out.
const TOLERANCE: Duration = Duration::from_millis(400);

fn invocation() -> LambdaInvocation {
    let (parts, ()) = http::Response::new(()).into_parts();
    LambdaInvocation { parts, body: bytes::Bytes::new(), context: Context::default() }
}

fn of(variables: &[(&str, &str)]) -> Result<Exports, Error> {
    Exports::read(&|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// Performs an invocation that makes one span, as the runtime of Lambda does; how long it took
/// after the response had been posted.
async fn perform(exports: &Exports) -> Duration {
    let posted = Arc::new(Mutex::new(None));
    let (tracer, at) = (exports.trace.tracer().clone(), Arc::clone(&posted));
    let inner = service_fn(move |_: LambdaInvocation| {
        tracer.begin(Place::Alone, || attributes::commit("bank.v1.Account", 1)).end();
        *at.lock().expect("nobody panics") = Some(Instant::now());
        std::future::ready(Ok::<(), lambda_runtime::Error>(()))
    });
    exports.layer(inner).call(invocation()).await.expect("it is posted");
    posted.lock().expect("nobody panics").expect("it was posted").elapsed()
}

/// A collector that takes connections, and never answers.
async fn silent() -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let address = listener.local_addr().expect("it has an address");
    let listening = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
        }
    });
    (address, listening)
}

#[tokio::test]
async fn spans_are_exported_when_the_response_has_been_posted() {
    // So long that nothing is exported by itself.
    let delay = |name: &str| (name == "OTEL_BSP_SCHEDULE_DELAY").then(|| "3600000".to_owned());
    let settings = Settings::read("test", &delay).expect("it is valid");
    let exporter = InMemorySpanExporter::default();
    let traces = Some((exporter.clone(), Duration::from_secs(20)));
    let pipeline = Pipeline::start_with(&settings, traces).expect("it starts");
    let trace = Trace::of(&pipeline, &settings);
    let exports = Exports { pipeline: Arc::new(pipeline), trace };
    perform(&exports).await;
    assert_eq!(exporter.get_finished_spans().expect("it is not shut down").len(), 1);
}

#[tokio::test]
async fn a_collector_that_hangs_costs_two_waits_of_a_tenth_of_a_second_and_then_nothing() {
    let (address, listening) = silent().await;
    let endpoint = format!("http://{address}");
    let exports = of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]).expect("it is valid");
    let begun = Instant::now();
    let mut waited = 0;
    for _ in 0..20 {
        let took = perform(&exports).await;
        assert!(took < ACTIVATION_FLUSH_MAX + TOLERANCE, "{took:?}");
        waited += u64::from(took >= ACTIVATION_FLUSH_MAX);
    }
    // Two, and a try a second on a machine that is so slow.
    let tries = begun.elapsed().as_secs();
    assert!((2..=2 + tries).contains(&waited), "{waited}");
    listening.abort();
}

#[tokio::test]
async fn a_function_that_is_told_nothing_exports_nothing() {
    let exports = of(&[]).expect("nothing is wrong");
    assert!(!exports.pipeline.is_on() && !exports.trace.tracer().is_on());
    perform(&exports).await;
}

#[tokio::test]
async fn a_function_exports_no_metrics_of_its_own() {
    let metrics =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), ("OTEL_TRACES_EXPORTER", "none")];
    assert!(!of(&metrics).expect("they are valid").pipeline.is_on());
}

#[tokio::test]
async fn what_a_bad_value_is_can_be_told() {
    let error =
        of(&[("OTEL_TRACES_SAMPLER", "sometimes")]).err().expect("there is no such sampler");
    assert!(error.to_string().contains("OTEL_TRACES_SAMPLER is \"sometimes\""), "{error}");
}
