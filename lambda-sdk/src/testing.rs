//! Tests of actors, without a server: messages, time and crashes are in the hands of
//! the test.
//!
//! ```text
//! #[tokio::test]
//! async fn a_deposit_is_kept() {
//!     let mut test = ActorTest::<Account>::new("alice");
//!     let alice = AccountRef::new("alice");
//!     let response = test.ask(alice.deposit(DepositRequest { cents: 500, ..Default::default() })).await?;
//!     assert_eq!(response.cents, 500);
//!     assert_eq!(test.state().cents, 500);
//! }
//! ```
//!
//! What runs is what runs on Lambda: the same mailbox protocol, the same commits. Only
//! the tables are maps in memory, and nothing happens at the same time. Each handler
//! gets an actor that was just read from its stored state.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use callboard_mailbox::drain::{Drain, End, Ran, Rules, Run, Step};
use callboard_mailbox::lease::{Terms, Woken};
use callboard_mailbox::memory::Tables;
use callboard_mailbox::message::{Kind, Message, Segment};
use callboard_mailbox::reply::{Outcome, ReplyKey};
use callboard_mailbox::retry::{Attempts, Backoff};
use callboard_mailbox::sweep::{Action, Next, Settle};
use callboard_mailbox::{Address, Epoch, MessageId, Record, Timestamp};
use futures::FutureExt;
use futures::future::BoxFuture;
use tonic::Status;

use crate::activation;
use crate::actor::{Actor, Service};
use crate::answer;
use crate::context::Context;
use crate::error::Result;
use crate::request::Request;
use crate::state::Held;
use crate::trace::{Span, Trace};

#[cfg(test)]
mod tests;

/// How many runs it may take until nothing is left to do.
const RUNS_MAX: usize = 100_000;

/// The most items of one read.
const PAGE_ITEMS: usize = 100;

/// When a test begins: 1 January 2026.
const BEGIN: Timestamp = Timestamp(1_767_225_600_000);

/// How long replies and messages are kept: longer than any test.
const RETENTION: Duration = Duration::from_secs(1_000 * 24 * 3_600);

/// Actors in the hands of a test; `A` is the type of the one that it is about.
pub struct ActorTest<A> {
    about: Address,
    kinds: BTreeMap<&'static str, Box<dyn TestKind>>,
    tables: Tables,
    /// Every actor that was ever sent anything.
    known: BTreeSet<Address>,
    now: Timestamp,
    attempts: Attempts,
    /// Where a run crashes, and how many commits are made before.
    crash: Option<(Crash, u32)>,
    /// Counts ids, leases and runs.
    count: u64,
    actor: PhantomData<fn() -> A>,
}

/// An ask that may be answered later.
#[derive(Debug)]
pub struct Asked<R> {
    key: ReplyKey,
    response: PhantomData<fn() -> R>,
}

/// A message to an actor of a type that the test does not run.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The type of the actor.
    pub actor_type: String,
    /// The key of the actor.
    pub key: String,
    /// The method.
    pub method: String,
    /// When it is delivered; `None` for at once.
    pub at: Option<SystemTime>,
    payload: Bytes,
}

impl Sent {
    /// The request.
    ///
    /// # Errors
    /// When it is another message.
    pub fn decode<M: prost::Message + Default>(&self) -> Result<M> {
        Ok(M::decode(self.payload.clone())?)
    }
}

/// A message that failed in all of its attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The method.
    pub method: String,
    /// How often it was tried.
    pub attempts: u32,
    /// The error of the last attempt.
    pub error: String,
}

/// Where a run ends that crashes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Crash {
    BeforeCommit,
    AfterCommit,
}

impl<A: Actor> ActorTest<A> {
    /// A test of the actor of this key, which never had a message.
    #[must_use]
    pub fn new(key: &str) -> Self {
        let about = Address::new(A::Service::TYPE, key).expect("a key has 1 to 1,024 bytes");
        let test = Self {
            about,
            kinds: BTreeMap::new(),
            tables: Tables::default(),
            known: BTreeSet::new(),
            now: BEGIN,
            attempts: Attempts::default(),
            crash: None,
            count: 0,
            actor: PhantomData,
        };
        test.with::<A>()
    }

    /// Runs actors of another type as well. Messages to a type that is not run are
    /// [`sent`](Self::sent).
    #[must_use]
    pub fn with<B: Actor>(mut self) -> Self {
        self.kinds.insert(B::Service::TYPE, Box::new(Of::<B>(PhantomData)));
        self
    }

