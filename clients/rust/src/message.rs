//! A call that is not made yet.

use std::time::{Duration, SystemTime};

use callboard_proto::pb;
use futures::FutureExt;
use tonic::{Response, Status};
use uuid::Uuid;

use crate::address::Address;
use crate::capture;
use crate::content::Content;
use crate::delivery::When;
use crate::error::{Error, invalid};
use crate::payload::{Read, decoded};
use crate::receipt::Receipt;
use crate::reply::Reply;

/// A message to an actor that is not sent yet. `R` is the response of its
/// method.
///
/// It is made from a stub's call ([`CallExt::message`](crate::CallExt::message)),
/// or by name ([`Client::json_message`](crate::Client::json_message)). It has its
/// id from the beginning: sent several times, it is handled once, so after
/// [`DeadlineExceeded`](crate::ErrorKind::DeadlineExceeded) asking it again is
/// safe.
#[derive(Clone, Debug)]
#[must_use = "it is not sent"]
pub struct Message<R> {
    id: String,
    when: Option<When>,
    timeout: Option<Duration>,
    /// Or why there is nothing to be sent.
    content: Result<Content, Status>,
    pub(crate) read: Read<R>,
}

/// What an ask gets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer<R> {
    /// The actor's response.
    pub response: R,
    /// What became of the message; `None` of a read-only ask, which is none.
    pub receipt: Option<Receipt>,
}

impl<R> Message<R> {
    pub(crate) fn of_stub(call: impl Future<Output = Result<Response<R>, Status>>) -> Self
    where
        R: prost::Message + Default,
    {
        // Of a stub the body is there at once.
        let content = capture::of(call)
            .and_then(|(channel, request)| channel.content(request).now_or_never())
            .unwrap_or_else(|| Err(invalid("call", "it is not of a stub of this client")));
        let (content, said) = match content {
            Ok((content, said)) => (Ok(content), Some(said)),
            Err(status) => (Err(status), None),
        };
        let (id, timeout) = said.map(|said| (said.message_id, said.timeout)).unwrap_or_default();
        Self { id: id.unwrap_or_else(new_id), when: None, timeout, content, read: decoded }
    }

    pub(crate) fn by_name(content: Content, read: Read<R>) -> Self {
        Self { id: new_id(), when: None, timeout: None, content: Ok(content), read }
    }

    /// Gives the message an id: 1 to 128 visible ASCII characters other than `/`,
    /// unique among the actor's messages. Sent again with it, also by another
    /// program, the message is handled once, for 24 hours.
    ///
    /// Without it the message has a UUID of version 7.
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// Has the message delivered so much later, at most 366 days, to the
    /// millisecond. Such a message can be told, and not asked.
    pub fn after(mut self, delay: Duration) -> Self {
        self.when = Some(When::After(delay));
        self
    }

    /// Has the message delivered at a time, at most 366 days from now; at once
    /// when it is over. Such a message can be told, and not asked.
    pub fn at(mut self, time: SystemTime) -> Self {
        self.when = Some(When::At(time));
        self
    }

    /// Sets how long sending it may take, all attempts together, and for an ask
    /// the answer; at most 24 h. Without it an ask has 30 s and a tell 10 s, or
    /// what [`Builder`](crate::Builder) says.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The message's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The actor; `None` when there is nothing to be sent. Its key is empty when
    /// it is in the request, or the gateway makes one.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        self.content.as_ref().ok().map(|content| &content.address)
    }

    /// Sends the message, and waits for the actor's response: as the stub's call
    /// does, with its deadline and attempts.
    ///
    /// # Errors
    /// Any of [`ErrorKind`](crate::ErrorKind).
    pub async fn ask(&self) -> Result<Answer<R>, Error> {
        let content = self.asked()?;
        let (payload, receipt) = content.ask(&self.id, self.timeout).await?;
        let response = (self.read)(payload).map_err(|status| Error::sent(status, &self.id))?;
        Ok(Answer { response, receipt })
    }

    /// Sends the message, and waits until it is stored; with [`after`](Self::after)
    /// or [`at`](Self::at) it is delivered later. The method may be an ask: its
    /// reply is kept for 24 hours, for who picks it up. It must not be read-only.
    ///
    /// # Errors
    /// Any of [`ErrorKind`](crate::ErrorKind) but `Handler` and `DeadLettered`.
    pub async fn tell(&self) -> Result<Receipt, Error> {
        self.content()?.tell(&self.id, self.when, self.timeout).await
    }

    /// Sends an ask, waits until it is stored, and gives its reply to come.
    ///
    /// # Errors
    /// As [`tell`](Self::tell).
    pub async fn start(&self) -> Result<Reply<R>, Error> {
        let content = self.content()?;
        let receipt = content.tell(&self.id, self.when, self.timeout).await?;
        let mut address = content.address.clone();
        if let Some(key) = receipt.new_key {
            address.key = key;
        }
        Ok(Reply::new(content, address, &self.id, self.read))
    }

    /// What there is to send.
    pub(crate) fn content(&self) -> Result<&Content, Error> {
        self.content.as_ref().map_err(|status| Error::sent(status.clone(), &self.id))
    }

    /// What there is to ask.
    pub(crate) fn asked(&self) -> Result<&Content, Error> {
        if self.when.is_some() {
            let refused = invalid("delay", "a message for later can be told, and not asked");
            return Err(Error::sent(refused, &self.id));
        }
        self.content()
    }

    pub(crate) fn tell_request(&self) -> Result<pb::TellRequest, Error> {
        self.content()?.tell_request(&self.id, self.when)
    }
}

pub(crate) fn new_id() -> String {
    Uuid::now_v7().to_string()
}
