//! Who may do what next, and what must hold.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use callboard_mailbox::append::{Put, Tail};
use callboard_mailbox::commit::{Committed, LeaseAfter};
use callboard_mailbox::drain::{self, Drain, End, Ran};
use callboard_mailbox::lease::{Terms, Woken};
use callboard_mailbox::memory::Tables;
use callboard_mailbox::message::Kind;
use callboard_mailbox::reply::ReplyKey;
use callboard_mailbox::send::{self, Send};
use callboard_mailbox::sweep::{self, Action as Settlement, Sweep};
use callboard_mailbox::{Address, Lease, Message, MessageId, Record, Segment, Sequence, Timestamp};
use stateright::{Model, Path, Property};

/// Leases last 10 s and a step of the time is 20 s: after it, they are over.
const TERMS: Terms = Terms { length: Duration::from_secs(10), due_step: Duration::from_millis(1) };
const TICK_MS: u64 = 20_000;
const RETENTION: Duration = Duration::from_secs(1_000_000);

/// How many rounds without crashes a world at rest gets.
const ROUNDS: u32 = 8;

/// How many steps it may take in one of them, before it counts as going round
/// in circles.
const STEPS: u32 = 500;

/// What may happen, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How many messages each gateway sends, one after the other.
    pub(crate) messages: [u8; 2],
    /// Gateways, invocations and runs that vanish.
    pub(crate) crashes: u8,
    /// Writes that are applied and whose answer is lost.
    pub(crate) lost: u8,
    /// Operations whose caller's clock is a step ahead.
    pub(crate) ahead: u8,
    /// Queries that miss a segment and return the next one.
    pub(crate) holes: u8,
    /// Sweeps.
    pub(crate) sweeps: u8,
    /// Steps of the time.
    pub(crate) ticks: u8,
    /// Whether the messages are tells, which no reply tells apart.
    pub(crate) tells: bool,
    /// Whether the first message fails at its first attempt.
    pub(crate) fails: bool,
}

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    None,
    NoSweeper,
    DueIsClearedBlindly,
    ReleaseClearsDue,
    NoWakeAfterAppend,
    NoConfirmation,
    ExpiredIsIdle,
    NoFencing,
    HolesAreSkipped,
    LostAppendGoesElsewhere,
    SegmentsGoAtCommit,
    CommitIgnoresHead,
    NothingAtHandIsAll,
}

#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    pub(crate) bounds: Bounds,
    pub(crate) mutation: Mutation,
}

/// All there is at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    tables: Tables,
    /// Every segment that was ever put, also when it is gone.
    log: Vec<Segment>,
    time: u8,
    gateways: [Gateway; 2],
    invocations: Vec<Invocation>,
    runs: Vec<(usize, Drain)>,
    looks: Vec<Look>,
    sweep: Option<Sweep>,
    acknowledged: BTreeSet<MessageId>,
    crashes: u8,
    lost: u8,
    ahead: u8,
    holes: u8,
    sweeps: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Gateway {
    todo: Vec<MessageId>,
    send: Option<Send>,
    tail: Option<Tail>,
    /// Segments of its own that may not be consumed yet.
    at_hand: Vec<Segment>,
    tokens: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Invocation {
    /// The gateway that made it, and looks again after it.
    by: usize,
    lease: Lease,
    segments: Vec<Segment>,
    more: bool,
}

/// The look after a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Look {
    Query(usize, Sequence),
    Wake(usize, u64),
}

/// How a step goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    None,
    /// What was asked is done, and the answer is lost.
    AnswerLost,
    /// The caller's clock is ahead.
    ClockAhead,
    /// A query misses the first segment.
    Hole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Tick,
    Gateway(usize, Fault),
    GatewayCrash(usize),
    Deliver(usize),
    LoseInvocation(usize),
    Run(usize, Fault),
    RunCrash(usize),
    Look(usize),
    LookCrash(usize),
    BeginSweep,
    Sweep(Fault),
}

fn address() -> Address {
    Address::new("model.v1.Actor", "a").expect("an address")
}

fn at(level: u8) -> Timestamp {
    Timestamp(1_000_000 + u64::from(level) * TICK_MS)
}

