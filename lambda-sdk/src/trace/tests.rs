//! Which spans there are, with their parents and links. Callers and gateway are spans of fixed
//! ids in the headers of messages and invocations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use callboard_mailbox::MessageId;
use callboard_mailbox::drain::{Drain, Rules};
use callboard_mailbox::lease::{Terms, Woken};
use callboard_mailbox::limits::COMMIT_MESSAGES_MAX;
use callboard_mailbox::memory::MemoryStore;
use callboard_mailbox::message::Segment;
use callboard_mailbox::retry::{Attempts, Backoff};
use callboard_telemetry::logs::{self, Style};
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use serde::{Deserialize, Serialize};
use tracing::Instrument;

use super::*;
use crate::activation::{self, Surroundings};
use crate::actor::{Actor, Service, decode};
use crate::answer::{AnswerHandler, Later};
use crate::error::{Error, Result};
use crate::request::Request;

/// Longer than any test needs.
const LONG: Duration = Duration::from_secs(20);

/// A key that is in nothing else.
const KEY: &str = "frau-mueller";

/// Another one.
const OTHER: &str = "herr-meier";

/// The gateway's span of the invocation.
const INVOKE: (u128, u64) = (0xf0, 0xf);

#[derive(Default, Serialize, Deserialize)]
struct Desk {
    waiting: Option<Later<u64>>,
}

struct DeskService;

impl Actor for Desk {
    type Service = DeskService;
}

impl Service<Desk> for DeskService {
    const TYPE: &'static str = "test.v1.Desk";
    const ANSWERS: &'static [&'static str] = &["Taken"];

    async fn dispatch(
        desk: &mut Desk,
        method: &str,
        payload: &[u8],
        ctx: &mut crate::Context<'_>,
    ) -> Result<Bytes> {
        let take = || Request::<u64>::new(Self::TYPE, OTHER, "Take", &7_u64);
        match method {
            "Take" => {}
            "FailOnce" if ctx.attempt() == 1 => {
                return Err(Error::retried("the printer is on fire"));
            }
            "FailOnce" => {}
            "PanicOnce" if ctx.attempt() == 1 => panic!("on purpose"),
            "PanicOnce" => {}
            "Refuse" => return Err(Error::refused(Code::FailedPrecondition, "it is closed")),
            "Pass" => {
                let charging = async {
                    tokio::task::yield_now().await;
                    ctx.tell(take())
                };
                charging.instrument(tracing::info_span!(target: "desk", "charge")).await?;
            }
            "Ask" | "AskLater" => {
                let taken = AnswerHandler::new(Self::TYPE, "Taken");
                let asked = if method == "Ask" { "Take" } else { "Later" };
                let request = Request::<u64>::new(Self::TYPE, OTHER, asked, &7_u64);
                ctx.ask(request).then(taken, "a note")?;
            }
            "Taken" => {
                crate::answer::<u64>(ctx, payload)?;
            }
            "Forward" => return ctx.forward(take()).map(|_: u64| Bytes::new()),
            "Later" => {
                return ctx
                    .reply_later(|later| desk.waiting = Some(later))
                    .map(|_: u64| Bytes::new());
            }
            "Reply" => {
                let later = desk.waiting.take().expect("somebody waits");
                ctx.reply(later, &decode::<u64>(payload)?)?;
            }
            "Timer" => {
                let request = Request::<u64>::new(Self::TYPE, KEY, "Take", &7_u64);
                ctx.set_timer("soon", Duration::from_secs(5), request)?;
            }
            other => return Err(Error::unknown_method(Self::TYPE, other)),
        }
        Ok(Bytes::new())
    }

    async fn read(_: &Desk, method: &str, _: &[u8], _: &crate::Context<'_>) -> Result<Bytes> {
        Err(Error::unknown_method(Self::TYPE, method))
    }
}

struct Rig {
    store: MemoryStore,
    trace: Trace,
    pipeline: Pipeline,
    exporter: InMemorySpanExporter,
    now: Arc<AtomicU64>,
}

