//! All there is at one moment, and what must hold then.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use callboard_mailbox::append::Tail;
use callboard_mailbox::commit::Commit;
use callboard_mailbox::drain::Drain;
use callboard_mailbox::memory::Tables;
use callboard_mailbox::message::Kind;
use callboard_mailbox::parcel::Parcel;
use callboard_mailbox::reply::ReplyKey;
use callboard_mailbox::schedule::Delay;
use callboard_mailbox::send::Send;
use callboard_mailbox::state::Stored;
use callboard_mailbox::sweep::Sweep;
use callboard_mailbox::{
    Address, Epoch, Lease, Message, MessageId, Record, Segment, Sequence, Timestamp,
};

/// A step of the time: after it, every lease is over.
pub(crate) const TICK_MS: u64 = 20_000;

/// The two actors. The first is sent to by gateways, the second by the first.
pub(crate) static ACTORS: LazyLock<[Address; 2]> =
    LazyLock::new(|| ["a", "b"].map(|key| Address::new("m", key).expect("an address")));

/// A message is told by one letter: those of the first gateway are a, b, …, those
/// of the second n, o, …; what `a` makes the first actor send is `A`.
pub(crate) type Letter = u8;

/// The ids of the letters.
static IDS: LazyLock<Vec<MessageId>> = LazyLock::new(|| {
    let text = |letter: u8| char::from(letter.clamp(b'!', b'~')).to_string().replace('/', "!");
    (0..128).map(|letter| MessageId::new(&text(letter)).expect("an id")).collect()
});

/// The keys of the replies of the first actor.
static REPLIES: LazyLock<Vec<ReplyKey>> =
    LazyLock::new(|| IDS.iter().map(|id| ReplyKey::new(&ACTORS[0], id)).collect());

pub(crate) fn id(letter: Letter) -> &'static MessageId {
    &IDS[usize::from(letter)]
}

pub(crate) fn letter(id: &MessageId) -> Letter {
    id.as_str().as_bytes()[0]
}

pub(crate) fn at(level: u8) -> Timestamp {
    Timestamp(1_000_000 + u64::from(level) * TICK_MS)
}

pub(crate) fn message(letter: Letter, kind: Kind) -> Message {
    Message::new(id(letter).clone(), kind, "", bytes::Bytes::new(), Timestamp(0))
}

/// All there is at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) tables: Tables,
    /// Every message that was ever put into the first actor's log, in order,
    /// also when its segment is gone.
    pub(crate) log: Vec<Letter>,
    pub(crate) time: u8,
    pub(crate) gateways: [Gateway; 2],
    pub(crate) invocations: Vec<Invocation>,
    pub(crate) runs: Vec<Running>,
    /// What gateways do after a run.
    pub(crate) looks: Vec<Look>,
    pub(crate) sweep: Option<(usize, Sweep)>,
    /// Writes that land a second time.
    pub(crate) late: Vec<Late>,
    pub(crate) acknowledged: BTreeSet<Letter>,
    pub(crate) left: Left,
}

/// What may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Left {
    pub(crate) crashes: u8,
    pub(crate) lost: u8,
    pub(crate) late: u8,
    pub(crate) doubled: u8,
    pub(crate) ahead: u8,
    pub(crate) holes: u8,
    pub(crate) sweeps: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Gateway {
    /// The messages that it is to send, the next one last; whether delayed.
    pub(crate) todo: Vec<(Letter, bool)>,
    pub(crate) sending: Option<Sending>,
    pub(crate) tail: Option<Tail>,
    /// Segments of its own that may not be consumed yet.
    pub(crate) at_hand: Vec<Segment>,
    /// The epoch of a run of the first actor whose wakes it has done.
    pub(crate) woken: Option<Epoch>,
    pub(crate) tokens: u64,
}

#[expect(clippy::large_enum_variant, reason = "worlds are cloned all the time, a box would be too")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sending {
    Send(Send),
    Delay(Delay),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Invocation {
    /// The gateway that made it, and looks again after it.
    pub(crate) by: usize,
    pub(crate) actor: usize,
    pub(crate) lease: Lease,
    pub(crate) segments: Vec<Segment>,
    pub(crate) more: bool,
    /// Whether it is delivered a second time.
    pub(crate) is_copy: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Running {
    pub(crate) by: usize,
    pub(crate) actor: usize,
    pub(crate) epoch: Epoch,
    pub(crate) drain: Drain,
}

/// What a gateway does after a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Look {
    /// Wakes others, looks again.
    After { by: usize, actor: usize, sweep: Sweep },
    /// Wakes the actor, to go on where a run has stopped.
    Wake { by: usize, actor: usize },
    /// Ends the lease of a run that has crashed.
    Recover { by: usize, actor: usize, epoch: Epoch },
}

/// A write that lands a second time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Late {
    Segment(Segment),
    Parcel(Parcel),
    Commit(Box<Commit>),
}

