//! The rows `ask_rate`, `tell_rate`, `hot_actor` and `read_only`: many callers at once,
//! in a closed loop and in an open one, against what their calls are made of and against
//! a bare echo.

use callboard_mailbox::message;

use crate::cargo::Built;
use crate::counter::{self, Kind};
use crate::dev::Dev;
use crate::echo::Echo;
use crate::load::{CALLERS, Load};
use crate::parts::{Part, Parts};
use crate::report::Figure;
use crate::sample::{Repetitions, percentile};
use crate::{Arguments, Result};

/// Calls of the closed loop for each of `--calls`.
const TIMES: u32 = 5;

/// The part of the closed loop's rate that the open one has.
const OPEN: f64 = 0.5;

/// Calls before the first that is timed.
const WARM_UP: u32 = 2_000;

/// One of the rows.
pub(crate) struct Plan {
    row: &'static str,
    what: &'static str,
    load: Load,
    /// Calls a second, at least.
    rate_min: f64,
    /// What one message is made of, and how that is called.
    part: (Part, &'static str),
    /// Messages that the baseline takes at a time: as many as may wait for one actor.
    at_a_time: u32,
    /// Whether there are writes, that may be synced or not.
    writes: bool,
}

const ASK: Part = Part::Handled(message::Kind::Ask);
const TELL: Part = Part::Handled(message::Kind::Tell);

pub(crate) const ASK_RATE: Plan = Plan {
    row: "ask_rate",
    what: "asks, 64 callers, 1,000 actors",
    load: Load { kind: Kind::Ask, counters: 1_000 },
    rate_min: 6_000.0,
    part: (ASK, "  3 store writes and an invocation for each"),
    at_a_time: 1,
    writes: true,
};

pub(crate) const TELL_RATE: Plan = Plan {
    row: "tell_rate",
    what: "accepted tells, 64 callers, 1,000 actors",
    load: Load { kind: Kind::Tell, counters: 1_000 },
    rate_min: 15_000.0,
    part: (Part::Put, "  a store write for each"),
    at_a_time: 1,
    writes: true,
};

pub(crate) const HOT_ACTOR: Plan = Plan {
    row: "hot_actor",
    what: "asks, 64 callers, 1 actor",
    load: Load { kind: Kind::Ask, counters: 1 },
    rate_min: 10_000.0,
    part: (ASK, "  3 store writes and an invocation for 64"),
    at_a_time: CALLERS,
    writes: true,
};

pub(crate) const READ_ONLY: Plan = Plan {
    row: "read_only",
    what: "read-only asks, 64 callers, 1,000 actors",
    load: Load { kind: Kind::Read, counters: 1_000 },
    rate_min: 8_000.0,
    part: (Part::Read, "  a store read and an invocation for each"),
    at_a_time: 1,
    writes: false,
};

/// The loads of all rows.
pub(crate) const LOADS: [Load; 4] = [ASK_RATE.load, TELL_RATE.load, HOT_ACTOR.load, READ_ONLY.load];

/// What the repetitions of calls tell.
#[derive(Default)]
struct Calls {
    rate: Repetitions,
    p50: Repetitions,
    p99: Repetitions,
    open_p50: Repetitions,
    open_p99: Repetitions,
    parts: Repetitions,
    to_parts: Repetitions,
    echo: Repetitions,
    to_echo: Repetitions,
}

/// How fast tells are handled, which are answered before they are.
#[derive(Default)]
struct Handled {
    rate: Repetitions,
    /// How long it takes after the last one was accepted, in ms.
    rest: Repetitions,
    parts: Repetitions,
    to_parts: Repetitions,
}

pub(crate) async fn measure(plan: &Plan, built: &Built, given: &Arguments) -> Result<Vec<Figure>> {
    let mut figures = plan.measure(built, given, false).await?;
    if plan.writes {
        figures.extend(plan.measure(built, given, true).await?);
    }
    Ok(figures)
}

impl Plan {
    /// All sides in turn within each repetition, so that a noisy neighbour slows down
    /// all of them.
    async fn measure(&self, built: &Built, given: &Arguments, fsync: bool) -> Result<Vec<Figure>> {
        let Self { load, at_a_time, .. } = *self;
        let Load { kind, counters } = load;
        let dev = Dev::start(built, fsync).await?;
        let (echo, stub) = (Echo::start().await?, dev.stub().await?);
        let mut parts = Parts::start(dev.sibling("parts"), fsync, CALLERS, counters).await?;
        // These make the records that are read, too.
        Load { kind: Kind::Ask, counters }.closed(dev.url(), WARM_UP).await?;
        parts.rate(ASK, WARM_UP, at_a_time).await?;
        load.closed(dev.url(), WARM_UP).await?;
        load.closed(echo.url(), WARM_UP).await?;
        counter::sum(&stub, counters).await?;

        let (mut calls, mut handled) = (Calls::default(), Handled::default());
        let (closed, open) = (given.calls * TIMES, given.calls * TIMES / 2);
        for _ in 0..given.repetitions {
            let called = load.closed(dev.url(), closed).await?;
            if kind == Kind::Tell {
                // An ask is behind all that its counter was told.
                counter::sum(&stub, counters).await?;
                let took = called.begun.elapsed();
                let rate = f64::from(closed) / took.as_secs_f64();
                let part = parts.rate(TELL, closed, at_a_time).await?;
                handled.rate.push(rate);
                handled.rest.push((took - called.took).as_secs_f64() * 1e3);
                handled.parts.push(part);
                handled.to_parts.push(rate / part);
            }
            let part = parts.rate(self.part.0, closed, at_a_time).await?;
            let echoed = load.closed(echo.url(), closed).await?.rate();
            let sent = load.open(dev.url(), called.rate() * OPEN, open).await?;
            // What is left of it must not run beside what comes next.
            counter::sum(&stub, counters).await?;
            let rate = called.rate();
            calls.rate.push(rate);
            calls.p50.push(percentile(called.times.iter().copied(), 50));
            calls.p99.push(percentile(called.times, 99));
            calls.open_p50.push(percentile(sent.iter().copied(), 50));
            calls.open_p99.push(percentile(sent, 99));
            calls.parts.push(part);
            calls.to_parts.push(rate / part);
            calls.echo.push(echoed);
            calls.to_echo.push(rate / echoed);
        }
        let counted = match kind {
            Kind::Read => WARM_UP,
            Kind::Ask | Kind::Tell => 2 * WARM_UP + given.repetitions * (closed + open),
        };
        if counter::sum(&stub, counters).await? != i64::from(counted) {
            return Err("the counters did not count every message once".into());
        }
        parts.stop().await;
        dev.stop().await?;
        Ok(self.figures(&calls, (kind == Kind::Tell).then_some(&handled), fsync))
    }

    fn figures(&self, calls: &Calls, handled: Option<&Handled>, fsync: bool) -> Vec<Figure> {
        let figure = |what: &str, unit, repetitions| {
            let figure = Figure::new(self.row, what, unit, repetitions);
            if self.writes { figure.durable(fsync) } else { figure }
        };
        let mut figures = vec![
            figure(self.what, "/s", &calls.rate).at_least(self.rate_min),
            figure(self.part.1, "/s", &calls.parts).ratio(&calls.to_parts),
            figure("  a bare tonic echo", "/s", &calls.echo).ratio(&calls.to_echo),
            figure("  p50", "µs", &calls.p50),
            figure("  p99", "µs", &calls.p99),
            figure("  p50, open loop at half the rate", "µs", &calls.open_p50),
            figure("  p99, open loop at half the rate", "µs", &calls.open_p99),
        ];
        if let Some(Handled { rate, rest, parts, to_parts }) = handled {
            figures.extend([
                figure("tells, until all are handled", "/s", rate),
                figure("  3 store writes and an invocation for each", "/s", parts).ratio(to_parts),
                figure("  after the last was accepted", "ms", rest),
            ]);
        }
        figures
    }
}
