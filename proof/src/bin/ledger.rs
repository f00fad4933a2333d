//! The Lambda function of the actor that the proofs send to.

use callboard_lambda_sdk::Result;
use callboard_proof::ledger::Ledger;

#[tokio::main]
async fn main() -> Result<()> {
    callboard_lambda_sdk::run::<Ledger>().await
}
