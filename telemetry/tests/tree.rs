//! The receiver of `callboard dev --trace`, with real exporters.
#![cfg(all(feature = "dev", feature = "grpc"))]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callboard_telemetry::attributes::{self, Message, Rpc};
use callboard_telemetry::pipeline::{Flushed, Pipeline, Settings};
use callboard_telemetry::tree::{Bounds, receiver};
use callboard_telemetry::{Place, context};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Longer than any test needs.
const LONG: Duration = Duration::from_secs(20);

#[derive(Clone, Default)]
struct Terminal(Arc<Mutex<Vec<u8>>>);

impl io::Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panics with it").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn tell(pipeline: &Pipeline) {
    let message = Message {
        actor_type: "chat.v1.Room",
        key: None,
        method: "Say",
        id: "m-1",
        kind: "tell",
        bytes: 3,
    };
    let tracer = pipeline.tracer();
    let call = tracer.begin(Place::Alone, || attributes::call(Rpc::Connect, "chat.v1.Room/Say"));
    let send = tracer.begin(Place::Under(&call.context()), || attributes::send(&message));
    let mut headers = Vec::new();
    send.into_message(&mut headers);
    drop((send, call));
    let sender = context::of_message(&headers).expect("the message has its sender's context");
    let process = tracer.begin(Place::After(&sender), || attributes::process(&message, 1, 0.001));
    process.fail("handler_failed", "nobody is in the room");
}

/// An environment that is set for a collector elsewhere.
fn elsewhere(name: &str) -> Option<String> {
    let name = name.replace("_TRACES_", "_").replace("_METRICS_", "_");
    let value = match name.as_str() {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => "https://collector:4317",
        "OTEL_EXPORTER_OTLP_COMPRESSION" => "gzip",
        "OTEL_EXPORTER_OTLP_HEADERS" => "no header",
        "OTEL_EXPORTER_OTLP_TIMEOUT" => "0",
        "OTEL_EXPORTER_OTLP_CERTIFICATE"
        | "OTEL_EXPORTER_OTLP_CLIENT_KEY"
        | "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE" => "/collector.pem",
        "OTEL_SAMPLER" => "parentbased_traceidratio",
        "OTEL_SAMPLER_ARG" => "0",
        "OTEL_PROPAGATORS" => "b3",
        "OTEL_BSP_MAX_QUEUE_SIZE" => "1",
        _ => return None,
    };
    Some(value.to_owned())
}

#[tokio::test]
async fn a_tell_is_shown_as_one_flow_over_each_protocol() {
    for protocol in ["grpc", "http/protobuf"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let address = listener.local_addr().expect("it has an address");
        let (terminal, (stop, stopped)) = (Terminal::default(), oneshot::channel::<()>());
        let stopped = async {
            // It ends by a message, or because the test does.
            let _ = stopped.await;
        };
        let serving =
            tokio::spawn(receiver::serve(listener, terminal.clone(), Bounds::default(), stopped));
        let settings = Settings::read("chat", &|name| match name {
            "OTEL_EXPORTER_OTLP_PROTOCOL" => Some(protocol.to_owned()),
            _ => {
                let mut variables = receiver::variables(address).into_iter();
                let given = variables.find(|(known, _)| *known == name).map(|(_, value)| value);
                given.or_else(|| elsewhere(name))
            }
        });
        let pipeline = Pipeline::start(&settings.expect("they are valid")).expect("it starts");
        assert!(pipeline.is_on());
        tell(&pipeline);
        assert_eq!(pipeline.shutdown(LONG).await, Flushed::Done, "{protocol}");
        drop(pipeline);
        stop.send(()).expect("it serves");
        serving.await.expect("it does not panic").expect("it serves to its end");
        let text = terminal.0.lock().expect("no test panics with it").clone();
        let text = String::from_utf8(text).expect("a tree is text");
        let lines: Vec<_> = text.lines().collect();
        let [head, call, send, process, empty] = lines[..] else { panic!("{protocol}: {text}") };
        assert!(head.starts_with("── ") && head.ends_with("chat"), "{head}");
        assert!(call.starts_with("chat.v1.Room/Say  "), "{call}");
        assert!(send.starts_with("└─ send chat.v1.Room Say  "), "{send}");
        assert!(process.starts_with("   └⇢ process chat.v1.Room Say  "), "{process}");
        assert!(process.ends_with("  ✗ handler_failed: nobody is in the room"), "{process}");
        assert_eq!(empty, "");
    }
}
