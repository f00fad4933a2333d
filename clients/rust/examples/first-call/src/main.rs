//! Adds to a counter, while `callboard dev examples/counter` runs:
//! `cargo run -p first-call -- alice 5`

use std::error::Error;

use callboard_client::{Client, Receipt};
use counter::{AddRequest, counter_client::CounterClient};

mod counter {
    tonic::include_proto!("counter.v1");
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let counter = arguments.next().unwrap_or_else(|| "alice".to_owned());
    let delta = arguments.next().map_or(Ok(1), |delta| delta.parse())?;

    let client = Client::builder("http://127.0.0.1:7070").connect().await?;
    let mut counters = CounterClient::new(client.channel());
    match counters.add(AddRequest { counter, delta }).await.map_err(callboard_client::Error::from) {
        Ok(response) => {
            println!("the number is {}", response.get_ref().value);
            if let Some(Receipt { message_id, sequence: Some(sequence), .. }) =
                Receipt::of(&response)
            {
                println!("message {sequence} of this counter was {message_id}");
            }
            Ok(())
        }
        Err(error) if error.reason() == Some("ASK_TIMEOUT") => {
            println!("no answer yet; message {:?} will be processed", error.message_id());
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
