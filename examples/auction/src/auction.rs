//! The auction: bids, the timer that ends it, and those who wait for the winner.

use std::time::Duration;

use callboard_lambda_sdk::{Actor, Context, Error, Later, Result, Status};

use crate::{
    AuctionActor, AuctionRef, AuctionService, AuctionState, BidRequest, BidResponse, BidderRef,
    CloseRequest, Event, HighestBid, Notice, NotifyRequest, OpenRequest, OpenResponse, Phase,
    WinnerRequest, WinnerResponse, WithdrawRequest, WithdrawResponse,
};

/// The timer that ends the auction.
const END: &str = "end";

/// The most who may wait for the winner. One handler answers all of them, and the
/// answers must fit into what a handler may send.
const WAITING_MAX: usize = 60;

/// The longest lot. It is part of every answer and notice.
const LOT_BYTES_MAX: usize = 1_000;

impl Actor for AuctionState {
    type Service = AuctionService;

    /// The lot was withdrawn. Nobody else would tell those who count on this auction.
    async fn on_delete(&mut self, ctx: &mut Context<'_>) -> Result<()> {
        self.tell_highest(Event::Withdrawn, ctx)?;
        let withdrawn = Status::aborted("the lot was withdrawn");
        for promise in self.promises()? {
            ctx.refuse(promise, &withdrawn)?;
        }
        Ok(())
    }
}

impl AuctionActor for AuctionState {
    async fn open(&mut self, request: OpenRequest, ctx: &mut Context<'_>) -> Result<OpenResponse> {
        if self.phase() != Phase::Unspecified {
            return Err(refused("the auction was opened before"));
        }
        if request.lot.len() > LOT_BYTES_MAX {
            return Err(invalid("a lot has at most 1,000 bytes"));
        }
        // One that is negative cannot be converted.
        let duration = Duration::try_from(request.duration.unwrap_or_default()).unwrap_or_default();
        if duration.is_zero() {
            return Err(invalid("an auction has a duration above zero"));
        }
        let close = AuctionRef::new(ctx.key()).close(CloseRequest::default());
        ctx.set_timer(END, duration, close)?;
        self.lot = request.lot;
        self.set_phase(Phase::Open);
        Ok(OpenResponse {})
    }

    // The auction is open until the message of its timer is handled, not until a clock
    // says so: all who were in the mailbox before that message are in.
    async fn bid(&mut self, request: BidRequest, ctx: &mut Context<'_>) -> Result<BidResponse> {
        if self.phase() != Phase::Open {
            return Err(refused("the auction is not open"));
        }
        let to_beat = self.highest.as_ref().map_or(0, |highest| highest.cents);
        if request.cents <= to_beat {
            return Err(refused(&format!("a bid has to be above {to_beat} cents")));
        }
        let BidRequest { bidder, cents, .. } = request;
        let beaten = self.highest.replace(HighestBid { bidder: bidder.clone(), cents });
        // Who cannot be told is refused here, and not whoever beats that bid.
        self.tell(&bidder, Event::Leading, ctx)?;
        // Those who raise their own bid have beaten nobody.
        if let Some(beaten) = beaten.filter(|beaten| beaten.bidder != bidder) {
            self.tell(&beaten.bidder, Event::Beaten, ctx)?;
        }
        Ok(BidResponse {})
    }

    async fn winner(&mut self, _: WinnerRequest, ctx: &mut Context<'_>) -> Result<WinnerResponse> {
        match self.phase() {
            Phase::Unspecified => Err(refused("the auction was not opened")),
            Phase::Open if self.waiting.len() >= WAITING_MAX => {
                let status = Status::resource_exhausted("too many wait for the winner");
                Err(Error::terminal(status))
            }
            Phase::Open => ctx.reply_later(|later| self.waiting.push(later.into_bytes())),
            Phase::Closed => Ok(self.result()),
        }
    }

    async fn withdraw(
        &mut self,
        _: WithdrawRequest,
        ctx: &mut Context<'_>,
    ) -> Result<WithdrawResponse> {
        if self.phase() != Phase::Open {
            return Err(refused("the auction is not open"));
        }
        // The timer goes with it.
        ctx.delete();
        Ok(WithdrawResponse {})
    }

    async fn close(&mut self, _: CloseRequest, ctx: &mut Context<'_>) -> Result<()> {
        self.set_phase(Phase::Closed);
        self.tell_highest(Event::Won, ctx)?;
        let result = self.result();
        for promise in self.promises()? {
            ctx.reply(promise, &result)?;
        }
        Ok(())
    }
}

impl AuctionState {
    fn result(&self) -> WinnerResponse {
        WinnerResponse { lot: self.lot.clone(), winner: self.highest.clone() }
    }

    /// Takes the promises to those who wait for the winner.
    fn promises(&mut self) -> Result<Vec<Later<WinnerResponse>>> {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.iter().map(|promise| Later::from_bytes(promise)).collect()
    }

    fn tell_highest(&self, event: Event, ctx: &mut Context<'_>) -> Result<()> {
        match &self.highest {
            Some(highest) => self.tell(&highest.bidder, event, ctx),
            None => Ok(()),
        }
    }

    fn tell(&self, bidder: &str, event: Event, ctx: &mut Context<'_>) -> Result<()> {
        let notice = Notice {
            auction: ctx.key().to_owned(),
            lot: self.lot.clone(),
            event: event.into(),
            cents: self.highest.as_ref().map_or(0, |highest| highest.cents),
        };
        let notify = NotifyRequest { notice: Some(notice), ..Default::default() };
        ctx.tell(BidderRef::new(bidder).notify(notify))
    }
}

fn invalid(why: &str) -> Error {
    Error::terminal(Status::invalid_argument(why))
}

fn refused(why: &str) -> Error {
    Error::terminal(Status::failed_precondition(why))
}
