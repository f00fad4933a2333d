//! The rows.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

use crate::asks::{self, Kind};
use crate::cargo::Built;
use crate::dev::Dev;
use crate::invocation::Bare;
use crate::report::Figure;
use crate::sample::{Repetitions, percentile};
use crate::store::{Mailbox, Writes};
use crate::{Arguments, Result, cargo, clients, drain, edge, process, sdk, stream, tracing};

/// Calls before the first that is timed.
const WARM_UP: u32 = 200;

/// How many times as long as its parts an ask may take.
const RATIO_MAX: f64 = 4.0;

/// Asks before the memory is looked at.
const MEMORY_ASKS: u32 = 1_000;

/// How long nothing is asked before the memory is looked at.
const IDLE: Duration = Duration::from_secs(2);

/// The most that an idle gateway may take, in MB.
const MEMORY_MAX: f64 = 60.0;

/// How long the first build may take, in minutes.
const BUILD_MAX: f64 = 6.0;

/// How the row `throughput` calls.
const CALLERS: u32 = 64;
const COUNTERS: u32 = 1_000;
const TOGETHER: u32 = 10_000;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Row {
    /// The gateway without what lies behind it, against a bare tonic echo.
    Edge,
    /// An ask by itself, against the store writes and the invocation in it.
    AskLatency,
    /// Calls of many callers at once.
    Throughput,
    /// Tells to one actor in a stream, and by themselves.
    Stream,
    /// Asks and tells by each client, and by bare stubs.
    Clients,
    /// Asks of many callers at once, with traces and without.
    Tracing,
    /// A backlog of one actor, and another one meanwhile.
    Drain,
    /// What the SDK adds to a handler, and what an actor's function weighs.
    Sdk,
    /// What an idle gateway and an actor's process take.
    Memory,
    /// How long the first build of the quick start takes.
    Build,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no row is skipped");
        f.write_str(value.get_name())
    }
}

impl Row {
    pub(crate) const ALL: [Self; 10] = [
        Self::Edge,
        Self::AskLatency,
        Self::Throughput,
        Self::Stream,
        Self::Clients,
        Self::Tracing,
        Self::Drain,
        Self::Sdk,
        Self::Memory,
        Self::Build,
    ];

    /// Whether the gateway and the counter must be built before it is measured.
    pub(crate) fn needs_programs(self) -> bool {
        !matches!(self, Self::Edge | Self::Sdk | Self::Build)
    }

    pub(crate) async fn measure(
        self,
        built: Option<&Built>,
        given: &Arguments,
    ) -> Result<Vec<Figure>> {
        let built = || built.ok_or("the gateway and the counter are not built");
        match self {
            Self::Edge => edge::measure(given).await,
            Self::AskLatency => {
                let mut figures = ask_latency(built()?, given, false).await?;
                figures.extend(ask_latency(built()?, given, true).await?);
                Ok(figures)
            }
            Self::Throughput => throughput(built()?, given).await,
            Self::Stream => stream::measure(built()?, given).await,
            Self::Clients => clients::measure(built()?, given).await,
            Self::Tracing => tracing::measure(built()?, given).await,
            Self::Drain => drain::measure(built()?, given).await,
            Self::Sdk => sdk::measure(given).await,
            Self::Memory => memory(built()?, given).await,
            Self::Build => build(),
        }
    }
}