fn segment(id: &MessageId, kind: Kind) -> Segment {
    let message = Message {
        id: id.clone(),
        kind,
        method: "Append".into(),
        payload: Bytes::new(),
        sent_at: Timestamp(0),
        deadline: None,
        headers: Vec::new(),
    };
    Segment::new(Sequence(1), &[message])
}

fn ids(segments: &[Segment]) -> Vec<MessageId> {
    let messages = segments.iter().flat_map(|segment| segment.messages().expect("messages"));
    messages.map(|(_, message)| message.id).collect()
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let Bounds { messages, crashes, lost, ahead, holes, sweeps, .. } = self.bounds;
        let gateway = |which: usize| Gateway {
            todo: (1..=messages[which])
                .rev()
                .map(|n| MessageId::new(&format!("{which}.{n}")).expect("an id"))
                .collect(),
            send: None,
            tail: None,
            at_hand: Vec::new(),
            tokens: which as u64 * 1_000,
        };
        vec![World {
            tables: Tables::default(),
            log: Vec::new(),
            time: 0,
            gateways: [gateway(0), gateway(1)],
            invocations: Vec::new(),
            runs: Vec::new(),
            looks: Vec::new(),
            sweep: None,
            acknowledged: BTreeSet::new(),
            crashes,
            lost,
            ahead,
            holes,
            sweeps: if self.mutation == Mutation::NoSweeper { 0 } else { sweeps },
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let mut faults = vec![Fault::None];
        faults.extend((world.lost > 0).then_some(Fault::AnswerLost));
        let ahead = (world.ahead > 0).then_some(Fault::ClockAhead);
        if world.time < self.bounds.ticks {
            actions.push(Action::Tick);
        }
        for (n, gateway) in world.gateways.iter().enumerate() {
            if gateway.send.is_some() || !gateway.todo.is_empty() {
                actions.extend(faults.iter().chain(&ahead).map(|fault| Action::Gateway(n, *fault)));
                if world.crashes > 0 {
                    actions.push(Action::GatewayCrash(n));
                }
            }
        }
        for n in 0..world.invocations.len() {
            actions.push(Action::Deliver(n));
            if world.crashes > 0 {
                actions.push(Action::LoseInvocation(n));
            }
        }
        for n in 0..world.runs.len() {
            actions.extend(faults.iter().map(|fault| Action::Run(n, *fault)));
            if world.holes > 0 {
                actions.push(Action::Run(n, Fault::Hole));
            }
            if world.crashes > 0 {
                actions.push(Action::RunCrash(n));
            }
        }
        for n in 0..world.looks.len() {
            actions.push(Action::Look(n));
            if world.crashes > 0 {
                actions.push(Action::LookCrash(n));
            }
        }
        if world.sweep.is_some() {
            actions.extend([Fault::None].iter().chain(&ahead).map(|fault| Action::Sweep(*fault)));
        } else if world.sweeps > 0 {
            actions.push(Action::BeginSweep);
        }
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        match action {
            Action::Tick => world.time += 1,
            Action::Gateway(n, fault) => self.gateway(&mut world, n, fault)?,
            Action::GatewayCrash(n) => {
                world.crashes -= 1;
                world.gateways[n].send = None;
                world.gateways[n].todo.clear();
            }
            Action::Deliver(n) => {
                let Invocation { by, lease, segments, more } = world.invocations.remove(n);
                let drain = Drain::new(&lease, &segments, more, TERMS, RETENTION);
                world.runs.push((by, drain.expect("segments that can be read")));
                let (last, now) = (world.runs.len() - 1, at(world.time));
                self.go_on(&mut world, last, now);
            }
            Action::LoseInvocation(n) => {
                world.crashes -= 1;
                world.invocations.remove(n);
            }
            Action::Run(n, fault) => self.run(&mut world, n, fault)?,
            Action::RunCrash(n) => {
                world.crashes -= 1;
                world.runs.remove(n);
            }
            Action::Look(n) => self.look(&mut world, n),
            Action::LookCrash(n) => {
                world.crashes -= 1;
                world.looks.remove(n);
            }
            Action::BeginSweep => {
                let record = world.tables.record(&address())?;
                record.due.filter(|due| *due <= at(world.time))?;
                world.sweeps -= 1;
                world.sweep = Some(Sweep::new(TERMS));
            }
            Action::Sweep(fault) => self.sweep(&mut world, fault)?,
        }
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "an acknowledged message is done, or due",
                |_: &Self, world: &World| {
                    let done = world.effects();
                    let record = world.record();
                    let waiting = ids(&world.waiting(&record));
                    world.acknowledged.iter().all(|id| {
                        done.contains(id) || (record.due.is_some() && waiting.contains(id))
                    })
                },
            ),
            Property::always("effects are a prefix of the log", |_: &Self, world: &World| {
                let log = ids(&world.log);
                let done = world.effects();
                done.len() as u64 == world.record().head.0 && log.starts_with(&done)
            }),
            Property::always("a message is in the log once", |_: &Self, world: &World| {
                let log = ids(&world.log);
                log.iter().collect::<BTreeSet<_>>().len() == log.len()
            }),
            Property::always(
                "a reply exists when its ask is done, and only then",
                |protocol: &Self, world: &World| {
                    let done = world.effects();
                    ids(&world.log).iter().all(|id| {
                        let key = ReplyKey::new(&address(), id);
                        let exists = world.tables.replies(&[key], at(0))[0].is_some();
                        exists == (!protocol.bounds.tells && done.contains(id))
                    })
                },
            ),
            Property::always(
                "at rest, what is acknowledged gets done",
                |protocol: &Self, world: &World| {
                    !world.is_at_rest() || protocol.finishes(world.clone())
                },
            ),
        ]
    }
}