fn rig(variables: &[(&str, &str)]) -> Rig {
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let settings = Settings::read("test", &variable).expect("the variables are valid");
    let exporter = InMemorySpanExporter::default();
    let pipeline = Pipeline::start_with(&settings, Some((exporter.clone(), LONG)));
    let pipeline = pipeline.expect("it starts");
    let trace = Trace::of(&pipeline, &settings);
    let now = Arc::new(AtomicU64::new(1_000_000));
    Rig { store: MemoryStore::default(), trace, pipeline, exporter, now }
}

fn parent((trace, span): (u128, u64), flags: &str) -> (String, String) {
    ("traceparent".to_owned(), format!("00-{trace:032x}-{span:016x}-{flags}"))
}

fn address(key: &str) -> Address {
    Address::new(DeskService::TYPE, key).expect("an address")
}

fn message(kind: Kind, method: &str, headers: Vec<(String, String)>, now: Timestamp) -> Message {
    Message {
        headers,
        ..Message::new(
            MessageId::new(method).expect("an id"),
            kind,
            method,
            prost::Message::encode_to_vec(&7_u64).into(),
            now,
        )
    }
}

impl Rig {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::Relaxed))
    }

    /// Puts a message into the mailbox of the actor; its id is its method.
    fn put(&self, kind: Kind, method: &str, headers: &[(String, String)]) {
        self.put_to(KEY, kind, method, headers);
    }

    /// As [`Rig::put`], to another one.
    fn put_to(&self, key: &str, kind: Kind, method: &str, headers: &[(String, String)]) {
        let message = message(kind, method, headers.to_vec(), self.now());
        let address = address(key);
        self.store.with(|tables| {
            let first = tables.tail(&address).sequence().next();
            tables.put_segment(&address, &Segment::new(first, &[message]), Timestamp(u64::MAX));
        });
    }

    /// One run of an actor.
    async fn run(&self, key: &str) -> End {
        let (address, terms, now) = (address(key), Terms::default(), self.now());
        let wake = terms.wake(&address, now, fastrand::u64(..));
        let woken = self.store.with(|tables| tables.wake(&address, &wake));
        let Woken::Granted(mut lease) = woken else { panic!("refused: {woken:?}") };
        lease.record.wakes.clear();
        let attempts = Attempts::default();
        let rules = Rules { terms, reply_retention: Duration::from_secs(3_600), attempts };
        let mut drain = Drain::new(&lease, &[], true, rules, 1).expect("a run");
        let headers = HashMap::from([parent(INVOKE, "01")]);
        let run = self.trace.run(&Invoked {
            actor_type: DeskService::TYPE,
            id: Some("i-1"),
            is_cold: true,
            epoch: Some(lease.epoch().0),
            headers: &headers,
        });
        let clock = Arc::clone(&self.now);
        let surroundings = Surroundings {
            store: &self.store,
            clock: Arc::new(move || Timestamp(clock.load(Ordering::Relaxed))),
            stop_at: Timestamp(u64::MAX),
            backoff: Backoff::default(),
            trace: &self.trace,
            span: &run,
        };
        let finished =
            run.within(activation::run::<Desk, _>(&surroundings, &mut drain, &mut None)).await;
        let end = finished.expect("the store answers").end;
        run.ended(end);
        end
    }

    /// The spans that have ended since this was asked before.
    async fn spans(&self) -> Spans {
        self.pipeline.flush(LONG).await;
        let spans = self.exporter.get_finished_spans().expect("it is not shut down");
        self.exporter.reset();
        Spans(spans)
    }

    /// The header of the only message that waits for the other actor.
    fn header_at_other(&self, name: &str) -> Option<String> {
        self.header_at(OTHER, name)
    }

    /// The header of the only message that another actor has sent to this one.
    fn header_at(&self, key: &str, name: &str) -> Option<String> {
        let parcels = self.store.with(|tables| tables.inbox(&address(key), self.now(), 9)).parcels;
        let [parcel] = &parcels[..] else { panic!("one message waits: {parcels:?}") };
        let header = parcel.message.headers.iter().find(|(known, _)| known == name);
        header.map(|(_, value)| value.clone())
    }
}

