//! Auctions in memory, with a clock that the tests move.

use std::time::Duration;

use callboard_lambda_sdk::testing::{ActorTest, Asked};
use callboard_lambda_sdk::{Code, Status, prost_types};

use crate::{
    AuctionRef, AuctionState, BidRequest, BidResponse, BidderRef, BidderState, Event,
    NoticesRequest, OpenRequest, OpenResponse, Phase, WinnerRequest, WinnerResponse,
    WithdrawRequest, WithdrawResponse,
};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// The auction of a violin.
struct Auction(ActorTest<AuctionState>);

impl Auction {
    fn new() -> Self {
        Self(ActorTest::new("violin").with::<BidderState>())
    }

    /// One that is open for a minute.
    async fn opened() -> Self {
        let mut auction = Self::new();
        auction.open("a violin").await.expect("it opens");
        auction
    }

    async fn open(&mut self, lot: &str) -> Result<OpenResponse, Status> {
        let duration = Some(MINUTE.try_into().expect("a minute is a duration"));
        let request = OpenRequest { lot: lot.to_owned(), duration, ..Default::default() };
        self.0.ask(AuctionRef::new("violin").open(request)).await
    }

    async fn bid(&mut self, bidder: &str, cents: i64) -> Result<BidResponse, Status> {
        let request = BidRequest { bidder: bidder.to_owned(), cents, ..Default::default() };
        self.0.ask(AuctionRef::new("violin").bid(request)).await
    }

    async fn ask_for_the_winner(&mut self) -> Asked<WinnerResponse> {
        self.0.begin(AuctionRef::new("violin").winner(WinnerRequest::default())).await
    }

    async fn withdraw(&mut self) -> Result<WithdrawResponse, Status> {
        self.0.ask(AuctionRef::new("violin").withdraw(WithdrawRequest::default())).await
    }

    /// What a bidder was told, and how many cents were the highest bid then.
    async fn told(&mut self, bidder: &str) -> Vec<(Event, i64)> {
        let notices = BidderRef::new(bidder).notices(NoticesRequest::default());
        let notices = self.0.read(notices).await.expect("notices").notices;
        notices.iter().map(|notice| (notice.event(), notice.cents)).collect()
    }
}

/// Who has won with how much.
fn winner(response: Result<WinnerResponse, Status>) -> Option<(String, i64)> {
    let response = response.expect("a result");
    assert_eq!(response.lot, "a violin");
    response.winner.map(|winner| (winner.bidder, winner.cents))
}

fn code<T: std::fmt::Debug>(result: Result<T, Status>) -> Code {
    result.expect_err("it is refused").code()
}

#[tokio::test]
async fn the_highest_bid_wins() {
    let mut auction = Auction::opened().await;
    auction.bid("ann", 500).await.expect("it is taken");
    auction.bid("bob", 700).await.expect("it is taken");
    auction.0.advance(MINUTE).await;
    let asked = auction.ask_for_the_winner().await;
    let response = auction.0.answer(&asked).expect("an answer at once");
    assert_eq!(winner(response), Some(("bob".to_owned(), 700)));
}

#[tokio::test]
async fn an_auction_without_bids_has_no_winner() {
    let mut auction = Auction::opened().await;
    auction.0.advance(MINUTE).await;
    let asked = auction.ask_for_the_winner().await;
    assert_eq!(winner(auction.0.answer(&asked).expect("an answer at once")), None);
}

#[tokio::test]
async fn a_bid_that_is_not_above_the_highest_is_refused() {
    let mut auction = Auction::opened().await;
    for too_low in [-1, 0] {
        assert_eq!(code(auction.bid("ann", too_low).await), Code::FailedPrecondition);
    }
    auction.bid("ann", 500).await.expect("it is taken");
    for too_low in [499, 500] {
        let status = auction.bid("bob", too_low).await.expect_err("it is refused");
        assert_eq!(status.message(), "a bid has to be above 500 cents");
    }
    assert_eq!(auction.told("bob").await, []);
}

#[tokio::test]
async fn bids_are_taken_from_the_opening_to_the_end() {
    let mut auction = Auction::new();
    assert_eq!(code(auction.bid("ann", 500).await), Code::FailedPrecondition);
    auction.open("a violin").await.expect("it opens");
    assert_eq!(code(auction.open("a cello").await), Code::FailedPrecondition);
    auction.0.advance(MINUTE - SECOND).await;
    auction.bid("ann", 500).await.expect("it is taken");
    auction.0.advance(SECOND).await;
    assert_eq!(code(auction.bid("bob", 600).await), Code::FailedPrecondition);
    assert_eq!(auction.0.state().phase(), Phase::Closed);
}

#[tokio::test]
async fn bidders_are_told_what_becomes_of_their_bids() {
    let mut auction = Auction::opened().await;
    for (bidder, cents) in [("ann", 500), ("bob", 700), ("bob", 800)] {
        auction.bid(bidder, cents).await.expect("it is taken");
    }
    auction.0.advance(MINUTE).await;
    assert_eq!(auction.told("ann").await, [(Event::Leading, 500), (Event::Beaten, 700)]);
    // Nobody is beaten by their own bid.
    let bob = [(Event::Leading, 700), (Event::Leading, 800), (Event::Won, 800)];
    assert_eq!(auction.told("bob").await, bob);
}

