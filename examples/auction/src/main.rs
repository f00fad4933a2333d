//! An auction that a timer ends, and its bidders.

mod auction;
mod bidder;
#[cfg(test)]
mod tests;

use callboard_lambda_sdk::{Function, Result};

callboard_lambda_sdk::include_proto!("auction.v1");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    Function::new().actor::<AuctionState>().actor::<BidderState>().run().await
}