struct Spans(Vec<SpanData>);

impl Spans {
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.0.iter().map(|span| span.name.as_ref()).collect();
        names.sort_unstable();
        names
    }

    fn all(&self, name: &str) -> Vec<&SpanData> {
        let is_called = |span: &&SpanData| span.name.split(' ').next() == Some(name);
        self.0.iter().filter(is_called).collect()
    }

    /// The only span whose name begins with this word.
    fn one(&self, name: &str) -> &SpanData {
        let [span] = self.all(name)[..] else { panic!("one {name} is in {:?}", self.names()) };
        span
    }
}

/// Trace and span.
fn ids(span: &SpanData) -> (u128, u64) {
    let context = &span.span_context;
    let trace = u128::from_be_bytes(context.trace_id().to_bytes());
    (trace, u64::from_be_bytes(context.span_id().to_bytes()))
}

/// The trace that a span is in, and its parent.
fn place(span: &SpanData) -> (u128, u64) {
    (ids(span).0, u64::from_be_bytes(span.parent_span_id.to_bytes()))
}

fn links(span: &SpanData) -> Vec<(u128, u64)> {
    let links = span.links.iter().map(|link| {
        let trace = u128::from_be_bytes(link.span_context.trace_id().to_bytes());
        (trace, u64::from_be_bytes(link.span_context.span_id().to_bytes()))
    });
    links.collect()
}

fn attribute(span: &SpanData, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|known| known.key.as_str() == name);
    found.map(|known| known.value.to_string())
}

const ASKER: (u128, u64) = (0xa0, 0xa);
const TELLER: (u128, u64) = (0xb0, 0xb);

#[tokio::test]
async fn an_ask_is_handled_in_the_trace_of_whoever_asked() {
    let rig = rig(&[]);
    rig.put(Kind::Ask, "Take", &[parent(ASKER, "01")]);
    rig.now.fetch_add(250, Ordering::Relaxed);
    assert_eq!(rig.run(KEY).await, End::Released);
    let spans = rig.spans().await;
    assert_eq!(spans.names(), ["commit test.v1.Desk", "process test.v1.Desk", "run test.v1.Desk"]);
    let [run, process, commit] = ["run", "process", "commit"].map(|name| spans.one(name));
    assert_eq!(place(run), INVOKE);
    assert_eq!((place(process), links(process)), (ASKER, vec![ids(run)]));
    assert_eq!((place(commit), links(commit)), (ids(process), vec![]));
    let kinds = [run, process, commit].map(|span| span.span_kind.clone());
    assert_eq!(kinds, [SpanKind::Server, SpanKind::Consumer, SpanKind::Client]);
    let expected = [
        ("run", attributes::FAAS_INVOCATION_ID, "i-1"),
        ("run", attributes::FAAS_COLDSTART, "true"),
        ("run", attributes::EPOCH, "1"),
        ("run", attributes::RUN_END, "released"),
        ("process", attributes::MESSAGING_SYSTEM, "callboard"),
        ("process", attributes::MESSAGING_OPERATION_TYPE, "process"),
        ("process", attributes::MESSAGING_DESTINATION_NAME, "test.v1.Desk"),
        ("process", attributes::MESSAGING_MESSAGE_ID, "Take"),
        ("process", attributes::MESSAGE_METHOD, "Take"),
        ("process", attributes::MESSAGE_KIND, "ask"),
        ("process", attributes::ATTEMPT, "1"),
        ("process", attributes::WAITED, "0.25"),
        ("commit", attributes::MESSAGING_OPERATION_TYPE, "settle"),
        ("commit", attributes::MESSAGING_BATCH_MESSAGE_COUNT, "1"),
    ];
    for (name, key, value) in expected {
        assert_eq!(attribute(spans.one(name), key).as_deref(), Some(value), "{name}: {key}");
    }
}

