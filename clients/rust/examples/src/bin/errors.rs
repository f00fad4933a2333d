//! Errors: what a program does next, it decides by their kinds.

use std::time::Duration;

use callboard_client::{CallExt, Client, Error, ErrorKind};
use client_examples_rust::counter::counter_client::CounterClient;
use client_examples_rust::counter::{AddRequest, GetRequest};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::builder(client_examples_rust::url()).connect().await?;
    let mut counter = CounterClient::new(client.actor("rust-errors"));
    let add = |delta| AddRequest { delta, ..AddRequest::default() };

    counter.add(add(1)).message().with_id("order-7").ask().await?;
    if let Err(error) = counter.add(add(2)).message().with_id("order-7").ask().await {
        explain(&error);
    }
    if let Err(status) = counter.add(AddRequest { counter: "another".to_owned(), delta: 1 }).await {
        // What a stub's own call returns is read with From.
        explain(&Error::from(status));
    }
    let impatient = counter.add(add(1)).message().timeout(Duration::from_micros(1));
    if let Err(error) = impatient.ask().await {
        explain(&error);
    }
    client.close().await;
    if let Err(status) = counter.get(GetRequest::default()).await {
        explain(&Error::from(status));
    }
    Ok(())
}

fn explain(error: &Error) {
    match error.kind() {
        ErrorKind::DeadlineExceeded => {
            println!(
                "wait for its reply by its id, if it has one: {}",
                error.message_id().is_some()
            );
        }
        ErrorKind::Unavailable | ErrorKind::MailboxFull | ErrorKind::RateLimited => {
            println!("send it again later, with its id: {:?}", error.message_id());
        }
        ErrorKind::MessageIdReused => {
            println!("another message has the id {}", error.metadata()["message_id"]);
        }
        ErrorKind::InvalidRequest => println!("mend {}", error.metadata()["field"]),
        ErrorKind::Handler => {
            println!("the actor says {:?} {:?}: {}", error.code(), error.reason(), error.message());
        }
        _ => println!("somebody has to look at it: {error}"),
    }
}
