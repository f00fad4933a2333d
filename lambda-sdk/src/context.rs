//! What a handler can ask about its message, and what it can do besides
//! changing its actor and answering.

use std::time::{Duration, SystemTime};

use callboard_mailbox::drain::{Effects, Outgoing, Run, TimerChange};
use callboard_mailbox::limits::{
    DELAY_MAX, EFFECTS_MAX, MESSAGE_BYTES_MAX, SEND_BYTES_MAX, TIMER_NAME_BYTES_MAX, TIMERS_MAX,
};
use callboard_mailbox::message::Kind;
use callboard_mailbox::{Address, Message, MessageId, Timestamp};
use tonic::{Code, Status};

use crate::error::{Error, Result, too_large};
use crate::request::Request;

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
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        address: &'a Address,
        run: &'a Run,
        now: Timestamp,
        timers: Vec<(String, Timestamp)>,
    ) -> Self {
        Self { address, run, now, timers, effects: Effects::default(), sent_bytes: 0 }
    }

    pub(crate) fn into_effects(self) -> Effects {
        self.effects
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
        self.run.timer.as_deref()
    }

    /// When the message was sent, by its sender's clock.
    #[must_use]
    pub fn sent_at(&self) -> SystemTime {
        system_time(self.run.message.sent_at)
    }

    /// When the caller stops waiting; `None` for a tell.
    #[must_use]
    pub fn deadline(&self) -> Option<SystemTime> {
        self.run.message.deadline.map(system_time)
    }

    /// The value of a header that came with the message, such as `traceparent`.
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
    /// RESOURCE_EXHAUSTED beyond the limits: 256 KiB a message, 768 KiB and 80
    /// messages a handler, of which each change of a timer takes two.
    pub fn tell(&mut self, request: Request) -> Result<()> {
        self.send(request, None)
    }

    /// As [`Context::tell`], delivered after a delay of at most 366 days.
    ///
    /// # Errors
    /// As [`Context::tell`]; INVALID_ARGUMENT when the delay is too long.
    pub fn tell_after(&mut self, delay: Duration, request: Request) -> Result<()> {
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
    pub fn set_timer(&mut self, name: &str, delay: Duration, request: Request) -> Result<()> {
        if !(1..=TIMER_NAME_BYTES_MAX).contains(&name.len()) {
            let limit = TIMER_NAME_BYTES_MAX;
            return Err(invalid(format!("the name of a timer has 1 to {limit} bytes")));
        }
        let at = self.after(delay)?;
        let (to, message) = self.message(request)?;
        if to != *self.address {
            return Err(invalid(format!("a timer is for the actor itself, and this is for {to}")));
        }
        self.take_room(2, &message)?;
        self.timers.retain(|(set, _)| set != name);
        if self.timers.len() >= TIMERS_MAX {
            let text = format!("an actor has at most {TIMERS_MAX} timers");
            return Err(Error::terminal(Status::new(Code::ResourceExhausted, text)));
        }
        self.timers.push((name.to_owned(), at));
        self.effects.timers.push(TimerChange::Set { name: name.to_owned(), at, message });
        Ok(())
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
        self.timers.iter().map(|(name, at)| (name.as_str(), system_time(*at)))
    }

    fn send(&mut self, request: Request, at: Option<Timestamp>) -> Result<()> {
        let (to, message) = self.message(request)?;
        self.take_room(1, &message)?;
        self.effects.sends.push(Outgoing { to, message, at });
        Ok(())
    }

    fn after(&self, delay: Duration) -> Result<Timestamp> {
        if delay > DELAY_MAX {
            let days = DELAY_MAX.as_secs() / 86_400;
            return Err(invalid(format!("a delay is at most {days} days")));
        }
        Ok(self.now.plus(delay))
    }

    fn message(&self, request: Request) -> Result<(Address, Message)> {
        let to = Address::new(&request.actor_type, &request.key)
            .map_err(|error| invalid(format!("the message has no valid address: {error}")))?;
        if request.payload.len() > MESSAGE_BYTES_MAX {
            return Err(too_large("message", MESSAGE_BYTES_MAX, request.payload.len()));
        }
        let mut random = [0; 10];
        random.fill_with(|| fastrand::u8(..));
        let message = Message {
            id: MessageId::from_time(self.now, &random),
            kind: Kind::Tell,
            method: request.method,
            payload: request.payload,
            sent_at: self.now,
            deadline: None,
            // The trace goes on.
            headers: self.run.message.headers.clone(),
            receipt: false,
            sender: Some(self.address.clone()),
        };
        Ok((to, message))
    }

    fn take_room(&mut self, items: usize, message: &Message) -> Result<()> {
        let used = self.effects.sends.len() + 2 * self.effects.timers.len();
        if used + items > EFFECTS_MAX {
            let text = format!(
                "a handler may send at most {EFFECTS_MAX} messages, of which each change of a \
                 timer takes two"
            );
            return Err(Error::terminal(Status::new(Code::ResourceExhausted, text)));
        }
        self.sent_bytes += message.encoded_len();
        if self.sent_bytes > SEND_BYTES_MAX {
            return Err(too_large("messages of a handler", SEND_BYTES_MAX, self.sent_bytes));
        }
        Ok(())
    }
}

fn invalid(text: String) -> Error {
    Error::terminal(Status::invalid_argument(text))
}

fn system_time(timestamp: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(timestamp.0)
}
