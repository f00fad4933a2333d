//! What the SDK adds to a handler, and what an actor's function weighs.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::primitives::Blob;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use callboard_lambda_sdk::invocation::{Envelope, Handler};
use callboard_lambda_sdk::pb::{self, Invocation, Ping, invocation::Task};
use callboard_lambda_sdk::{Actor, Context, Service, decode};
use callboard_local::{FunctionConfig, HostConfig, LambdaHost};
use callboard_mailbox::lease::{Lease, Terms, Woken};
use callboard_mailbox::memory::MemoryStore;
use callboard_mailbox::message::Kind;
use callboard_mailbox::state::Stored;
use callboard_mailbox::{Address, Message, MessageId, Segment, Timestamp};
use prost::Message as _;
use serde::{Deserialize, Serialize};

use crate::counter::NoteRequest;
use crate::report::Figure;
use crate::sample::Repetitions;
use crate::{Arguments, Result, cargo, store};

/// Messages in a batch.
const BATCH: u32 = 100;

/// Batches in a repetition, and before the first.
const BATCHES: u32 = 500;

/// What the SDK may add to a message, in microseconds.
const OVERHEAD_MAX: f64 = 5.0;

/// What a function's binary may have, in MB.
const BINARY_MAX: f64 = 8.0;

/// How long the first answer of a new process may take, in milliseconds.
const COLD_START_MAX: f64 = 60.0;

const GRACE: Duration = Duration::from_secs(2);

pub(crate) async fn measure(given: &Arguments) -> Result<Vec<Figure>> {
    let [mut alone, mut with, mut overhead] = [(); 3].map(|()| Repetitions::default());
    let mut batches = Batches::new()?;
    batches.run(BATCHES).await?;
    for _ in 0..given.repetitions {
        let bare = bare(BATCHES * BATCH)?;
        let all = batches.run(BATCHES).await?;
        alone.push(bare);
        with.push(all);
        overhead.push(all - bare);
    }

    let counter = cargo::function()?;
    let mut size = Repetitions::default();
    size.push(counter.metadata()?.len() as f64 / 1e6);
    let (mut cold, mut warm) = (Repetitions::default(), Repetitions::default());
    for _ in 0..given.repetitions {
        let (first, second) = first_answers(&counter).await?;
        cold.push(first.as_secs_f64() * 1e3);
        warm.push(second.as_secs_f64() * 1e3);
    }
    let figure = |what: &str, unit, repetitions| Figure::new("sdk", what, unit, repetitions);
    Ok(vec![
        figure("a message in a batch of 100", "µs", &with),
        figure("  its handler and serialization", "µs", &alone),
        figure("  what the SDK adds", "µs", &overhead).at_most(OVERHEAD_MAX),
        figure("examples/counter, stripped", "MB", &size).at_most(BINARY_MAX),
        figure("first answer of a new process", "ms", &cold).at_most(COLD_START_MAX),
        figure("  the second one", "ms", &warm),
    ])
}

/// An actor that counts.
#[derive(Default, Serialize, Deserialize)]
struct Count {
    value: i64,
}

struct CountService;

impl Actor for Count {
    type Service = CountService;
}

impl Count {
    fn note(&mut self, payload: &[u8]) -> callboard_lambda_sdk::Result<()> {
        let request: NoteRequest = decode(payload)?;
        self.value += request.delta;
        Ok(())
    }
}

impl Service<Count> for CountService {
    const TYPE: &'static str = "bench.v1.Count";

    async fn dispatch(
        count: &mut Count,
        _method: &str,
        payload: &[u8],
        _ctx: &mut Context<'_>,
    ) -> callboard_lambda_sdk::Result<Bytes> {
        count.note(payload)?;
        Ok(Bytes::new())
    }

    async fn read(
        _count: &Count,
        method: &str,
        _payload: &[u8],
        _ctx: &Context<'_>,
    ) -> callboard_lambda_sdk::Result<Bytes> {
        Err(callboard_lambda_sdk::Error::unknown_method(Self::TYPE, method))
    }
}

fn request() -> Vec<u8> {
    NoteRequest { counter: "c0".into(), delta: 1 }.encode_to_vec()
}

/// The handler and its serialization, by themselves; µs a message.
fn bare(messages: u32) -> Result<f64> {
    let request = request();
    let mut count = Count::default();
    let begun = Instant::now();
    for _ in 0..messages {
        count.note(std::hint::black_box(&request)).map_err(|error| error.to_string())?;
        std::hint::black_box(serde_json::to_vec(&count)?);
    }
    Ok(begun.elapsed().as_secs_f64() * 1e6 / f64::from(messages))
}

