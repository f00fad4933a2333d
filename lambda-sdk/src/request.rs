//! A message for an actor, before it is sent.

use bytes::Bytes;
use prost::Message;

/// A message for an actor: the method that handles it, and the encoded request.
///
/// ```
/// use callboard_lambda_sdk::{Request, prost_types::Timestamp};
///
/// let request = Request::new("clock.v1.Clock", "utc", "Set", &Timestamp::default());
/// assert_eq!(request.method(), "Set");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub(crate) actor_type: String,
    pub(crate) key: String,
    pub(crate) method: String,
    pub(crate) payload: Bytes,
}

impl Request {
    /// A message for the actor of a type that has a key. The request should name
    /// the same key in its own key field.
    #[must_use]
    pub fn new(actor_type: &str, key: &str, method: &str, request: &impl Message) -> Self {
        Self {
            actor_type: actor_type.to_owned(),
            key: key.to_owned(),
            method: method.to_owned(),
            payload: request.encode_to_vec().into(),
        }
    }

    /// The method that handles it.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }
}
