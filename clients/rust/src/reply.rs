//! The response to an ask that was sent before.

use std::sync::Arc;
use std::time::Duration;

use callboard_proto::pb;
use futures::future::{BoxFuture, FutureExt};

use crate::address::Address;
use crate::call::Call;
use crate::content::Content;
use crate::error::Error;
use crate::link::Link;
use crate::payload::{Payload, Read};

/// The reply to come to an ask that was sent before, by this program or another
/// one. It is made by [`Message::start`](crate::Message::start) and
/// [`Client::pick_up`](crate::Client::pick_up).
///
/// It is awaited as it is, or as often as one likes with [`get`](Self::get). Who
/// gives up waiting drops that future: the message is handled all the same.
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is awaited"]
pub struct Reply<R> {
    link: Arc<Link>,
    address: Address,
    message_id: String,
    /// The method whose response comes in JSON; else it comes encoded.
    json_of_method: String,
    timeout: Option<Duration>,
    read: Read<R>,
}

impl<R> Reply<R> {
    pub(crate) fn new(
        content: &Content,
        address: Address,
        message_id: &str,
        read: Read<R>,
    ) -> Self {
        let json_of_method = match content.payload {
            Payload::Json(_) => content.method.clone(),
            Payload::Encoded(_) => String::new(),
        };
        Self::by_id(Arc::clone(&content.link), address, message_id, json_of_method, read)
    }

    pub(crate) fn by_id(
        link: Arc<Link>,
        address: Address,
        message_id: &str,
        json_of_method: String,
        read: Read<R>,
    ) -> Self {
        let message_id = message_id.to_owned();
        Self { link, address, message_id, json_of_method, timeout: None, read }
    }

    /// Sets how long to wait, at most 24 h. Without it that is 30 s, or what
    /// [`Builder::ask_timeout`](crate::Builder::ask_timeout) says.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The id of the message. With it and the address another program can pick
    /// the reply up, for 24 hours.
    #[must_use]
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// The actor that was asked.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Waits for the reply.
    ///
    /// # Errors
    /// As the ask would have failed. [`DeadlineExceeded`] says only that no reply
    /// is stored yet.
    ///
    /// [`DeadlineExceeded`]: crate::ErrorKind::DeadlineExceeded
    pub async fn get(&self) -> Result<R, Error> {
        let request = pb::AwaitRequest {
            address: Some(self.address.clone().into()),
            message_id: self.message_id.clone(),
            json_of_method: self.json_of_method.clone(),
        };
        let timeout = self.timeout.unwrap_or(self.link.settings.ask_timeout);
        let path = "/callboard.v1.Gateway/Await";
        let call = Call::of_gateway(path, &request, &self.message_id, timeout)?;
        let answer: pb::AwaitResponse = self.link.ask(&call).await?;
        (self.read)(answer.payload.into()).map_err(|status| Error::sent(status, &self.message_id))
    }
}

impl<R: 'static> IntoFuture for Reply<R> {
    type Output = Result<R, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        async move { self.get().await }.boxed()
    }
}
