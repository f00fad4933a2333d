use std::io;
use std::sync::{Arc, Mutex};

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::{Instrument, info, info_span};

use super::*;
use crate::attributes;
use crate::pipeline::{Pipeline, Settings};
use crate::span::Place;

/// Lines that were written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panics with it").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("no test panics with it").clone();
        String::from_utf8(bytes).expect("a log is text")
    }
}

fn provider() -> (SdkTracerProvider, InMemorySpanExporter, Tracer) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let tracer = Tracer::new(provider.tracer("test"), true, crate::story::Habits::default());
    (provider, exporter, tracer)
}

/// What is written while something is done, and the spans that ended.
fn log(format: Format, act: impl FnOnce(&Tracer)) -> (String, Vec<SpanData>) {
    let (_provider, exporter, tracer) = provider();
    let written = Written::default();
    let style = Style { format, time: false, target: false, ..Style::default() };
    let filter = "info".parse().expect("a filter");
    let writer = written.clone();
    let subscriber = subscriber(style, filter, &tracer, move || writer.clone());
    tracing::subscriber::with_default(subscriber, || act(&tracer));
    (written.text(), exporter.get_finished_spans().expect("it is not shut down"))
}

#[test]
fn what_of_the_settings_is_ignored_is_a_line() {
    let set = |value: &'static str| {
        let read = |name: &str| (name == "OTEL_PROPAGATORS").then(|| value.to_owned());
        let settings = Settings::read("gateway", &read).expect("valid");
        let pipeline = Pipeline::start(&settings).expect("it starts");
        log(Format::Text, |_| pipeline.warn()).0
    };
    assert!(set("tracecontext,xray").contains(r#"ignored="xray""#));
    assert_eq!(set("tracecontext,baggage"), "");
}

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn process() -> crate::span::Description {
    attributes::commit("bank.v1.Account", 1)
}

fn span<'a>(spans: &'a [SpanData], name: &str) -> &'a SpanData {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name} is in {spans:?}"))
}

#[test]
fn a_line_outside_of_a_span_is_as_it_always_was() {
    let (text, _) = log(Format::Text, |_| info!(count = 2, "swept"));
    assert_eq!(text, " INFO swept count=2\n");
    let (json, _) = log(Format::Json, |_| info!(count = 2, "swept"));
    assert_eq!(json, "{\"level\":\"INFO\",\"message\":\"swept\",\"count\":2}\n");
}

#[test]
fn a_line_within_a_span_has_its_ids() {
    for format in [Format::Text, Format::Json] {
        let (line, spans) = log(format, |tracer| {
            run(tracer.begin(Place::Alone, process).within(async { info!("swept") }));
        });
        let context = &spans[0].span_context;
        let (trace, id) = (context.trace_id(), context.span_id());
        let expected = match format {
            Format::Text => format!(" INFO swept trace_id={trace} span_id={id}\n"),
            Format::Json => format!(
                "{{\"level\":\"INFO\",\"message\":\"swept\",\"trace_id\":\"{trace}\",\"span_id\":\"{id}\"}}\n"
            ),
        };
        assert_eq!(line, expected);
    }
}

#[test]
fn an_authors_spans_are_below_the_one_that_processes_and_so_are_callboards_below_them() {
    let (text, spans) = log(Format::Text, |tracer| {
        let handling = async {
            let charging = async {
                info!("charging");
                // A send, from within the author's span.
                tokio::task::yield_now().await;
                let here = opentelemetry::Context::current();
                tracer.begin(Place::Under(&here), || attributes::store("PutItem", &["t"])).end();
            };
            charging.instrument(info_span!(target: "bank", "charge", amount = 5)).await;
        };
        run(tracer.begin(Place::Alone, process).within(handling));
    });
    let (process, charge) = (span(&spans, "commit bank.v1.Account"), span(&spans, "charge"));
    let put = span(&spans, "PutItem t");
    assert_eq!(charge.parent_span_id, process.span_context.span_id());
    assert_eq!(charge.span_context.trace_id(), process.span_context.trace_id());
    assert_eq!(put.parent_span_id, charge.span_context.span_id());
    let id = charge.span_context.span_id();
    assert!(text.ends_with(&format!("span_id={id}\n")), "{text}");
}

#[test]
fn callboards_own_spans_of_tracing_and_those_of_libraries_are_not_exported() {
    let (_, spans) = log(Format::Text, |tracer| {
        run(tracer.begin(Place::Alone, process).within(async {
            info_span!(target: "callboard_lambda_sdk::activation", "process").in_scope(|| ());
            info_span!(target: "h2::client", "handshake").in_scope(|| ());
            info_span!(target: "bank", "mine").in_scope(|| info!("no event of a span"));
        }));
    });
    let names: Vec<_> = spans.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(names, ["mine", "commit bank.v1.Account"]);
    assert!(spans.iter().all(|span| span.events.is_empty()));
}

#[test]
fn an_authors_span_in_an_unsampled_trace_is_not_exported() {
    let (_, spans) = log(Format::Text, |tracer| {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        let headers = [("traceparent".to_owned(), parent.to_owned())];
        let caller = crate::context::of_message(&headers).expect("it has one");
        let span = tracer.begin(Place::Under(&caller), process);
        run(span.within(async { info_span!(target: "bank", "mine").in_scope(|| ()) }));
    });
    assert!(spans.is_empty());
}

#[test]
fn formats_have_names() {
    assert_eq!("json".parse(), Ok(Format::Json));
    assert_eq!("text".parse(), Ok(Format::Text));
    assert!("xml".parse::<Format>().is_err());
}
