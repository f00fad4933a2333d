//! Tells to one actor in a stream, against tells that are calls of their own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use callboard_proto::pb;
use futures::stream;
use prost::Message;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::cargo::Built;
use crate::counter::{AddRequest, CounterClient, NoteRequest};
use crate::dev::Dev;
use crate::report::Figure;
use crate::sample::Repetitions;
use crate::{Arguments, Result};
use rpc::gateway_client::GatewayClient;

mod rpc {
    #![expect(unreachable_pub, reason = "it is generated")]
    tonic::include_proto!("callboard.v1");
}

/// Messages of the stream without a receipt, and callers at a time beside it.
const AT_ONCE: u32 = 64;

/// How many messages the stream carries for each that is told by itself.
const STREAMED: u32 = 10;

/// How many times the rate of tells one after the other the stream is to carry.
const RATIO_MIN: f64 = 5.0;

/// How long it may take until all that was sent is handled.
const HANDLED_MAX: Duration = Duration::from_secs(120);

const COUNTER: &str = "c0";

pub(crate) async fn measure(built: &Built, given: &Arguments) -> Result<Vec<Figure>> {
    let dev = Dev::start(built, false).await?;
    let channel = Endpoint::from_shared(dev.url().to_owned())?.connect().await?;
    let mut sent = Sent { channel, messages: 0 };
    sent.one_by_one(given.calls / 10).await?;

    let [mut stream, mut alone, mut at_once] = [(); 3].map(|()| Repetitions::default());
    let [mut to_alone, mut to_at_once] = [(); 2].map(|()| Repetitions::default());
    for _ in 0..given.repetitions {
        // What one has sent must not run beside the next.
        let streamed = sent.in_a_stream(given.calls * STREAMED).await?;
        sent.are_handled().await?;
        let one_by_one = sent.one_by_one(given.calls).await?;
        sent.are_handled().await?;
        let together = sent.together(given.calls).await?;
        sent.are_handled().await?;
        stream.push(streamed);
        alone.push(one_by_one);
        at_once.push(together);
        to_alone.push(streamed / one_by_one);
        to_at_once.push(streamed / together);
    }
    dev.stop().await?;

    let figure = |what: String, unit, repetitions| Figure::new("stream", what, unit, repetitions);
    Ok(vec![
        figure(format!("tells in a TellStream, {AT_ONCE} open"), "/s", &stream),
        figure("  tells one after the other".into(), "/s", &alone),
        figure("  stream / one after the other".into(), "x", &to_alone).at_least(RATIO_MIN),
        figure(format!("  tells by {AT_ONCE} callers"), "/s", &at_once),
        figure("  stream / callers".into(), "x", &to_at_once),
    ])
}

/// Messages to the one counter, each with an id as clients give it. Each of the
/// ways of sending tells its rate.
struct Sent {
    channel: Channel,
    messages: u32,
}

impl Sent {
    /// Numbers for so many messages, that no other message has.
    fn numbers(&mut self, messages: u32) -> std::ops::Range<u32> {
        let first = self.messages;
        self.messages += messages;
        first..self.messages
    }

    async fn one_by_one(&mut self, messages: u32) -> Result<f64> {
        let mut stub = CounterClient::new(self.channel.clone());
        let begun = Instant::now();
        for number in self.numbers(messages) {
            stub.note(note(number)).await?;
        }
        Ok(rate(messages, begun))
    }

    async fn together(&mut self, messages: u32) -> Result<f64> {
        let (mut running, numbers) = (JoinSet::new(), self.numbers(messages));
        let begun = Instant::now();
        for caller in 0..AT_ONCE {
            let mut stub = CounterClient::new(self.channel.clone());
            let numbers = numbers.clone().skip(caller as usize).step_by(AT_ONCE as usize);
            running.spawn(async move {
                for number in numbers {
                    stub.note(note(number)).await?;
                }
                Ok::<_, Status>(())
            });
        }
        while let Some(done) = running.join_next().await {
            done??;
        }
        Ok(rate(messages, begun))
    }

    async fn in_a_stream(&mut self, messages: u32) -> Result<f64> {
        let room = Arc::new(Semaphore::new(AT_ONCE as usize));
        let more = Arc::clone(&room);
        let tells = stream::unfold(self.numbers(messages), move |mut numbers| {
            let room = Arc::clone(&room);
            async move {
                let number = numbers.next()?;
                room.acquire().await.expect("it is never closed").forget();
                Some((tell(number), numbers))
            }
        });
        let begun = Instant::now();
        let mut stub = GatewayClient::new(self.channel.clone());
        let mut told = stub.tell_stream(tells).await?.into_inner();
        let mut receipts = 0;
        while told.message().await?.is_some() {
            receipts += 1;
            more.add_permits(1);
        }
        if receipts != messages {
            return Err(format!("{receipts} receipts came for {messages} messages").into());
        }
        Ok(rate(messages, begun))
    }

    /// Waits until the counter has counted each message, and no message twice.
    async fn are_handled(&self) -> Result<()> {
        let mut request = Request::new(AddRequest { counter: COUNTER.to_owned(), delta: 0 });
        request.set_timeout(HANDLED_MAX);
        let counted = CounterClient::new(self.channel.clone()).add(request).await?;
        match counted.into_inner().value == i64::from(self.messages) {
            true => Ok(()),
            false => Err("the counter did not count every tell once".into()),
        }
    }
}

fn rate(messages: u32, begun: Instant) -> f64 {
    f64::from(messages) / begun.elapsed().as_secs_f64()
}

fn id(number: u32) -> String {
    format!("note-{number}")
}

fn request() -> NoteRequest {
    NoteRequest { counter: COUNTER.to_owned(), delta: 1 }
}

/// A message as a stub sends it.
fn note(number: u32) -> Request<NoteRequest> {
    let mut request = Request::new(request());
    let id = id(number).parse().expect("it is visible ASCII");
    request.metadata_mut().insert("callboard-message-id", id);
    request
}

/// The same for a stream.
fn tell(number: u32) -> pb::TellStreamRequest {
    let message = pb::Message {
        address: Some(pb::Address { r#type: "counter.v1.Counter".into(), key: COUNTER.into() }),
        method: "Note".to_owned(),
        payload: Some(pb::message::Payload::Encoded(request().encode_to_vec().into())),
        message_id: id(number),
        ..pb::Message::default()
    };
    pb::TellStreamRequest { tell: Some(pb::TellRequest { message: Some(message), delivery: None }) }
}
