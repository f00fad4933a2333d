//! The part of the row `clients` that is Rust's.

use std::time::{Duration, Instant};

use callboard_client::{CallExt, Channel, Client};
use tonic::Request;
use tonic::transport::{self, Endpoint};

use crate::Result;
use crate::clients::{ASKS, BLOCK, Measured, STREAMED, TELLS};
use crate::counter::{AddRequest, CounterClient, NoteRequest};
use crate::sample::percentile;

/// As the client connects.
const KEEPALIVE: Duration = Duration::from_secs(30);

pub(crate) async fn measure(url: &str, calls: u32, repetitions: u32) -> Result<Measured> {
    let endpoint = Endpoint::from_shared(url.to_owned())?
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE);
    let client = Client::builder(url).connect().await?;
    let mut sides = Sides {
        bare: CounterClient::new(endpoint.connect().await?),
        sent: 0,
        asks: CounterClient::new(client.actor(ASKS)),
        tells: CounterClient::new(client.actor(TELLS)),
        client,
    };
    let mut measured = Measured::default();
    for repetition in 0..=repetitions {
        let [bare, client] = sides.ask(calls).await?;
        let tells = sides.tell(calls).await?;
        let stream = sides.stream(calls * STREAMED).await?;
        // The first one is to warm up.
        if repetition > 0 {
            measured.bare.push(bare);
            measured.client.push(client);
            measured.tells.push(tells);
            measured.stream.push(stream);
        }
    }
    sides.client.close().await;
    Ok(measured)
}

/// The bare stub, and the client.
struct Sides {
    bare: CounterClient<transport::Channel>,
    /// By the bare stub.
    sent: u32,
    asks: CounterClient<Channel>,
    tells: CounterClient<Channel>,
    client: Client,
}

impl Sides {
    /// Asks by the bare stub and by the client in turn; the medians of both, in µs.
    async fn ask(&mut self, calls: u32) -> Result<[f64; 2]> {
        let [mut bare, mut client] = [Vec::new(), Vec::new()];
        for _ in 0..calls / BLOCK {
            for _ in 0..BLOCK {
                let before = Instant::now();
                // As long as those of the client.
                let id = format!("{:036}", self.sent).parse()?;
                self.sent += 1;
                let mut request = Request::new(AddRequest { counter: ASKS.to_owned(), delta: 1 });
                request.metadata_mut().insert("callboard-message-id", id);
                self.bare.add(request).await?;
                bare.push(before.elapsed());
            }
            for _ in 0..BLOCK {
                let before = Instant::now();
                self.asks.add(AddRequest { delta: 1, ..AddRequest::default() }).await?;
                client.push(before.elapsed());
            }
        }
        Ok([percentile(bare, 50), percentile(client, 50)])
    }

    async fn tell(&mut self, messages: u32) -> Result<f64> {
        let begun = Instant::now();
        for _ in 0..messages {
            self.tells.note(note()).await?;
        }
        self.rate(messages, begun).await
    }

    async fn stream(&mut self, messages: u32) -> Result<f64> {
        let begun = Instant::now();
        let stream = self.client.tell_stream();
        for _ in 0..messages {
            stream.tell(&self.tells.note(note()).message()).await?;
        }
        stream.close().await?;
        self.rate(messages, begun).await
    }

    /// How many messages were sent in a second; then it waits until all of them
    /// are handled.
    async fn rate(&mut self, messages: u32, begun: Instant) -> Result<f64> {
        let rate = f64::from(messages) / begun.elapsed().as_secs_f64();
        self.tells.add(AddRequest::default()).await?;
        Ok(rate)
    }
}

fn note() -> NoteRequest {
    NoteRequest { delta: 1, ..NoteRequest::default() }
}
