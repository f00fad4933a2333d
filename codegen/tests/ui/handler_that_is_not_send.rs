//! A handler that keeps what cannot change threads, while it waits.

mod protos {
    include!("../golden/callboard_protos.rs");
}
use callboard_lambda_sdk::{Actor, Context, Result};
use protos::counter::v1::*;

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Counter {
    value: i64,
}

impl Actor for Counter {
    type Service = CounterService;
}

impl CounterActor for Counter {
    async fn add(&mut self, request: AddRequest, _: &mut Context<'_>) -> Result<AddResponse> {
        let delta = std::rc::Rc::new(request.delta);
        std::future::ready(()).await;
        self.value += *delta;
        Ok(AddResponse { sum: self.value })
    }

    async fn note(&mut self, _: NoteRequest, _: &mut Context<'_>) -> Result<()> {
        Ok(())
    }
}

fn main() {
    let _ = callboard_lambda_sdk::run::<Counter>();
}
