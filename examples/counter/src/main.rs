//! The smallest actor: a number that many callers change at once.

use callboard_lambda_sdk::{Actor, Context, Error, Result, Status};
use serde::{Deserialize, Serialize};

callboard_lambda_sdk::include_proto!("counter.v1");

#[derive(Default, Serialize, Deserialize)]
struct Counter {
    value: i64,
}

impl Actor for Counter {
    type Service = CounterService;
}

impl CounterActor for Counter {
    async fn add(&mut self, request: AddRequest, _: &mut Context<'_>) -> Result<AddResponse> {
        self.change_by(request.delta)?;
        Ok(AddResponse { value: self.value })
    }

    async fn get(&mut self, _: GetRequest, _: &mut Context<'_>) -> Result<GetResponse> {
        Ok(GetResponse { value: self.value })
    }

    async fn note(&mut self, request: NoteRequest, _: &mut Context<'_>) -> Result<()> {
        self.change_by(request.delta)
    }
}

impl Counter {
    fn change_by(&mut self, delta: i64) -> Result<()> {
        let too_large = || Error::terminal(Status::out_of_range("the number would be too large"));
        self.value = self.value.checked_add(delta).ok_or_else(too_large)?;
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    callboard_lambda_sdk::run::<Counter>().await
}
