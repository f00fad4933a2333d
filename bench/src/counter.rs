//! Calls to the counter by tonic's own stub, which takes little of the two cores from
//! what is measured.

use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::Result;
pub(crate) use pb::counter_client::CounterClient;
pub(crate) use pb::counter_server::{Counter, CounterServer};
pub(crate) use pb::{AddRequest, AddResponse, GetRequest, GetResponse, NoteRequest, NoteResponse};

mod pb {
    #![expect(unreachable_pub, reason = "it is generated")]
    tonic::include_proto!("counter.v1");
}

/// A stub over a connection.
pub(crate) type Stub = CounterClient<Channel>;

/// How many counters are asked at a time for what they hold.
const AT_ONCE: usize = 64;

/// How long a counter may take until it has done what it was told.
const HANDLED_MAX: Duration = Duration::from_secs(300);

/// What callers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `Add`: answered when it is handled.
    Ask,
    /// `Note`: answered when it is stored.
    Tell,
    /// `Get`: a read-only ask, which is no message.
    Read,
}

impl Kind {
    /// One call. It has no message id: what it costs to keep one is in the row `stream`.
    pub(crate) async fn call(
        self,
        stub: &mut Stub,
        counter: String,
    ) -> std::result::Result<(), Status> {
        match self {
            Self::Ask => stub.add(AddRequest { counter, delta: 1 }).await.map(drop),
            Self::Tell => stub.note(NoteRequest { counter, delta: 1 }).await.map(drop),
            Self::Read => stub.get(GetRequest { counter }).await.map(drop),
        }
    }
}

/// The key of a counter.
pub(crate) fn key(counter: u32) -> String {
    format!("c{counter}")
}

/// A stub over a connection of its own.
pub(crate) async fn connect(url: &str) -> Result<Stub> {
    Ok(CounterClient::new(Endpoint::from_shared(url.to_owned())?.connect().await?))
}

/// How long each of `calls` asks to one counter takes, one after the other.
pub(crate) async fn one_by_one(
    stub: &mut Stub,
    counter: &str,
    calls: u32,
) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..calls {
        let before = Instant::now();
        Kind::Ask.call(stub, counter.to_owned()).await?;
        times.push(before.elapsed());
    }
    Ok(times)
}

/// What a counter holds, after all that it was sent before.
pub(crate) async fn value(stub: &mut Stub, counter: &str) -> Result<i64> {
    let mut request = Request::new(AddRequest { counter: counter.to_owned(), delta: 0 });
    request.set_timeout(HANDLED_MAX);
    Ok(stub.add(request).await?.into_inner().value)
}

/// What so many counters hold together, after all that they were sent before.
pub(crate) async fn sum(stub: &Stub, counters: u32) -> Result<i64> {
    let values = stream::iter(0..counters).map(|counter| {
        let mut stub = stub.clone();
        async move { value(&mut stub, &key(counter)).await }
    });
    values.buffer_unordered(AT_ONCE).try_fold(0, async |sum, value| Ok(sum + value)).await
}