/// Both sides in turn within each repetition, so that a noisy neighbour slows
/// down both.
async fn ask_latency(built: &Built, given: &Arguments, fsync: bool) -> Result<Vec<Figure>> {
    let dev = Dev::start(built, fsync).await?;
    let client = dev.connect().await?;
    let mut mailbox = Mailbox::open(dev.sibling("baseline"), fsync).await?;
    let bare = Bare::start().await?;
    asks::one_by_one(&client, "c0", WARM_UP).await?;
    mailbox.write(WARM_UP).await?;
    bare.invoke(WARM_UP).await?;

    let [mut p50, mut p99, mut ratio] = [(); 3].map(|()| Repetitions::default());
    let [mut writes, mut put, mut wake, mut commit] = [(); 4].map(|()| Repetitions::default());
    let mut invocation = Repetitions::default();
    for _ in 0..given.repetitions {
        let asked = asks::one_by_one(&client, "c0", given.calls).await?;
        let written = mailbox.write(given.calls).await?;
        let invoked = bare.invoke(given.calls).await?;
        let median = |part: fn(&Writes) -> Duration| percentile(written.iter().map(part), 50);
        put.push(median(|writes| writes.put));
        wake.push(median(|writes| writes.wake));
        commit.push(median(|writes| writes.commit));
        let parts = [median(Writes::sum), percentile(invoked, 50)];
        let ask = percentile(asked.iter().copied(), 50);
        p50.push(ask);
        p99.push(percentile(asked, 99));
        writes.push(parts[0]);
        invocation.push(parts[1]);
        ratio.push(ask / (parts[0] + parts[1]));
    }
    let expected = i64::from(WARM_UP + given.repetitions * given.calls);
    if asks::value(&client, "c0").await? != expected {
        return Err("the counter did not count every ask once".into());
    }
    bare.stop().await;
    mailbox.close().await;
    dev.stop().await?;

    let row = if fsync { "ask (fsync)" } else { "ask" };
    let figure = |what, repetitions| Figure::new(row, what, "µs", repetitions);
    Ok(vec![
        figure("p50", &p50),
        figure("p99", &p99),
        figure("its 3 store writes, p50", &writes),
        figure("  PutItem", &put),
        figure("  UpdateItem", &wake),
        figure("  TransactWriteItems", &commit),
        figure("a bare invocation, p50", &invocation),
        Figure::new(row, "p50 / (writes + invocation)", "x", &ratio).at_most(RATIO_MAX),
    ])
}

async fn throughput(built: &Built, given: &Arguments) -> Result<Vec<Figure>> {
    let dev = Dev::start(built, false).await?;
    let client = dev.connect().await?;
    let mut figures = Vec::new();
    for (kind, what) in [(Kind::Ask, "asks"), (Kind::Tell, "tells")] {
        asks::together(&client, kind, CALLERS, COUNTERS, COUNTERS).await?;
        let mut rate = Repetitions::default();
        for _ in 0..given.repetitions {
            let took = asks::together(&client, kind, CALLERS, COUNTERS, TOGETHER).await?;
            rate.push(f64::from(TOGETHER) / took.as_secs_f64());
        }
        let what = format!("{what}, {CALLERS} callers, {COUNTERS} counters");
        figures.push(Figure::new("throughput", what, "/s", &rate));
    }
    dev.stop().await?;
    Ok(figures)
}

/// Each repetition is a new process.
async fn memory(built: &Built, given: &Arguments) -> Result<Vec<Figure>> {
    let (mut gateway, mut actor) = (Repetitions::default(), Repetitions::default());
    for _ in 0..given.repetitions {
        let dev = Dev::start(built, false).await?;
        let client = dev.connect().await?;
        asks::one_by_one(&client, "c0", MEMORY_ASKS).await?;
        tokio::time::sleep(IDLE).await;
        gateway.push(megabytes(process::resident(dev.pid())?));
        let actors = process::descendants(dev.pid(), "counter")?;
        let [one] = actors.as_slice() else {
            return Err(format!("{} actor processes run instead of one", actors.len()).into());
        };
        actor.push(megabytes(process::resident(*one)?));
        dev.stop().await?;
    }
    Ok(vec![
        Figure::new("memory", "callboard dev, idle after 1,000 asks", "MB", &gateway)
            .at_most(MEMORY_MAX),
        Figure::new("memory", "the counter's process", "MB", &actor),
    ])
}

/// Once: it takes minutes.
fn build() -> Result<Vec<Figure>> {
    let mut took = Repetitions::default();
    took.push(cargo::clean_debug_build()?.as_secs_f64() / 60.0);
    let what = "the quick start from nothing, debug";
    Ok(vec![Figure::new("build", what, "min", &took).at_most(BUILD_MAX)])
}

pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
