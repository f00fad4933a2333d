//! The actor: it counts, and fails now and then. Its state stays small.

use std::time::Duration;

use callboard_lambda_sdk::{Actor, Context, Error, Result};
use serde::{Deserialize, Serialize};

use super::tally::Kind;
use crate::ledger::v1::{LedgerActor, LedgerService, NoteRequest, RecordRequest, RecordResponse};

/// How long a handler takes.
const HANDLER: Duration = Duration::from_millis(5);

/// How many messages there were.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Counter {
    messages: u64,
}

impl Counter {
    async fn take(&mut self, ctx: &Context<'_>) -> Result<u64> {
        tokio::time::sleep(HANDLER).await;
        if Kind::of(ctx.key()) == Kind::Failing && ctx.attempt() == 1 {
            return Err(Error::retried("on purpose"));
        }
        self.messages += 1;
        Ok(self.messages)
    }
}

impl Actor for Counter {
    type Service = LedgerService;
}

impl LedgerActor for Counter {
    async fn record(
        &mut self,
        _request: RecordRequest,
        ctx: &mut Context<'_>,
    ) -> Result<RecordResponse> {
        self.take(ctx).await.map(|place| RecordResponse { place })
    }

    async fn note(&mut self, _request: NoteRequest, ctx: &mut Context<'_>) -> Result<()> {
        self.take(ctx).await.map(drop)
    }
}
