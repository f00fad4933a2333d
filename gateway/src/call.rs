//! The whole life of a call.

mod in_order;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callboard_mailbox::limits::DELAY_MAX;
use callboard_mailbox::message::{Digest, Kind, Message};
use callboard_mailbox::reply::{Outcome, ReplyKey};
use callboard_mailbox::store::Cancelled;
use callboard_mailbox::{Address, MessageId, Sequence, Store, Timestamp};
use opentelemetry::Context;
use tokio::sync::{SemaphorePermit, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::access::Principal;
use crate::access::policy::Deed;
use crate::answer::{answer, wait};
use crate::catalog::Route;
use crate::delay;
use crate::gateway::Gateway;
use crate::lane::{Command, Envelope};
use crate::read;
use crate::refusal::{Refusal, Stored};
use crate::spans;

pub use crate::answer::{Answer, Receipt, Refused};
pub(crate) use in_order::Tell;

/// The longest time by which the gateway answers before the caller's deadline,
/// so that the answer, and not the caller's own timer, tells what happened.
const ANSWER_EARLIER_MAX: Duration = Duration::from_millis(50);

/// The longest deadline that is kept; a later one counts as this. An ask that
/// takes longer is better sent as a tell.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3_600);

/// The header in which a message tells its actor who has sent it.
const PRINCIPAL: &str = "callboard-principal";

/// A call, as a door took it in.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The path, `/bank.v1.Account/Deposit`.
    pub path: String,
    /// The encoded request.
    pub payload: Bytes,
    /// How long the caller waits.
    pub timeout: Option<Duration>,
    /// Headers that travel with the message.
    pub headers: Vec<(String, String)>,
    /// The id that the caller gives the message: sent again with the same id, it
    /// is processed once. A read-only ask is no message, and its id means nothing:
    /// it is taken so that a client may give one to every call.
    pub message_id: Option<MessageId>,
    /// When the message is delivered; `None` for at once. Only for messages whose
    /// caller does not wait for a reply.
    pub deliver: Option<Deliver>,
    /// The actor's key. What the request has of it must be the same, and what it
    /// lacks of it is put into it. `None`: the request has it, or it is made.
    pub key: Option<String>,
    /// What the caller waits for.
    pub wait: Wait,
    /// Who calls.
    pub principal: Arc<Principal>,
}

/// What the caller of an ask waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// The reply.
    #[default]
    Reply,
    /// Until the message is durable, as with a tell. The reply is stored as
    /// always, and can be read by the message's id.
    Stored,
}

/// When a message is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliver {
    /// So long after the gateway has taken it.
    After(Duration),
    /// At a time, or at once when it is over.
    At(Timestamp),
}