#[tokio::test]
async fn a_tell_is_handled_in_a_trace_of_its_own_unless_it_is_to_be_in_its_senders() {
    for (variables, is_linked) in
        [(&[][..], true), (&[("CALLBOARD_TRACE_TELLS", "children")], false)]
    {
        let rig = rig(variables);
        rig.put(Kind::Tell, "Take", &[parent(TELLER, "01")]);
        rig.run(KEY).await;
        let spans = rig.spans().await;
        let [run, process, commit] = ["run", "process", "commit"].map(|name| spans.one(name));
        if is_linked {
            let (trace, above) = place(process);
            assert!(above == 0 && trace != TELLER.0 && trace != INVOKE.0);
            assert_eq!(links(process), [TELLER, ids(run)]);
        } else {
            assert_eq!((place(process), links(process)), (TELLER, vec![ids(run)]));
        }
        assert_eq!(place(commit), ids(process));
        assert_eq!(attribute(process, attributes::MESSAGE_KIND).as_deref(), Some("tell"));
    }
}

#[tokio::test]
async fn the_commit_of_a_batch_is_below_the_run_with_links_to_all_of_it() {
    let rig = rig(&[]);
    rig.put(Kind::Ask, "Take", &[parent(ASKER, "01")]);
    rig.put(Kind::Tell, "Refuse", &[parent(TELLER, "01")]);
    // Whose trace is not kept.
    rig.put(Kind::Tell, "Timer", &[parent((0xc0, 0xc), "00")]);
    rig.run(KEY).await;
    let spans = rig.spans().await;
    let (run, commit) = (spans.one("run"), spans.one("commit"));
    let [ask, tell] = spans.all("process")[..] else { panic!("two: {:?}", spans.names()) };
    assert_eq!((place(ask), place(tell).1), (ASKER, 0));
    assert_eq!((place(commit), links(commit)), (ids(run), vec![ids(ask), ids(tell)]));
    let count = attribute(commit, attributes::MESSAGING_BATCH_MESSAGE_COUNT);
    assert_eq!(count.as_deref(), Some("3"));
    // A refusal is an answer.
    let status = attribute(tell, attributes::RPC_RESPONSE_STATUS_CODE);
    assert_eq!((status.as_deref(), &tell.status), (Some("FAILED_PRECONDITION"), &Status::Unset));
}

#[tokio::test]
async fn the_commit_of_the_largest_batch_is_linked_to_all_of_it() {
    let rig = rig(&[("OTEL_BSP_MAX_QUEUE_SIZE", "10000")]);
    let one = message(Kind::Tell, "Take", vec![parent(TELLER, "01")], rig.now());
    let segment = Segment::new(Sequence(1), &vec![one; COMMIT_MESSAGES_MAX]);
    rig.store.with(|tables| tables.put_segment(&address(KEY), &segment, Timestamp(u64::MAX)));
    rig.run(KEY).await;
    let spans = rig.spans().await;
    let of: Vec<_> = spans.all("process").into_iter().map(ids).collect();
    assert_eq!(links(spans.one("commit")), of);
    assert_eq!(of.len(), COMMIT_MESSAGES_MAX);
}

#[tokio::test]
async fn each_attempt_is_a_span_at_the_same_place_with_its_error() {
    let cases = [
        ("FailOnce", "handler_failed", "the printer is on fire"),
        ("PanicOnce", "handler_panicked", "the handler panicked: on purpose"),
    ];
    for (method, kind, error) in cases {
        let rig = rig(&[]);
        rig.put(Kind::Ask, method, &[parent(ASKER, "01")]);
        let End::Deferred { not_before } = rig.run(KEY).await else { panic!("it fails at first") };
        let failed = rig.spans().await;
        rig.now.store(not_before.0, Ordering::Relaxed);
        assert_eq!(rig.run(KEY).await, End::Released);
        let succeeded = rig.spans().await;
        let (first, second) = (failed.one("process"), succeeded.one("process"));
        assert_eq!((place(first), place(second)), (ASKER, ASKER));
        assert_eq!(attribute(first, attributes::ATTEMPT).as_deref(), Some("1"));
        assert_eq!(attribute(second, attributes::ATTEMPT).as_deref(), Some("2"));
        assert_eq!(attribute(first, attributes::ERROR_TYPE).as_deref(), Some(kind));
        assert_eq!(first.status, Status::error(error));
        assert_eq!(
            (attribute(second, attributes::ERROR_TYPE), &second.status),
            (None, &Status::Unset)
        );
        let (kept, consumed) = (failed.one("commit"), succeeded.one("commit"));
        assert_eq!((place(kept), place(consumed)), (ids(first), ids(second)));
        let count = |span| attribute(span, attributes::MESSAGING_BATCH_MESSAGE_COUNT);
        assert_eq!((count(kept).as_deref(), count(consumed).as_deref()), (Some("0"), Some("1")));
        let end = attribute(failed.one("run"), attributes::RUN_END);
        assert_eq!(end.as_deref(), Some("backing_off"));
    }
}

