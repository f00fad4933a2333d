//! The edge alone: a typed call, its key, a store that answers at once, the reply;
//! against a bare tonic server with the same messages. And how long the gateway takes
//! to load many services.

mod at_once;

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use callboard_gateway::{Catalog, Functions, Gateway, Settings, serve};
use callboard_mailbox::clock::Clock;
use callboard_mailbox::message::Digest;
use callboard_mailbox::reply::{Outcome, Reply, ReplyKey};
use callboard_mailbox::{Address, MessageId, Timestamp};
use callboard_proto::schema::Schema;
use prost::Message;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status};

use crate::counter::{self, AddRequest, AddResponse, NoteRequest, Stub};
use crate::report::Figure;
use crate::sample::{Repetitions, percentile};
use crate::{Arguments, Result, echo, store};
use at_once::AtOnce;

/// Callers at once, each with a counter of its own, over one connection.
const CALLERS: u32 = 64;

/// Calls of all of them in a repetition, and before the first.
const TOGETHER: u32 = 40_000;
const WARM_UP: u32 = 5_000;

/// The least part of the echo's rate that the edge is to reach.
const RATE_MIN: f64 = 0.6;

/// What the edge may add to a call by itself, in microseconds.
const ADDED_MAX: f64 = 60.0;

/// Services that are loaded, and how long it may take, in milliseconds.
const SERVICES: u32 = 500;
const LOADING_MAX: f64 = 1_000.0;

/// The id of the asks that were sent before.
const SENT_BEFORE: &str = "sent-before";

/// How long the gateway may take to stop.
const GRACE: Duration = Duration::from_secs(1);

/// What is called.
#[derive(Clone, Copy)]
enum Kind {
    /// A tell: it is stored, and its actor is woken.
    Tell,
    /// An ask that was sent before: its reply is read.
    Ask,
}

pub(crate) async fn measure(given: &Arguments) -> Result<Vec<Figure>> {
    let (echo, echoing) = echo::start().await?;
    let edge = Edge::start().await?;
    let (echo, at) = (connect(echo).await?, connect(edge.address).await?);

    let mut figures = Vec::new();
    for (kind, what) in [(Kind::Tell, "a tell"), (Kind::Ask, "an ask sent before")] {
        figures.extend(compare(given, kind, what, &echo, &at).await?);
    }
    echoing.abort();
    edge.stop().await;
    figures.push(loading(given)?);
    Ok(figures)
}

/// Both sides in turn within each repetition, so that a noisy neighbour slows down
/// both.
async fn compare(
    given: &Arguments,
    kind: Kind,
    what: &str,
    echo: &Stub,
    edge: &Stub,
) -> Result<Vec<Figure>> {
    let [mut echoes, mut calls, mut ratio] = [(); 3].map(|()| Repetitions::default());
    let [mut echo_alone, mut alone, mut added] = [(); 3].map(|()| Repetitions::default());
    for stub in [echo, edge] {
        together(stub, kind, WARM_UP).await?;
    }
    for _ in 0..given.repetitions {
        let bare = percentile(one_by_one(echo, kind, given.calls).await?, 50);
        let whole = percentile(one_by_one(edge, kind, given.calls).await?, 50);
        echo_alone.push(bare);
        alone.push(whole);
        added.push(whole - bare);
        let bare = f64::from(TOGETHER) / together(echo, kind, TOGETHER).await?.as_secs_f64();
        let whole = f64::from(TOGETHER) / together(edge, kind, TOGETHER).await?.as_secs_f64();
        echoes.push(bare);
        calls.push(whole);
        ratio.push(whole / bare);
    }
    let figure = |what: String, unit, repetitions| Figure::new("edge", what, unit, repetitions);
    Ok(vec![
        figure(format!("{what}, {CALLERS} callers"), "/s", &calls),
        figure("  a bare tonic echo".into(), "/s", &echoes),
        figure(format!("  {what} / echo, 64 callers"), "x", &ratio).at_least(RATE_MIN),
        figure(format!("{what}, 1 caller, p50"), "µs", &alone),
        figure("  a bare tonic echo".into(), "µs", &echo_alone),
        figure(format!("  what the edge adds to {what}"), "µs", &added).at_most(ADDED_MAX),
    ])
}

async fn connect(address: SocketAddr) -> Result<Stub> {
    counter::connect(&format!("http://{address}")).await
}

async fn call(stub: &mut Stub, kind: Kind, counter: &str) -> std::result::Result<(), Status> {
    let counter = counter.to_owned();
    match kind {
        Kind::Tell => stub.note(NoteRequest { counter, delta: 1 }).await.map(drop),
        Kind::Ask => {
            let mut request = Request::new(AddRequest { counter, delta: 1 });
            let id = SENT_BEFORE.parse().expect("it is visible ASCII");
            request.metadata_mut().insert("callboard-message-id", id);
            stub.add(request).await.map(drop)
        }
    }
}

