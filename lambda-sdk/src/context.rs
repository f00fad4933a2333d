//! What a handler can ask about its message.

use std::time::SystemTime;

use callboard_mailbox::drain::Run;
use callboard_mailbox::{Address, Timestamp};

/// What a handler can ask about the message that it handles.
#[derive(Debug)]
pub struct Context<'a> {
    address: &'a Address,
    run: &'a Run,
}

impl<'a> Context<'a> {
    pub(crate) fn new(address: &'a Address, run: &'a Run) -> Self {
        Self { address, run }
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

    /// The message's place in the actor's mailbox, contiguous from 1.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.run.sequence.0
    }

    /// How often the message has been tried, this time included. A try that
    /// ended in a crash counts when it was the first message of its run.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.run.attempt
    }

    /// When the gateway accepted the message, by the gateway's clock.
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
}

fn system_time(timestamp: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(timestamp.0)
}
