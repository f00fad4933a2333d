//! What a handler can ask about its message, and what it can do besides
//! changing its actor and answering.

use std::time::{Duration, SystemTime};

use callboard_mailbox::drain::{Effects, Outgoing, Run, TimerChange};
use callboard_mailbox::limits::{
    CORRELATION_BYTES_MAX, DELAY_MAX, MESSAGE_BYTES_MAX, RELAY_BYTES_MAX, REPLY_BYTES_MAX,
    SEND_BYTES_MAX, SENDS_MAX, TIMED_ASKS_MAX, TIMER_NAME_BYTES_MAX, TIMERS_MAX, TIMERS_SET_MAX,
};
use callboard_mailbox::message::{self, AnswerTo, Kind};
use callboard_mailbox::reply::Outcome;
use callboard_mailbox::{Address, Message, MessageId, Timestamp};
use serde::Serialize;
use tonic::{Code, Status};

use crate::answer::{self, ASK_TIMER, AnswerHandler, Later, is_ask_timer};
use crate::error::{Error, Result, too_large};
use crate::request::Request;
use crate::trace::Trace;

/// What a handler can ask about the message that it handles, and what it can do
/// besides changing its actor and answering.
///
/// What it sends and which timers it changes takes effect with the commit of the
/// message, or not at all: nothing of it when the handler fails.
#[derive(Debug)]
pub struct Context<'a> {
    address: &'a Address,
    run: &'a Run,
    now: Timestamp,
    /// The named timers, each with its time.
    timers: Vec<(String, Timestamp)>,
    effects: Effects,
    sent_bytes: usize,
    /// The answer comes later.
    is_later: bool,
    is_deleted: bool,
    trace: &'a Trace,
}

/// How long an ask of an actor waits for its answer, unless it says otherwise.
const ASK_TIMEOUT: Duration = Duration::from_secs(60);

/// An ask of an actor, before it is sent: see [`Context::ask`].
#[must_use = "an ask is sent by `then`"]
#[derive(Debug)]
pub struct Ask<'c, 'a, R> {
    context: &'c mut Context<'a>,
    request: Request<R>,
    timeout: Option<Duration>,
}

impl<R> Ask<'_, '_, R> {
    /// How long to wait for the answer, instead of 60 s.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// Waits as long as it takes: for an answer that may take days, or where a timer
    /// of the actor's own ends the waiting for many asks at once. When the other
    /// actor is suspended, no answer may ever come.
    pub fn without_timeout(self) -> Self {
        Self { timeout: None, ..self }
    }

