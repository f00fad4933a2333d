//! Who may do what next.

use std::time::Duration;

use bytes::Bytes;
use callboard_mailbox::append::{Put, Tail};
use callboard_mailbox::commit::{Committed, LeaseAfter};
use callboard_mailbox::drain::{self, Drain, Effects, End, Outgoing, Ran, Rules};
use callboard_mailbox::lease::{Terms, Woken};
use callboard_mailbox::memory::Tables;
use callboard_mailbox::message::Kind;
use callboard_mailbox::parcel::{Parcel, Slot};
use callboard_mailbox::reply::ReplyKey;
use callboard_mailbox::retry::{Attempts, Exhausted};
use callboard_mailbox::schedule::{self, Delay};
use callboard_mailbox::send::{self, Send};
use callboard_mailbox::state::Change;
use callboard_mailbox::sweep::{self, Action as Settlement, Settle, Sweep};
use callboard_mailbox::{Lease, Record, Segment, Sequence, Timestamp};
use stateright::{Model, Path, Property};

use crate::rules::{Bounds, Mutation};
use crate::world::{
    ACTORS, Gateway, Invocation, Late, Left, Letter, Look, Running, Sending, TICK_MS, World, at,
    message, place,
};

const TERMS: Terms = Terms { length: Duration::from_secs(10), due_step: Duration::from_millis(1) };
const RULES: Rules = Rules {
    terms: TERMS,
    reply_retention: Duration::from_secs(1_000_000),
    attempts: Attempts { most: Some(2), then: Exhausted::DeadLetter },
};

/// How many rounds without crashes a world at rest gets.
const ROUNDS: u32 = 10;

/// How many steps it may take in one of them, before it counts as going round
/// in circles.
const STEPS: u32 = 500;

#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    pub(crate) bounds: Bounds,
    pub(crate) mutation: Mutation,
}

