//! A backlog: how fast one actor works it off, what that does to another one, and
//! what it takes of memory.

use std::time::{Duration, Instant};

use callboard_client::Client;

use crate::asks;
use crate::cargo::Built;
use crate::dev::{DATA, Dev};
use crate::report::Figure;
use crate::row::megabytes;
use crate::sample::{Repetitions, percentile};
use crate::store::Mailbox;
use crate::{Arguments, Result, process};

/// The backlog: segments of as many messages as one may hold.
const SEGMENTS: u64 = 400;
const EACH: u64 = 500;

/// Messages a second, at least.
const RATE_MIN: f64 = 5_000.0;

/// How many times as long the other actor's asks may take meanwhile.
const SLOWDOWN_MAX: f64 = 2.0;

/// Asks of the other actor while nothing else happens.
const IDLE_ASKS: u32 = 2_000;

/// Asks before the first that is timed.
const WARM_UP: u32 = 200;

/// Asks of the other actor at a time, between two looks at the memory.
const ROUND: u32 = 50;

/// How long the backlog may take.
const DRAIN_MAX: Duration = Duration::from_secs(300);

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

pub(crate) async fn measure(built: &Built, given: &Arguments) -> Result<Vec<Figure>> {
    let [mut rate, mut idle, mut busy, mut slowdown] = [(); 4].map(|()| Repetitions::default());
    let [mut gateway, mut gateway_growth, mut actor, mut actor_growth] =
        [(); 4].map(|()| Repetitions::default());
    for _ in 0..given.repetitions {
        let drained = drain(built).await?;
        rate.push(drained.rate);
        idle.push(drained.idle);
        busy.push(drained.busy);
        slowdown.push(drained.busy / drained.idle);
        gateway.push(drained.gateway.second);
        gateway_growth.push(drained.gateway.second / drained.gateway.first);
        actor.push(drained.actor.second);
        actor_growth.push(drained.actor.second / drained.actor.first);
    }
    let figure = |what: &str, unit, repetitions| Figure::new("drain", what, unit, repetitions);
    Ok(vec![
        figure("a backlog of 200,000", "/s", &rate).at_least(RATE_MIN),
        figure("another actor's ask, p99, idle", "µs", &idle),
        figure("  while it drains", "µs", &busy),
        figure("  ratio", "x", &slowdown).at_most(SLOWDOWN_MAX),
        figure("callboard dev, second half", "MB", &gateway),
        figure("  against the first half", "x", &gateway_growth).at_most(GROWTH_MAX),
        figure("the counter's process, second half", "MB", &actor),
        figure("  against the first half", "x", &actor_growth).at_most(GROWTH_MAX),
    ])
}

async fn drain(built: &Built) -> Result<Drained> {
    let dev = Dev::start(built, false).await?;
    let client = dev.connect().await?;
    asks::one_by_one(&client, "other", WARM_UP).await?;
    let idle = asks::one_by_one(&client, "other", IDLE_ASKS).await?;
    let folder = dev.stop().await?;

    let mailbox = Mailbox::open(folder.path().join(DATA), false).await?;
    mailbox.put_tells("backlog", SEGMENTS, EACH).await?;
    mailbox.close().await;

    // The first sweep finds the backlog while everything else still starts.
    let begun = Instant::now();
    let dev = Dev::start_in(folder, built, false).await?;
    // It is answered behind the whole backlog.
    let last = {
        let client = dev.connect_for(DRAIN_MAX).await?;
        tokio::spawn(async move {
            let value = asks::value(&client, "backlog").await?;
            Ok::<_, crate::Error>((value, Instant::now()))
        })
    };
    let client = dev.connect().await?;
    let (times, memory) = ask_until(&dev, &client, || last.is_finished()).await?;
    let (value, ended) = last.await??;
    if value != i64::try_from(SEGMENTS * EACH)? {
        return Err(format!("the backlog added up to {value}").into());
    }
    dev.stop().await?;
    let (gateway, actor) = memory.into_iter().unzip();
    Ok(Drained {
        rate: (SEGMENTS * EACH) as f64 / (ended - begun).as_secs_f64(),
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
    client: &Client,
    is_over: impl Fn() -> bool,
) -> Result<(Vec<Duration>, Vec<(f64, f64)>)> {
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    while !is_over() {
        times.extend(asks::one_by_one(client, "other", ROUND).await?);
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
