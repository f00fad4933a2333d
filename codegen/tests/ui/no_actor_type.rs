//! Handlers for what is no actor.

mod protos {
    include!("../golden/callboard_protos.rs");
}
use callboard_lambda_sdk::{Context, Result};
use protos::counter::v1::*;

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Counter {
    value: i64,
}

impl CounterActor for Counter {
    async fn add(&mut self, request: AddRequest, _: &mut Context<'_>) -> Result<AddResponse> {
        self.value += request.delta;
        Ok(AddResponse { sum: self.value })
    }

    async fn note(&mut self, _: NoteRequest, _: &mut Context<'_>) -> Result<()> {
        Ok(())
    }
}

fn main() {
    let _ = callboard_lambda_sdk::run::<Counter>();
}