/// How a step goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    None,
    /// What was asked is done, and the answer is lost.
    AnswerLost,
    /// What was asked is done, and done a second time at any time later.
    Late,
    /// The caller's clock is ahead.
    ClockAhead,
    /// A query misses the first item.
    Hole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Tick,
    Gateway(usize, Fault),
    GatewayCrash(usize),
    Deliver(usize),
    DeliverTwice(usize),
    LoseInvocation(usize),
    Run(usize, Fault),
    RunCrash(usize),
    Look(usize),
    LookCrash(usize),
    BeginSweep(usize),
    Sweep(Fault),
    Land(usize),
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let Bounds { messages, delayed, crashes, lost, late, doubled, ahead, holes, .. } =
            self.bounds;
        let sweeps = self.bounds.sweeps;
        let gateway = |which: usize| {
            let first = [b'a', b'n'][which];
            let (plain, all) = (messages[which], messages[which] + delayed[which]);
            Gateway {
                todo: (0..all).rev().map(|n| (first + n, n >= plain)).collect(),
                sending: None,
                tail: None,
                at_hand: Vec::new(),
                woken: None,
                tokens: which as u64 * 1_000,
            }
        };
        let sweeps = if self.mutation == Mutation::NoSweeper { 0 } else { sweeps };
        let mut world = World {
            tables: Tables::default(),
            log: Vec::new(),
            time: 0,
            gateways: [gateway(0), gateway(1)],
            invocations: Vec::new(),
            runs: Vec::new(),
            looks: Vec::new(),
            sweep: None,
            late: Vec::new(),
            acknowledged: Default::default(),
            left: Left { crashes, lost, late, doubled, ahead, holes, sweeps },
        };
        if self.bounds.prologue {
            self.prologue(&mut world);
        }
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let left = world.left;
        let mut writes = vec![Fault::None];
        writes.extend((left.lost > 0).then_some(Fault::AnswerLost));
        writes.extend((left.late > 0).then_some(Fault::Late));
        let ahead = (left.ahead > 0).then_some(Fault::ClockAhead);
        let crashes = left.crashes > 0;
        if world.time < self.bounds.ticks {
            actions.push(Action::Tick);
        }
        for (n, gateway) in world.gateways.iter().enumerate() {
            if gateway.sending.is_some() || !gateway.todo.is_empty() {
                actions.extend(writes.iter().chain(&ahead).map(|fault| Action::Gateway(n, *fault)));
                actions.extend(crashes.then_some(Action::GatewayCrash(n)));
            }
        }
        for n in 0..world.invocations.len() {
            actions.push(Action::Deliver(n));
            actions.extend((left.doubled > 0).then_some(Action::DeliverTwice(n)));
            actions.extend(crashes.then_some(Action::LoseInvocation(n)));
        }
        for n in 0..world.runs.len() {
            actions.extend(writes.iter().map(|fault| Action::Run(n, *fault)));
            actions.extend((left.holes > 0).then_some(Action::Run(n, Fault::Hole)));
            actions.extend(crashes.then_some(Action::RunCrash(n)));
        }
        for n in 0..world.looks.len() {
            actions.push(Action::Look(n));
            actions.extend(crashes.then_some(Action::LookCrash(n)));
        }
        if world.sweep.is_some() {
            actions.extend([Fault::None].iter().chain(&ahead).map(|fault| Action::Sweep(*fault)));
        } else if left.sweeps > 0 {
            actions.extend([Action::BeginSweep(0), Action::BeginSweep(1)]);
        }
        actions.extend((0..world.late.len()).map(Action::Land));
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        match action {
            Action::Tick => world.time += 1,
            Action::Gateway(n, fault) => self.gateway(&mut world, n, fault)?,
            Action::GatewayCrash(n) => {
                world.left.crashes -= 1;
                world.gateways[n].sending = None;
                world.gateways[n].todo.clear();
                world.gateways[n].woken = None;
            }
            Action::Deliver(n) => self.deliver(&mut world, n),
            Action::DeliverTwice(n) => {
                world.left.doubled -= 1;
                let copy = Invocation { is_copy: true, ..world.invocations[n].clone() };
                world.invocations.push(copy);
                self.deliver(&mut world, n);
            }
            Action::LoseInvocation(n) => {
                world.left.crashes -= 1;
                world.invocations.remove(n);
            }
            Action::Run(n, fault) => self.run(&mut world, n, fault)?,
            Action::RunCrash(n) => {
                world.left.crashes -= 1;
                let Running { by, actor, epoch, .. } = world.runs.remove(n);
                // Its gateway may notice, or may be gone too.
                world.looks.push(Look::Recover { by, actor, epoch });
            }
            Action::Look(n) => self.look(&mut world, n),
            Action::LookCrash(n) => {
                world.left.crashes -= 1;
                world.looks.remove(n);
            }
            Action::BeginSweep(actor) => {
                world.record(actor).due.filter(|due| *due <= at(world.time))?;
                world.left.sweeps -= 1;
                world.sweep = Some((actor, Sweep::new(&ACTORS[actor], TERMS)));
            }
            Action::Sweep(fault) => self.sweep(&mut world, fault)?,
            Action::Land(n) => match world.late.remove(n) {
                Late::Segment(segment) => {
                    if world.tables.put_segment(&ACTORS[0], &segment, Timestamp(0)) == Put::Stored {
                        world.log.extend(letters(&segment));
                    }
                }
                Late::Parcel(parcel) => world.tables.put_parcel(&ACTORS[0], &parcel),
                Late::Commit(commit) => drop(world.tables.commit(&commit)),
            },
        }
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("the invariants hold", |protocol: &Self, world: &World| {
                let Bounds { tells, sends, .. } = protocol.bounds;
                world.broken_rule(tells, sends).is_none()
            }),
            Property::always(
                "at rest, what is owed gets done",
                |protocol: &Self, world: &World| {
                    !world.is_at_rest() || protocol.finishes(world.clone())
                },
            ),
        ]
    }
}

fn letters(segment: &Segment) -> Vec<Letter> {
    let messages = segment.messages().expect("messages");
    messages.iter().map(|(_, message)| crate::world::letter(&message.id)).collect()
}

impl Protocol {
    fn gateway(&self, world: &mut World, n: usize, fault: Fault) -> Option<()> {
        let mut now = at(world.time);
        if fault == Fault::ClockAhead {
            now = at(world.time + 1);
            world.left.ahead -= 1;
        }
        let sending = match world.gateways[n].sending.take() {
            Some(sending) => sending,
            None => self.begin(&world.gateways[n])?,
        };
        match sending {
            Sending::Send(send) => self.send(world, n, send, fault, now)?,
            Sending::Delay(delay) => self.delay(world, n, delay, fault)?,
        }
        Some(())
    }

