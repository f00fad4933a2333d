//! A backlog: how fast one actor works it off, what that does to another one, and
//! what it takes of memory.

use std::time::{Duration, Instant};

use crate::cargo::Built;
use crate::counter::{self, Stub};
use crate::dev::{DATA, Dev};
use crate::process::{self, megabytes};
use crate::report::Figure;
use crate::sample::{Repetitions, percentile};
use crate::store::Database;
use crate::{Arguments, Result};

/// The counter with the backlog.
pub(crate) const BACKLOG: &str = "c0";

/// Another one.
const OTHER: &str = "c1";

/// The backlog: segments of as many messages as one may hold.
const SEGMENTS: u32 = 400;
const EACH: u32 = 500;

/// Messages a second, at least.
const RATE_MIN: f64 = 20_000.0;

/// How many times as long the other actor's asks may take meanwhile.
const SLOWDOWN_MAX: f64 = 2.0;

/// Asks of the other actor while nothing else happens.
const IDLE_ASKS: u32 = 2_000;

/// Asks before the first that is timed.
const WARM_UP: u32 = 200;

/// Asks of the other actor at a time, between two looks at the memory.
const ROUND: u32 = 50;

/// By how much memory may grow from the first half to the end.
const GROWTH_MAX: f64 = 1.25;

/// What one repetition tells.
struct Drained {
    rate: f64,
    idle: f64,
    busy: f64,
    gateway: Memory,
    actor: Memory,
}

/// The most memory in the first half of the time and in the second, in MB.
struct Memory {
    first: f64,
    second: f64,
}

pub(crate) async fn measure(built: &Built, given: &Arguments, fsync: bool) -> Result<Vec<Figure>> {
    let [mut rate, mut store, mut to_store] = [(); 3].map(|()| Repetitions::default());
    let [mut idle, mut busy, mut slowdown] = [(); 3].map(|()| Repetitions::default());
    let [mut gateway, mut gateway_growth, mut actor, mut actor_growth] =
        [(); 4].map(|()| Repetitions::default());
    for _ in 0..given.repetitions {
        let drained = drain(built, fsync).await?;
        let alone = store_alone(fsync).await?;
        rate.push(drained.rate);
        store.push(alone);
        to_store.push(drained.rate / alone);
        idle.push(drained.idle);
        busy.push(drained.busy);
        slowdown.push(drained.busy / drained.idle);
        gateway.push(drained.gateway.second);
        gateway_growth.push(drained.gateway.second / drained.gateway.first);
        actor.push(drained.actor.second);
        actor_growth.push(drained.actor.second / drained.actor.first);
    }
    let figure = |what: &str, unit, repetitions| {
        Figure::new("drain", what, unit, repetitions).durable(fsync)
    };
    Ok(vec![
        figure("a backlog of 200,000", "/s", &rate).at_least(RATE_MIN),
        figure("  its store reads and writes", "/s", &store).ratio(&to_store),
        figure("another actor's ask, p99, idle", "µs", &idle),
        figure("  while it drains", "µs", &busy),
        figure("  while it drains / idle", "x", &slowdown).at_most(SLOWDOWN_MAX),
        figure("callboard dev, second half", "MB", &gateway),
        figure("  against the first half", "x", &gateway_growth).at_most(GROWTH_MAX),
        figure("the counter's process, second half", "MB", &actor),
        figure("  against the first half", "x", &actor_growth).at_most(GROWTH_MAX),
    ])
}

/// Leaves the backlog behind.
pub(crate) async fn put_backlog(database: &Database) -> Result<()> {
    database.mailbox(BACKLOG)?.put_backlog(SEGMENTS, EACH).await
}

/// How fast the store alone gives the backlog and takes the commits.
async fn store_alone(fsync: bool) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let database = Database::open(folder.path().join(DATA), fsync).await?;
    let mut mailbox = database.mailbox(BACKLOG)?;
    mailbox.put_backlog(SEGMENTS, EACH).await?;
    let begun = Instant::now();
    mailbox.work_off().await?;
    let took = begun.elapsed();
    database.close().await;
    Ok(f64::from(SEGMENTS * EACH) / took.as_secs_f64())
}

async fn drain(built: &Built, fsync: bool) -> Result<Drained> {
    let dev = Dev::start(built, fsync).await?;
    let mut stub = dev.stub().await?;
    counter::one_by_one(&mut stub, OTHER, WARM_UP).await?;
    let idle = counter::one_by_one(&mut stub, OTHER, IDLE_ASKS).await?;
    let folder = dev.stop().await?;

    let database = Database::open(folder.path().join(DATA), fsync).await?;
    put_backlog(&database).await?;
    database.close().await;

    // The first sweep finds the backlog while everything else still starts.
    let begun = Instant::now();
    let dev = Dev::start_in(folder, built, fsync).await?;
    // It is answered behind the whole backlog.
    let last = {
        let mut stub = dev.stub().await?;
        tokio::spawn(async move {
            let value = counter::value(&mut stub, BACKLOG).await?;
            Ok::<_, crate::Error>((value, Instant::now()))
        })
    };
    let mut stub = dev.stub().await?;
    let (times, memory) = ask_until(&dev, &mut stub, || last.is_finished()).await?;
    let (value, ended) = last.await??;
    if value != i64::from(SEGMENTS * EACH) {
        return Err(format!("the backlog added up to {value}").into());
    }
    dev.stop().await?;
    let (gateway, actor) = memory.into_iter().unzip();
    Ok(Drained {
        rate: f64::from(SEGMENTS * EACH) / (ended - begun).as_secs_f64(),
        idle: percentile(idle, 99),
        busy: percentile(times, 99),
        gateway: halves(gateway),
        actor: halves(actor),
    })
}

/// Asks the other actor, and looks at the memory of gateway and actors, until the
/// backlog is gone.
async fn ask_until(
    dev: &Dev,
    stub: &mut Stub,
    is_over: impl Fn() -> bool,
) -> Result<(Vec<Duration>, Vec<(f64, f64)>)> {
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    while !is_over() {
        times.extend(counter::one_by_one(stub, OTHER, ROUND).await?);
        let actors = process::descendants(dev.pid(), "counter")?;
        let actors = actors.into_iter().map(process::resident);
        // One of them may end meanwhile.
        let actor = actors.filter_map(std::result::Result::ok).max().unwrap_or(0);
        memory.push((megabytes(process::resident(dev.pid())?), megabytes(actor)));
    }
    Ok((times, memory))
}

fn halves(samples: Vec<f64>) -> Memory {
    let most = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
    let (first, second) = samples.split_at(samples.len() / 2);
    Memory { first: most(first), second: most(second) }
}
