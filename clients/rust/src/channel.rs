//! What stubs call through.

use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt, Full};
use tonic::Status;
use tonic::body::Body;
use tower_service::Service;

use crate::address::Address;
use crate::capture;
use crate::content::{Content, Said};
use crate::delivery::When;
use crate::error::{Error, invalid};
use crate::frame;
use crate::kind::ErrorKind;
use crate::link::Link;
use crate::message::new_id;
use crate::payload::{self, Payload};

/// What a generated stub calls through. Cheap to clone; all clones share one
/// connection. It is made by [`Client::actor`](crate::Client::actor), for one
/// actor, and by [`Client::channel`](crate::Client::channel), for any.
///
/// It gives the message of a call an id, the call a deadline, and tries it again
/// where that may help. What a stub's request says in its metadata goes first:
/// [`tonic::Request::set_timeout`] sets the deadline of one call, and
/// `callboard-message-id` the id of its message.
///
/// Methods of actors do not stream; one that does gets no answer from the
/// gateway but an error.
#[derive(Clone)]
pub struct Channel {
    link: Arc<Link>,
    actor_type: Option<Arc<str>>,
    key: Arc<str>,
}

impl Channel {
    pub(crate) fn new(link: Arc<Link>, key: &str) -> Self {
        Self { link, actor_type: None, key: key.into() }
    }

    /// Says the type of the actor, when its `.proto` has another than the name of
    /// the service, in the option `actor.type`. Only what goes by name needs it:
    /// futures, streams, several asks at once, cancelling, and keys that are not
    /// visible ASCII.
    #[must_use]
    pub fn of_type(mut self, actor_type: &str) -> Self {
        self.actor_type = Some(actor_type.into());
        self
    }

    pub(crate) async fn content(
        &self,
        request: http::Request<Body>,
    ) -> Result<(Content, Said), Status> {
        let actor_type = self.actor_type.as_deref();
        Content::of_stub(Arc::clone(&self.link), actor_type, &self.key, request).await
    }

    async fn send(&self, request: http::Request<Body>) -> Result<http::Response<Body>, Error> {
        let (content, said) = self.content(request).await?;
        let id = said.message_id.unwrap_or_else(new_id);
        let settings = &self.link.settings;
        let Some(stub) = content.direct() else {
            return by_name(&content, &id, said.timeout).await;
        };
        let timeout = said.timeout.unwrap_or(match When::is_in(stub.headers()) {
            true => settings.tell_timeout,
            false => settings.ask_timeout,
        });
        let answer = content.call(stub, stub.headers().clone(), &id, timeout).await?;
        Ok(answer.map(Body::new))
    }
}

/// Makes a stub's call by name: the key fits into no header.
async fn by_name(
    content: &Content,
    id: &str,
    timeout: Option<Duration>,
) -> Result<http::Response<Body>, Error> {
    let fail = |status| Error::sent(status, id);
    if content.stub.as_ref().is_some_and(|stub| When::is_in(stub.headers())) {
        let detail = "metadata cannot say how the message is sent when its key is not visible \
                      ASCII; CallExt::message can";
        return Err(fail(invalid("callboard-key", detail)));
    }
    let (payload, receipt) = match content.ask(id, timeout).await {
        // Of a stub's method it is not known whether it is a tell, and the gateway
        // says so before it stores anything.
        Err(error) if is_of_a_tell(&error) => {
            let receipt = content.tell(id, None, timeout).await?;
            (Payload::Encoded(Bytes::new()), Some(receipt))
        }
        asked => asked?,
    };
    let body =
        payload::encoded(payload).and_then(|payload| frame::write(&payload)).map_err(fail)?;
    let status = HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    )]);
    let body = Full::new(body).with_trailers(std::future::ready(Some(Ok(status))));
    let mut response = http::Response::new(Body::new(body));
    if let Some(receipt) = receipt {
        receipt.write(response.headers_mut());
    }
    Ok(response)
}

fn is_of_a_tell(error: &Error) -> bool {
    error.kind() == ErrorKind::InvalidRequest
        && error.metadata().get("field").is_some_and(|field| field == "message.method")
}

impl Service<http::Request<Body>> for Channel {
    type Response = http::Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let channel = self.clone();
        if capture::is_waiting() {
            capture::put(channel, request);
            return pending().boxed();
        }
        async move { channel.send(request).await.map_err(Status::from) }.boxed()
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actor_type = self.actor_type.as_deref().unwrap_or_default();
        f.debug_tuple("Channel").field(&Address::new(actor_type, &*self.key)).finish()
    }
}
