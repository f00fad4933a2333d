//! How messages come.

use std::ops::Range;
use std::time::Duration;

use callboard_mailbox::Store;
use futures::future::join_all;
use tokio::time::{Instant, sleep, sleep_until};

use super::bill::Bill;
use super::request::{Party, Purpose, Request};
use super::stage::{Stage, address};

/// How many callers a busy actor has at once. What they send while a segment is
/// on its way makes the next one.
const CALLERS: usize = 50;

/// How many segments a busy actor gets.
const SEGMENTS: usize = 200;

/// The key of the busy actor. It is part of each message, and so long that a
/// segment comes to nearly 5 KB.
const BUSY: &str = "the-actor-that-is-busy-all-day-long";

/// How many actors share a load that takes long: `due` is rounded for each of
/// them in another way, and what counts is the mean.
const ACTORS: usize = 20;

/// The time between two messages when a few come each minute.
const SPACING_SECONDS: Range<f64> = 10.0..12.0;

/// How long such an actor has got messages before it is watched.
const WARM_UP: Duration = Duration::from_secs(40);

/// How long it is watched: whole steps of `due`.
const WATCHED: Duration = Duration::from_secs(5 * 60);

/// The time within which the sleeping actors get their messages, one after the
/// other: a step of `due`.
const SPREAD: Duration = Duration::from_secs(60);

/// How long after its message an actor is surely at rest: the lease, a step of
/// `due`, the time for which a lane is kept idle, and twenty seconds.
const ASLEEP_AFTER: Duration = Duration::from_secs(10 + 60 + 60 + 20);

/// How many records are read.
const READS: usize = 20;

/// What a sleeping actor's ask waited for, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundTrips {
    /// Requests of the gateway that were answered before it invoked the function.
    pub before_invocation: Vec<Purpose>,
    /// Requests of the function that were answered before its result left.
    pub within_invocation: Vec<Purpose>,
}

impl Stage {
    /// Many callers who each send again at once.
    pub async fn busy(&self) -> Bill {
        let wave = || async { join_all((0..CALLERS).map(|_| self.tell(BUSY))).await };
        wave().await;
        self.consumed(BUSY, CALLERS).await;
        let begun = Instant::now();
        for _ in 0..SEGMENTS {
            wave().await;
        }
        let messages = SEGMENTS * CALLERS;
        self.consumed(BUSY, CALLERS + messages).await;
        let requests = self.requests_of(BUSY, begun);
        Bill { load: "tell to a busy actor", messages, requests }
    }