impl<S: Store + 'static> Gateway<S> {
    /// Takes a call from its path and bytes to its answer. Whoever drops the
    /// future gives up the answer, not the message.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn call(self: &Arc<Self>, call: Call) -> Result<Answer, Refused> {
        let route = self.method(&call.principal, &call.path)?;
        self.call_method(route, call).await
    }

    /// As [`Gateway::call`], of a method that was looked up already: the call ends under
    /// the catalog that its request was read with.
    pub(crate) async fn call_method(
        self: &Arc<Self>,
        route: Arc<Route>,
        call: Call,
    ) -> Result<Answer, Refused> {
        let routed = self.address(route, call)?;
        self.perform(routed).await
    }

    /// The method of a path, if this caller may send it to some actor. A message for
    /// another one need not be looked at.
    pub(crate) fn method(&self, principal: &Principal, path: &str) -> Result<Arc<Route>, Refusal> {
        let route = self.catalog().route(path)?;
        if route.is_internal() {
            return Err(Refusal::InternalMethod { path: path.to_owned() });
        }
        let access = &self.settings.access;
        access.authorize_method(principal, path, route.actor_type(), route.method())?;
        Ok(route)
    }

    /// Finds out which actor a call is for. Nothing is sent yet.
    pub(crate) fn address(&self, route: Arc<Route>, mut call: Call) -> Result<Routed, Refusal> {
        let is_new = call.key.is_none() && route.makes_key(&call.payload);
        let new_key = is_new.then(|| self.new_key(route.actor_type(), &call));
        if let Some(key) = new_key.as_ref().or(call.key.as_ref()) {
            call.payload = route.with_key(&call.payload, key)?;
        }
        let address = route.address(&call.payload)?;
        let deed = Deed {
            actor_type: address.actor_type(),
            method: route.method(),
            key: new_key.is_none().then_some(address.key()),
            key_fields: route.method_schema().key().len(),
        };
        let access = &self.settings.access;
        access.authorize(&call.principal, &call.path, &deed)?;
        if access.is_guarded() {
            // Callers cannot give it: of theirs only some headers are taken, and none of
            // Callboard's own.
            call.headers.push((PRINCIPAL.to_owned(), call.principal.name.to_string()));
        }
        Ok(Routed { route, address, new_key, call })
    }

    /// Takes a call from its actor to its answer.
    pub(crate) async fn perform(self: &Arc<Self>, routed: Routed) -> Result<Answer, Refused> {
        // Until the message is stored, a gateway that drains waits for it.
        let storing = self.tasks.token();
        let _open = self.check(&routed)?;
        let Routed { route, address, new_key, call } = routed;

        let awaits_reply = !route.is_tell() && call.wait == Wait::Reply;
        let deadline = self.deadline(call.timeout, awaits_reply);
        if route.is_read_only() {
            only_at_once(&call)?;
            let payload = read::answer(self, &route, &address, call, deadline).await?;
            return Ok(Answer { payload, receipt: None });
        }
        let at = self.delivery(call.deliver, awaits_reply)?;
        let is_given = call.message_id.is_some();
        let mut message = self.message(&route, call, at);
        let (message_id, digest) = (message.id.clone(), message.digest());
        let receipt = |sequence, duplicate| Receipt {
            message_id: message_id.clone(),
            sequence,
            duplicate,
            new_key: new_key.clone(),
        };
        let key = ReplyKey::new(&address, &message_id);
        if is_given {
            let known = timeout_at(deadline, self.stored_reply(&key)).await;
            let known = known.map_err(|_| Refusal::SendTimeout { message_id: message_id.clone() });
            if let Some(answered) = known?? {
                let receipt = receipt(None, true);
                let is_open = answered.outcome == Outcome::Later && awaits_reply;
                if !is_open || answered.digest != digest {
                    return answer(awaits_reply, answered, digest, receipt);
                }
                // It is handled, and only its answer is missing: to send it again
                // would not bring it nearer.
                drop(storing);
                let ticket = self.replies.wait_for(key.clone());
                self.replies.left_open(&key);
                return wait(ticket, deadline, digest, receipt).await;
            }
        }
        // Before the message is sent, so that the reply cannot come first.
        let ticket = awaits_reply.then(|| self.replies.wait_for(key));
        let _open_ask = awaits_reply.then(|| self.metrics().ask_opened());
        let send = spans::send(&self.settings.telemetry, &address, &mut message);
        let stored = match at {
            None => {
                let messages = vec![(message, send.context())];
                self.store(&address, messages, deadline).await.map(Some)
            }
            Some(at) => {
                let stored = delay::store(self, &address, message, at, deadline);
                send.within(stored).await.map(|()| None)
            }
        };
        if let Err(refusal) = &stored {
            // Its reason alone: its text may have the actor's key.
            send.fail(refusal.reason(), "");
        }
        send.end();
        drop(storing);
        let receipt = receipt(stored?, false);

        match ticket {
            Some(ticket) => wait(ticket, deadline, digest, receipt).await,
            None => Ok(Answer { payload: Bytes::new(), receipt: Some(receipt) }),
        }
    }

    /// What is to be known of a message before it is sent, without asking the database;
    /// its place among the open calls.
    fn check(&self, routed: &Routed) -> Result<SemaphorePermit<'_>, Refusal> {
        let Routed { route, address, call, .. } = routed;
        let open = self.admit()?;
        self.rates.admit(&call.principal.name, address)?;
        self.functions.of(address.actor_type())?;
        route.validate(&call.payload)?;
        Ok(open)
    }

    /// Cancels a delayed message that is not yet due; false when no delayed
    /// message of this id waits.
    ///
    /// # Errors
    /// When the database does not answer: then it may be cancelled.
    pub async fn cancel(&self, address: &Address, id: &MessageId) -> Result<bool, Refusal> {
        let expires = (self.clock)().plus(self.settings.reply_retention);
        match self.store.cancel(address, id, expires).await {
            Ok(cancelled) => Ok(cancelled == Cancelled::Done),
            Err(error) => Err(Refusal::from_store(&error, Stored::Unknown)),
        }
    }

    /// A place among the open calls.
    pub(crate) fn admit(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        let unavailable =
            |detail: &str| Refusal::Unavailable { detail: detail.to_owned(), stored: Stored::No };
        if self.draining.is_cancelled() {
            return Err(unavailable("the gateway is shutting down"));
        }
        self.open_calls.try_acquire().map_err(|_| unavailable("too many calls are open"))
    }

    /// The key of a new actor. A message that has an id is sent to the same actor
    /// when its caller sends it again, and to another one when somebody else does.
    fn new_key(&self, actor_type: &str, call: &Call) -> String {
        let Some(id) = &call.message_id else { return new_id((self.clock)()).to_string() };
        // An id is visible ASCII, so this has one reading.
        let sent = format!("{id}\n{}", call.principal.name);
        let Digest(bytes) = Digest::of(actor_type, sent.as_bytes());
        uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
    }

    /// When a call is answered at the latest.
    pub(crate) fn deadline(&self, timeout: Option<Duration>, awaits_reply: bool) -> Instant {
        let default = match awaits_reply {
            true => self.settings.ask_timeout,
            false => self.settings.tell_timeout,
        };
        let timeout = timeout.unwrap_or(default).min(TIMEOUT_MAX);
        Instant::now() + timeout - (timeout / 10).min(ANSWER_EARLIER_MAX)
    }

    /// When a message is delivered; `None` for at once.
    fn delivery(
        &self,
        deliver: Option<Deliver>,
        awaits_reply: bool,
    ) -> Result<Option<Timestamp>, Refusal> {
        let now = (self.clock)();
        let (field, at) = match deliver {
            None => return Ok(None),
            Some(Deliver::After(delay)) => ("callboard-delay", now.plus(delay)),
            Some(Deliver::At(at)) => ("callboard-deliver-at", at),
        };
        let invalid = |detail: String| Refusal::Invalid { field: field.to_owned(), detail };
        if awaits_reply {
            let detail = "an ask whose caller waits cannot be delayed; send it as a tell";
            return Err(invalid(detail.into()));
        }
        if at.since(now) > DELAY_MAX {
            let days = DELAY_MAX.as_secs() / 86_400;
            return Err(invalid(format!("a message is delayed by {days} days at most")));
        }
        Ok(Some(at).filter(|at| *at > now))
    }

    fn message(&self, route: &Route, call: Call, at: Option<Timestamp>) -> Message {
        let sent_at = (self.clock)();
        let kind = if route.is_tell() { Kind::Tell } else { Kind::Ask };
        let timeout = call.timeout.unwrap_or(self.settings.ask_timeout).min(TIMEOUT_MAX);
        let awaits_reply = kind == Kind::Ask && call.wait == Wait::Reply;
        // Whoever gets the id of an ask instead of its reply may send it again.
        let is_left = kind == Kind::Ask && !awaits_reply;
        let receipt = call.message_id.is_some() || at.is_some() || is_left;
        Message {
            id: call.message_id.unwrap_or_else(|| new_id(sent_at)),
            kind,
            method: route.method().to_owned(),
            payload: call.payload,
            sent_at,
            deadline: awaits_reply.then(|| sent_at.plus(timeout)),
            headers: call.headers,
            receipt,
            sender: None,
            answer_to: None,
        }
    }

    /// Hands messages to their actor's lane, each with the span of its sending: in their
    /// order, all or none, so they must fit in one segment. The place of the first, once
    /// they are durable and somebody is sure to drain the mailbox.
    async fn store(
        self: &Arc<Self>,
        address: &Address,
        messages: Vec<(Message, Context)>,
        deadline: Instant,
    ) -> Result<Sequence, Refusal> {
        let message_id = messages[0].0.id.clone();
        let (sender, stored) = oneshot::channel();
        self.to_lane(address, Command::Send(Envelope { messages, stored: sender }))?;
        match timeout_at(deadline, stored).await {
            Ok(Ok(stored)) => stored,
            Ok(Err(_)) => Err(Refusal::Internal {
                detail: "the actor's lane broke; the message may be stored".into(),
            }),
            Err(_) => Err(Refusal::SendTimeout { message_id }),
        }
    }
}

