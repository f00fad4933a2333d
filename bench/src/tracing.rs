//! What traces cost: asks of many callers at once, with and without.

mod receiver;

use std::time::{Duration, Instant};

use callboard_client::{Client, Error};
use tokio::task::JoinSet;

use crate::cargo::Built;
use crate::counter::{self, AddRequest, CounterClient};
use crate::dev::Dev;
use crate::report::Figure;
use crate::sample::Repetitions;
use crate::{Arguments, Result};
use receiver::{Counts, Receiver};

/// Each caller has an actor of its own, so that each ask is an invocation.
const CALLERS: u32 = 64;

/// Calls before the first that is timed, so that all functions run.
const WARM_UP: u32 = 2_000;

/// Calls in a turn, and turns of each of the three in a repetition.
const CALLS: u32 = 3_000;
const TURNS: usize = 3;

/// The part of the throughput that is left, at least, when all traces are kept.
const ALL_MIN: f64 = 0.85;

/// And when one in a hundred is.
const FEW_MIN: f64 = 0.97;

/// The part of the traces that is kept then, and between what bounds chance may put it.
const FEW: f64 = 0.01;
const FEW_RANGE: std::ops::RangeInclusive<f64> = 0.005..=0.015;

/// Gateway and function, and where their spans go.
struct Side {
    dev: Dev,
    client: Client,
    /// `None` where nobody traces.
    receiver: Option<Receiver>,
    asked: u32,
}

impl Side {
    /// One that keeps this part of the traces; `None` without any.
    async fn start(built: &Built, kept: Option<f64>) -> Result<Self> {
        let (receiver, variables) = match kept {
            None => (None, Vec::new()),
            Some(kept) => {
                let receiver = Receiver::start().await?;
                let variables = vec![
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url().to_owned()),
                    ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio".to_owned()),
                    ("OTEL_TRACES_SAMPLER_ARG", kept.to_string()),
                ];
                (Some(receiver), variables)
            }
        };
        let dev = Dev::start_with(built, &variables).await?;
        let client = Client::builder(dev.url()).connect().await?;
        let mut side = Self { dev, client, receiver, asked: 0 };
        side.ask(WARM_UP).await?;
        Ok(side)
    }

    /// How long some calls take. What they have left to export does not slow down the next side.
    async fn ask(&mut self, calls: u32) -> Result<Duration> {
        let mut running = JoinSet::new();
        let begun = Instant::now();
        for caller in 0..CALLERS {
            let mut stub = CounterClient::new(self.client.channel());
            running.spawn(async move {
                for _ in (caller..calls).step_by(CALLERS as usize) {
                    stub.add(AddRequest { counter: counter::key(caller), delta: 1 }).await?;
                }
                Ok::<_, Error>(())
            });
        }
        while let Some(done) = running.join_next().await {
            done??;
        }
        let took = begun.elapsed();
        self.asked += calls;
        self.counts().await?;
        Ok(took)
    }

    async fn counts(&self) -> Result<Counts> {
        match &self.receiver {
            Some(receiver) => receiver.settled().await,
            None => Ok(Counts::default()),
        }
    }

    /// The spans that came of each call, when so many of the calls were kept: whole stories, or
    /// something was lost.
    async fn spans_a_call(&self, kept: std::ops::RangeInclusive<f64>) -> Result<f64> {
        let counts = self.counts().await?;
        let (Counts { spans, calls, attempts }, asked) = (counts, f64::from(self.asked));
        if calls != attempts || !kept.contains(&(calls as f64 / asked)) {
            return Err(format!("of {asked} calls came {counts:?}").into());
        }
        Ok(spans as f64 / asked)
    }
}

/// The three take turns, so that what else the machine does slows down all of them. Each
/// repetition has new processes.
pub(crate) async fn measure(built: &Built, given: &Arguments) -> Result<Vec<Figure>> {
    let [mut rate, mut all, mut few] = [(); 3].map(|()| Repetitions::default());
    let [mut spans_all, mut spans_few] = [(); 2].map(|()| Repetitions::default());
    for _ in 0..given.repetitions {
        let mut sides = [
            Side::start(built, None).await?,
            Side::start(built, Some(1.0)).await?,
            Side::start(built, Some(FEW)).await?,
        ];
        let mut took = [Duration::ZERO; 3];
        for turn in 0..TURNS {
            // None is always the first.
            for place in 0..sides.len() {
                let at = (turn + place) % sides.len();
                took[at] += sides[at].ask(CALLS).await?;
            }
        }
        let [without, with_all, with_few] = took.map(|took| took.as_secs_f64());
        rate.push(f64::from(CALLS) * TURNS as f64 / without);
        all.push(without / with_all);
        few.push(without / with_few);
        spans_all.push(sides[1].spans_a_call(1.0..=1.0).await?);
        spans_few.push(sides[2].spans_a_call(FEW_RANGE).await?);
        for side in sides {
            side.dev.stop().await?;
        }
    }
    let figure = |what: &str, unit, repetitions| Figure::new("tracing", what, unit, repetitions);
    Ok(vec![
        figure("asks without traces, 64 callers, 64 counters", "/s", &rate),
        figure("ratio with all traces", "x", &all).at_least(ALL_MIN),
        figure("  spans that came, a call", "", &spans_all),
        figure("ratio with one trace in a hundred", "x", &few).at_least(FEW_MIN),
        figure("  spans that came, a call", "", &spans_few),
    ])
}