    async fn consumed(&self, actor: &str, messages: usize) {
        while self.record(actor).await.head.0 < messages as u64 {
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Tells, a few a minute.
    pub async fn few_tells(&self) -> Bill {
        let (messages, requests) =
            self.few_a_minute("teller", async |actor| self.tell(actor).await).await;
        Bill { load: "tell, a few a minute", messages, requests }
    }

    /// Asks, a few a minute.
    pub async fn few_asks(&self) -> Bill {
        let (messages, requests) =
            self.few_a_minute("asker", async |actor| self.ask(actor).await).await;
        Bill { load: "ask, a few a minute", messages, requests }
    }

    /// Tells whose senders give them ids, a few a minute.
    pub async fn few_tells_with_ids(&self) -> Bill {
        let (messages, requests) =
            self.few_a_minute("known-teller", async |actor| self.tell_with_id(actor).await).await;
        Bill { load: "tell with an id, a few a minute", messages, requests }
    }

    /// Asks whose senders give them ids, a few a minute.
    pub async fn few_asks_with_ids(&self) -> Bill {
        let (messages, requests) =
            self.few_a_minute("known-asker", async |actor| self.ask_with_id(actor).await).await;
        Bill { load: "ask with an id, a few a minute", messages, requests }
    }

    async fn few_a_minute(&self, name: &str, send: impl AsyncFn(&str)) -> (usize, Vec<Request>) {
        let begun = Instant::now() + WARM_UP;
        let ended = begun + WATCHED;
        let actors = (0..ACTORS).map(async |n| {
            let actor = actor(name, n);
            let mut watched = 0;
            sleep(spacing().mul_f64(fastrand::f64())).await;
            loop {
                let next = Instant::now() + spacing();
                if Instant::now() >= ended {
                    return watched;
                }
                watched += usize::from(Instant::now() >= begun);
                send(&actor).await;
                sleep_until(next).await;
            }
        });
        let messages = join_all(actors).await.into_iter().sum();
        let mut requests = self.requests_of(name, begun);
        // An actor that gets no more falls asleep, which is not part of this.
        requests.retain(|request| request.begun < ended);
        (messages, requests)
    }

    /// Tells to actors that are at rest, until they are at rest again.
    pub async fn after_sleep(&self) -> Bill {
        const NAME: &str = "sleeper";
        // The first message of all makes the actor's entry in the directory.
        self.wake_all_and_wait(NAME).await;
        let begun = Instant::now();
        self.wake_all_and_wait(NAME).await;
        let requests = self.requests_of(NAME, begun);
        Bill { load: "tell, after a long sleep", messages: ACTORS, requests }
    }

    async fn wake_all_and_wait(&self, name: &str) {
        for n in 0..ACTORS {
            self.tell(&actor(name, n)).await;
            sleep(SPREAD / ACTORS as u32).await;
        }
        sleep(ASLEEP_AFTER).await;
        for n in 0..ACTORS {
            assert_eq!(self.record(&actor(name, n)).await.due, None, "actor {n} is at rest");
        }
    }

    /// Asks an actor that is at rest; what the caller waited for. It is to be one
    /// of [`Self::after_sleep`].
    pub async fn round_trips_of_an_ask_after_sleep(&self, n: usize) -> RoundTrips {
        let actor = actor("sleeper", n);
        let begun = Instant::now();
        self.ask(&actor).await;
        let invocations = self.meter.invocations_since(begun);
        let [invocation] = &invocations[..] else { panic!("one invocation: {invocations:?}") };
        let requests = self.requests_of(&actor, begun);
        // The reply table is read beside all this.
        let made = |by, until| -> Vec<Purpose> {
            let answered = requests.iter().filter(|request| {
                request.by == by
                    && request.ended <= until
                    && request.purpose != Purpose::ReadReplies
            });
            answered.map(|request| request.purpose).collect()
        };
        RoundTrips {
            before_invocation: made(Party::Gateway, invocation.begun),
            within_invocation: made(Party::Function, invocation.ended),
        }
    }

    /// Reads records without a lease, as a read-only ask would.
    pub async fn reads(&self) -> Bill {
        let begun = Instant::now();
        for n in 0..READS {
            let record = self.reader.record(&address(&actor("sleeper", n % ACTORS))).await;
            record.expect("the database answers").expect("the actor has got a message");
        }
        let mut requests = self.meter.requests_since(begun);
        requests.retain(|request| request.by == Party::Reader);
        Bill { load: "read-only access to the state", messages: READS, requests }
    }

    /// What the sweeps have looked up in the index since then.
    #[must_use]
    pub fn sweeps_since(&self, begun: Instant) -> Vec<Request> {
        let mut requests = self.meter.requests_since(begun);
        requests.retain(|request| request.purpose == Purpose::Sweep);
        requests
    }

    /// The requests about the actors of a name.
    fn requests_of(&self, name: &str, since: Instant) -> Vec<Request> {
        let prefix = address(name);
        let mut requests = self.meter.requests_since(since);
        requests.retain(|request| request.about.starts_with(prefix.as_str()));
        requests
    }
}

fn actor(name: &str, n: usize) -> String {
    format!("{name}-{n:02}")
}

fn spacing() -> Duration {
    let Range { start, end } = SPACING_SECONDS;
    Duration::from_secs_f64(start + (end - start) * fastrand::f64())
}