#[tokio::test]
async fn what_a_handler_sends_is_below_its_authors_span_and_leads_to_a_linked_trace() {
    let rig = rig(&[]);
    let filter = "info".parse().expect("a filter");
    let log = logs::subscriber(Style::default(), filter, rig.trace.tracer(), std::io::sink);
    let _log = tracing::subscriber::set_default(log);
    let baggage = ("baggage".to_owned(), "tenant=x".to_owned());
    let other = ("callboard-principal".to_owned(), "jwt:alice".to_owned());
    rig.put(Kind::Tell, "Pass", &[parent(TELLER, "01"), baggage, other]);
    rig.run(KEY).await;
    let spans = rig.spans().await;
    let [process, charge, send] = ["process", "charge", "send"].map(|name| spans.one(name));
    assert_eq!((place(charge), place(send)), (ids(process), ids(charge)));
    assert_eq!((&send.span_kind, send.name.as_ref()), (&SpanKind::Producer, "send test.v1.Desk"));
    assert_eq!(attribute(send, attributes::MESSAGE_KIND).as_deref(), Some("tell"));
    assert_eq!(rig.header_at_other("traceparent"), Some(parent(ids(send), "01").1));
    assert_eq!(rig.header_at_other("baggage").as_deref(), Some("tenant=x"));
    assert_eq!(rig.header_at_other("callboard-principal").as_deref(), Some("jwt:alice"));
    rig.run(OTHER).await;
    let there = rig.spans().await;
    let process_there = there.one("process");
    assert_ne!(ids(process_there).0, ids(process).0);
    assert_eq!(links(process_there), [ids(send), ids(there.one("run"))]);
}

#[tokio::test]
async fn an_ask_of_an_actor_and_its_answer_are_in_the_askers_trace() {
    let rig = rig(&[]);
    rig.put(Kind::Tell, "Ask", &[parent(TELLER, "01")]);
    rig.run(KEY).await;
    let asking = rig.spans().await;
    let (process, send) = (asking.one("process"), asking.one("send"));
    assert_eq!(place(send), ids(process));
    rig.run(OTHER).await;
    rig.run(KEY).await;
    let then = rig.spans().await;
    let [there, back] = then.all("process")[..] else { panic!("two: {:?}", then.names()) };
    assert_eq!((place(there), place(back)), (ids(send), ids(send)));
    let kind = |span| attribute(span, attributes::MESSAGE_KIND);
    assert_eq!((kind(there).as_deref(), kind(back).as_deref()), (Some("ask"), Some("answer")));
    assert_eq!(attribute(back, attributes::MESSAGE_METHOD).as_deref(), Some("Taken"));
}

#[tokio::test]
async fn a_message_that_is_forwarded_stays_in_the_trace_of_whoever_waits() {
    let rig = rig(&[]);
    rig.put(Kind::Ask, "Forward", &[parent(ASKER, "01")]);
    rig.run(KEY).await;
    let here = rig.spans().await;
    let send = here.one("send");
    assert_eq!((place(here.one("process")), place(send)), (ASKER, ids(here.one("process"))));
    rig.run(OTHER).await;
    assert_eq!(place(rig.spans().await.one("process")), ids(send));
}

