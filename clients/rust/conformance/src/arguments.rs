//! What operations are given.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use callboard_client::{Address, Channel, Client, Message, key};
use opentelemetry::Context;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::Failure;

const ACTOR_TYPE: &str = "callboard.conformance.v1.Interpreter";

/// What `connect` is given.
#[derive(Deserialize)]
pub(crate) struct Connect {
    pub(crate) url: String,
    pub(crate) ask_timeout_ms: Option<u64>,
    pub(crate) tell_timeout_ms: Option<u64>,
    pub(crate) retry_attempts: Option<u32>,
    pub(crate) retry_base_ms: Option<u64>,
    pub(crate) retry_cap_ms: Option<u64>,
    pub(crate) token: Option<String>,
    pub(crate) api_key: Option<String>,
    pub(crate) ca_file: Option<String>,
    pub(crate) cert_file: Option<String>,
    pub(crate) key_file: Option<String>,
}

/// What is said of a message, or of its id alone.
#[derive(Deserialize)]
pub(crate) struct Said {
    #[serde(default)]
    pub(crate) via: String,
    #[serde(default)]
    pub(crate) method: String,
    #[serde(default, deserialize_with = "joined")]
    key: String,
    #[serde(default)]
    request: Value,
    pub(crate) message_id: Option<String>,
    timeout_ms: Option<u64>,
    delay_ms: Option<u64>,
    deliver_at: Option<String>,
    #[serde(default)]
    pub(crate) trace: Trace,
}

/// The headers of the context of OpenTelemetry in which the call is made.
#[derive(Default, Deserialize)]
pub(crate) struct Trace(HashMap<String, String>);

impl Trace {
    pub(crate) fn context(&self) -> Context {
        let propagators: Vec<Box<dyn TextMapPropagator + Send + Sync>> =
            vec![Box::new(TraceContextPropagator::new()), Box::new(BaggagePropagator::new())];
        TextMapCompositePropagator::new(propagators).extract(&self.0)
    }
}

/// What `ask_many` is given.
#[derive(Deserialize)]
pub(crate) struct Many {
    pub(crate) asks: Vec<Said>,
    pub(crate) timeout_ms: Option<u64>,
    #[serde(default)]
    pub(crate) trace: Trace,
}

impl Said {
    pub(crate) fn address(&self) -> Address {
        Address::new(ACTOR_TYPE, self.key.as_str())
    }

    pub(crate) fn channel(&self, client: &Client) -> Channel {
        client.actor(&self.key)
    }

    pub(crate) fn is_typed(&self) -> bool {
        self.via == "typed"
    }

    /// The request in JSON.
    pub(crate) fn request(&self) -> String {
        match &self.request {
            Value::Null => "{}".to_owned(),
            request => request.to_string(),
        }
    }

    /// The id of the message that the operation is about.
    pub(crate) fn id(&self) -> Result<&str, Failure> {
        self.message_id.as_deref().ok_or_else(|| "there is no message_id".into())
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout_ms.map(Duration::from_millis)
    }

    /// The same message, with what is said of it besides.
    pub(crate) fn complete<R>(&self, mut message: Message<R>) -> Result<Message<R>, Failure> {
        if let Some(id) = &self.message_id {
            message = message.with_id(id);
        }
        if let Some(timeout) = self.timeout() {
            message = message.timeout(timeout);
        }
        if let Some(delay) = self.delay_ms {
            message = message.after(Duration::from_millis(delay));
        }
        if let Some(time) = &self.deliver_at {
            let time: prost_types::Timestamp = time.parse()?;
            message = message.at(SystemTime::try_from(time)?);
        }
        Ok(message)
    }

    /// The message by name.
    pub(crate) fn named(&self, client: &Client) -> Result<Message<String>, Failure> {
        let method = self.method.as_str();
        self.complete(client.json_message(self.address(), method, self.request()))
    }
}

/// A key is a text, or a list of its parts.
fn joined<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Key {
        Text(String),
        Parts(Vec<String>),
    }
    Ok(match Key::deserialize(deserializer)? {
        Key::Text(text) => text,
        Key::Parts(parts) => key(&parts),
    })
}