/// How long each of `calls` calls takes, one after the other.
async fn one_by_one(stub: &Stub, kind: Kind, calls: u32) -> Result<Vec<Duration>> {
    let mut stub = stub.clone();
    let mut times = Vec::new();
    for _ in 0..calls {
        let before = Instant::now();
        call(&mut stub, kind, "c0").await?;
        times.push(before.elapsed());
    }
    Ok(times)
}

/// How long `calls` calls by all callers take together.
async fn together(stub: &Stub, kind: Kind, calls: u32) -> Result<Duration> {
    let mut running = JoinSet::new();
    let before = Instant::now();
    for caller in 0..CALLERS {
        let mut stub = stub.clone();
        running.spawn(async move {
            let counter = counter::key(caller);
            for _ in 0..calls / CALLERS {
                call(&mut stub, kind, &counter).await?;
            }
            Ok::<_, Status>(())
        });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(before.elapsed())
}

/// A gateway over a store that answers at once, in this process as the echo is.
struct Edge {
    address: SocketAddr,
    gateway: Arc<Gateway<AtOnce>>,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl Edge {
    async fn start() -> Result<Self> {
        let schema = schema("../examples/counter/proto")?;
        let actor_type = schema.actors()[0].type_name().to_owned();
        // It is never invoked.
        let functions = [(actor_type.clone(), "nobody".to_owned())];
        let nowhere = Some("http://127.0.0.1:1");
        let functions = Functions::new(&store::local_config().await, nowhere, functions);
        let replies: Vec<_> =
            (0..CALLERS).map(|caller| sent_before(&actor_type, caller)).collect::<Result<_>>()?;
        let clock: Clock = Arc::new(|| SystemTime::now().into());
        let gateway = Gateway::start(
            AtOnce::new(replies),
            Catalog::new(schema),
            functions,
            Settings::default(),
            clock,
        );
        let router = serve::router(Arc::clone(&gateway)).await?;
        let listener = serve::listen((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve::serve(listener, router, stop.clone(), GRACE));
        Ok(Self { address, gateway, stop, server })
    }

    async fn stop(self) {
        self.stop.cancel();
        // What its lanes wait for never comes.
        self.server.abort();
        self.gateway.drain(GRACE).await;
    }
}

/// The stored reply to an ask of a caller.
fn sent_before(actor_type: &str, caller: u32) -> Result<(ReplyKey, Reply)> {
    let address = Address::new(actor_type, &counter::key(caller))?;
    let id = MessageId::new(SENT_BEFORE)?;
    let request = AddRequest { counter: counter::key(caller), delta: 1 }.encode_to_vec();
    let response = AddResponse { value: 1 }.encode_to_vec();
    let reply = Reply {
        id: id.clone(),
        outcome: Outcome::Ok(Bytes::from(response)),
        digest: Some(Digest::of("Add", &request)),
        expires: Timestamp(u64::MAX / 2),
    };
    Ok((ReplyKey::new(&address, &id), reply))
}

fn schema(folder: &str) -> Result<Schema> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    Schema::compile_dir(folder).map_err(|errors| format!("{errors}").into())
}

/// How long it takes until a folder of many services is ready to be served.
fn loading(given: &Arguments) -> Result<Figure> {
    let folder = tempfile::tempdir()?;
    for n in 0..SERVICES {
        std::fs::write(folder.path().join(format!("service_{n}.proto")), service(n)?)?;
    }
    let mut took = Repetitions::default();
    for _ in 0..given.repetitions {
        let begun = Instant::now();
        let schema = Schema::compile_dir(folder.path()).map_err(|errors| format!("{errors}"))?;
        let catalog = Catalog::new(schema);
        took.push(begun.elapsed().as_secs_f64() * 1e3);
        if catalog.schema().actors().len() != SERVICES as usize {
            return Err("not all services were loaded".into());
        }
    }
    let what = format!("loading {SERVICES} services, a file each");
    Ok(Figure::new("edge", what, "ms", &took).at_most(LOADING_MAX))
}

/// A file with a service as people write them: three methods, six messages.
fn service(n: u32) -> Result<String> {
    let mut text = format!(
        "syntax = \"proto3\";\npackage bench.s{n}.v1;\nimport \"callboard/v1/options.proto\";\n\
         // One of many.\nservice Thing {{\n  option (callboard.v1.actor) = {{}};\n"
    );
    for method in ["Put", "Get", "Take"] {
        writeln!(text, "  // What it does.")?;
        writeln!(text, "  rpc {method}({method}Request) returns ({method}Response);")?;
    }
    text.push_str("}\n");
    for method in ["Put", "Get", "Take"] {
        writeln!(
            text,
            "// What it takes.\nmessage {method}Request {{\n  \
             string thing = 1 [(callboard.v1.field) = {{ key: true }}];\n  \
             repeated string names = 2;\n  map<string, int64> amounts = 3;\n}}\n\
             // What it tells.\nmessage {method}Response {{\n  int64 value = 1;\n  \
             bytes stamp = 2;\n}}"
        )?;
    }
    Ok(text)
}
