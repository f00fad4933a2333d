//! An idempotent retry: a message that is sent again with the same id is handled
//! once. The client does that by itself when the gateway cannot be reached; with
//! an id of its own a program can do it after it was started anew.

use std::error::Error;
use std::time::Duration;

use callboard_client::{CallExt, Client, ErrorKind};
use client_examples_rust::counter::AddRequest;
use client_examples_rust::counter::counter_client::CounterClient;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::builder(client_examples_rust::url()).connect().await?;
    let mut counter = CounterClient::new(client.actor("rust-idempotent-retry"));

    // The order has a number of its own. Whoever sends it again, the counter
    // counts it once.
    for _ in 0..2 {
        let order = AddRequest { delta: 5, ..AddRequest::default() };
        let answer = counter.add(order).message().with_id("order-7").ask().await?;
        let duplicate = answer.receipt.is_some_and(|receipt| receipt.duplicate);
        println!("the number is {}; it was sent before: {duplicate}", answer.response.value);
    }

    // A message keeps its id, so after a deadline it can be asked again, too.
    let add = counter.add(AddRequest { delta: 1, ..AddRequest::default() }).message();
    let answer = match add.clone().timeout(Duration::from_millis(1)).ask().await {
        Err(error) if error.kind() == ErrorKind::DeadlineExceeded => {
            println!("a millisecond is too short; it is asked again");
            add.ask().await
        }
        answer => answer,
    };
    println!("the number is {}", answer?.response.value);
    client.close().await;
    Ok(())
}
