//! What a message is, and how it is sent: as the stub's own call, with the rest
//! in headers; or by name, over `callboard.v1.Gateway`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callboard_proto::pb;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt;
use tonic::Status;
use tonic::body::Body;

use crate::address::Address;
use crate::call::{Answer, Call, message, unreadable};
use crate::delivery::{MODE, When};
use crate::error::{Error, invalid};
use crate::link::Link;
use crate::payload::Payload;
use crate::receipt::{self, Receipt};
use crate::{frame, timeout, trace};

/// What a message is, but for its id and its delivery.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) link: Arc<Link>,
    pub(crate) address: Address,
    pub(crate) method: String,
    pub(crate) payload: Payload,
    /// How its stub would call; `None` of a message by name.
    pub(crate) stub: Option<Stub>,
}

/// How a stub would call.
#[derive(Clone, Debug)]
pub(crate) struct Stub {
    path: PathAndQuery,
    /// Those of the caller.
    headers: HeaderMap,
    body: Bytes,
}

/// What a stub's request says of its message besides.
pub(crate) struct Said {
    pub(crate) message_id: Option<String>,
    pub(crate) timeout: Option<Duration>,
}

impl Content {
    /// Reads the request of a stub for an actor. The type of the actor is that of
    /// the service, unless it is given.
    pub(crate) async fn of_stub(
        link: Arc<Link>,
        actor_type: Option<&str>,
        key: &str,
        request: http::Request<Body>,
    ) -> Result<(Self, Said), Status> {
        let (mut parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let path = parts.uri.path_and_query().cloned();
        let path = path.ok_or_else(|| invalid("path", "there is none"))?;
        let (service, method) =
            path.path().trim_start_matches('/').split_once('/').unwrap_or_default();
        let mut taken = |name: &str| parts.headers.remove(name);
        let timeout = taken(timeout::HEADER).as_ref().and_then(timeout::read);
        let message_id = taken(receipt::MESSAGE_ID).map(text).transpose()?;
        let own_key = taken(receipt::KEY).map(text).transpose()?;
        let content = Self {
            address: Address::new(
                actor_type.unwrap_or(service),
                own_key.unwrap_or_else(|| key.to_owned()),
            ),
            method: method.to_owned(),
            payload: Payload::Encoded(
                frame::read(&body).map_err(|detail| invalid("request", detail))?,
            ),
            stub: Some(Stub { path, headers: parts.headers, body }),
            link,
        };
        Ok((content, Said { message_id, timeout }))
    }

    /// Asks; what the actor answers.
    pub(crate) async fn ask(
        &self,
        message_id: &str,
        timeout: Option<Duration>,
    ) -> Result<(Payload, Option<Receipt>), Error> {
        let timeout = timeout.unwrap_or(self.link.settings.ask_timeout);
        if let Some(stub) = self.direct() {
            let headers = stub.headers.clone();
            let (parts, body) = self.call(stub, headers, message_id, timeout).await?.into_parts();
            let payload = message(body).map_err(|status| Error::sent(status, message_id))?;
            return Ok((Payload::Encoded(payload), Receipt::read(&parts.headers)));
        }
        let request = pb::AskRequest { message: Some(self.named(message_id)) };
        let path = "/callboard.v1.Gateway/Ask";
        let call = Call::of_gateway(path, &request, message_id, timeout)?;
        let answer: pb::AskResponse = self.link.ask(&call).await?;
        Ok((answer.payload.into(), answer.receipt.map(Receipt::from)))
    }

    /// Sends it; what became of it.
    pub(crate) async fn tell(
        &self,
        message_id: &str,
        when: Option<When>,
        timeout: Option<Duration>,
    ) -> Result<Receipt, Error> {
        let timeout = timeout.unwrap_or(self.link.settings.tell_timeout);
        let receipt = if let Some(stub) = self.direct() {
            let mut headers = stub.headers.clone();
            headers.insert(MODE, HeaderValue::from_static("tell"));
            if let Some(when) = when {
                when.write(&mut headers);
            }
            Receipt::read(self.call(stub, headers, message_id, timeout).await?.headers())
        } else {
            let request = self.tell_request(message_id, when)?;
            let path = "/callboard.v1.Gateway/Tell";
            let call = Call::of_gateway(path, &request, message_id, timeout)?;
            let answer: pb::TellResponse = self.link.ask(&call).await?;
            answer.receipt.map(Receipt::from)
        };
        receipt.ok_or_else(|| Error::sent(unreadable("it has no receipt"), message_id))
    }

    /// Makes the call of the stub; its answer as it is, unless it is an error.
    pub(crate) async fn call(
        &self,
        stub: &Stub,
        mut headers: HeaderMap,
        message_id: &str,
        timeout: Duration,
    ) -> Result<Answer, Error> {
        let fail = |status| Error::sent(status, message_id);
        if !is_visible(message_id) {
            return Err(fail(invalid(receipt::MESSAGE_ID, "it is not visible ASCII")));
        }
        let value = |text| HeaderValue::from_str(text).expect("it is visible ASCII");
        headers.insert(receipt::MESSAGE_ID, value(message_id));
        if !self.address.key.is_empty() {
            headers.insert(receipt::KEY, value(&self.address.key));
        }
        trace::inject(&mut headers);
        let (path, body) = (stub.path.clone(), stub.body.clone());
        let message_id = message_id.to_owned();
        self.link.unary(&Call { path, headers, body, message_id, timeout }).await
    }

    /// The stub's own call, unless the key fits into no header.
    pub(crate) fn direct(&self) -> Option<&Stub> {
        self.stub.as_ref().filter(|_| is_visible(&self.address.key))
    }

    /// The message by name.
    pub(crate) fn named(&self, message_id: &str) -> pb::Message {
        pb::Message {
            address: Some(self.address.clone().into()),
            method: self.method.clone(),
            payload: Some(self.payload.clone().into()),
            message_id: message_id.to_owned(),
            headers: Default::default(),
        }
    }

    /// The message by name, with when it is delivered.
    pub(crate) fn tell_request(
        &self,
        message_id: &str,
        when: Option<When>,
    ) -> Result<pb::TellRequest, Error> {
        let delivery = when.map(When::named).transpose();
        let delivery = delivery.map_err(|status| Error::sent(status, message_id))?;
        Ok(pb::TellRequest { message: Some(self.named(message_id)), delivery })
    }
}

impl Stub {
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

fn text(value: HeaderValue) -> Result<String, Status> {
    let text = value.to_str().map(str::to_owned);
    text.map_err(|_| invalid("metadata", "an id or a key in it is not visible ASCII"))
}

/// Whether a header can hold a text as it is: visible ASCII, and spaces within
/// it.
fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && text.trim() == text
}