    fn begin(&self, gateway: &Gateway) -> Option<Sending> {
        let (letter, delayed) = *gateway.todo.last()?;
        let kind = if self.bounds.tells { Kind::Tell } else { Kind::Ask };
        let mut message = message(letter, kind);
        if !delayed {
            let segment = Segment::new(Sequence(1), &[message]);
            return Some(Sending::Send(Send::new(&segment, gateway.tail)));
        }
        message.kind = Kind::Tell;
        message.receipt = self.mutation != Mutation::NoReceipt;
        let slot = Slot::Delayed { at: at(1), id: message.id.clone() };
        Some(Sending::Delay(Delay::new(Parcel { slot, message, timer: None }, at(1))))
    }

    fn delay(&self, world: &mut World, n: usize, mut delay: Delay, fault: Fault) -> Option<()> {
        match delay.step() {
            schedule::Step::Put(parcel) => {
                world.tables.put_parcel(&ACTORS[0], &parcel);
                if fault == Fault::Late {
                    world.left.late -= 1;
                    world.late.push(Late::Parcel(*parcel));
                }
                if self.is_answered(world, fault)? {
                    delay.put();
                }
            }
            schedule::Step::Schedule(time) => {
                let before = world.tables.record(&ACTORS[0]);
                world.tables.schedule(&ACTORS[0], time);
                if let (Mutation::ScheduleKeepsEpoch, Some(before)) = (self.mutation, before) {
                    let after = Record { epoch: before.epoch, ..world.record(0) };
                    world.tables.force_record(&ACTORS[0], after);
                }
                if self.is_answered(world, fault)? {
                    delay.scheduled();
                }
            }
            schedule::Step::Done => unreachable!("what is done is left at once"),
        }
        let gateway = &mut world.gateways[n];
        match delay.step() {
            schedule::Step::Done => {
                world.acknowledged.extend(gateway.todo.pop().map(|(letter, _)| letter));
            }
            _ => gateway.sending = Some(Sending::Delay(delay)),
        }
        Some(())
    }

    /// Whether a write that was made gets its answer; `None` when the fault does
    /// not befall writes.
    fn is_answered(&self, world: &mut World, fault: Fault) -> Option<bool> {
        match fault {
            Fault::None | Fault::Late => Some(true),
            Fault::AnswerLost => {
                world.left.lost -= 1;
                Some(false)
            }
            Fault::ClockAhead | Fault::Hole => None,
        }
    }

    fn send(
        &self,
        world: &mut World,
        n: usize,
        mut send: Send,
        fault: Fault,
        now: Timestamp,
    ) -> Option<()> {
        let address = &ACTORS[0];
        match send.step() {
            send::Step::Wake if fault != Fault::Late => {
                let gateway = &mut world.gateways[n];
                let wake = TERMS.wake(address, now, gateway.tokens);
                let skipped =
                    self.mutation == Mutation::NoWakeAfterAppend && send.durable().is_some();
                let woken = match skipped {
                    true => Woken::Refused(Record::default()),
                    false => world.tables.wake(address, &wake),
                };
                if fault == Fault::AnswerLost {
                    world.left.lost -= 1;
                } else {
                    gateway.tokens += 1;
                    send.woken(woken);
                }
            }
            send::Step::Put(segment) if fault != Fault::ClockAhead => {
                let put = world.tables.put_segment(address, &segment, Timestamp(0));
                if put == Put::Stored {
                    world.log.extend(letters(&segment));
                }
                if fault == Fault::Late {
                    world.left.late -= 1;
                    world.late.push(Late::Segment(segment.clone()));
                }
                if self.is_answered(world, fault)? {
                    send.put(&put);
                } else if self.mutation == Mutation::LostAppendGoesElsewhere {
                    send.found(Tail::after(&segment));
                }
                if let Some(durable) = send.durable() {
                    let gateway = &mut world.gateways[n];
                    gateway.tail = Some(Tail::after(durable));
                    gateway.at_hand.push(durable.clone());
                }
            }
            _ if fault != Fault::None => return None,
            send::Step::FindTail => send.found(world.tables.tail(address)),
            send::Step::Read => {
                let lease = send.take_lease();
                let mut record = world.tables.record(address);
                if self.mutation == Mutation::NoConfirmation {
                    record = lease.as_ref().map(|lease| lease.record.clone());
                }
                send.read(record.as_ref());
                lease.into_iter().for_each(|lease| self.invoke(world, lease, n, 0));
            }
            send::Step::Wake | send::Step::Put(_) => return None,
            send::Step::Done(_) => unreachable!("what is done is left at once"),
        }
        self.acknowledge(world, n, send);
        Some(())
    }

