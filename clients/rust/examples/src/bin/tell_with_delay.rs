//! A tell with a delay: the gateway answers when the message is stored, and
//! delivers it later, whether this program is still there or not.

use std::error::Error;
use std::time::{Duration, SystemTime};

use callboard_client::{Address, CallExt, Client};
use client_examples_rust::counter::counter_client::CounterClient;
use client_examples_rust::counter::{AddRequest, AddResponse};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::builder(client_examples_rust::url()).connect().await?;
    let address = Address::new("counter.v1.Counter", "rust-tell-with-delay");
    let mut counter = CounterClient::new(client.actor(&address.key));
    let one = AddRequest { delta: 1, ..AddRequest::default() };

    let soon = counter.add(one.clone()).message().after(Duration::from_secs(1));
    let receipt = soon.tell().await?;
    println!("stored as {}", receipt.message_id);

    // Its reply can be waited for, here or in another program.
    let reply: AddResponse = client.pick_up(address.clone(), &receipt.message_id).await?;
    println!("delivered; the number is {}", reply.value);

    // What is not yet due can be cancelled.
    let tomorrow = SystemTime::now() + Duration::from_secs(24 * 3_600);
    let tomorrow = counter.add(one).message().at(tomorrow).tell().await?;
    let cancelled = client.cancel(address, &tomorrow.message_id).await?;
    println!("that of tomorrow is cancelled: {cancelled}");
    client.close().await;
    Ok(())
}
