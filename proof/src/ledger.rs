//! The actor that the proofs send to: it writes down what it is sent.

use callboard_lambda_sdk::{Actor, Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[allow(missing_docs, reason = "generated")]
pub mod v1 {
    //! What `proof/v1/ledger.proto` describes.
    callboard_lambda_sdk::include_proto!("proof.v1");
}

use v1::{LedgerActor, LedgerService, NoteRequest, RecordRequest, RecordResponse};

/// A list of entries, in the order in which they took effect.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Each entry: its sender, and the sender's count.
    pub entries: Vec<(u32, u64)>,
    /// Makes a ledger large.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub padding: String,
}

impl Ledger {
    /// Reads what the SDK has stored.
    ///
    /// # Errors
    /// When it is no ledger.
    pub fn from_stored(stored: &[u8]) -> serde_json::Result<Self> {
        from_stored(stored)
    }

    fn write(&mut self, sender: u32, number: u64) -> u64 {
        self.entries.push((sender, number));
        self.entries.len() as u64
    }
}

/// Reads the state of an actor as the SDK has stored it: behind the number of its
/// encoding, which is 1 for JSON, and the version of its schema, which is 0.
pub(crate) fn from_stored<T: DeserializeOwned>(stored: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(stored.strip_prefix(b"\x01\x00").unwrap_or_default())
}

impl Actor for Ledger {
    type Service = LedgerService;
}

impl LedgerActor for Ledger {
    async fn record(
        &mut self,
        request: RecordRequest,
        _ctx: &mut Context<'_>,
    ) -> Result<RecordResponse> {
        Ok(RecordResponse { place: self.write(request.sender, request.number) })
    }

    async fn note(&mut self, request: NoteRequest, _ctx: &mut Context<'_>) -> Result<()> {
        self.write(request.sender, request.number);
        Ok(())
    }
}
