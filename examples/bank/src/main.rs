//! Accounts, and transfers between them: two actor types in one function.

mod account;
mod transfer;

use account::Account;
use callboard_lambda_sdk::{Function, Result};
use transfer::Transfer;

callboard_lambda_sdk::include_proto!("bank.v1");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    Function::new().actor::<Account>().actor::<Transfer>().run().await
}
