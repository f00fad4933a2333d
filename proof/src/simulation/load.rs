//! The senders: what they send to whom, and what they are told.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use callboard_gateway::Refusal;
use callboard_gateway::call::{Call, Deliver, Receipt, Refused};
use callboard_gateway::refusal::Stored;
use callboard_mailbox::{MessageId, Sequence};
use fastrand::Rng;
use prost::Message as _;
use tokio::task::JoinSet;

use super::deed::{Deed, Deeds};
use super::gateways::{Gateways, LEDGER, Member};
use super::letter::{Letter, Way};
use super::plan::Sender;
use super::world::{World, lock};
use crate::history::{Actor, Answer, Digest, Event, History, Kind, Message, Reply};
use crate::ledger::v1::{NoteRequest, RecordRequest};

/// In how many rounds the senders send. Between them all are silent, for so long
/// that actors may fall asleep.
const ROUNDS: u64 = 3;

/// How long senders wait when no gateway runs.
const NO_GATEWAY: Duration = Duration::from_millis(100);

/// How long after its deadline a call may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// The senders of delayed tells: those above this number. Each of them sends one
/// message, since delayed ones have no order among others.
const DELAYED: u32 = 100_000;

/// How many messages a sender has at most, of which some are delayed.
const MESSAGES_MAX: u32 = 1_000;

/// The longest delay.
const DELAY_MAX: Duration = Duration::from_secs(90);

/// How often a message with an id is sent, until its sender knows what became of
/// it.
const TRIES: u32 = 4;

/// What the senders have seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) history: History,
    /// Where messages stand in the logs, as far as their senders were told.
    pub(super) places: HashMap<Message, Sequence>,
    /// The highest place that anybody had been told of in a message's actor when
    /// the message was sent.
    pub(super) floors: HashMap<Message, Sequence>,
    /// What the actors did, and how often.
    pub(super) deeds: Deeds,
    highest: HashMap<Actor, Sequence>,
    count: u64,
}

impl Seen {
    fn sent(&mut self, message: Message, attempt: u32, actor: Actor, kind: Kind) {
        self.count += 1;
        let floor = self.highest.get(&actor).copied().unwrap_or_default();
        // Of one that is sent again, any of its places is right.
        self.floors.entry(message).or_insert(floor);
        self.history.push(Event::Sent { at: self.count, message, attempt, actor, kind });
    }

    /// The delayed messages that an actor has certainly been sent.
    pub(super) fn delayed(&self, actor: Actor) -> Vec<Message> {
        let mut acknowledged = BTreeSet::new();
        let mut sent = BTreeSet::new();
        for event in self.history.events() {
            match *event {
                Event::Sent { message, actor: to, .. } if to == actor => {
                    sent.insert(message);
                }
                Event::Answered { message, answer: Answer::Acknowledged, .. } => {
                    acknowledged.insert(message);
                }
                _ => {}
            }
        }
        let mine = sent.intersection(&acknowledged);
        mine.filter(|message| is_delayed(message.sender)).copied().collect()
    }

    /// What a ledger has sent to another one with a commit.
    pub(super) fn letter(&mut self, letter: &Letter) {
        let &Letter { to, way, message } = letter;
        let (kind, answer, deed) = match way {
            Way::Tell => (Kind::Tell, Answer::Acknowledged, Deed::Tell),
            Way::Forward => (Kind::Tell, Answer::Acknowledged, Deed::Forward),
            // What it is told comes later.
            Way::Ask => (Kind::Ask, Answer::Queued, Deed::Ask),
            Way::AskFor(_) => (Kind::Ask, Answer::Queued, Deed::HurriedAsk),
        };
        self.deeds.count(deed, 1);
        let at = self.count + 1;
        self.count += 2;
        let attempt = 1;
        self.history.push(Event::Sent { at, message, attempt, actor: to, kind });
        self.history.push(Event::Answered { at: at + 1, message, attempt, answer });
    }