/// A warm function over the store on maps.
struct Batches {
    store: MemoryStore,
    handler: Handler<MemoryStore>,
    address: Address,
    count: u64,
}

impl Batches {
    fn new() -> Result<Self> {
        let store = MemoryStore::default();
        let clock = Arc::new(|| SystemTime::now().into());
        let handler = Handler::new(store.clone(), clock).actor::<Count>();
        let address = Address::new(<CountService as Service<Count>>::TYPE, "c0")?;
        Ok(Self { store, handler, address, count: 0 })
    }

    /// Runs batches, as invocations; µs a message.
    async fn run(&mut self, batches: u32) -> Result<f64> {
        let mut took = Duration::ZERO;
        for _ in 0..batches {
            let envelope = self.invocation()?;
            let begun = Instant::now();
            self.handler.handle(envelope, Timestamp(u64::MAX)).await?;
            took += begun.elapsed();
        }
        Ok(took.as_secs_f64() * 1e6 / f64::from(batches * BATCH))
    }

    /// An invocation with a lease and a batch, as a gateway makes it.
    fn invocation(&mut self) -> Result<Envelope> {
        let (terms, now) = (Terms::default(), SystemTime::now().into());
        self.count += 1;
        let wake = terms.wake(&self.address, now, self.count);
        let woken = self.store.with(|tables| tables.wake(&self.address, &wake));
        let Woken::Granted(Lease { record, .. }) = woken else {
            return Err("the lease of the last batch was not released".into());
        };
        let messages = (0..BATCH).map(|n| {
            Ok(Message::new(
                MessageId::new(&format!("{}-{n}", self.count))?,
                Kind::Tell,
                "Note",
                request().into(),
                now,
            ))
        });
        let messages = messages.collect::<Result<Vec<_>>>()?;
        let segment = Segment::new(record.head.next(), &messages);
        let state = match &record.state {
            Some(Stored::Inline(state)) => Some(state.clone()),
            _ => None,
        };
        let activation = pb::Activation {
            address: self.address.as_str().to_owned(),
            epoch: record.epoch.0,
            revision: record.revision.0,
            head: record.head.0,
            attempt: record.attempt,
            lease_until_ms: record.lease_until.unwrap_or_default().0,
            state,
            segments: vec![pb::Segment {
                first: segment.first().0,
                messages: segment.encoded().clone(),
            }],
            lease_ms: u64::try_from(terms.length.as_millis())?,
            due_step_ms: u64::try_from(terms.due_step.as_millis())?,
            reply_retention_ms: 1_000,
            ..pb::Activation::default()
        };
        envelope(Task::Activation(activation))
    }
}

fn payload(task: Task) -> serde_json::Value {
    let invocation = Invocation { task: Some(task) };
    serde_json::json!({ "callboard": BASE64_STANDARD.encode(invocation.encode_to_vec()) })
}

fn envelope(task: Task) -> Result<Envelope> {
    Ok(serde_json::from_value(payload(task))?)
}

/// How long the first and the second answer of a new process take, from invocation
/// to result, through the local Lambda host.
async fn first_answers(binary: &Path) -> Result<(Duration, Duration)> {
    let mut function = FunctionConfig::new("counter", binary);
    // Nobody listens there, and nobody is asked.
    function.env = vec![("AWS_ENDPOINT_URL_DYNAMODB".into(), "http://127.0.0.1:1".into())];
    let config = HostConfig { functions: vec![function], ..HostConfig::default() };
    let host = LambdaHost::start(config, ([127, 0, 0, 1], 0).into())?;
    let config = aws_sdk_lambda::config::Builder::from(&store::local_config().await)
        .retry_config(RetryConfig::disabled())
        .endpoint_url(host.endpoint_url());
    let client = Client::from_conf(config.build());
    let ask = async || {
        let ping = Blob::new(payload(Task::Ping(Ping {})).to_string());
        let begun = Instant::now();
        let answer = client.invoke().function_name("counter").payload(ping).send().await?;
        match answer.function_error {
            None => Ok(begun.elapsed()),
            Some(error) => Err(crate::Error::from(format!("the counter failed: {error}"))),
        }
    };
    let answers = (ask().await?, ask().await?);
    host.shutdown(GRACE).await;
    Ok(answers)
}
