//! The actor of the simulation: a ledger that has its moods, and writes to others.

use std::time::Duration;

use callboard_lambda_sdk::{Actor, Answer, Context, Error, Later, Result, Status};
use serde::{Deserialize, Serialize};

use super::letter::{Letter, Way, letters};
use super::mood::Mood;
use crate::history::{Actor as Number, Message};
use crate::ledger::v1::{
    MoodyLedgerActor, MoodyLedgerRef, MoodyLedgerService, NoteRequest, RecordRequest,
    RecordResponse, SettleRequest,
};

/// How long a slow message takes: longer than half of a lease, so that the
/// lease has to be renewed meanwhile.
const SLOW: Duration = Duration::from_secs(7);

/// How often a failing message fails before it succeeds.
const FAILURES: u32 = 2;

/// How much a ledger is padded that is to have items of its own, in bytes.
const PADDING: usize = 20_000;

/// How long a promise is open, unless another message keeps it before.
const OPEN_MAX: Duration = Duration::from_secs(3);

/// The name of the timer that keeps what is open.
const SETTLE: &str = "settle";

/// The status of a message that is refused for good.
pub(super) fn refusal() -> Status {
    Status::failed_precondition("on purpose")
}

/// A ledger that is slow now and then, and fails.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Moody {
    /// What it wrote down, in the order in which it took effect: the sender, and the
    /// sender's count.
    pub(super) entries: Vec<(u32, u64)>,
    /// What became of its asks, in the order in which it learned of it: the number
    /// of the ask first.
    pub(super) told: Vec<(u64, Told)>,
    /// What it has promised to answer: the place of the entry first.
    pub(super) open: Vec<(u64, Later<RecordResponse>)>,
    /// How often a later message has answered, and how often the timer.
    pub(super) kept: [u64; 2],
    /// Makes it large.
    padding: String,
}

/// What a ledger is told of an entry that it has asked another one to record. In
/// the state it is short: each commit writes all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Told {
    /// Where it stands.
    Recorded(u64),
    /// It is refused, with this text.
    Refused(String),
    /// No answer came in time.
    TimedOut,
}

impl Moody {
    /// It writes first and fails then, so that what is not undone shows.
    async fn take(
        &mut self,
        (sender, number): (u32, u64),
        ctx: &mut Context<'_>,
    ) -> Result<RecordResponse> {
        let message = Message { sender, number };
        let mood = Mood::of(message);
        self.entries.push((sender, number));
        let place = self.entries.len() as u64;
        let own = own(ctx)?;
        // Every third ledger is large now and then.
        let is_large = own.0.is_multiple_of(3) && place % 8 >= 4;
        self.padding = if is_large { "x".repeat(PADDING) } else { String::new() };
        if mood != Mood::Promising {
            self.kept[0] += self.answer_open(ctx)?;
        }
        let mut forwarded = None;
        for letter in letters(own, place, message) {
            match letter.way {
                Way::Forward => forwarded = Some(letter),
                _ => post(&letter, ctx)?,
            }
        }
        match mood {
            Mood::Slow => tokio::time::sleep(SLOW).await,
            Mood::Failing if ctx.attempt() <= FAILURES => {
                return Err(Error::retried("on purpose"));
            }
            Mood::Refusing => return Err(Error::terminal(refusal())),
            Mood::Promising => {
                let settle = MoodyLedgerRef::new(ctx.key()).settle(SettleRequest::default());
                ctx.set_timer(SETTLE, OPEN_MAX, settle)?;
                return ctx.reply_later(|later| self.open.push((place, later)));
            }
            _ => {}
        }
        match forwarded {
            Some(letter) => ctx.forward(ledger(letter.to).record(record(letter.message))),
            None => Ok(RecordResponse { place }),
        }
    }

    /// Keeps all promises; how many there were.
    fn answer_open(&mut self, ctx: &mut Context<'_>) -> Result<u64> {
        let open = std::mem::take(&mut self.open);
        let count = open.len() as u64;
        if count > 0 {
            ctx.cancel_timer(SETTLE);
        }
        for (place, later) in open {
            ctx.reply(later, &RecordResponse { place })?;
        }
        Ok(count)
    }
}

/// Tells or asks another ledger.
fn post(letter: &Letter, ctx: &mut Context<'_>) -> Result<()> {
    let Letter { to, way, message } = *letter;
    let on_recorded = MoodyLedgerService::ON_RECORDED;
    match way {
        Way::Tell => {
            let Message { sender, number } = message;
            ctx.tell(ledger(to).note(NoteRequest { sender, number, ..NoteRequest::default() }))
        }
        Way::Ask => {
            let ask = ctx.ask(ledger(to).record(record(message))).without_timeout();
            ask.then(on_recorded, message.number)
        }
        Way::AskFor(patience) => {
            let ask = ctx.ask(ledger(to).record(record(message))).timeout(patience);
            ask.then(on_recorded, message.number)
        }
        Way::Forward => Ok(()),
    }
}

fn record(message: Message) -> RecordRequest {
    let Message { sender, number } = message;
    RecordRequest { sender, number, ..RecordRequest::default() }
}

fn ledger(actor: Number) -> MoodyLedgerRef {
    MoodyLedgerRef::new(super::load::key(actor))
}

/// The ledger's own number.
fn own(ctx: &Context<'_>) -> Result<Number> {
    let key = ctx.key().trim_start_matches("ledger-");
    key.parse().map(Number).map_err(Error::retried)
}

impl Actor for Moody {
    type Service = MoodyLedgerService;
}

impl MoodyLedgerActor for Moody {
    async fn record(
        &mut self,
        request: RecordRequest,
        ctx: &mut Context<'_>,
    ) -> Result<RecordResponse> {
        self.take((request.sender, request.number), ctx).await
    }

    async fn note(&mut self, request: NoteRequest, ctx: &mut Context<'_>) -> Result<()> {
        self.take((request.sender, request.number), ctx).await.map(drop)
    }

    async fn on_recorded(
        &mut self,
        answer: Answer<RecordResponse>,
        ctx: &mut Context<'_>,
    ) -> Result<()> {
        let number: u64 = answer.correlation()?;
        let told = match &answer.result {
            Ok(RecordResponse { place }) => Told::Recorded(*place),
            Err(_) if answer.is_timeout() => Told::TimedOut,
            Err(status) => Told::Refused(status.message().to_owned()),
        };
        self.told.push((number, told));
        // A time-out that is undone must not end the waiting, nor an answer.
        match super::letter::is_heard_late(number) && ctx.attempt() == 1 {
            true => Err(Error::retried("on purpose")),
            false => Ok(()),
        }
    }

    async fn settle(&mut self, _: SettleRequest, ctx: &mut Context<'_>) -> Result<()> {
        self.kept[1] += self.answer_open(ctx)?;
        Ok(())
    }
}
