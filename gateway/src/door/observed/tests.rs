use std::io::{self, Write};
use std::sync::Mutex;

use callboard_telemetry::Settings;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// The log of a test.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with it").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The log of a call that ends so, and its metrics.
fn told(end: impl FnOnce(Observed)) -> (String, String) {
    let settings = Settings::read("test", &|_| None).expect("nothing is set");
    let telemetry = Arc::new(Pipeline::start(&settings).expect("it starts"));
    let call = Call {
        telemetry: Arc::clone(&telemetry),
        lines: Arc::default(),
        rpc: Rpc::Grpc,
        method: Some("t.v1.A/Put".into()),
        is_stream: false,
        begun: Instant::now(),
        span: Span::none(),
    };
    let log = Log::default();
    let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
    tracing::subscriber::with_default(lines, || end(Observed(Some(call))));
    let log = log.0.lock().expect("nobody panics with it").clone();
    (String::from_utf8(log).expect("text"), telemetry.prometheus_text())
}

#[tokio::test]
async fn a_refused_call_has_one_line_wherever_it_was_refused() {
    let path = || "/t.v1.A/Put".to_owned();
    let refused = |refusal| told(|call| drop(call.refuse(refusal))).0;
    let line = refused(Refusal::InternalMethod { path: path() });
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.contains("INTERNAL_METHOD"), "{line}");
    // Access has written one.
    assert_eq!(refused(Refusal::Denied { path: path() }), "");
    assert_eq!(refused(Refusal::Unknown { given: true, bearer: true }), "");
    assert_eq!(told(|call| call.ended(&Status::permission_denied("a handler's own"))).0, "");
}

#[tokio::test]
async fn what_takes_no_door_is_counted_and_has_a_line() {
    for (status, code) in [(403, "PERMISSION_DENIED"), (415, "INVALID_ARGUMENT")] {
        let mut response = http::Response::new(Body::empty());
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        let (line, metrics) = told(|call| drop(call.turned_away(response)));
        assert!(line.lines().count() == 1 && line.contains(code), "{line}");
        assert!(metrics.contains(code), "{metrics}");
    }
}
