//! The actor of the simulation: the ledger, which has its moods.

use std::time::Duration;

use callboard_lambda_sdk::{Actor, Context, Error, Request, Result, Status};
use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;
use crate::ledger::v1::{LedgerActor, LedgerService, NoteRequest, RecordRequest, RecordResponse};

/// How long a slow message takes: longer than half of a lease, so that the
/// lease has to be renewed meanwhile.
const SLOW: Duration = Duration::from_secs(7);

/// How often a failing message fails before it succeeds.
const FAILURES: u32 = 2;

/// How much a ledger is padded that is to have items of its own, in bytes.
const PADDING: usize = 20_000;

/// The senders of what ledgers send on: those above this number, by the number of
/// the ledger. What they send counts by the place of its cause.
const FORWARDED: u32 = 1_000_000;

/// How the ledger takes a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// It writes it down.
    Fair,
    /// It takes its time.
    Slow,
    /// It fails at first.
    Failing,
    /// It refuses it for good.
    Refusing,
    /// It tells another ledger of it.
    Forwarding,
}

impl Mood {
    /// How a message is taken is decided by its number, so that whoever checks
    /// the history knows it too.
    pub(super) fn at(number: u64) -> Self {
        match number {
            number if number % 89 == 40 => Self::Slow,
            number if number % 43 == 20 => Self::Failing,
            number if number % 31 == 9 => Self::Refusing,
            number if number % 7 == 3 => Self::Forwarding,
            _ => Self::Fair,
        }
    }
}

/// Whom a ledger tells of an entry, if it does: the ledger, and what it gets.
pub(super) fn forwarded(from: u32, place: u64, entry: (u32, u64)) -> Option<(u32, (u32, u64))> {
    let (sender, number) = entry;
    let is_cause = sender < FORWARDED && Mood::at(number) == Mood::Forwarding;
    is_cause.then(|| ((from + 1) % 2, (FORWARDED + from, place)))
}

/// Whether an entry was sent by a ledger.
pub(super) fn is_forwarded(sender: u32) -> bool {
    sender >= FORWARDED
}

/// The status of a message that is refused for good.
pub(super) fn refusal() -> Status {
    Status::failed_precondition("on purpose")
}

/// A ledger that is slow now and then, and fails.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Moody(Ledger);

impl Moody {
    /// It writes first and fails then, so that what is not undone shows.
    async fn take(&mut self, entry: (u32, u64), ctx: &mut Context<'_>) -> Result<u64> {
        let (sender, number) = entry;
        let Self(ledger) = self;
        ledger.entries.push(entry);
        let place = ledger.entries.len() as u64;
        if is_forwarded(sender) {
            return Ok(place);
        }
        let key = ctx.key().trim_start_matches("ledger-");
        let own: u32 = key.parse().map_err(Error::retried)?;
        // Every third ledger is large now and then.
        let is_large = own.is_multiple_of(3) && place % 8 >= 4;
        ledger.padding = if is_large { "x".repeat(PADDING) } else { String::new() };
        if let Some((to, (sender, number))) = forwarded(own, place, entry) {
            let ledger = format!("ledger-{to}");
            let note = NoteRequest { ledger: ledger.clone(), sender, number };
            ctx.tell(Request::<()>::new(ctx.actor_type(), &ledger, "Note", &note))?;
        }
        match Mood::at(number) {
            Mood::Slow => tokio::time::sleep(SLOW).await,
            Mood::Failing if ctx.attempt() <= FAILURES => {
                return Err(Error::retried("on purpose"));
            }
            Mood::Refusing => return Err(Error::terminal(refusal())),
            Mood::Failing | Mood::Forwarding | Mood::Fair => {}
        }
        Ok(place)
    }
}

impl Actor for Moody {
    type Service = LedgerService;
}

impl LedgerActor for Moody {
    async fn record(
        &mut self,
        request: RecordRequest,
        ctx: &mut Context<'_>,
    ) -> Result<RecordResponse> {
        let place = self.take((request.sender, request.number), ctx).await?;
        Ok(RecordResponse { place })
    }

    async fn note(&mut self, request: NoteRequest, ctx: &mut Context<'_>) -> Result<()> {
        self.take((request.sender, request.number), ctx).await.map(drop)
    }
}
