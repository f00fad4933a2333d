//! The actor that the price is taken of: its state stays small, since each wake
//! and each commit costs by the size of the whole record.

use callboard_lambda_sdk::{Actor, Context, Result};
use serde::{Deserialize, Serialize};

use crate::ledger::v1::{LedgerActor, LedgerService, NoteRequest, RecordRequest, RecordResponse};

/// Only how many messages there were.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    messages: u64,
}

impl Actor for Tally {
    type Service = LedgerService;
}

impl LedgerActor for Tally {
    async fn record(
        &mut self,
        _request: RecordRequest,
        _ctx: &mut Context<'_>,
    ) -> Result<RecordResponse> {
        self.messages += 1;
        Ok(RecordResponse { place: self.messages })
    }

    async fn note(&mut self, _request: NoteRequest, _ctx: &mut Context<'_>) -> Result<()> {
        self.messages += 1;
        Ok(())
    }
}
