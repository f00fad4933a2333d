//! An actor whose key lies in messages of its requests.

use std::time::Duration;

use callboard_lambda_sdk::{Actor, Context, Error, Result};
use serde::{Deserialize, Serialize};

callboard_lambda_sdk::include_proto!("seat.v1");

/// How long a guest who is moved by a timer waits.
const WAIT: Duration = Duration::from_millis(10);

/// A seat, and who has had it.
#[derive(Default, Serialize, Deserialize)]
pub struct Seat {
    guests: Vec<String>,
}

impl Actor for Seat {
    type Service = SeatService;
}

impl SeatActor for Seat {
    async fn book(&mut self, request: BookRequest, ctx: &mut Context<'_>) -> Result<BookResponse> {
        self.guests.push(request.guest);
        Ok(BookResponse { seat: request.seat, key: ctx.key().to_owned() })
    }

    async fn look(&self, _: LookRequest, _: &Context<'_>) -> Result<LookResponse> {
        Ok(LookResponse { guests: self.guests.clone() })
    }

    async fn r#move(
        &mut self,
        request: MoveRequest,
        ctx: &mut Context<'_>,
    ) -> Result<MoveResponse> {
        let to = request.to.unwrap_or_default();
        let guest = self.guests.pop().ok_or_else(|| Error::retried("nobody sits here"))?;
        // What is in the request already stays, but for the key.
        let seat = SeatId { house: "wrong".into(), ..to.clone() };
        let book = BookRequest { seat: Some(seat), guest };
        let book = SeatRef::new(to.place.unwrap_or_default().row, to.house).book(book);
        match request.by_timer {
            true => ctx.set_timer("move", WAIT, book)?,
            false => ctx.tell(book)?,
        }
        Ok(MoveResponse {})
    }
}
