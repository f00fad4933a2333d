//! Many callers at once. In a closed loop each of them calls again when it is
//! answered; in an open one calls are sent at a fixed rate, whatever becomes of those
//! before.

use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tonic::Status;

use crate::Result;
use crate::counter::{self, Kind, Stub};

/// Callers in a closed loop.
pub(crate) const CALLERS: u32 = 64;

/// The connections that they share.
const CONNECTIONS: u32 = 1;

/// What is called, in turn over so many counters.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) kind: Kind,
    pub(crate) counters: u32,
}

/// What became of a closed loop.
pub(crate) struct Called {
    pub(crate) begun: Instant,
    pub(crate) took: Duration,
    /// How long each call took.
    pub(crate) times: Vec<Duration>,
}

impl Called {
    /// The calls in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.times.len() as f64 / self.took.as_secs_f64()
    }
}

impl Load {
    /// Calls by [`CALLERS`] in a closed loop.
    pub(crate) async fn closed(self, url: &str, calls: u32) -> Result<Called> {
        let url = url.to_owned();
        apart(async move || {
            let stubs = connect(&url).await?;
            let mut running = JoinSet::new();
            let begun = Instant::now();
            for (caller, stub) in (0..CALLERS).zip(stubs.into_iter().cycle()) {
                let numbers = (caller..calls).step_by(CALLERS as usize);
                running.spawn(self.one_after_the_other(stub, numbers));
            }
            let mut times = Vec::new();
            while let Some(done) = running.join_next().await {
                times.extend(done??);
            }
            Ok(Called { begun, took: begun.elapsed(), times })
        })
        .await
    }

    async fn one_after_the_other(
        self,
        mut stub: Stub,
        numbers: impl Iterator<Item = u32>,
    ) -> std::result::Result<Vec<Duration>, Status> {
        let mut times = Vec::new();
        for number in numbers {
            let before = Instant::now();
            self.kind.call(&mut stub, self.counter(number)).await?;
            times.push(before.elapsed());
        }
        Ok(times)
    }

    /// Calls in an open loop. How long each one took counts from the time at which it
    /// was to be sent, so that one that is late because of others counts as slow.
    pub(crate) async fn open(self, url: &str, rate: f64, calls: u32) -> Result<Vec<Duration>> {
        let url = url.to_owned();
        apart(async move || {
            let stubs = connect(&url).await?;
            let mut sending = pace(calls, Duration::from_secs_f64(rate.recip()));
            let mut running = JoinSet::new();
            for (number, stub) in (0..calls).zip(stubs.iter().cycle()) {
                let at = sending.recv().await.ok_or("the clock of the calls has ended")?;
                let mut stub = stub.clone();
                running.spawn(async move {
                    self.kind.call(&mut stub, self.counter(number)).await?;
                    Ok::<_, Status>(at.elapsed())
                });
            }
            let mut times = Vec::new();
            while let Some(done) = running.join_next().await {
                times.push(done??);
            }
            Ok(times)
        })
        .await
    }

    fn counter(self, number: u32) -> String {
        counter::key(number % self.counters)
    }
}

/// Runs callers on a thread of their own. Together they are busy with what is measured on
/// no more than one of the cores, and need not wake one another across both.
async fn apart<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: AsyncFnOnce() -> Result<T> + Send + 'static,
{
    spawn_blocking(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(work())
    })
    .await?
}

async fn connect(url: &str) -> Result<Vec<Stub>> {
    let mut stubs = Vec::new();
    for _ in 0..CONNECTIONS {
        stubs.push(counter::connect(url).await?);
    }
    Ok(stubs)
}

/// Gives the time at which each call is to be sent, when it has come. tokio's own timers
/// are as coarse as a call is long.
fn pace(calls: u32, every: Duration) -> mpsc::UnboundedReceiver<Instant> {
    let (due, receiver) = mpsc::unbounded_channel();
    thread::spawn(move || {
        let begun = Instant::now();
        for number in 0..calls {
            let at = begun + every * number;
            thread::sleep(at.saturating_duration_since(Instant::now()));
            if due.send(at).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn calls_are_due_at_even_distances() {
        let every = Duration::from_millis(1);
        let mut due = pace(4, every);
        let mut times = Vec::new();
        while let Some(at) = due.recv().await {
            assert!(Instant::now() >= at);
            times.push(at);
        }
        let apart: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(apart, [every; 3]);
    }
}