    fn answered(
        &mut self,
        (message, attempt): (Message, u32),
        actor: Actor,
        answer: Answer,
        receipt: Option<Receipt>,
    ) {
        self.count += 1;
        self.history.push(Event::Answered { at: self.count, message, attempt, answer });
        if let Some(Receipt { sequence: Some(sequence), .. }) = receipt {
            if attempt == 1 {
                self.places.insert(message, sequence);
            } else {
                self.places.remove(&message);
            }
            let highest = self.highest.entry(actor).or_default();
            *highest = sequence.max(*highest);
        }
    }
}

/// One sender.
#[derive(Clone)]
struct Caller {
    world: Arc<World>,
    gateways: Arc<Gateways>,
    seen: Arc<Mutex<Seen>>,
    sender: u32,
}

/// Lets all senders send all that they have.
pub(super) async fn run(world: &Arc<World>, gateways: &Arc<Gateways>) -> Seen {
    let seen: Arc<Mutex<Seen>> = Arc::default();
    for round in 0..ROUNDS {
        let mut senders = JoinSet::new();
        for (sender, plan) in (1..).zip(&world.plan.senders) {
            let caller = Caller {
                world: Arc::clone(world),
                gateways: Arc::clone(gateways),
                seen: Arc::clone(&seen),
                sender,
            };
            senders.spawn(caller.send_round(plan.clone(), round));
        }
        while let Some(ended) = senders.join_next().await {
            ended.expect("a sender does not panic");
        }
        let silence = world.plan.silence_max().mul_f64(world.draw(Rng::f64));
        tokio::time::sleep(silence).await;
    }
    std::mem::take(&mut lock(&seen))
}

impl Caller {
    async fn send_round(self, plan: Sender, round: u64) {
        let numbers = plan.messages * round / ROUNDS + 1..=plan.messages * (round + 1) / ROUNDS;
        let mut open = JoinSet::new();
        for number in numbers {
            open.spawn(self.clone().call(number));
            if open.len() < plan.at_once {
                continue;
            }
            while let Some(ended) = open.join_next().await {
                ended.expect("a call does not panic");
                // Some send the next ones only when all are answered.
                if !self.sender.is_multiple_of(2) {
                    break;
                }
            }
            tokio::time::sleep(plan.pause_max.mul_f64(self.world.draw(Rng::f64))).await;
        }
        while let Some(ended) = open.join_next().await {
            ended.expect("a call does not panic");
        }
    }

    async fn call(self, number: u64) {
        let (actor, kind, timeout, nature) = self.world.draw(|random| {
            let actor = self.world.plan.actor(random);
            let kind = if random.bool() { Kind::Ask } else { Kind::Tell };
            let timeout = random.choice([None, Some(2), Some(8), Some(30)]);
            (actor, kind, timeout, random.u8(..10))
        });
        let timeout = timeout.flatten().map(Duration::from_secs);
        let message = Message { sender: self.sender, number };
        match (nature, kind) {
            (0, Kind::Tell) => self.delayed(message, actor).await,
            (0..4, _) => self.until_known(message, actor, kind, timeout).await,
            _ => {
                let call = request(message, actor, kind, timeout);
                self.once(message, 1, actor, kind, call).await;
            }
        }
    }

    /// Sends a message under an id of its own, and again until it is known what
    /// became of it.
    async fn until_known(
        &self,
        message: Message,
        actor: Actor,
        kind: Kind,
        timeout: Option<Duration>,
    ) {
        let id = format!("{}-{}", message.sender, message.number);
        for attempt in 1..=TRIES {
            let mut call = request(message, actor, kind, timeout);
            call.message_id = Some(MessageId::new(&id).expect("digits and a dash"));
            let answer = self.once(message, attempt, actor, kind, call).await;
            if !matches!(answer, None | Some(Answer::Unknown | Answer::Queued | Answer::Refused)) {
                return;
            }
        }
    }

