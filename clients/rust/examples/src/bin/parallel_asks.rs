//! Asks in parallel with one deadline: what has come by then has come.

use std::error::Error;
use std::time::Duration;

use callboard_client::{CallExt, Client, key};
use client_examples_rust::counter::AddRequest;
use client_examples_rust::counter::counter_client::CounterClient;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::builder(client_examples_rust::url()).connect().await?;
    let names = ["anna", "bert", "clara", "dora", "emil"];
    let asks = names.map(|name| {
        let counter = client.actor(key(&["rust-parallel-asks", name]));
        CounterClient::new(counter).add(AddRequest { delta: 1, ..AddRequest::default() }).message()
    });
    let results = client.ask_many(asks).timeout(Duration::from_secs(5)).await;
    for (name, result) in names.into_iter().zip(results) {
        match result {
            Ok(answer) => println!("{name}: {}", answer.response.value),
            // The message has its id: it can be asked again, or its reply picked up.
            Err(error) => println!("{name}: {error}; its message is {:?}", error.message_id()),
        }
    }
    client.close().await;
    Ok(())
}