    /// Tells the sender of a message that is durable and sure to be drained.
    fn acknowledge(&self, world: &mut World, n: usize, mut send: Send) {
        let gateway = &mut world.gateways[n];
        let send::Step::Done(_) = send.step() else {
            gateway.sending = Some(Sending::Send(send));
            return;
        };
        world.acknowledged.extend(gateway.todo.pop().map(|(letter, _)| letter));
        send.take_lease().into_iter().for_each(|lease| self.invoke(world, lease, n, 0));
    }

    /// A gateway invokes the function, as its lane does.
    fn invoke(&self, world: &mut World, mut lease: Lease, by: usize, actor: usize) {
        let gateway = &mut world.gateways[by];
        let (mut segments, mut more) = (Vec::new(), true);
        if actor == 0 {
            gateway.at_hand.retain(|segment| segment.last() > lease.record.head);
            (segments, more) = lease.hand_over(&gateway.at_hand, gateway.tail);
            // The wakes in the record are those of a run of its own, and done.
            let is_own = gateway.woken.is_some_and(|epoch| epoch.next() == lease.epoch());
            let is_taken = self.mutation == Mutation::WakesAreTakenForDone;
            if is_own || (is_taken && gateway.woken.is_some()) {
                lease.record.wakes.clear();
            }
        }
        if self.mutation == Mutation::CrashesDoNotCount && lease.record.attempt > 1 {
            lease.record.attempt = 1;
        }
        let is_copy = false;
        world.invocations.push(Invocation { by, actor, lease, segments, more, is_copy });
    }

    fn deliver(&self, world: &mut World, n: usize) {
        let Invocation { by, actor, lease, segments, more, is_copy } = world.invocations.remove(n);
        let run = 2 * lease.epoch().0 + u64::from(is_copy);
        let drain = Drain::new(&lease, &segments, more, RULES, run);
        let drain = drain.expect("segments that can be read");
        world.runs.push(Running { by, actor, epoch: lease.epoch(), drain });
        let (last, now) = (world.runs.len() - 1, at(world.time));
        self.go_on(world, last, now);
    }

    /// One operation of the store, and what follows from it without any.
    fn run(&self, world: &mut World, n: usize, fault: Fault) -> Option<()> {
        let now = at(world.time);
        let Running { actor, ref mut drain, .. } = world.runs[n];
        let address = &ACTORS[actor];
        match drain.step(now, false) {
            drain::Step::Query(first) => {
                let mut page = world.tables.deliverable(address, first, now, 3);
                match fault {
                    Fault::None => {}
                    Fault::Hole if page.segments.len() > 1 => {
                        page.segments.remove(0);
                        world.left.holes -= 1;
                        if self.mutation == Mutation::HolesAreSkipped {
                            page.segments[0] = page.segments[0].at(first);
                            page.segments.truncate(1);
                        }
                    }
                    Fault::Hole if page.parcels.len() > 1 => {
                        page.parcels.remove(0);
                        world.left.holes -= 1;
                    }
                    _ => return None,
                }
                drain.loaded(&page).expect("segments that can be read");
                if self.mutation == Mutation::ParcelsAreNotConfirmed {
                    drain.inbox_loaded(&page);
                }
            }
            drain::Step::QueryInbox if fault == Fault::None => {
                drain.inbox_loaded(&world.tables.inbox(address, now, 3));
            }
            drain::Step::QueryInbox => return None,
            drain::Step::FindReply(id) if fault == Fault::None => {
                let key = [ReplyKey::new(address, &id)];
                drain.reply_found(world.tables.replies(&key, at(0))[0].is_some(), now);
            }
            drain::Step::FindReply(_) => return None,
            drain::Step::Commit(mut commit) => {
                let record = world.tables.record(address).unwrap_or_default();
                if self.mutation == Mutation::NoFencing {
                    commit.epoch = record.epoch;
                    commit.revision = record.revision;
                }
                if self.mutation == Mutation::CommitIgnoresRevision {
                    commit.revision = record.revision;
                }
                if self.mutation == Mutation::NoPendingWakes {
                    commit.wakes.clear();
                }
                let committed = world.tables.commit(&commit);
                if fault == Fault::Late {
                    world.left.late -= 1;
                    world.late.push(Late::Commit(commit.clone()));
                }
                let is_answered = self.is_answered(world, fault)?;
                if committed == Committed::Applied {
                    self.break_after(world, actor, commit.head, &commit.lease);
                }
                if is_answered {
                    world.runs[n].drain.committed(committed);
                }
            }
            step => unreachable!("it needs no store: {step:?}"),
        }
        self.go_on(world, n, now);
        Some(())
    }