    /// How often a message is tried before it becomes a dead letter; 20 by default.
    #[must_use]
    pub fn attempts(mut self, most: u32) -> Self {
        self.attempts.most = Some(most);
        self
    }

    /// Sends a message, as a caller that does not wait, and runs everything that
    /// follows from it now.
    pub async fn tell<R>(&mut self, request: Request<R>) {
        self.put(request, Kind::Tell);
        self.run().await;
    }

    /// Asks, runs everything that follows from it now, and returns the answer.
    ///
    /// # Errors
    /// The status that a caller would get; DEADLINE_EXCEEDED when there is no answer
    /// yet, because the message waits for its next attempt or the answer comes later.
    pub async fn ask<R: prost::Message + Default>(
        &mut self,
        request: Request<R>,
    ) -> Result<R, Status> {
        let actor = Address::new(&request.actor_type, &request.key);
        let asked = self.begin(request).await;
        let unanswered = || {
            let record = actor.ok().map(|actor| self.record(&actor)).unwrap_or_default();
            Err(Status::deadline_exceeded(match record.error {
                Some(error) => format!("there is no answer yet; the last attempt failed: {error}"),
                None => "there is no answer yet; it was promised for later".to_owned(),
            }))
        };
        self.answer(&asked).unwrap_or_else(unanswered)
    }

    /// Asks, and runs everything that follows from it now. The answer is there at
    /// once, or [later](Self::answer).
    pub async fn begin<R>(&mut self, request: Request<R>) -> Asked<R> {
        let key = self.put(request, Kind::Ask);
        self.run().await;
        Asked { key, response: PhantomData }
    }

    /// The answer to an ask, if it is there.
    #[must_use]
    pub fn answer<R: prost::Message + Default>(
        &self,
        asked: &Asked<R>,
    ) -> Option<Result<R, Status>> {
        let reply = self.tables.replies(std::slice::from_ref(&asked.key), self.now).pop()??;
        match reply.outcome {
            Outcome::Later => None,
            outcome => Some(answer::result(outcome)),
        }
    }

    /// Asks a read-only method beside the mailbox, as a gateway does.
    ///
    /// # Errors
    /// The status that a caller would get; UNAVAILABLE for any other error.
    ///
    /// # Panics
    /// When the test does not run the actor's type.
    pub async fn read<R: prost::Message + Default>(
        &mut self,
        request: Request<R>,
    ) -> Result<R, Status> {
        let (address, message) = self.message(request, Kind::Ask);
        let state = self.stored(&address);
        let run = Run { message, sequence: None, attempt: 1, timer: None, at: None };
        let trace = Trace::off();
        let context = Context::new(&address, &run, self.now, Vec::new(), &trace);
        let response = self.kind(&address).read(&context, state.as_ref(), &run).await;
        match response {
            Ok(response) => answer::result(Outcome::Ok(response)),
            Err(error) => match error.status() {
                Some(status) => Err(status.clone()),
                None => Err(Status::unavailable(error.to_string())),
            },
        }
    }

    /// The committed state of the actor; the default when it has none.
    #[must_use]
    pub fn state(&self) -> A {
        let address = self.about.clone();
        self.state_at(&address)
    }

    /// The committed state of another actor.
    ///
    /// # Panics
    /// When the key is none.
    #[must_use]
    pub fn state_of<B: Actor>(&self, key: &str) -> B {
        self.state_at(&Address::new(B::Service::TYPE, key).expect("a key has 1 to 1,024 bytes"))
    }

    fn state_at<B: Actor>(&self, address: &Address) -> B {
        let held = Held::load(self.stored(address).as_ref());
        held.map(Held::into_actor).expect("the stored state can be read")
    }

    /// Whether the actor has a state: it had a message, and was not deleted.
    #[must_use]
    pub fn has_state(&self) -> bool {
        self.stored(&self.about).is_some()
    }

