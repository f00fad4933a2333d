//! Rooms, and an inbox for each member.

mod member;
mod room;

use callboard_lambda_sdk::{Function, Result};
use member::Member;
use room::Room;

callboard_lambda_sdk::include_proto!("chat.v1");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    Function::new().actor::<Room>().actor::<Member>().run().await
}
