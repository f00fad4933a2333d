//! One of many who send.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use prost::Message as _;
use tokio::time::{Instant, sleep, sleep_until};

use super::journal::Journal;
use super::line::{Ended, Letter, Line};
use super::{ACTOR_TYPE, key};
use crate::history::{Actor, Answer, Event, Kind, Message};
use crate::ledger::v1::{NoteRequest, RecordRequest};

/// The deadlines of most calls, in milliseconds.
const DEADLINE: std::ops::Range<u64> = 500..4_000;

/// The deadlines of some, in milliseconds: longer than a lease, so that they
/// are there to see a recovery.
const LONG_DEADLINE: std::ops::Range<u64> = 10_000..20_000;

/// Of how many calls one has a long deadline.
const LONG_OF: u32 = 20;

/// How long the actor stays the same that gets the most messages. Where many
/// messages come from many gateways, runs meet; where few come, all falls asleep.
const CROWD_STAYS: Duration = Duration::from_secs(1);

/// How strongly the messages crowd: of 200 actors, the first gets one of six.
const CROWDING: i32 = 3;

/// For how long a gateway is left alone that did not do what it was asked.
const AVOID: Duration = Duration::from_secs(1);

/// How often a message with an id is sent at most.
const ATTEMPTS_MAX: u32 = 6;

/// Of how many messages with an id one is sent once more after its answer.
const ONCE_MORE_OF: u32 = 10;

/// The longest pause between two calls, in milliseconds.
const PAUSE_MS_MAX: u64 = 20;

/// Sends one message after the other, each with the next number, to an actor
/// and through a gateway that chance chooses. Every other message has an id of
/// its sender's. Such a one is sent again until it is answered, and sometimes
/// once more; the others never, since who was told nothing does not know whether
/// they are stored.
pub(super) struct Sender {
    number: u32,
    rng: Rng,
    /// The lines, and until when they are avoided.
    lines: Vec<(Line, Instant)>,
    actors: u32,
    journal: Arc<Journal>,
}

impl Sender {
    /// A sender by its number; `lines` lead to the gateways.
    pub(super) fn new(
        number: u32,
        seed: u64,
        lines: Vec<Line>,
        actors: u32,
        journal: Arc<Journal>,
    ) -> Self {
        let rng = Rng::with_seed(seed.wrapping_add(number.into()));
        let lines = lines.into_iter().map(|line| (line, Instant::now())).collect();
        Self { number, rng, lines, actors, journal }
    }

    /// Sends until a time, and ends when its last call has.
    pub(super) async fn run(mut self, until: Instant) {
        let mut number = 0;
        while Instant::now() < until {
            number += 1;
            self.send(number, until).await;
        }
    }

    /// Sends one message, if need be again and again.
    async fn send(&mut self, number: u64, until: Instant) {
        let actor = self.choose_actor();
        let message = Message { sender: self.number, number };
        let kind = if self.rng.bool() { Kind::Ask } else { Kind::Tell };
        let mut letter = letter(kind, actor, message);
        if number.is_multiple_of(2) {
            let id = format!("{}-{number}", self.number);
            letter.id = Some(id.try_into().expect("digits are ASCII"));
        }
        let once_more = self.rng.u32(..ONCE_MORE_OF) == 0;
        let mut answered = 0;
        for attempt in 1..=ATTEMPTS_MAX {
            let at = self.journal.now();
            self.journal.record(Event::Sent { at, message, attempt, actor, kind });
            let answer = self.call(letter.clone(), &format!("{message} to {actor}")).await;
            let at = self.journal.now();
            self.journal.record(Event::Answered { at, message, attempt, answer });
            sleep(Duration::from_millis(self.rng.u64(..=PAUSE_MS_MAX))).await;
            answered += u32::from(matches!(answer, Answer::Acknowledged | Answer::Replied(_)));
            let is_done = letter.id.is_none() || answered > u32::from(once_more);
            if is_done || Instant::now() >= until {
                break;
            }
        }
    }

    /// Makes one call, through any gateway.
    async fn call(&mut self, letter: Letter, what: &str) -> Answer {
        let line = self.choose_line().await;
        let deadline = if self.rng.u32(..LONG_OF) == 0 { LONG_DEADLINE } else { DEADLINE };
        let deadline = Duration::from_millis(self.rng.u64(deadline));
        let Ended { answer, status } = self.lines[line].0.call(letter, deadline).await;
        if let Some(status) = status {
            let who = format!("{what} by gateway {}", line + 1);
            self.journal.note(&who, &format!("{answer}: {status}"));
        }
        if !answer.says_stored() {
            self.lines[line].1 = Instant::now() + AVOID;
        }
        answer
    }

    /// Any actor, and the nearer to the middle of the crowd the more often.
    fn choose_actor(&mut self) -> Actor {
        let middle = self.journal.now() / u64::try_from(CROWD_STAYS.as_micros()).expect("seconds");
        let away = self.rng.f64().powi(CROWDING) * f64::from(self.actors);
        // It is below the number of actors, which fits.
        Actor(((middle + away as u64) % u64::from(self.actors)) as u32)
    }

    /// Any line that is not avoided, once there is one.
    async fn choose_line(&mut self) -> usize {
        let soonest = self.lines.iter().map(|(_, avoided)| *avoided).min();
        sleep_until(soonest.expect("there is a gateway")).await;
        let now = Instant::now();
        let good = (0..self.lines.len()).filter(|line| self.lines[*line].1 <= now);
        self.rng.choice(good.collect::<Vec<_>>()).expect("the soonest is over")
    }
}

fn letter(kind: Kind, actor: Actor, message: Message) -> Letter {
    let (ledger, Message { sender, number }) = (key(actor), message);
    let (method, payload) = match kind {
        Kind::Ask => ("Record", RecordRequest { ledger, sender, number }.encode_to_vec()),
        Kind::Tell => ("Note", NoteRequest { ledger, sender, number }.encode_to_vec()),
    };
    let path = format!("/{ACTOR_TYPE}/{method}").try_into().expect("names make a path");
    Letter { path, kind, payload: payload.into(), id: None }
}