#[tokio::test]
async fn a_late_answer_is_in_the_trace_of_whoever_asked_with_a_link_to_what_gives_it() {
    let rig = rig(&[]);
    rig.put(Kind::Ask, "Later", &[parent(ASKER, "01")]);
    rig.run(KEY).await;
    rig.spans().await;
    rig.put(Kind::Tell, "Reply", &[parent(TELLER, "01")]);
    rig.run(KEY).await;
    let spans = rig.spans().await;
    let reply = spans.one("reply");
    assert_eq!((place(reply), links(reply)), (ASKER, vec![ids(spans.one("process"))]));
    assert_eq!(attribute(reply, attributes::MESSAGING_MESSAGE_ID).as_deref(), Some("Later"));
    assert_eq!(attribute(reply, attributes::MESSAGE_METHOD), None);
}

#[tokio::test]
async fn an_actor_that_is_answered_late_goes_on_in_the_trace_of_its_ask() {
    let rig = rig(&[]);
    let baggage = |of: &str| ("baggage".to_owned(), format!("of={of}"));
    rig.put(Kind::Ask, "AskLater", &[parent(ASKER, "01"), baggage("asker")]);
    rig.run(KEY).await;
    let send = ids(rig.spans().await.one("send"));
    rig.run(OTHER).await;
    rig.spans().await;
    // In a trace that is not kept, which the asker's is.
    let release = parent(TELLER, "00");
    rig.put_to(OTHER, Kind::Tell, "Reply", &[release, baggage("releaser")]);
    rig.run(OTHER).await;
    let answering = rig.spans().await;
    let reply = answering.one("reply");
    assert_eq!((place(reply), links(reply)), (send, vec![]));
    assert_eq!(attribute(reply, attributes::MESSAGE_METHOD).as_deref(), Some("Taken"));
    assert_eq!(rig.header_at(KEY, "traceparent"), Some(parent(ids(reply), "01").1));
    assert_eq!(rig.header_at(KEY, "baggage"), None);
    rig.run(KEY).await;
    assert_eq!(place(rig.spans().await.one("process")), ids(reply));
}

#[tokio::test]
async fn an_answer_to_whoever_does_not_trace_is_in_nobodys_trace() {
    let rig = rig(&[("OTEL_PROPAGATORS", "none")]);
    rig.put(Kind::Ask, "AskLater", &[]);
    rig.run(KEY).await;
    rig.run(OTHER).await;
    rig.put_to(OTHER, Kind::Tell, "Reply", &[parent(TELLER, "01")]);
    rig.spans().await;
    rig.run(OTHER).await;
    let spans = rig.spans().await;
    assert_eq!(place(spans.one("reply")), ids(spans.one("process")));
    assert_eq!(rig.header_at(KEY, "traceparent"), None);
}

#[tokio::test]
async fn a_timer_is_sent_when_it_is_set_and_waits_from_when_it_is_due() {
    let rig = rig(&[]);
    rig.put(Kind::Ask, "Timer", &[parent(ASKER, "01")]);
    rig.run(KEY).await;
    let set = rig.spans().await;
    let send = set.one("send");
    assert_eq!(attribute(send, attributes::MESSAGE_KIND).as_deref(), Some("timer"));
    rig.now.fetch_add(5_500, Ordering::Relaxed);
    rig.run(KEY).await;
    let fired = rig.spans().await;
    let process = fired.one("process");
    assert_eq!(links(process), [ids(send), ids(fired.one("run"))]);
    assert_eq!(attribute(process, attributes::MESSAGE_KIND).as_deref(), Some("timer"));
    assert_eq!(attribute(process, attributes::WAITED).as_deref(), Some("0.5"));
}

