//! Calls to the counter.

use std::time::{Duration, Instant};

use callboard_client::{Client, Error};
use tokio::task::JoinSet;

use crate::Result;
use counter::counter_client::CounterClient;
use counter::{AddRequest, NoteRequest};

/// The counter's stub.
pub(crate) mod counter {
    #![expect(unreachable_pub, reason = "it is generated")]
    tonic::include_proto!("counter.v1");
}

/// What callers do.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Ask,
    Tell,
}

/// How long each of `calls` asks to one counter takes, one after the other.
pub(crate) async fn one_by_one(
    client: &Client,
    counter: &str,
    calls: u32,
) -> Result<Vec<Duration>> {
    let mut stub = CounterClient::new(client.channel());
    let mut times = Vec::new();
    for _ in 0..calls {
        let request = AddRequest { counter: counter.to_owned(), delta: 1 };
        let before = Instant::now();
        stub.add(request).await.map_err(Error::from)?;
        times.push(before.elapsed());
    }
    Ok(times)
}

/// What a counter holds.
pub(crate) async fn value(client: &Client, counter: &str) -> Result<i64> {
    let request = AddRequest { counter: counter.to_owned(), delta: 0 };
    let response = CounterClient::new(client.channel()).add(request).await.map_err(Error::from)?;
    Ok(response.into_inner().value)
}

/// Makes `calls` calls by `callers` callers, in turn over `counters` counters;
/// how long all of them take together.
pub(crate) async fn together(
    client: &Client,
    kind: Kind,
    callers: u32,
    counters: u32,
    calls: u32,
) -> Result<Duration> {
    let mut running = JoinSet::new();
    let before = Instant::now();
    for caller in 0..callers {
        let mut stub = CounterClient::new(client.channel());
        running.spawn(async move {
            for call in (caller..calls).step_by(callers as usize) {
                let counter = format!("c{}", call % counters);
                match kind {
                    Kind::Ask => stub.add(AddRequest { counter, delta: 1 }).await.map(drop)?,
                    Kind::Tell => stub.note(NoteRequest { counter, delta: 1 }).await.map(drop)?,
                }
            }
            Ok::<_, Error>(())
        });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(before.elapsed())
}
