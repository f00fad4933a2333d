//! The row `ask_latency`: one ask after the other, against what it is made of.

use std::time::Duration;

use crate::cargo::Built;
use crate::dev::Dev;
use crate::echo::Echo;
use crate::invocation::Bare;
use crate::report::Figure;
use crate::sample::{Repetitions, percentile};
use crate::store::{Database, Writes};
use crate::{Arguments, Result, counter};

/// The counter that is asked.
const COUNTER: &str = "c0";

/// Calls before the first that is timed.
const WARM_UP: u32 = 200;

/// How long an ask may take, in µs.
const P50_MAX: f64 = 700.0;

/// How many times as long as its parts an ask may take.
const RATIO_MAX: f64 = 4.0;

/// All sides in turn within each repetition, so that a noisy neighbour slows down
/// all of them.
pub(crate) async fn measure(built: &Built, given: &Arguments, fsync: bool) -> Result<Vec<Figure>> {
    let dev = Dev::start(built, fsync).await?;
    let mut stub = dev.stub().await?;
    let database = Database::open(dev.sibling("baseline"), fsync).await?;
    let mut mailbox = database.mailbox(COUNTER)?;
    let (bare, echo) = (Bare::start()?, Echo::start().await?);
    let mut echo_stub = counter::connect(echo.url()).await?;
    counter::one_by_one(&mut stub, COUNTER, WARM_UP).await?;
    counter::one_by_one(&mut echo_stub, COUNTER, WARM_UP).await?;
    mailbox.write(WARM_UP).await?;
    bare.invoke(WARM_UP).await?;

    let [mut p50, mut p99, mut ratio] = [(); 3].map(|()| Repetitions::default());
    let [mut writes, mut put, mut wake, mut commit] = [(); 4].map(|()| Repetitions::default());
    let [mut invocation, mut echoed, mut to_echo] = [(); 3].map(|()| Repetitions::default());
    for _ in 0..given.repetitions {
        let asked = counter::one_by_one(&mut stub, COUNTER, given.calls).await?;
        let written = mailbox.write(given.calls).await?;
        let invoked = bare.invoke(given.calls).await?;
        let answered = counter::one_by_one(&mut echo_stub, COUNTER, given.calls).await?;
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
        let echo = percentile(answered, 50);
        echoed.push(echo);
        to_echo.push(ask / echo);
        ratio.push(ask / (parts[0] + parts[1]));
    }
    let expected = i64::from(WARM_UP + given.repetitions * given.calls);
    if counter::value(&mut stub, COUNTER).await? != expected {
        return Err("the counter did not count every ask once".into());
    }
    bare.stop().await;
    database.close().await;
    dev.stop().await?;

    let figure = |what: &str, unit, repetitions| {
        Figure::new("ask_latency", what, unit, repetitions).durable(fsync)
    };
    Ok(vec![
        figure("an ask, 1 caller, p50", "µs", &p50).at_most(P50_MAX),
        figure("  p99", "µs", &p99),
        figure("  its 3 store writes, p50", "µs", &writes),
        figure("    PutItem", "µs", &put),
        figure("    UpdateItem", "µs", &wake),
        figure("    TransactWriteItems", "µs", &commit),
        figure("  a bare invocation, p50", "µs", &invocation),
        figure("  p50 / (writes + invocation)", "x", &ratio).at_most(RATIO_MAX),
        figure("  a bare tonic echo, p50", "µs", &echoed).ratio(&to_echo),
    ])
}