    /// The messages to actors of types that the test does not run, by their
    /// addresses, and for each in the order in which they were sent.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        let is_foreign = |address: &&Address| !self.kinds.contains_key(address.actor_type());
        let parcels = self.known.iter().filter(is_foreign).flat_map(|address| {
            let all = self.tables.inbox(address, Timestamp(u64::MAX), usize::MAX).parcels;
            all.into_iter().map(move |parcel| Sent {
                actor_type: address.actor_type().to_owned(),
                key: address.key().to_owned(),
                method: parcel.message.method,
                at: parcel.slot.at().map(SystemTime::from),
                payload: parcel.message.payload,
            })
        });
        parcels.collect()
    }

    /// The named timers of the actor that are set, each with the time until it fires.
    #[must_use]
    pub fn timers(&self) -> Vec<(String, Duration)> {
        let timers = self.record(&self.about).timers.into_iter();
        let named = timers.filter(|(name, _)| !answer::is_ask_timer(name));
        named.map(|(name, slot)| (name, slot.at().unwrap_or_default().since(self.now))).collect()
    }

    /// The messages to the actor that failed in all of their attempts, oldest first.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        let letters = self.tables.dead_letters(&self.about, None, usize::MAX).into_iter();
        letters
            .map(|letter| DeadLetter {
                method: letter.message.method,
                attempts: letter.attempts,
                error: letter.error,
            })
            .collect()
    }

    /// The time of the test, which only [`ActorTest::advance`] moves.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.now.into()
    }

    /// Moves the clock, and runs what becomes due on the way, each at its time:
    /// timers, delayed messages, attempts.
    pub async fn advance(&mut self, by: Duration) {
        let end = self.now.plus(by);
        loop {
            self.run().await;
            match self.next_due().filter(|at| *at <= end) {
                Some(at) => self.now = at.max(self.now),
                None => break,
            }
        }
        self.now = end;
        self.run().await;
    }

    /// The next run of an actor crashes before its first commit: nothing that its
    /// handlers did counts, and its messages run again.
    pub fn crash_before_commit(&mut self) {
        self.crash_before_commit_after(0);
    }

    /// The next run of an actor crashes after its first commit: all of that counts,
    /// and nothing runs again.
    pub fn crash_after_commit(&mut self) {
        self.crash_after_commit_after(0);
    }

    /// As [`ActorTest::crash_before_commit`], after so many commits of any actor of the
    /// test: try each number, and every step of a flow has crashed once.
    pub fn crash_before_commit_after(&mut self, commits: u32) {
        self.crash = Some((Crash::BeforeCommit, commits));
    }

    /// As [`ActorTest::crash_after_commit`], after so many commits of any actor of the
    /// test.
    pub fn crash_after_commit_after(&mut self, commits: u32) {
        self.crash = Some((Crash::AfterCommit, commits));
    }

    /// Whether a crash that was ordered is still to come.
    #[must_use]
    pub fn is_crash_to_come(&self) -> bool {
        self.crash.is_some()
    }

    /// How the commit that is to be made now crashes.
    fn take_crash(&mut self) -> Option<Crash> {
        let (crash, before) = self.crash?;
        self.crash = before.checked_sub(1).map(|before| (crash, before));
        (before == 0).then_some(crash)
    }

    fn put<R>(&mut self, request: Request<R>, kind: Kind) -> ReplyKey {
        let (address, message) = self.message(request, kind);
        let key = ReplyKey::new(&address, &message.id);
        let tail = self.tables.tail(&address);
        let segment = Segment::new(tail.sequence().next(), &[message]);
        self.tables.put_segment(&address, &segment, self.now.plus(RETENTION));
        self.known.insert(address);
        key
    }

    fn message<R>(&mut self, request: Request<R>, kind: Kind) -> (Address, Message) {
        let address = Address::new(&request.actor_type, &request.key)
            .expect("a request has a valid type and key");
        let id = MessageId::new(&format!("test-{}", self.next())).expect("it is a valid id");
        let message = Message::new(id, kind, request.method, request.payload, self.now);
        (address, message)
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn kind(&self, address: &Address) -> &dyn TestKind {
        let kind = self.kinds.get(address.actor_type());
        &**kind.unwrap_or_else(|| {
            panic!("this test does not run {}: add `.with::<…>()`", address.actor_type())
        })
    }

    fn record(&self, address: &Address) -> Record {
        self.tables.record(address).unwrap_or_default()
    }

    fn stored(&self, address: &Address) -> Option<Bytes> {
        self.tables.committed_state(address)
    }

    /// The next time at which something is to be done.
    fn next_due(&self) -> Option<Timestamp> {
        let due = self.known.iter().filter(|address| self.is_run(address)).filter_map(|address| {
            let record = self.record(address);
            if record.paused.is_some() {
                return None;
            }
            let next = match self.tables.next(address, record.next_segment()) {
                Next::Nothing => return None,
                Next::Delayed { at } => at,
                Next::Segment { .. } | Next::Inbox => self.now,
            };
            Some(next.max(record.not_before.unwrap_or_default()))
        });
        due.min()
    }

    fn is_run(&self, address: &Address) -> bool {
        self.kinds.contains_key(address.actor_type())
    }

    /// Runs every actor that has something to do now, until none has.
    async fn run(&mut self) {
        for _ in 0..RUNS_MAX {
            let ready = self.known.iter().find(|address| self.is_ready(address));
            let Some(address) = ready.cloned() else { return };
            self.activate(&address).await;
        }
        panic!(
            "after {RUNS_MAX} runs there is still something to do: do actors tell each other for ever?"
        );
    }

    fn is_ready(&self, address: &Address) -> bool {
        let record = self.record(address);
        let waits = record.not_before.is_some_and(|at| at > self.now) || record.paused.is_some();
        let next = || self.tables.next(address, record.next_segment());
        self.is_run(address) && !waits && next().is_deliverable(self.now)
    }

    async fn activate(&mut self, address: &Address) {
        let (now, terms) = (self.now, Terms::default());
        let token = self.next();
        let woken = self.tables.wake(address, &terms.wake(address, now, token));
        let Woken::Granted(mut lease) = woken else { panic!("somebody has the lease: {woken:?}") };
        // The test looks at every actor, so those that this one has sent to are awake.
        lease.record.wakes.clear();
        let rules = Rules { terms, reply_retention: RETENTION, attempts: self.attempts };
        let run = Drain::new(&lease, &[], true, rules, token);
        let mut drain = run.expect("what the test has stored can be read");
        if !self.drain(&mut drain).await {
            // As a gateway does when a function has crashed.
            self.fence(address, lease.epoch());
        }
    }

    /// One run; false when it crashed.
    async fn drain(&mut self, drain: &mut Drain) -> bool {
        let (address, now) = (drain.address().clone(), self.now);
        loop {
            match drain.step(now, false) {
                Step::LoadState(spilled) => {
                    drain.state_loaded(self.tables.state(&address, spilled));
                }
                Step::Query(first) => {
                    let page = self.tables.deliverable(&address, first, now, PAGE_ITEMS);
                    drain.loaded(&page).expect("what the test has stored can be read");
                }
                Step::QueryInbox => {
                    drain.inbox_loaded(&self.tables.inbox(&address, now, PAGE_ITEMS));
                }
                Step::FindReply(id) => {
                    let found = self.tables.replies(&[ReplyKey::new(&address, &id)], now);
                    drain.reply_found(found[0].is_some(), now);
                }
                Step::Run(run) => {
                    let timers = drain.timers().map(|(name, at)| (name.to_owned(), at)).collect();
                    let trace = Trace::off();
                    let context = Context::new(&address, &run, now, timers, &trace);
                    let ran = self.kind(&address).handle(context, drain.state(), &run).await;
                    drain.ran(ran, now);
                }
                Step::Commit(commit) => {
                    let crash = self.take_crash();
                    if crash == Some(Crash::BeforeCommit) {
                        return false;
                    }
                    let committed = self.tables.commit(&commit);
                    self.known.extend(commit.posted.into_iter().map(|posted| posted.to));
                    if crash == Some(Crash::AfterCommit) {
                        return false;
                    }
                    drain.committed(committed);
                }
                Step::End(End::Hole { at }) => panic!("message {at} is missing in the mailbox"),
                Step::End(_) => return true,
            }
        }
    }

    fn fence(&mut self, address: &Address, epoch: Epoch) {
        let settle = Settle { epoch, action: Action::Fence };
        self.tables.settle(address, &settle);
    }
}