impl World {
    fn record(&self) -> Record {
        self.tables.record(&address()).unwrap_or_default()
    }

    /// The ids that the actor has taken into its state, in order.
    fn effects(&self) -> Vec<MessageId> {
        let state = self.record().state.unwrap_or_default();
        let text = std::str::from_utf8(&state).expect("ids");
        text.split_terminator(' ').map(|id| MessageId::new(id).expect("an id")).collect()
    }

    fn waiting(&self, record: &Record) -> Vec<Segment> {
        self.tables.deliverable(&address(), record.head.next(), 1_000).segments
    }

    fn is_at_rest(&self) -> bool {
        let idle = |gateway: &Gateway| gateway.send.is_none() && gateway.todo.is_empty();
        self.gateways.iter().all(idle)
            && self.invocations.is_empty()
            && self.runs.is_empty()
            && self.looks.is_empty()
            && self.sweep.is_none()
    }
}

impl Protocol {
    fn gateway(&self, world: &mut World, n: usize, fault: Fault) -> Option<()> {
        let mut now = at(world.time);
        if fault == Fault::ClockAhead {
            now = at(world.time + 1);
            world.ahead -= 1;
        }
        let gateway = &mut world.gateways[n];
        if gateway.send.is_none() {
            let id = gateway.todo.last()?;
            let kind = if self.bounds.tells { Kind::Tell } else { Kind::Ask };
            gateway.send = Some(Send::new(&segment(id, kind), gateway.tail));
        }
        let send = gateway.send.as_mut()?;
        match send.step() {
            send::Step::Wake => {
                let wake = TERMS.wake(now, gateway.tokens);
                let skipped =
                    self.mutation == Mutation::NoWakeAfterAppend && send.durable().is_some();
                let woken = match skipped {
                    true => Woken::Refused(Record::default()),
                    false => world.tables.wake(&address(), &wake),
                };
                if fault == Fault::AnswerLost {
                    world.lost -= 1;
                    return Some(());
                }
                gateway.tokens += 1;
                send.woken(woken);
            }
            send::Step::Put(segment) => {
                let put = world.tables.put_segment(&address(), &segment);
                if put == Put::Stored {
                    world.log.push(segment.clone());
                }
                if fault == Fault::AnswerLost {
                    world.lost -= 1;
                    if self.mutation == Mutation::LostAppendGoesElsewhere {
                        send.found(Tail::after(&segment));
                    }
                    return Some(());
                }
                send.put(&put);
                if let Some(durable) = send.durable() {
                    gateway.tail = Some(Tail::after(durable));
                    gateway.at_hand.push(durable.clone());
                }
            }
            _ if fault == Fault::AnswerLost => return None,
            send::Step::FindTail => send.found(world.tables.tail(&address())),
            send::Step::Read => {
                let lease = send.take_lease();
                let mut record = world.tables.record(&address());
                if self.mutation == Mutation::NoConfirmation {
                    record = lease.as_ref().map(|lease| lease.record.clone());
                }
                send.read(record.as_ref());
                lease.into_iter().for_each(|lease| self.invoke(world, lease, n));
            }
            send::Step::Done(_) => unreachable!("what is done is left at once"),
        }
        self.acknowledge(world, n);
        Some(())
    }