    /// What a run does without the store.
    fn go_on(&self, world: &mut World, n: usize, now: Timestamp) {
        let Running { by, actor, epoch, ref mut drain } = world.runs[n];
        loop {
            match drain.step(now, false) {
                drain::Step::Run(run) => {
                    let ran = self.handle(actor, drain, &run);
                    drain.ran(ran, now);
                }
                drain::Step::End(end) => {
                    let wakes: Vec<_> = drain.wakes().cloned().collect();
                    let address = &ACTORS[actor];
                    let sweep = Sweep::after_run(address, TERMS, epoch, place(drain), wakes);
                    world.runs.remove(n);
                    match end {
                        End::Released => world.looks.push(Look::After { by, actor, sweep }),
                        End::Stopped => world.looks.push(Look::Wake { by, actor }),
                        _ => {}
                    }
                    return;
                }
                _ => return,
            }
        }
    }

    /// The actor writes down what it gets; the first one may send it on.
    fn handle(&self, actor: usize, drain: &Drain, run: &drain::Run) -> Ran {
        let letter = crate::world::letter(&run.message.id);
        if letter == b'a' && run.attempt <= self.bounds.failures {
            return Ran::Failed { delay: Duration::from_secs(1), error: String::new() };
        }
        let mut state = drain.state().map(|state| state.to_vec()).unwrap_or_default();
        state.push(letter);
        let mut effects = Effects::default();
        if actor == 0 && self.bounds.sends {
            let mut message = message(letter.to_ascii_uppercase(), Kind::Tell);
            message.sender = Some(ACTORS[0].clone());
            effects.sends.push(Outgoing { to: ACTORS[1].clone(), message, at: None });
        }
        Ran::Done { state: Change::Set(state.into()), response: Some(Bytes::new()), effects }
    }

    fn break_after(&self, world: &mut World, actor: usize, head: Sequence, lease: &LeaseAfter) {
        if self.mutation == Mutation::ReleaseClearsDue && *lease == LeaseAfter::Released {
            let record = Record { due: None, ..world.record(actor) };
            world.tables.force_record(&ACTORS[actor], record);
        }
        if self.mutation == Mutation::SegmentsGoAtCommit {
            world.tables.expire_segments(&ACTORS[actor], head);
        }
    }

    fn wake(&self, world: &mut World, by: usize, actor: usize) {
        let gateway = &mut world.gateways[by];
        let wake = TERMS.wake(&ACTORS[actor], at(world.time), gateway.tokens);
        gateway.tokens += 1;
        if let Woken::Granted(lease) = world.tables.wake(&ACTORS[actor], &wake) {
            self.invoke(world, lease, by, actor);
        }
    }

    fn look(&self, world: &mut World, n: usize) {
        match world.looks.remove(n) {
            Look::Wake { by, actor } => self.wake(world, by, actor),
            Look::Recover { by, actor, epoch } => {
                let action = Settlement::Defer {
                    not_before: at(world.time + 1),
                    counts: true,
                    error: String::new(),
                };
                let _ = (by, world.tables.settle(&ACTORS[actor], &Settle { epoch, action }));
            }
            Look::After { by, actor, mut sweep } => {
                let now = at(world.time);
                if !self.sweep_on(world, &mut sweep, by, actor, now) {
                    world.looks.push(Look::After { by, actor, sweep });
                }
            }
        }
    }