    /// Sends it. The answer goes to a method of this actor that has the option
    /// `answer`, with the correlation: whatever that handler needs to know, at most
    /// 4 KiB as JSON.
    ///
    /// # Errors
    /// As [`Context::tell`]; INVALID_ARGUMENT when the handler is of another actor
    /// type, RESOURCE_EXHAUSTED for a correlation that is too large and for more than
    /// 32 asks that wait with a time-out.
    pub fn then(self, handler: AnswerHandler<R>, correlation: impl Serialize) -> Result<()> {
        let Self { context, request, timeout } = self;
        context.send_ask(request, timeout, handler, &correlation)
    }
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        address: &'a Address,
        run: &'a Run,
        now: Timestamp,
        timers: Vec<(String, Timestamp)>,
        trace: &'a Trace,
    ) -> Self {
        Self {
            address,
            run,
            now,
            timers,
            effects: Effects::default(),
            sent_bytes: 0,
            is_later: false,
            is_deleted: false,
            trace,
        }
    }

    pub(crate) fn into_effects(self) -> Effects {
        self.effects
    }

    pub(crate) fn is_later(&self) -> bool {
        self.is_later
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.is_deleted
    }

    pub(crate) fn address(&self) -> &Address {
        self.address
    }

    /// The actor's own key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.address.key()
    }

    /// The actor's own type.
    #[must_use]
    pub fn actor_type(&self) -> &str {
        self.address.actor_type()
    }

    /// The message's id, unique among the messages to this actor.
    #[must_use]
    pub fn message_id(&self) -> &str {
        self.run.message.id.as_str()
    }

    /// The message's place in the log of the actor's mailbox, contiguous from 1;
    /// `None` for a message that another actor sent, a delayed one and a timer.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        self.run.sequence.map(|sequence| sequence.0)
    }

    /// How often the message has been tried, this time included. A try that
    /// ended in a crash counts when it was the first message of its run.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.run.attempt
    }

    /// The type and the key of the actor that sent the message; `None` when it
    /// came through a gateway.
    #[must_use]
    pub fn sender(&self) -> Option<(&str, &str)> {
        let sender = self.run.message.sender.as_ref();
        sender.map(|sender| (sender.actor_type(), sender.key()))
    }

    /// The name of the timer that fired; `None` for any other message.
    #[must_use]
    pub fn timer(&self) -> Option<&str> {
        self.run.timer.as_deref().filter(|name| !is_ask_timer(name))
    }

    /// The time at which the handler began, by its function's clock; that of the test
    /// in a test.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.now.into()
    }

    /// When the message was sent, by its sender's clock.
    #[must_use]
    pub fn sent_at(&self) -> SystemTime {
        self.run.message.sent_at.into()
    }

    /// When the caller stops waiting; `None` for a tell.
    #[must_use]
    pub fn deadline(&self) -> Option<SystemTime> {
        self.run.message.deadline.map(SystemTime::from)
    }

    /// The value of a header that came with the message, such as `traceparent`; or
    /// `callboard-principal`, where callers show who they are: `jwt:alice`. Headers go on
    /// with what this actor sends, so it is who has sent the message from outside that led
    /// to this one. No caller can set it.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.run.message.headers.iter();
        headers.find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// Sends a message to an actor, perhaps this one. What one actor sends to
    /// another is handled in the order in which it was sent.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when the request's type or key is not valid,
    /// RESOURCE_EXHAUSTED beyond the limits: 256 KiB a message, 768 KiB and 500
    /// messages a handler, and 380 KiB for those that do not fit into one commit.
    pub fn tell<R>(&mut self, request: Request<R>) -> Result<()> {
        self.send(request, None)
    }

    /// Asks an actor. Nothing waits: the answer comes back as a message to this
    /// actor, and so does the time-out, after 60 s unless the ask says otherwise. So
    /// actors that ask each other in a circle cannot lock each other up.
    ///
    /// ```text
    /// ctx.ask(AccountRef::new("bob").debit(DebitRequest { cents: 500, ..Default::default() }))
    ///     .timeout(Duration::from_secs(10))
    ///     .then(TransferService::ON_DEBITED, "bob")?;
    /// ```
    pub fn ask<R>(&mut self, request: Request<R>) -> Ask<'_, 'a, R> {
        Ask { context: self, request, timeout: Some(ASK_TIMEOUT) }
    }

    /// Lets another actor answer whoever waits for this message: `return
    /// ctx.forward(…)`. It is sent with the commit of this message.
    ///
    /// # Errors
    /// As [`Context::tell`]. When it succeeds, too: a handler that has no answer of
    /// its own returns this.
    pub fn forward<R>(&mut self, request: Request<R>) -> Result<R> {
        let answer_to = self.run.message.waits(self.address).map(Box::new);
        let kind = if answer_to.is_some() { "ask" } else { "tell" };
        let (to, message) = self.message(request, kind)?;
        self.post(to, Message { answer_to, ..message }, None)?;
        self.is_later = true;
        Err(Error::later())
    }

    /// Promises to answer whoever waits for this message later, from another one.
    /// `keep` puts the promise into the actor's state; [`Context::reply`] and
    /// [`Context::refuse`] keep it.
    ///
    /// ```text
    /// async fn winner(&mut self, _: WinnerRequest, ctx: &mut Context<'_>) -> Result<WinnerResponse> {
    ///     match &self.winner {
    ///         Some(name) => Ok(WinnerResponse { name: name.clone() }),
    ///         None => ctx.reply_later(|later| self.waiting.push(later)),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// Always: a handler that has no answer of its own returns this.
    pub fn reply_later<R>(&mut self, keep: impl FnOnce(Later<R>)) -> Result<R> {
        keep(Later::new(self.run.message.waits(self.address)));
        self.is_later = true;
        Err(Error::later())
    }

    /// Answers what was left open before.
    ///
    /// A response of more than 256 KiB is one that cannot be given: whoever waits gets
    /// RESOURCE_EXHAUSTED in its place.
    ///
    /// # Errors
    /// As [`Context::tell`]: an answer counts as a message.
    pub fn reply<R: prost::Message>(&mut self, later: Later<R>, response: &R) -> Result<()> {
        let response = response.encode_to_vec();
        if response.len() > REPLY_BYTES_MAX {
            let refused = too_large("reply", REPLY_BYTES_MAX, response.len());
            let status = refused.status().expect("too large is terminal").clone();
            return self.refuse(later, &status);
        }
        self.answer(later, Outcome::Ok(response.into()))
    }

    /// Refuses what was left open before.
    ///
    /// # Errors
    /// As [`Context::reply`].
    pub fn refuse<R>(&mut self, later: Later<R>, status: &Status) -> Result<()> {
        self.answer(later, answer::failed(status))
    }

    /// Deletes the actor: its state and its timers, after this message. Messages that
    /// wait, and those to come, find an actor that never had one.
    pub fn delete(&mut self) {
        // What this handler has set goes, too: it is never stored.
        self.effects.timers.retain(|change| matches!(change, TimerChange::Cancel { .. }));
        let set = self.timers.drain(..).map(|(name, _)| TimerChange::Cancel { name });
        self.effects.timers.extend(set);
        self.is_deleted = true;
    }

    /// As [`Context::tell`], delivered after a delay of at most 366 days.
    ///
    /// # Errors
    /// As [`Context::tell`]; INVALID_ARGUMENT when the delay is too long.
    pub fn tell_after<R>(&mut self, delay: Duration, request: Request<R>) -> Result<()> {
        let at = self.after(delay)?;
        self.send(request, Some(at))
    }

    /// Sets a timer: this actor gets the message after the delay, once. A timer
    /// of the same name that is set is replaced.
    ///
    /// # Errors
    /// As [`Context::tell_after`]; INVALID_ARGUMENT when the request is for
    /// another actor or the name is not 1 to 64 bytes, RESOURCE_EXHAUSTED for
    /// more than 32 timers.
    pub fn set_timer<R>(&mut self, name: &str, delay: Duration, request: Request<R>) -> Result<()> {
        if !(1..=TIMER_NAME_BYTES_MAX).contains(&name.len()) || is_ask_timer(name) {
            let limit = TIMER_NAME_BYTES_MAX;
            return Err(invalid(format!(
                "the name of a timer has 1 to {limit} bytes, and begins with no {ASK_TIMER}"
            )));
        }
        let at = self.after(delay)?;
        let (to, message) = self.message(request, "timer")?;
        if to != *self.address {
            let text = "a timer is for the actor itself, and this request is for another one";
            return Err(invalid(text.to_owned()));
        }
        self.take_room(message.encoded_len())?;
        self.timers.retain(|(set, _)| set != name);
        if self.timers().count() >= TIMERS_MAX {
            return Err(exhausted(format!("an actor has at most {TIMERS_MAX} timers")));
        }
        self.timers.push((name.to_owned(), at));
        self.change(TimerChange::Set { name: name.to_owned(), at, message })
    }

    /// Cancels a timer; false when none of this name is set.
    pub fn cancel_timer(&mut self, name: &str) -> bool {
        let before = self.timers.len();
        self.timers.retain(|(set, _)| set != name);
        let was_set = self.timers.len() < before;
        if was_set {
            self.effects.timers.push(TimerChange::Cancel { name: name.to_owned() });
        }
        was_set
    }

    /// The timers that are set, each with its time.
    pub fn timers(&self) -> impl Iterator<Item = (&str, SystemTime)> {
        let named = self.timers.iter().filter(|(name, _)| !is_ask_timer(name));
        named.map(|(name, at)| (name.as_str(), SystemTime::from(*at)))
    }

    /// The ask whose answer is this message waits no more; false when it did not.
    pub(crate) fn end_ask(&mut self) -> bool {
        self.cancel_timer(&answer::timer(self.message_id()))
    }

    /// Whether the message is the time-out of an ask.
    pub(crate) fn is_ask_timeout(&self) -> bool {
        self.run.timer.as_deref().is_some_and(is_ask_timer)
    }

    fn send<R>(&mut self, request: Request<R>, at: Option<Timestamp>) -> Result<()> {
        let (to, message) = self.message(request, "tell")?;
        self.post(to, message, at)
    }

    fn post(&mut self, to: Address, message: Message, at: Option<Timestamp>) -> Result<()> {
        self.take_room(message.encoded_len())?;
        self.effects.sends.push(Outgoing { to, message, at });
        Ok(())
    }

    fn send_ask<R>(
        &mut self,
        request: Request<R>,
        timeout: Option<Duration>,
        handler: AnswerHandler<R>,
        correlation: &impl Serialize,
    ) -> Result<()> {
        if handler.actor_type != self.actor_type() {
            return Err(invalid(format!("{handler:?} is no method of {}", self.actor_type())));
        }
        let correlation = serde_json::to_vec(correlation)?;
        if correlation.len() > CORRELATION_BYTES_MAX {
            return Err(too_large("correlation", CORRELATION_BYTES_MAX, correlation.len()));
        }
        let token = answer::token(timeout.is_some(), &correlation);
        // The id of the answer, in this actor's own mailbox.
        let id = new_id(self.now);
        let (to, message) = self.message(request, "ask")?;
        if let Some(timeout) = timeout {
            let at = self.after(timeout)?;
            let waiting = self.timers.iter().filter(|(name, _)| is_ask_timer(name));
            if waiting.count() >= TIMED_ASKS_MAX {
                return Err(exhausted(format!(
                    "at most {TIMED_ASKS_MAX} asks of an actor wait with a time-out; ask the \
                     others without one, and set a timer for all of them"
                )));
            }
            let answer = message::Answer { token: token.clone(), outcome: answer::timeout() };
            let name = answer::timer(id.as_str());
            self.timers.push((name.clone(), at));
            let message = Message {
                id: id.clone(),
                method: handler.method.to_owned(),
                payload: answer.encoded(),
                ..message.clone()
            };
            self.change(TimerChange::Set { name, at, message })?;
        }
        let method = handler.method.to_owned();
        // The message's own headers have its trace.
        let (address, traceparent) = (self.address.clone(), None);
        let answer_to = AnswerTo::Actor { address, id, method, token, traceparent };
        let deadline = timeout.map(|timeout| self.now.plus(timeout));
        let answer_to = Some(Box::new(answer_to));
        self.post(to, Message { deadline, answer_to, ..message }, None)
    }

    fn answer<R>(&mut self, later: Later<R>, outcome: Outcome) -> Result<()> {
        // Nobody waits for a tell.
        let Some(to) = later.to else { return Ok(()) };
        self.take_room(outcome.size())?;
        let to = self.trace.reply(to, outcome.size());
        self.effects.answers.push((to, outcome));
        Ok(())
    }

    fn change(&mut self, change: TimerChange) -> Result<()> {
        let is_set = |change: &&TimerChange| matches!(change, TimerChange::Set { .. });
        if self.effects.timers.iter().filter(is_set).count() >= TIMERS_SET_MAX {
            return Err(exhausted(format!(
                "a handler may set at most {TIMERS_SET_MAX} timers, asks with a time-out included"
            )));
        }
        self.effects.timers.push(change);
        Ok(())
    }

    fn after(&self, delay: Duration) -> Result<Timestamp> {
        if delay > DELAY_MAX {
            let days = DELAY_MAX.as_secs() / 86_400;
            return Err(invalid(format!("a delay is at most {days} days")));
        }
        Ok(self.now.plus(delay))
    }

    /// The message that a request is; `kind` is what its span calls it.
    fn message<R>(&self, request: Request<R>, kind: &'static str) -> Result<(Address, Message)> {
        let to = Address::new(&request.actor_type, &request.key).map_err(|error| {
            let Request { actor_type, method, .. } = &request;
            invalid(format!("a message for {actor_type}/{method} has no valid key: {error}"))
        })?;
        if request.payload.len() > MESSAGE_BYTES_MAX {
            return Err(too_large("message", MESSAGE_BYTES_MAX, request.payload.len()));
        }
        let mut message = Message {
            id: new_id(self.now),
            kind: Kind::Tell,
            method: request.method,
            payload: request.payload,
            sent_at: self.now,
            deadline: None,
            // What travels with a message goes on with those that it leads to.
            headers: self.run.message.headers.clone(),
            receipt: false,
            sender: Some(self.address.clone()),
            answer_to: None,
        };
        self.trace.send(&to, &mut message, kind);
        Ok((to, message))
    }

    fn take_room(&mut self, bytes: usize) -> Result<()> {
        if self.effects.sends.len() + self.effects.answers.len() >= SENDS_MAX {
            return Err(exhausted(format!(
                "a handler may send and answer at most {SENDS_MAX} messages"
            )));
        }
        self.sent_bytes += bytes;
        if self.sent_bytes > SEND_BYTES_MAX {
            return Err(too_large("messages of a handler", SEND_BYTES_MAX, self.sent_bytes));
        }
        Ok(())
    }

    /// Whether all that is sent fits into one commit and one relay.
    pub(crate) fn check(&self) -> Result<()> {
        match self.effects.relayed_bytes() {
            bytes if bytes > RELAY_BYTES_MAX => {
                Err(too_large("messages of a handler beyond the first", RELAY_BYTES_MAX, bytes))
            }
            _ => Ok(()),
        }
    }
}

/// A new message id.
pub(crate) fn new_id(now: Timestamp) -> MessageId {
    let mut random = [0; 10];
    random.fill_with(|| fastrand::u8(..));
    MessageId::from_time(now, &random)
}

fn exhausted(text: String) -> Error {
    Error::refused(Code::ResourceExhausted, text)
}

fn invalid(text: String) -> Error {
    Error::terminal(Status::invalid_argument(text))
}
