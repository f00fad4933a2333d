//! A connection to Callboard, and all that is made with it.

use std::sync::Arc;

use bytes::Bytes;
use callboard_proto::pb;

use crate::address::Address;
use crate::ask_many::AskMany;
use crate::builder::Builder;
use crate::call::Call;
use crate::channel::Channel;
use crate::content::Content;
use crate::error::Error;
use crate::link::Link;
use crate::message::Message;
use crate::payload::{Payload, Read, decoded, encoded, json};
use crate::reply::Reply;
use crate::tell_stream::TellStream;

/// A connection to Callboard. Cheap to clone; all clones share it, and one is
/// enough for a program.
#[derive(Clone, Debug)]
pub struct Client {
    link: Arc<Link>,
}

impl Client {
    /// Begins to connect to the gateway at a URL: `http://127.0.0.1:7070` in
    /// plaintext, `https://callboard.example` with TLS.
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder::new(url.into())
    }

    pub(crate) fn new(link: Link) -> Self {
        Self { link: Arc::new(link) }
    }

    /// What a stub for one actor is made with; its requests need no key then.
    /// Cheap: each stub can have its own. Several parts of a key are joined by
    /// [`key`](crate::key()).
    #[must_use]
    pub fn actor(&self, key: impl AsRef<str>) -> Channel {
        Channel::new(Arc::clone(&self.link), key.as_ref())
    }

    /// What a stub for any actor is made with: the key is in its requests, or the
    /// gateway makes a new one.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.actor("")
    }

    /// Makes a message by name, without a stub: its request and its response are
    /// in protobuf's JSON.
    pub fn json_message(
        &self,
        address: Address,
        method: impl Into<String>,
        request: impl Into<String>,
    ) -> Message<String> {
        self.message(address, method.into(), Payload::Json(request.into()), json)
    }

    /// Makes a message by name, without a stub: its request and its response are
    /// in protobuf's encoding.
    pub fn encoded_message(
        &self,
        address: Address,
        method: impl Into<String>,
        request: impl Into<Bytes>,
    ) -> Message<Bytes> {
        self.message(address, method.into(), Payload::Encoded(request.into()), encoded)
    }

    fn message<R>(
        &self,
        address: Address,
        method: String,
        payload: Payload,
        read: Read<R>,
    ) -> Message<R> {
        let link = Arc::clone(&self.link);
        Message::by_name(Content { link, address, method, payload, stub: None }, read)
    }

    /// The reply to a message that was sent before, by whomever; `R` is the
    /// response of its method. The message need not have arrived yet.
    ///
    /// ```no_run
    /// # use tonic_health::pb::HealthCheckResponse as AddResponse;
    /// # async fn run(client: callboard_client::Client) -> Result<(), callboard_client::Error> {
    /// use callboard_client::Address;
    ///
    /// let alice = Address::new("counter.v1.Counter", "alice");
    /// let response: AddResponse = client.pick_up(alice, "order-7").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn pick_up<R: prost::Message + Default>(
        &self,
        address: Address,
        message_id: &str,
    ) -> Reply<R> {
        self.reply(address, message_id, String::new(), decoded)
    }

    /// As [`pick_up`](Self::pick_up); the response is in protobuf's JSON.
    pub fn pick_up_json(
        &self,
        address: Address,
        method: impl Into<String>,
        message_id: &str,
    ) -> Reply<String> {
        self.reply(address, message_id, method.into(), json)
    }

    /// As [`pick_up`](Self::pick_up); the response is in protobuf's encoding.
    pub fn pick_up_encoded(&self, address: Address, message_id: &str) -> Reply<Bytes> {
        self.reply(address, message_id, String::new(), encoded)
    }

    fn reply<R>(&self, address: Address, id: &str, json_of: String, read: Read<R>) -> Reply<R> {
        Reply::by_id(Arc::clone(&self.link), address, id, json_of, read)
    }

    /// Cancels a delayed message that is not yet due. False when none of this id
    /// waits there: it is delivered already, or cancelled, or was never sent.
    ///
    /// # Errors
    /// When the gateway cannot be reached, or refuses it. It takes as long as a
    /// tell at most.
    pub async fn cancel(&self, address: Address, message_id: &str) -> Result<bool, Error> {
        let message_id = message_id.to_owned();
        let request = pb::CancelRequest { address: Some(address.into()), message_id };
        let timeout = self.link.settings.tell_timeout;
        let path = "/callboard.v1.Gateway/Cancel";
        let call = Call::of_gateway(path, &request, &request.message_id, timeout)?;
        let answer: pb::CancelResponse = self.link.ask(&call).await?;
        Ok(answer.cancelled)
    }

    /// Asks several messages at once, 1 to 100 of at most 4 MiB in all. Those to
    /// one actor are handled in any order.
    ///
    /// At the deadline what has come has come: the others have failed with
    /// [`DeadlineExceeded`](crate::ErrorKind::DeadlineExceeded), and the ids of
    /// their messages. Each message is tried again as one that is asked alone.
    pub fn ask_many<R>(&self, messages: impl IntoIterator<Item = Message<R>>) -> AskMany<R> {
        AskMany::new(Arc::clone(&self.link), messages)
    }

    /// Makes a stream of tells, which connects with its first message.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn tell_stream(&self) -> TellStream {
        TellStream::new(Arc::clone(&self.link))
    }

    /// Ends the client, with all of its clones. Calls that are open get two
    /// seconds to end by themselves; what is open then fails with
    /// [`Cancelled`](crate::ErrorKind::Cancelled), and so does every further
    /// call. Messages that were sent are handled all the same.
    ///
    /// A client that is dropped instead, with all that was made with it, closes
    /// its connection, too.
    pub async fn close(&self) {
        self.link.close().await;
    }
}