impl World {
    pub(crate) fn record(&self, actor: usize) -> Record {
        self.tables.record(&ACTORS[actor]).unwrap_or_default()
    }

    /// The letters that an actor has taken into its state, in order.
    pub(crate) fn effects(&self, actor: usize) -> Vec<Letter> {
        match self.record(actor).state {
            Some(Stored::Inline(state)) => state.to_vec(),
            _ => Vec::new(),
        }
    }

    fn dead(&self, actor: usize) -> Vec<Letter> {
        let letters = self.tables.dead_letters(&ACTORS[actor], None, 100);
        letters.iter().map(|dead| letter(&dead.message.id)).collect()
    }

    fn parcels(&self, actor: usize) -> Vec<Letter> {
        let page = self.tables.inbox(&ACTORS[actor], Timestamp(u64::MAX), 100);
        page.parcels.iter().map(|parcel| letter(&parcel.message.id)).collect()
    }

    pub(crate) fn is_at_rest(&self) -> bool {
        let idle = |gateway: &Gateway| gateway.sending.is_none() && gateway.todo.is_empty();
        self.gateways.iter().all(idle)
            && self.invocations.is_empty()
            && self.runs.is_empty()
            && self.looks.is_empty()
            && self.sweep.is_none()
            && self.late.is_empty()
    }

    /// The messages that are acknowledged, or were sent by a committed one, and
    /// are neither done nor set aside, each with its actor.
    pub(crate) fn owed(&self, sends: bool) -> Vec<(usize, Letter)> {
        let done = [self.effects(0), self.effects(1)];
        let dead = [self.dead(0), self.dead(1)];
        let sent = done[0].iter().filter(|_| sends).map(|letter| letter.to_ascii_uppercase());
        let acknowledged = self.acknowledged.iter().map(|letter| (0, *letter));
        acknowledged
            .chain(sent.map(|letter| (1, letter)))
            .filter(|(actor, letter)| {
                !done[*actor].contains(letter) && !dead[*actor].contains(letter)
            })
            .collect()
    }

    /// Which rule a world breaks.
    pub(crate) fn broken_rule(&self, tells: bool, sends: bool) -> Option<&'static str> {
        let records = [self.record(0), self.record(1)];
        let done = [self.effects(0), self.effects(1)];
        let [dead, dead_sent] = [self.dead(0), self.dead(1)];
        for (actor, _) in self.owed(sends) {
            // A sender whose wake of the other is pending is due itself.
            let is_pending = actor == 1
                && records[0].due.is_some()
                && records[0].wakes.iter().any(|wake| wake.address == ACTORS[1]);
            if records[actor].due.is_none() && !is_pending {
                return Some("what is owed is due");
            }
        }
        if records.iter().any(|record| !record.is_idle() && record.due.is_none()) {
            return Some("what is leased or waits is due");
        }
        if done.iter().any(|done| done.iter().collect::<BTreeSet<_>>().len() < done.len()) {
            return Some("an effect happens once");
        }
        let head = usize::try_from(records[0].head.0).unwrap_or(usize::MAX);
        let Some(consumed) = self.log.get(..head) else {
            return Some("the head is within the log");
        };
        let of_log = done[0].iter().filter(|letter| self.log.contains(letter));
        if !of_log.eq(consumed.iter().filter(|letter| !dead.contains(letter))) {
            return Some("effects are a prefix of the log");
        }
        if self.log.iter().collect::<BTreeSet<_>>().len() < self.log.len() {
            return Some("a message is in the log once");
        }
        let is_answered = |letter: &Letter| done[0].contains(letter) || dead.contains(letter);
        let wrong = self.log.iter().any(|letter| {
            let key = std::slice::from_ref(&REPLIES[usize::from(*letter)]);
            self.tables.replies(key, at(0))[0].is_some() != (!tells && is_answered(letter))
        });
        if wrong {
            return Some("a reply exists when its ask is done, and only then");
        }
        if sends {
            let parcels = self.parcels(1);
            // Which of them an actor has: one of these, and never two.
            let places = [&done[1], &parcels, &dead_sent];
            let there =
                |letter: &Letter| places.iter().filter(|place| place.contains(letter)).count() == 1;
            let sent: Vec<_> = done[0].iter().map(|letter| letter.to_ascii_uppercase()).collect();
            if !sent.iter().all(there) || places.into_iter().flatten().any(|l| !sent.contains(l)) {
                return Some("what an actor sends exists when its cause is done, and only then");
            }
            let done_of_sent = sent.iter().filter(|letter| !dead_sent.contains(letter));
            if !done_of_sent.take(done[1].len()).eq(&done[1]) {
                return Some("what an actor sends keeps its order");
            }
        }
        None
    }
}

/// The place behind the last consumed message.
pub(crate) fn place(drain: &Drain) -> Sequence {
    drain.head().next()
}