    fn sweep(&self, world: &mut World, fault: Fault) -> Option<()> {
        let mut now = at(world.time);
        if fault == Fault::ClockAhead {
            now = at(world.time + 1);
            world.left.ahead -= 1;
        }
        let (actor, mut sweep) = world.sweep.take()?;
        if !self.sweep_on(world, &mut sweep, 0, actor, now) {
            world.sweep = Some((actor, sweep));
        }
        Some(())
    }

    /// One operation of a sweep, or of the look after a run; true when it is over.
    fn sweep_on(
        &self,
        world: &mut World,
        sweep: &mut Sweep,
        by: usize,
        actor: usize,
        now: Timestamp,
    ) -> bool {
        let address = &ACTORS[actor];
        match sweep.step() {
            sweep::Step::Read => {
                let mut record = world.tables.record(address);
                if self.mutation == Mutation::ExpiredIsIdle {
                    record = record.map(|record| Record {
                        lease_until: record.lease_until.filter(|until| *until > now),
                        ..record
                    });
                }
                if self.mutation == Mutation::RestForgetsWakes {
                    record = record.map(|record| Record { wakes: Vec::new(), ..record });
                }
                sweep.read(record.as_ref(), now);
            }
            sweep::Step::WakeOthers(others) => {
                if actor == 0 && others.iter().any(|other| other.address == ACTORS[1]) {
                    self.wake(world, by, 1);
                }
                if actor == 0 {
                    world.gateways[by].woken = Some(sweep.epoch());
                }
                sweep.woke_others();
            }
            sweep::Step::Settle(settle) => {
                let settled = self.settle(world, actor, &settle);
                sweep.settled(settled.as_ref());
            }
            sweep::Step::Look(place) => sweep.looked(world.tables.next(address, place), now),
            sweep::Step::Wake => {
                self.wake(world, by, actor);
                return true;
            }
            sweep::Step::Done => unreachable!("what is done is left at once"),
        }
        sweep.step() == sweep::Step::Done
    }

    fn settle(&self, world: &mut World, actor: usize, settle: &Settle) -> Option<Record> {
        let address = &ACTORS[actor];
        let record = world.tables.record(address);
        let is_rest = matches!(settle.action, Settlement::Rest { .. });
        let blindly = match self.mutation {
            Mutation::DueIsClearedBlindly => is_rest,
            Mutation::ExpiredIsIdle => {
                is_rest && record.as_ref().is_some_and(|record| record.epoch == settle.epoch)
            }
            _ => false,
        };
        match record {
            Some(record) if blindly => {
                let cleared = Record { due: None, ..record };
                world.tables.force_record(address, cleared.clone());
                Some(cleared)
            }
            _ => world.tables.settle(address, settle),
        }
    }

    fn prologue(&self, world: &mut World) {
        while world.acknowledged.is_empty() {
            self.gateway(world, 0, Fault::None).expect("it sends");
        }
        self.go_to_rest(world);
    }

    /// Lets everything that goes on end, without faults; false when it goes round
    /// in circles.
    fn go_to_rest(&self, world: &mut World) -> bool {
        for _ in 0..STEPS {
            if world.sweep.is_some() {
                self.sweep(world, Fault::None).expect("a sweep goes on");
            } else if !world.looks.is_empty() {
                self.look(world, 0);
            } else if !world.invocations.is_empty() {
                self.deliver(world, 0);
            } else if !world.runs.is_empty() {
                self.run(world, 0, Fault::None).expect("a run goes on");
            } else {
                return true;
            }
        }
        false
    }

    /// Whether sweeps alone get a world at rest to do what is owed.
    fn finishes(&self, mut world: World) -> bool {
        world.left.ahead = 0;
        for _ in 0..ROUNDS {
            world.time += 1;
            for actor in [0, 1] {
                let due = world.record(actor).due.is_some_and(|due| due <= at(world.time));
                if due && self.mutation != Mutation::NoSweeper {
                    world.sweep = Some((actor, Sweep::new(&ACTORS[actor], TERMS)));
                }
                if !self.go_to_rest(&mut world) {
                    return false;
                }
            }
        }
        world.owed(self.bounds.sends).is_empty()
    }
}

const _: () = assert!(TICK_MS > 10_000, "a lease is over after a step of the time");

/// A path, a line a step.
pub(crate) fn tell(path: &Path<World, Action>) -> String {
    path.clone().into_actions().iter().map(|action| format!("  {action:?}\n")).collect()
}
