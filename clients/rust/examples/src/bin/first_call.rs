//! A stub, an actor, a receipt: `first_call alice 5`

use std::error::Error;

use callboard_client::{Client, Receipt};
use client_examples_rust::counter::AddRequest;
use client_examples_rust::counter::counter_client::CounterClient;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "alice".to_owned());
    let delta = arguments.next().map_or(Ok(1), |delta| delta.parse())?;

    let client = Client::builder(client_examples_rust::url()).connect().await?;
    let mut counter = CounterClient::new(client.actor(&name));
    let response = counter.add(AddRequest { delta, ..AddRequest::default() }).await?;
    println!("the number of {name} is {}", response.get_ref().value);
    if let Some(Receipt { message_id, sequence: Some(sequence), .. }) = Receipt::of(&response) {
        println!("message {sequence} of this counter was {message_id}");
    }
    client.close().await;
    Ok(())
}
