//! The function of the actor types `trial.v1.Lenient` and `seat.v1.Seat`.

use callboard_lambda_sdk::{Function, Result};
use e2e_actors::seat::Seat;
use e2e_actors::trial::Lenient;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    Function::new().actor::<Lenient>().actor::<Seat>().run().await
}
