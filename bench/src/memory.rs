//! The row `memory`: what processes take when they have nothing to do, and at most.

use std::time::Duration;

use crate::cargo::Built;
use crate::counter;
use crate::dev::{DATA, Dev};
use crate::drain;
use crate::echo::Echo;
use crate::invocation::Bare;
use crate::process::{self, megabytes};
use crate::rates;
use crate::report::Figure;
use crate::sample::Repetitions;
use crate::store::Database;
use crate::{Arguments, Result};

/// Calls before the memory is looked at.
const CALLS: u32 = 1_000;

/// How long nothing is called before the memory is looked at.
const IDLE: Duration = Duration::from_secs(2);

/// What an idle gateway may take, in MB.
const IDLE_MAX: f64 = 60.0;

/// What it may take at any time, in MB.
const BUSY_MAX: f64 = 150.0;

/// Calls of each load, for each of `--calls`.
const TIMES: u32 = 5;

/// The names of the counter's processes and of this one.
const COUNTER: &str = "counter";
const OWN_NAME: &str = "callboard-bench";

/// Each repetition has new processes.
pub(crate) async fn measure(built: &Built, given: &Arguments) -> Result<Vec<Figure>> {
    let [mut gateway, mut echo, mut to_echo] = [(); 3].map(|()| Repetitions::default());
    let [mut actor, mut bare, mut to_bare] = [(); 3].map(|()| Repetitions::default());
    let [mut busy_gateway, mut busy_actors] = [(); 2].map(|()| Repetitions::default());
    for _ in 0..given.repetitions {
        let idle = [idle_gateway(built).await?, idle_baseline().await?];
        gateway.push(idle[0].0);
        actor.push(idle[0].1);
        echo.push(idle[1].0);
        bare.push(idle[1].1);
        to_echo.push(idle[0].0 / idle[1].0);
        to_bare.push(idle[0].1 / idle[1].1);
        let (gateway, actors) = busy(built, given.calls * TIMES).await?;
        busy_gateway.push(gateway);
        busy_actors.push(actors);
    }
    let figure = |what: &str, repetitions| Figure::new("memory", what, "MB", repetitions);
    Ok(vec![
        figure("callboard dev, idle after 1,000 asks", &gateway).at_most(IDLE_MAX),
        figure("  a bare tonic echo", &echo).ratio(&to_echo),
        figure("the counter's process, idle", &actor),
        figure("  a bare function", &bare).ratio(&to_bare),
        figure("callboard dev, at most, under all loads", &busy_gateway).at_most(BUSY_MAX),
        figure("  the counter's processes together", &busy_actors),
    ])
}

/// Those of gateway and function.
async fn idle_gateway(built: &Built) -> Result<(f64, f64)> {
    let dev = Dev::start(built, false).await?;
    counter::one_by_one(&mut dev.stub().await?, "c0", CALLS).await?;
    tokio::time::sleep(IDLE).await;
    let gateway = process::resident(dev.pid())?;
    let actors = process::descendants(dev.pid(), COUNTER)?;
    let actor = process::resident(the_only_one(&actors)?)?;
    dev.stop().await?;
    Ok((megabytes(gateway), megabytes(actor)))
}

/// Those of an echo and of a function that echoes.
async fn idle_baseline() -> Result<(f64, f64)> {
    let (echo, bare) = (Echo::start().await?, Bare::start()?);
    counter::one_by_one(&mut counter::connect(echo.url()).await?, "c0", CALLS).await?;
    bare.invoke(CALLS).await?;
    tokio::time::sleep(IDLE).await;
    let mut own = process::descendants(std::process::id(), OWN_NAME)?;
    own.retain(|pid| *pid != echo.pid());
    let server = process::resident(echo.pid())?;
    let function = process::resident(the_only_one(&own)?)?;
    bare.stop().await;
    Ok((megabytes(server), megabytes(function)))
}

/// The most that the gateway has taken, and its actors' processes together, with a
/// backlog and then one load after the other.
async fn busy(built: &Built, calls: u32) -> Result<(f64, f64)> {
    let folder = tempfile::tempdir()?;
    let database = Database::open(folder.path().join(DATA), false).await?;
    drain::put_backlog(&database).await?;
    database.close().await;
    let dev = Dev::start_in(folder, built, false).await?;
    let mut stub = dev.stub().await?;
    counter::value(&mut stub, drain::BACKLOG).await?;
    for load in rates::LOADS {
        load.closed(dev.url(), calls).await?;
        counter::sum(&stub, load.counters).await?;
    }
    let actors = process::descendants(dev.pid(), COUNTER)?;
    let actors = actors.into_iter().map(process::peak).sum::<Result<u64>>()?;
    let gateway = process::peak(dev.pid())?;
    dev.stop().await?;
    Ok((megabytes(gateway), megabytes(actors)))
}

fn the_only_one(pids: &[u32]) -> Result<u32> {
    match pids {
        [one] => Ok(*one),
        _ => Err(format!("{} processes run instead of one", pids.len()).into()),
    }
}