    /// Tells the sender of a message that is durable and sure to be drained.
    fn acknowledge(&self, world: &mut World, n: usize) {
        let gateway = &mut world.gateways[n];
        let Some(send) = &mut gateway.send else { return };
        let send::Step::Done(_) = send.step() else { return };
        let lease = send.take_lease();
        gateway.send = None;
        world.acknowledged.extend(gateway.todo.pop());
        lease.into_iter().for_each(|lease| self.invoke(world, lease, n));
    }

    /// One operation of the store, and what follows from it without any.
    fn run(&self, world: &mut World, n: usize, fault: Fault) -> Option<()> {
        let now = at(world.time);
        let (_, run) = &mut world.runs[n];
        match run.step(now, false) {
            drain::Step::Query(first) => {
                let mut page = world.tables.deliverable(&address(), first, 3);
                match fault {
                    Fault::None => {}
                    Fault::Hole if page.segments.len() > 1 => {
                        page.segments.remove(0);
                        world.holes -= 1;
                        if self.mutation == Mutation::HolesAreSkipped {
                            page.segments[0] = page.segments[0].at(first);
                            page.segments.truncate(1);
                        }
                    }
                    _ => return None,
                }
                run.loaded(&page).expect("segments that can be read");
            }
            drain::Step::Commit(mut commit) => {
                if !matches!(fault, Fault::None | Fault::AnswerLost) {
                    return None;
                }
                let record = world.tables.record(&address()).unwrap_or_default();
                if self.mutation == Mutation::NoFencing {
                    commit.epoch = record.epoch;
                    commit.from = record.head;
                }
                if self.mutation == Mutation::CommitIgnoresHead {
                    commit.from = record.head;
                }
                let committed = world.tables.commit(&commit);
                if committed == Committed::Applied {
                    self.break_after(world, commit.head, commit.lease);
                }
                let (_, run) = &mut world.runs[n];
                if fault == Fault::AnswerLost {
                    world.lost -= 1;
                    return Some(());
                }
                run.committed(committed);
            }
            drain::Step::Run(_) | drain::Step::End(_) => unreachable!("they need no store"),
        }
        self.go_on(world, n, now);
        Some(())
    }

    /// What a run does without the store.
    fn go_on(&self, world: &mut World, n: usize, now: Timestamp) {
        let (by, run) = &mut world.runs[n];
        loop {
            match run.step(now, false) {
                drain::Step::Run(message) => {
                    let failing = self.bounds.fails
                        && message.message.id.as_str() == "0.1"
                        && message.attempt == 1;
                    run.ran(if failing { fail() } else { take_in(run, &message) }, now);
                }
                drain::Step::End(end) => {
                    let look = Look::Query(*by, run.head().next());
                    world.runs.remove(n);
                    if matches!(end, End::Released | End::Stopped) {
                        world.looks.push(look);
                    }
                    return;
                }
                drain::Step::Query(_) | drain::Step::Commit(_) => return,
            }
        }
    }

    fn wake(&self, world: &mut World, by: usize, token: u64) {
        let wake = TERMS.wake(at(world.time), token * 10 + u64::from(world.time));
        if let Woken::Granted(lease) = world.tables.wake(&address(), &wake) {
            self.invoke(world, lease, by);
        }
    }

    /// A gateway invokes the function, as its lane does.
    fn invoke(&self, world: &mut World, lease: Lease, by: usize) {
        let gateway = &mut world.gateways[by];
        gateway.at_hand.retain(|segment| segment.last() > lease.record.head);
        let (segments, mut more) = lease.hand_over(&gateway.at_hand, gateway.tail);
        if self.mutation == Mutation::NothingAtHandIsAll && segments.is_empty() {
            more = false;
        }
        world.invocations.push(Invocation { by, lease, segments, more });
    }

    fn break_after(&self, world: &mut World, head: Sequence, lease: LeaseAfter) {
        if self.mutation == Mutation::ReleaseClearsDue && lease == LeaseAfter::Released {
            let record = Record { due: None, ..world.record() };
            world.tables.force_record(&address(), record);
        }
        if self.mutation == Mutation::SegmentsGoAtCommit {
            world.tables.expire_segments(&address(), head);
        }
    }

