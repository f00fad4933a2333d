use callboard_mailbox::Record;
use callboard_mailbox::commit::{Commit, LeaseAfter};
use callboard_mailbox::lease::{Lease, Terms, Woken};
use callboard_mailbox::memory::MemoryStore;
use callboard_mailbox::message::{Kind, Message, MessageId, Segment};
use callboard_mailbox::state::{Stored, Write};
use prost::Message as _;
use serde::{Deserialize, Serialize};

use super::*;
use crate::actor::{decode, encode};

const NOW: Timestamp = Timestamp(1_000_000);

/// An actor that knows how often it was read into memory.
#[derive(Default, Serialize, Deserialize)]
struct Sleeper {
    text: String,
    #[serde(skip)]
    woken: u64,
}

struct SleeperService;

impl Actor for Sleeper {
    type Service = SleeperService;

    async fn on_wake(&mut self, _: &Context<'_>) -> Result<()> {
        self.woken += 1;
        Ok(())
    }
}

impl Service<Sleeper> for SleeperService {
    const TYPE: &'static str = "test.v1.Sleeper";

    async fn dispatch(
        sleeper: &mut Sleeper,
        method: &str,
        payload: &[u8],
        _: &mut Context<'_>,
    ) -> Result<Bytes> {
        match method {
            "Fill" => {
                let size = usize::try_from(decode::<u64>(payload)?)?;
                sleeper.text = "x".repeat(size);
            }
            _ => return Err(Error::retried("on purpose")),
        }
        encode(&sleeper.woken)
    }

    async fn read(sleeper: &Sleeper, _: &str, _: &[u8], _: &Context<'_>) -> Result<Bytes> {
        encode(&sleeper.woken)
    }
}

fn address() -> Address {
    Address::new(SleeperService::TYPE, "a").expect("an address")
}

fn handler(store: &MemoryStore) -> Handler<MemoryStore> {
    Handler::new(store.clone(), Arc::new(|| NOW)).actor::<Sleeper>()
}

/// Where the spans of a handler are.
#[cfg(feature = "otlp")]
struct Exported {
    pipeline: callboard_telemetry::Pipeline,
    exporter: opentelemetry_sdk::trace::InMemorySpanExporter,
}

/// Longer than any export takes.
#[cfg(feature = "otlp")]
const LONG: Duration = Duration::from_secs(20);

#[cfg(feature = "otlp")]
fn traced<S: Store>(handler: Handler<S>) -> (Handler<S>, Exported) {
    use callboard_telemetry::pipeline::{Pipeline, Settings};

    let settings = Settings::read("test", &|_| None).expect("nothing is wrong");
    let exporter = opentelemetry_sdk::trace::InMemorySpanExporter::default();
    let pipeline = Pipeline::start_with(&settings, Some((exporter.clone(), LONG)));
    let pipeline = pipeline.expect("it starts");
    let handler = handler.traced(Trace::of(&pipeline, &settings));
    (handler, Exported { pipeline, exporter })
}

#[cfg(feature = "otlp")]
impl Exported {
    async fn spans(&self) -> Vec<opentelemetry_sdk::trace::SpanData> {
        self.pipeline.flush(LONG).await;
        self.exporter.get_finished_spans().expect("it is not shut down")
    }
}

fn lease(store: &MemoryStore) -> Lease {
    let token = fastrand::u64(..);
    let woken = store.with(|t| t.wake(&address(), &Terms::default().wake(&address(), NOW, token)));
    let Woken::Granted(lease) = woken else { panic!("somebody has the lease") };
    lease
}

async fn perform(handler: &Handler<MemoryStore>, task: Task) -> invocation_result::Result {
    let invocation = Invocation { task: Some(task) };
    let callboard = BASE64_STANDARD.encode(invocation.encode_to_vec());
    let deadline = NOW.plus(Duration::from_secs(30));
    let result = handler.handle(Envelope { callboard }, deadline).await.expect("it is performed");
    let bytes = BASE64_STANDARD.decode(result.callboard).expect("it is base64");
    InvocationResult::decode(&bytes[..]).expect("it is a result").result.expect("there is one")
}

