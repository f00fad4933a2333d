//! Many tells, without waiting for the receipt of each.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use callboard_proto::pb;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::error::Error;
use crate::link::{Link, Open, closed};
use crate::message::Message;
use crate::receipt::Receipt;
use crate::teller::Teller;
use crate::trace;

/// How many messages of a [`TellStream`] are without a receipt at most.
pub const TELL_STREAM_WINDOW: usize = 64;

/// Sends many messages in their order, without waiting for the receipt of each.
/// Those to one actor are handled in the order of the stream. It is made by
/// [`Client::tell_stream`](crate::Client::tell_stream).
///
/// When the connection breaks, it connects again and sends what has no receipt,
/// in order, with the same ids: each message is handled once. When the gateway
/// cannot be reached in as many attempts as
/// [`RetryPolicy`](crate::RetryPolicy) allows, without a receipt between them,
/// what it has fails.
///
/// Dropped, it goes on until all that it has is told. When the client is closed,
/// what has no receipt by then fails.
///
/// ```no_run
/// # async fn run(client: callboard_client::Client) -> Result<(), callboard_client::Error> {
/// use callboard_client::Address;
///
/// let stream = client.tell_stream();
/// for delta in 1..=1_000 {
///     let alice = Address::new("counter.v1.Counter", "alice");
///     let note = client.json_message(alice, "Note", format!(r#"{{"delta": {delta}}}"#));
///     stream.tell(&note).await?;
/// }
/// stream.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TellStream {
    link: Arc<Link>,
    room: Arc<Semaphore>,
    queue: mpsc::UnboundedSender<Entry>,
    teller: JoinHandle<Option<Error>>,
}

/// A message on its way: a future of its receipt.
#[derive(Debug)]
pub struct Delivery {
    message_id: String,
    outcome: oneshot::Receiver<Result<Receipt, Error>>,
}

/// A message without a receipt.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) message_id: String,
    pub(crate) request: pb::TellRequest,
    /// Whoever drops the delivery does not want to know.
    pub(crate) outcome: oneshot::Sender<Result<Receipt, Error>>,
    pub(crate) _room: OwnedSemaphorePermit,
    pub(crate) _open: Open,
}

impl TellStream {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        let (queue, entries) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(TELL_STREAM_WINDOW));
        let teller = Teller::new(Arc::clone(&link), entries, Arc::clone(&room));
        Self { link, room, queue, teller: tokio::spawn(teller.run()) }
    }

    /// Sends a message, after those that were told before. It waits while 64
    /// messages have no receipt, and not for the receipt of this one: that is the
    /// delivery's. A message for later is delivered later.
    ///
    /// # Errors
    /// When the message cannot be written, or the client is closed. A message
    /// that the gateway refuses fails its own delivery, and the stream goes on.
    pub async fn tell<R>(&self, message: &Message<R>) -> Result<Delivery, Error> {
        let fail = |status| Error::sent(status, message.id());
        let mut request = message.tell_request()?;
        trace(&mut request);
        let room = Arc::clone(&self.room).acquire_owned().await;
        let (sender, outcome) = oneshot::channel();
        let entry = Entry {
            message_id: message.id().to_owned(),
            request,
            outcome: sender,
            _room: room.map_err(|_| fail(closed()))?,
            _open: self.link.begin().map_err(fail)?,
        };
        self.queue.send(entry).map_err(|_| fail(closed()))?;
        Ok(Delivery { message_id: message.id().to_owned(), outcome })
    }

    /// Waits until all messages have their receipts or have failed, and ends the
    /// stream.
    ///
    /// # Errors
    /// That of the first message that failed.
    pub async fn close(self) -> Result<(), Error> {
        drop(self.queue);
        match self.teller.await {
            Ok(None) => Ok(()),
            Ok(Some(failed)) => Err(failed),
            // The runtime shuts down.
            Err(_) => Err(Error::from(closed())),
        }
    }
}

impl Delivery {
    /// The id of the message.
    #[must_use]
    pub fn message_id(&self) -> &str {
        &self.message_id
    }
}

impl Future for Delivery {
    type Output = Result<Receipt, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.outcome).poll(context).map(|told| match told {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::sent(closed(), &self.message_id)),
        })
    }
}

/// Puts the trace context beside the message: that of the stream is not its.
fn trace(request: &mut pb::TellRequest) {
    if let Some(message) = &mut request.message {
        message.headers.extend(trace::of_message());
    }
}
