//! The extensions inside one environment, as far as the Extensions API shows them.
//!
//! An extension registers while the process starts, then polls for events. One that asked for
//! INVOKE events belongs to each invocation: the environment is free again only when it polls.
//! No I/O here; the environment owns this and is the one to call it.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::invocation::{Invocation, unix_ms};

/// AWS's limit.
const EXTENSIONS_MAX: usize = 10;

/// What an extension can be told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum EventKind {
    Invoke,
    Shutdown,
}

/// Why a registration or a poll is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("extensions register before the runtime asks for its first invocation")]
    RegistrationClosed,
    #[error("too many extensions")]
    TooMany,
    #[error("no extension has this identifier")]
    Unknown,
}

/// All extensions of an environment.
#[derive(Debug, Default)]
pub(super) struct Extensions(Vec<Extension>);

#[derive(Debug)]
struct Extension {
    id: String,
    events: Vec<EventKind>,
    /// Its poll, held open.
    waiting: Option<oneshot::Sender<Result<Bytes, Error>>>,
}

impl Extensions {
    /// Takes a new extension and returns its identifier.
    pub(super) fn register(&mut self, events: Vec<EventKind>) -> Result<String, Error> {
        if self.0.len() >= EXTENSIONS_MAX {
            return Err(Error::TooMany);
        }
        let id = Uuid::now_v7().to_string();
        self.0.push(Extension { id: id.clone(), events, waiting: None });
        Ok(id)
    }

    /// Holds an extension's poll until there is an event for it.
    pub(super) fn poll(&mut self, id: &str, reply: oneshot::Sender<Result<Bytes, Error>>) {
        match self.0.iter_mut().find(|extension| extension.id == id) {
            Some(extension) => extension.waiting = Some(reply),
            None => {
                let _ = reply.send(Err(Error::Unknown));
            }
        }
    }

    /// Whether all that take part in invocations wait for one.
    pub(super) fn ready(&self) -> bool {
        self.0
            .iter()
            .filter(|extension| extension.events.contains(&EventKind::Invoke))
            .all(|extension| extension.waiting.as_ref().is_some_and(|reply| !reply.is_closed()))
    }

    pub(super) fn invoke(&mut self, invocation: &Invocation, arn: &str, deadline: SystemTime) {
        if self.0.is_empty() {
            return;
        }
        self.tell(
            EventKind::Invoke,
            &json!({
                "eventType": "INVOKE",
                "deadlineMs": unix_ms(deadline) as u64,
                "requestId": invocation.id,
                "invokedFunctionArn": arn,
                "tracing": {
                    "type": "X-Amzn-Trace-Id",
                    "value": String::from_utf8_lossy(invocation.trace.as_bytes()),
                },
            }),
        );
    }

    pub(super) fn shutdown(&mut self, grace: Duration) {
        self.tell(
            EventKind::Shutdown,
            &json!({
                "eventType": "SHUTDOWN",
                "shutdownReason": "spindown",
                "deadlineMs": unix_ms(SystemTime::now() + grace) as u64,
            }),
        );
    }

    fn tell(&mut self, kind: EventKind, event: &Value) {
        let event = Bytes::from(event.to_string());
        for extension in &mut self.0 {
            if extension.events.contains(&kind)
                && let Some(reply) = extension.waiting.take()
            {
                let _ = reply.send(Ok(event.clone()));
            }
        }
    }
}