/// What a gateway hands over of a record that it has leased.
fn activation(record: &Record, segments: &[Segment]) -> pb::Activation {
    let (state, spilled) = match &record.state {
        None => (None, None),
        Some(Stored::Inline(state)) => (Some(state.clone()), None),
        Some(Stored::Spilled(spilled)) => {
            let (revision, chunks) = (spilled.revision.0, spilled.chunks);
            (None, Some(pb::SpilledState { revision, chunks }))
        }
    };
    pb::Activation {
        address: address().as_str().to_owned(),
        epoch: record.epoch.0,
        revision: record.revision.0,
        head: record.head.0,
        attempt: record.attempt,
        lease_until_ms: record.lease_until.unwrap_or_default().0,
        state,
        spilled,
        segments: segments
            .iter()
            .map(|segment| pb::Segment {
                first: segment.first().0,
                messages: segment.encoded().clone(),
            })
            .collect(),
        lease_ms: 10_000,
        due_step_ms: 1_000,
        reply_retention_ms: 1_000,
        ..pb::Activation::default()
    }
}

fn message(method: &str, size: u64) -> Message {
    Message::new(
        MessageId::new("a").expect("an id"),
        Kind::Ask,
        method,
        size.encode_to_vec().into(),
        NOW,
    )
}

/// An activation with one ask; its reply, which is how often the actor was woken.
async fn ask(
    handler: &Handler<MemoryStore>,
    store: &MemoryStore,
    method: &str,
    size: u64,
) -> Option<u64> {
    let Lease { record, .. } = lease(store);
    let id = MessageId::new(&record.head.to_string()).expect("an id");
    let segment = Segment::new(record.head.next(), &[Message { id, ..message(method, size) }]);
    let activation = activation(&record, &[segment]);
    let result = perform(handler, Task::Activation(activation)).await;
    let invocation_result::Result::Activation(result) = result else { panic!("it is a run") };
    result.replies.first().map(|reply| u64::decode(reply.body.clone()).expect("a number"))
}

async fn read(handler: &Handler<MemoryStore>) -> u64 {
    let read = pb::Read { address: address().as_str().to_owned(), ..pb::Read::default() };
    let result = perform(handler, Task::Read(read)).await;
    let invocation_result::Result::Read(result) = result else { panic!("it is a read") };
    assert_eq!(result.code, 0);
    u64::decode(result.body).expect("a number")
}

#[tokio::test]
async fn an_actor_stays_in_memory_between_activations() {
    // In the record, and in items of its own.
    for size in [10, 500_000] {
        let store = MemoryStore::default();
        let warm = handler(&store);
        assert_eq!(ask(&warm, &store, "Fill", size).await, Some(0));
        assert_eq!(ask(&warm, &store, "Fill", size).await, Some(0));
        assert_eq!(read(&warm).await, 0);
        assert_eq!(ask(&warm, &store, "Fill", size).await, Some(0));
        // In another environment it is not there.
        let cold = handler(&store);
        assert_eq!(read(&cold).await, 1);
        assert_eq!(read(&cold).await, 1);
        assert_eq!(ask(&cold, &store, "Fill", size + 1).await, Some(1));
        // Now the first one is behind.
        assert_eq!(ask(&warm, &store, "Fill", size).await, Some(1));
    }
}

#[tokio::test]
async fn an_actor_whose_handler_failed_is_read_again() {
    let store = MemoryStore::default();
    let warm = handler(&store);
    assert_eq!(ask(&warm, &store, "Fill", 10).await, Some(0));
    assert_eq!(ask(&warm, &store, "Fail", 0).await, None);
    assert_eq!(read(&warm).await, 1);
}

#[tokio::test]
async fn a_state_that_somebody_else_has_committed_is_the_one_that_counts() {
    let store = MemoryStore::default();
    let warm = handler(&store);
    assert_eq!(ask(&warm, &store, "Fill", 500_000).await, Some(0));
    let lease = lease(&store);
    let chunks_before = lease.record.state.as_ref().map_or(0, Stored::chunks);
    let state = Bytes::from_static(b"\x01\x00{\"text\":\"other\"}");
    let write = Write { state: Some(state), chunks_before };
    let commit = Commit { state: Some(write), lease: LeaseAfter::Released, ..Commit::of(&lease) };
    store.with(|tables| tables.commit(&commit));
    assert_eq!(read(&warm).await, 1);
}

#[tokio::test]
async fn a_function_serves_what_it_was_given_and_nothing_else() {
    let store = MemoryStore::default();
    let handler = handler(&store);
    let invocation_result::Result::Pong(pong) = perform(&handler, Task::Ping(pb::Ping {})).await
    else {
        panic!("it is a pong")
    };
    assert_eq!(pong.actor_types, ["test.v1.Sleeper"]);
    let read = pb::Read { address: "test.v1.Other/a".into(), ..pb::Read::default() };
    let invocation = Invocation { task: Some(Task::Read(read)) };
    let callboard = BASE64_STANDARD.encode(invocation.encode_to_vec());
    let error = handler.handle(Envelope { callboard }, NOW).await.expect_err("it is another one");
    assert!(error.to_string().contains("serves test.v1.Sleeper"), "{error}");
}