    fn look(&self, world: &mut World, n: usize) {
        match world.looks[n] {
            Look::Query(by, place) => {
                let found = !world.tables.deliverable(&address(), place, 1).segments.is_empty();
                world.looks.remove(n);
                if found {
                    world.looks.push(Look::Wake(by, 10_000 + place.0));
                }
            }
            Look::Wake(by, token) => {
                world.looks.remove(n);
                self.wake(world, by, token);
            }
        }
    }

    fn sweep(&self, world: &mut World, fault: Fault) -> Option<()> {
        let mut now = at(world.time);
        if fault == Fault::ClockAhead {
            now = at(world.time + 1);
            world.ahead -= 1;
        }
        let sweep = world.sweep.as_mut()?;
        match sweep.step() {
            sweep::Step::Read => {
                let mut record = world.tables.record(&address());
                if self.mutation == Mutation::ExpiredIsIdle {
                    record = record.map(|record| Record {
                        lease_until: record.lease_until.filter(|until| *until > now),
                        ..record
                    });
                }
                sweep.read(record.as_ref(), now);
            }
            sweep::Step::Settle(settle) => {
                let is_clear = settle.action == Settlement::ClearDue;
                let record = world.tables.record(&address());
                let blindly = match self.mutation {
                    Mutation::DueIsClearedBlindly => is_clear,
                    Mutation::ExpiredIsIdle => {
                        is_clear && record.as_ref().is_some_and(|r| r.epoch == settle.epoch)
                    }
                    _ => false,
                };
                let settled = match record {
                    Some(record) if blindly => {
                        let cleared = Record { due: None, ..record };
                        world.tables.force_record(&address(), cleared.clone());
                        Some(cleared)
                    }
                    _ => world.tables.settle(&address(), &settle),
                };
                sweep.settled(settled.as_ref());
            }
            sweep::Step::Look(place) => {
                sweep.looked(!world.tables.deliverable(&address(), place, 1).segments.is_empty());
            }
            sweep::Step::Wake => {
                world.sweep = None;
                let token = 20_000 + u64::from(world.sweeps);
                self.wake(world, 0, token);
            }
            sweep::Step::Done => unreachable!("what is done is left at once"),
        }
        if world.sweep.as_ref().is_some_and(|sweep| sweep.step() == sweep::Step::Done) {
            world.sweep = None;
        }
        Some(())
    }

    /// Whether sweeps alone get a world at rest to do what was acknowledged.
    fn finishes(&self, mut world: World) -> bool {
        world.ahead = 0;
        for _ in 0..ROUNDS {
            world.time += 1;
            let due = world.record().due.is_some_and(|due| due <= at(world.time));
            if due && self.mutation != Mutation::NoSweeper {
                world.sweep = Some(Sweep::new(TERMS));
            }
            let mut steps = 0..STEPS;
            while !world.is_at_rest() {
                if steps.next().is_none() {
                    return false;
                }
                if world.sweep.is_some() {
                    self.sweep(&mut world, Fault::None).expect("a sweep goes on");
                } else if !world.looks.is_empty() {
                    self.look(&mut world, 0);
                } else if world.runs.is_empty() {
                    world = self.next_state(&world, Action::Deliver(0)).expect("an invocation");
                } else {
                    self.run(&mut world, 0, Fault::None).expect("a run goes on");
                }
            }
        }
        let done = world.effects();
        world.acknowledged.iter().all(|id| done.contains(id))
    }
}

fn fail() -> Ran {
    Ran::Failed { delay: Duration::from_secs(1) }
}

/// The actor writes the ids of its messages down.
fn take_in(run: &Drain, message: &drain::Run) -> Ran {
    let mut state = run.state().map(|state| state.to_vec()).unwrap_or_default();
    state.extend_from_slice(message.message.id.as_str().as_bytes());
    state.push(b' ');
    Ran::Done { state: Some(state.into()), response: Bytes::new() }
}

/// A path, a line a step.
pub(crate) fn tell(path: &Path<World, Action>) -> String {
    path.clone().into_actions().iter().map(|action| format!("  {action:?}\n")).collect()
}
