//! The function of the actor type `trial.v1.Strict`.

use callboard_lambda_sdk::Result;
use e2e_actors::trial::Strict;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    callboard_lambda_sdk::run::<Strict>().await
}