#[tokio::test]
async fn a_bidder_who_cannot_be_told_cannot_bid() {
    let mut auction = Auction::opened().await;
    for nobody in ["", &"x".repeat(2_000)] {
        assert_eq!(code(auction.bid(nobody, 500).await), Code::InvalidArgument);
    }
    auction.bid("ann", 1).await.expect("there is no bid to beat");
}

#[tokio::test]
async fn who_asks_for_the_winner_before_the_end_is_answered_at_the_end() {
    let mut auction = Auction::opened().await;
    let early = auction.ask_for_the_winner().await;
    auction.bid("ann", 500).await.expect("others need not wait");
    auction.0.advance(MINUTE - SECOND).await;
    let late = auction.ask_for_the_winner().await;
    assert!(auction.0.answer(&early).is_none());
    auction.0.advance(SECOND).await;
    for asked in [early, late] {
        let response = auction.0.answer(&asked).expect("an answer");
        assert_eq!(winner(response), Some(("ann".to_owned(), 500)));
    }
    assert!(auction.0.state().waiting.is_empty());
}

#[tokio::test]
async fn as_many_may_wait_as_can_be_answered() {
    for is_withdrawn in [false, true] {
        let mut auction = Auction::opened().await;
        auction.bid("ann", 500).await.expect("it is taken");
        let mut waiting = Vec::new();
        for _ in 0..60 {
            waiting.push(auction.ask_for_the_winner().await);
        }
        let one_more = auction.ask_for_the_winner().await;
        let refusal = auction.0.answer(&one_more).expect("an answer at once");
        assert_eq!(code(refusal), Code::ResourceExhausted);
        if is_withdrawn {
            auction.withdraw().await.expect("it is withdrawn");
        }
        auction.0.advance(MINUTE).await;
        for asked in &waiting {
            let response = auction.0.answer(asked).expect("an answer");
            assert_eq!(response.is_err(), is_withdrawn);
        }
    }
}

#[tokio::test]
async fn the_winner_is_told_once_whatever_crashes_at_the_end() {
    for crash in [ActorTest::crash_before_commit, ActorTest::crash_after_commit] {
        let mut auction = Auction::opened().await;
        auction.bid("ann", 500).await.expect("it is taken");
        let asked = auction.ask_for_the_winner().await;
        crash(&mut auction.0);
        auction.0.advance(2 * MINUTE).await;
        assert_eq!(auction.told("ann").await, [(Event::Leading, 500), (Event::Won, 500)]);
        let response = auction.0.answer(&asked).expect("an answer");
        assert_eq!(winner(response), Some(("ann".to_owned(), 500)));
    }
}

#[tokio::test]
async fn of_a_lot_that_is_withdrawn_nothing_is_left_but_those_who_are_told() {
    let mut auction = Auction::opened().await;
    auction.bid("ann", 500).await.expect("it is taken");
    let asked = auction.ask_for_the_winner().await;
    auction.withdraw().await.expect("it is withdrawn");
    let refusal = auction.0.answer(&asked).expect("an answer");
    assert_eq!(code(refusal), Code::Aborted);
    assert_eq!(auction.told("ann").await, [(Event::Leading, 500), (Event::Withdrawn, 500)]);
    assert!(!auction.0.has_state());
    assert_eq!(auction.0.timers(), []);
    // So it may be opened again, and the first bid is any bid.
    auction.open("a violin").await.expect("it opens");
    auction.bid("bob", 1).await.expect("it is taken");
}

#[tokio::test]
async fn only_an_open_auction_has_something_to_wait_for_or_to_withdraw() {
    let mut auction = Auction::new();
    let asked = auction.ask_for_the_winner().await;
    let refusal = auction.0.answer(&asked).expect("an answer at once");
    assert_eq!(code(refusal), Code::FailedPrecondition);
    assert_eq!(code(auction.withdraw().await), Code::FailedPrecondition);
    auction.open("a violin").await.expect("it opens");
    auction.0.advance(MINUTE).await;
    assert_eq!(code(auction.withdraw().await), Code::FailedPrecondition);
}

#[tokio::test]
async fn what_is_opened_has_a_short_lot_and_a_time() {
    let mut auction = Auction::new();
    assert_eq!(code(auction.open(&"x".repeat(1_001)).await), Code::InvalidArgument);
    for duration in [None, Some(prost_types::Duration { seconds: -1, nanos: 0 })] {
        let request = OpenRequest { duration, ..Default::default() };
        let refused = auction.0.ask(AuctionRef::new("violin").open(request)).await;
        assert_eq!(code(refused), Code::InvalidArgument);
    }
    assert!(!auction.0.has_state());
}

#[tokio::test]
async fn a_bidder_keeps_the_last_100_notices() {
    let mut auction = Auction::opened().await;
    for cents in 1..=101 {
        auction.bid("ann", cents).await.expect("it is taken");
    }
    let told = auction.told("ann").await;
    assert_eq!((told.len(), told[0]), (100, (Event::Leading, 2)));
}