/// A call whose actor is known.
pub(crate) struct Routed {
    route: Arc<Route>,
    address: Address,
    new_key: Option<String>,
    call: Call,
}

impl Routed {
    /// The actor that it is for.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }
}

/// An id that no other message has.
pub(crate) fn new_id(now: Timestamp) -> MessageId {
    let mut random = [0; 10];
    random.fill_with(|| fastrand::u8(..));
    MessageId::from_time(now, &random)
}

/// A read-only ask is no message: it cannot be left somewhere.
fn only_at_once(call: &Call) -> Result<(), Refusal> {
    let field = match (call.deliver, call.wait) {
        (None, Wait::Reply) => return Ok(()),
        (None, Wait::Stored) => "callboard-mode",
        (Some(Deliver::After(_)), _) => "callboard-delay",
        (Some(Deliver::At(_)), _) => "callboard-deliver-at",
    };
    let detail = "a read-only ask is answered at once, and leaves nothing behind";
    Err(Refusal::Invalid { field: field.to_owned(), detail: detail.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use callboard_mailbox::memory::MemoryStore;
    use callboard_proto::schema::Schema;

    use super::*;
    use crate::{Catalog, Functions, Settings};

    fn catalog(method: &str) -> Catalog {
        let source = format!(
            r#"
            syntax = "proto3";
            package t.v1;
            import "callboard/v1/options.proto";
            service A {{
              option (callboard.v1.actor) = {{}};
              rpc {method}(PutRequest) returns (PutResponse);
            }}
            message PutRequest {{ string key = 1 [(callboard.v1.field) = {{ key: true }}]; }}
            message PutResponse {{}}
            "#
        );
        Catalog::new(Schema::compile_sources(&[("t.proto", &source)]).expect("it is valid"))
    }

    #[tokio::test]
    async fn a_call_ends_under_the_catalog_that_its_request_was_read_with() {
        let config = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .build();
        let functions = Functions::new(&config, None, []);
        let clock = Arc::new(|| SystemTime::now().into());
        let settings = Settings::default();
        let gateway =
            Gateway::start(MemoryStore::default(), catalog("Put"), functions, settings, clock);
        let path = "/t.v1.A/Put";
        let route = gateway.method(&Principal::anonymous(), path).expect("it is there");
        gateway.serve_from_now_on(catalog("Store"));

        let payload = Bytes::from_static(b"\x0a\x01a");
        let call = Call { path: path.to_owned(), payload, ..Call::default() };
        let late = gateway.call(call.clone()).await.expect_err("it is gone");
        assert!(matches!(late.refusal, Refusal::UnknownMethod { .. }), "{late:?}");
        // It gets as far as to the function that there is none of.
        let read = gateway.call_method(route, call).await.expect_err("nobody handles it");
        assert!(matches!(read.refusal, Refusal::NotDeployed { .. }), "{read:?}");
    }
}