    /// Sends a tell that is delivered later.
    async fn delayed(&self, message: Message, actor: Actor) {
        let number = u32::try_from(message.number).expect("senders send few messages");
        let sender = DELAYED + message.sender * MESSAGES_MAX + number;
        let message = Message { sender, number: message.number };
        let mut call = request(message, actor, Kind::Tell, None);
        let delay = DELAY_MAX.mul_f64(self.world.draw(Rng::f64));
        call.deliver = Some(Deliver::After(delay));
        self.once(message, 1, actor, Kind::Tell, call).await;
    }

    /// Makes one call; what its sender is told, if that ever happens.
    async fn once(
        &self,
        message: Message,
        attempt: u32,
        actor: Actor,
        kind: Kind,
        call: Call,
    ) -> Option<Answer> {
        let Member { process, gateway } = self.gateway().await;
        let who = format!("sender {}", self.sender);
        let number = message.number;
        lock(&self.seen).sent(message, attempt, actor, kind);
        let settings = &self.world.plan.settings;
        let longest = settings.ask_timeout.max(settings.tell_timeout);
        let longest = call.timeout.unwrap_or(longest) + GRACE;
        let (answer, receipt) = tokio::select! {
            biased;
            () = process.died() => (Answer::Unknown, None),
            answer = gateway.call(call) => match answer {
                Ok(answer) => (answered(kind, &answer.payload), answer.receipt),
                Err(refused) => (told(&refused), refused.receipt.map(|receipt| *receipt)),
            },
            () = tokio::time::sleep(longest) => {
                self.world.note(&who, format_args!("{number} never ended"));
                return None;
            }
        };
        self.world.note(&who, format_args!("{number} of {actor}, {kind}: {answer}"));
        lock(&self.seen).answered((message, attempt), actor, answer, receipt);
        Some(answer)
    }

    /// Any gateway that runs.
    async fn gateway(&self) -> Member {
        loop {
            let member = self.gateways.any();
            if !member.process.is_dead() {
                return member;
            }
            tokio::time::sleep(NO_GATEWAY).await;
        }
    }
}

/// Whether a sender's message is delayed.
pub(super) fn is_delayed(sender: u32) -> bool {
    (DELAYED..).contains(&sender)
}

/// The key of an actor.
pub(super) fn key(actor: Actor) -> String {
    format!("ledger-{}", actor.0)
}

fn request(message: Message, actor: Actor, kind: Kind, timeout: Option<Duration>) -> Call {
    let Message { sender, number } = message;
    let ledger = key(actor);
    let (method, payload) = match kind {
        Kind::Ask => ("Record", RecordRequest { ledger, sender, number }.encode_to_vec()),
        Kind::Tell => ("Note", NoteRequest { ledger, sender, number }.encode_to_vec()),
    };
    let path = format!("/{LEDGER}/{method}");
    Call { path, payload: payload.into(), timeout, ..Call::default() }
}

fn answered(kind: Kind, payload: &Bytes) -> Answer {
    match kind {
        Kind::Ask => Answer::Replied(Reply::Response(Digest::of(payload))),
        Kind::Tell => Answer::Acknowledged,
    }
}

/// What a refusal says of the message.
fn told(refused: &Refused) -> Answer {
    match &refused.refusal {
        Refusal::Handler { status, .. } => Answer::Replied(Reply::Status(Digest::of(status))),
        Refusal::AskTimeout { .. }
        | Refusal::Unavailable { stored: Stored::Yes, .. }
        | Refusal::NotDeployed { message_id: Some(_), .. } => Answer::Queued,
        Refusal::SendTimeout { .. }
        | Refusal::Unavailable { stored: Stored::Unknown, .. }
        | Refusal::Internal { .. } => Answer::Unknown,
        _ => Answer::Refused,
    }
}
