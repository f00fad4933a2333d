//! A product of which units arrive and depart: departures wait until there is enough.

use std::collections::VecDeque;

use callboard_lambda_sdk::{Actor, Context, Error, Later, Result, Status};
use serde::{Deserialize, Serialize};

callboard_lambda_sdk::include_proto!("inventory.v1");

/// How many departures one handler serves, so that no other message waits for long.
const SERVED_MAX: usize = 50;

/// How many departures may wait, so that the state stays small.
const WAITING_MAX: usize = 1_000;

#[derive(Default, Serialize, Deserialize)]
struct Product {
    units: u64,
    /// In the order in which they were asked for.
    waiting: VecDeque<Departure>,
}

/// Somebody who waits for units.
#[derive(Serialize, Deserialize)]
struct Departure {
    units: u64,
    later: Later<DepartResponse>,
}

impl Actor for Product {
    type Service = ProductService;
}

impl ProductActor for Product {
    async fn arrive(&mut self, request: ArriveRequest, ctx: &mut Context<'_>) -> Result<()> {
        // A label that is no number fails each time. Nobody waits whom an error could
        // tell, so `?` lets it become a dead letter, which keeps it for somebody to look at.
        let units: u32 = request.label.parse()?;
        self.units += u64::from(units);
        self.serve_those_who_wait(ctx)
    }

    async fn depart(
        &mut self,
        request: DepartRequest,
        ctx: &mut Context<'_>,
    ) -> Result<DepartResponse> {
        let units = u64::from(request.units);
        if units == 0 {
            return Err(Error::terminal(Status::invalid_argument(
                "a departure has 1 unit or more",
            )));
        }
        // Nobody overtakes those who wait.
        if self.waiting.is_empty() && units <= self.units {
            self.units -= units;
            return Ok(DepartResponse { units: self.units });
        }
        if self.waiting.len() >= WAITING_MAX {
            return Err(Error::terminal(Status::unavailable("too many wait already")));
        }
        ctx.reply_later(|later| self.waiting.push_back(Departure { units, later }))
    }

    async fn stock(&self, _: StockRequest, _: &Context<'_>) -> Result<StockResponse> {
        Ok(StockResponse { units: self.units, waiting: u32::try_from(self.waiting.len())? })
    }

    async fn serve(&mut self, _: ServeRequest, ctx: &mut Context<'_>) -> Result<()> {
        self.serve_those_who_wait(ctx)
    }
}

impl Product {
    fn serve_those_who_wait(&mut self, ctx: &mut Context<'_>) -> Result<()> {
        for _ in 0..SERVED_MAX {
            let Some(first) = self.waiting.pop_front_if(|first| first.units <= self.units) else {
                return Ok(());
            };
            self.units -= first.units;
            ctx.reply(first.later, &DepartResponse { units: self.units })?;
        }
        let product = ProductRef::new(ctx.key());
        ctx.tell(product.serve(ServeRequest::default()))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    callboard_lambda_sdk::run::<Product>().await
}

#[cfg(test)]
mod tests;