/// A type of actors.
trait TestKind: Send + Sync {
    fn handle<'a>(
        &'a self,
        context: Context<'a>,
        state: Option<&'a Bytes>,
        run: &'a Run,
    ) -> BoxFuture<'a, Ran>;

    fn read<'a>(
        &'a self,
        context: &'a Context<'_>,
        state: Option<&'a Bytes>,
        run: &'a Run,
    ) -> BoxFuture<'a, Result<Bytes>>;
}

struct Of<A>(PhantomData<fn() -> A>);

impl<A: Actor> TestKind for Of<A> {
    fn handle<'a>(
        &'a self,
        context: Context<'a>,
        state: Option<&'a Bytes>,
        run: &'a Run,
    ) -> BoxFuture<'a, Ran> {
        let handled = async move {
            let mut held: Option<Held<A>> = None;
            let (backoff, span) = (Backoff::default(), Span::none());
            activation::handle(&mut held, context, state, run, &backoff, &span).await.ran
        };
        handled.boxed()
    }

    fn read<'a>(
        &'a self,
        context: &'a Context<'_>,
        state: Option<&'a Bytes>,
        run: &'a Run,
    ) -> BoxFuture<'a, Result<Bytes>> {
        let read = async move { activation::read::<A>(None, context, state, run).await.0 };
        read.boxed()
    }
}