/// An activation of a mailbox in which nothing is.
async fn nothing_to_do(handler: &Handler<MemoryStore>, store: &MemoryStore) {
    let Lease { record, .. } = lease(store);
    perform(handler, Task::Activation(activation(&record, &[]))).await;
}

#[tokio::test]
async fn a_run_that_handles_nothing_does_not_take_an_old_actor_for_the_current_one() {
    let store = MemoryStore::default();
    let (first, second) = (handler(&store), handler(&store));
    assert_eq!(ask(&first, &store, "Fill", 500_000).await, Some(0));
    assert_eq!(ask(&second, &store, "Fill", 600_000).await, Some(1));
    nothing_to_do(&first, &store).await;
    assert_eq!(ask(&first, &store, "Fill", 600_001).await, Some(1), "it is read again");
}

#[cfg(feature = "otlp")]
#[tokio::test(start_paused = true)]
async fn what_the_database_says_of_itself_is_in_no_span() {
    use opentelemetry::trace::Status;

    // Its requests cannot be signed.
    let config = aws_config::from_env().no_credentials().region("eu-central-1");
    let client = callboard_mailbox_dynamodb::connect(&config.load().await, Some("http://[::1]:1"));
    let broken = DynamoDbStore::new(client, Tables::new("test"));
    let handler = Handler::new(broken, Arc::new(|| NOW)).actor::<Sleeper>();
    let (handler, exported) = traced(handler);
    let record = lease(&MemoryStore::default()).record;
    let segment = Segment::new(record.head.next(), &[message("Fill", 1)]);
    let address = address().as_str().to_owned();
    for task in [
        Task::Activation(activation(&record, &[segment])),
        Task::Read(pb::Read { address, ..pb::Read::default() }),
    ] {
        let invocation = Invocation { task: Some(task) };
        let callboard = BASE64_STANDARD.encode(invocation.encode_to_vec());
        let deadline = NOW.plus(Duration::from_secs(30));
        let error = handler.handle(Envelope { callboard }, deadline).await;
        assert!(!error.expect_err("nothing is stored").to_string().is_empty());
    }
    let spans = exported.spans().await;
    let failed = spans.iter().filter(|span| span.status != Status::Unset);
    let failed: Vec<_> = failed.map(|span| (span.name.as_ref(), &span.status)).collect();
    let nothing = &Status::error("");
    let expected = ["commit", "run", "run"].map(|it| format!("{it} test.v1.Sleeper"));
    assert_eq!(failed, expected.each_ref().map(|name| (name.as_str(), nothing)));
}

#[cfg(feature = "otlp")]
#[tokio::test]
async fn an_invocation_is_a_span_below_the_gateways_and_a_read_is_in_it() {
    let store = MemoryStore::default();
    let (handler, exported) = traced(handler(&store));

    let (trace, invoke) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let headers = [("traceparent".to_owned(), format!("00-{trace}-{invoke}-01"))];
    let Lease { record, .. } = lease(&store);
    let activation = pb::Activation { headers: headers.clone().into(), ..activation(&record, &[]) };
    perform(&handler, Task::Activation(activation)).await;
    let address = address().as_str().to_owned();
    let read = pb::Read { address, headers: headers.into(), ..pb::Read::default() };
    perform(&handler, Task::Read(read)).await;
    let spans = exported.spans().await;
    let called = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let [cold, warm] = called("run test.v1.Sleeper")[..] else { panic!("two: {spans:?}") };
    let [process] = called("process test.v1.Sleeper")[..] else { panic!("one: {spans:?}") };
    for run in [cold, warm] {
        assert_eq!(run.span_context.trace_id().to_string(), trace);
        assert_eq!(run.parent_span_id.to_string(), invoke);
    }
    assert_eq!(process.parent_span_id, warm.span_context.span_id());
    let value = |span: &opentelemetry_sdk::trace::SpanData, name: &str| {
        let found = span.attributes.iter().find(|known| known.key.as_str() == name);
        found.map(|known| known.value.to_string())
    };
    assert_eq!(value(cold, "faas.coldstart").as_deref(), Some("true"));
    assert_eq!(value(warm, "faas.coldstart").as_deref(), Some("false"));
    assert_eq!(value(cold, "callboard.run.end").as_deref(), Some("released"));
    assert_eq!(
        (value(cold, "callboard.epoch").is_some(), value(warm, "callboard.epoch")),
        (true, None)
    );
    assert_eq!(value(process, "callboard.message.kind").as_deref(), Some("ask"));
}