#[tokio::test]
async fn keys_are_in_spans_only_if_they_are_asked_for() {
    for (variables, is_there) in [(&[][..], false), (&[("CALLBOARD_TRACE_KEYS", "true")], true)] {
        let rig = rig(variables);
        for method in ["Ask", "Pass", "Timer", "FailOnce"] {
            rig.put(Kind::Ask, method, &[parent(ASKER, "01")]);
        }
        rig.run(KEY).await;
        rig.run(OTHER).await;
        let spans = rig.spans().await;
        let text = format!("{:?}", spans.0);
        for key in [KEY, OTHER] {
            assert_eq!(text.contains(key), is_there, "{text}");
        }
        let all = spans.0.iter().flat_map(|span| &span.attributes);
        let keyed =
            all.filter(|known| known.value.as_str() == KEY || known.value.as_str() == OTHER);
        assert!(keyed.clone().all(|known| known.key.as_str() == attributes::ACTOR_KEY));
        assert_eq!(keyed.count() > 0, is_there);
        assert!(spans.0.iter().all(|span| !span.name.contains(KEY) && !span.name.contains(OTHER)));
    }
}

#[tokio::test]
async fn what_the_caller_does_not_keep_is_nowhere_and_goes_on_unkept() {
    let rig = rig(&[]);
    rig.put(Kind::Tell, "Pass", &[parent(TELLER, "00")]);
    rig.run(KEY).await;
    assert_eq!(rig.header_at_other("traceparent"), Some(parent(TELLER, "00").1));
    rig.run(OTHER).await;
    let spans = rig.spans().await;
    // What the gateway keeps of its own invocations.
    assert_eq!(spans.names(), ["run test.v1.Desk", "run test.v1.Desk"]);
}

#[tokio::test]
async fn a_sampler_that_keeps_nothing_keeps_what_the_caller_keeps() {
    let rig = rig(&[("OTEL_TRACES_SAMPLER", "parentbased_always_off")]);
    rig.put(Kind::Tell, "Pass", &[parent(TELLER, "01")]);
    rig.put(Kind::Tell, "Take", &[]);
    rig.run(KEY).await;
    rig.run(OTHER).await;
    assert_eq!(
        rig.spans().await.all("process").len(),
        3,
        "the run is kept, and so is what is in it"
    );
}

#[tokio::test]
async fn without_propagators_nobody_elses_context_is_read_or_changed() {
    let rig = rig(&[("OTEL_PROPAGATORS", "none")]);
    rig.put(Kind::Ask, "Pass", &[parent(ASKER, "01")]);
    rig.run(KEY).await;
    let spans = rig.spans().await;
    let (run, process) = (spans.one("run"), spans.one("process"));
    assert_eq!((place(run).1, place(process).1), (0, 0));
    assert_eq!(links(process), [ids(run)]);
    assert_eq!(rig.header_at_other("traceparent"), Some(parent(ASKER, "01").1));
}

#[tokio::test]
async fn a_lease_that_is_lost_fails_the_commit() {
    let rig = rig(&[]);
    rig.put(Kind::Ask, "Take", &[parent(ASKER, "01")]);
    let (address, terms) = (address(KEY), Terms::default());
    let token = |token| terms.wake(&address, rig.now(), token);
    let Woken::Granted(lease) = rig.store.with(|tables| tables.wake(&address, &token(1))) else {
        panic!("nobody else holds it")
    };
    let run = Span::none();
    let mut story = Story::new(&rig.trace, &run, DeskService::TYPE);
    let headers = vec![parent(ASKER, "01")];
    let message = message(Kind::Ask, "Take", headers, rig.now());
    let message = Run { message, sequence: Some(Sequence(1)), attempt: 1, timer: None, at: None };
    let process = story.process(&address, &message, false, rig.now());
    story.processed(process, &message, Some(&Ran::Refused { outcome: crate::answer::timeout() }));
    let commit = Commit { head: Sequence(1), ..Commit::of(&lease) };
    let span = story.commit(&commit);
    let theirs = callboard_mailbox::Record { epoch: lease.epoch().next(), ..lease.record };
    story.committed(span, &commit, &Committed::Conflict(Box::new(theirs)));
    let spans = rig.spans().await;
    let commit = spans.one("commit");
    assert_eq!(place(commit), ids(spans.one("process")));
    assert_eq!(attribute(commit, attributes::ERROR_TYPE).as_deref(), Some("fenced"));
}
