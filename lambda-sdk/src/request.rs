//! A message for an actor, before it is sent.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use prost::Message;

/// A message for an actor: the method that handles it, and the encoded request. `R`
/// is the response of that method, `()` for a tell.
///
/// The references that `callboard-build` generates make them:
/// `AccountRef::new("bob").deposit(request)`.
///
/// ```
/// use callboard_lambda_sdk::{Request, prost_types::Timestamp};
///
/// let request: Request = Request::new("clock.v1.Clock", "utc", "Set", &Timestamp::default());
/// assert_eq!(request.method(), "Set");
/// ```
pub struct Request<R = ()> {
    pub(crate) actor_type: String,
    pub(crate) key: String,
    pub(crate) method: String,
    pub(crate) payload: Bytes,
    response: PhantomData<fn() -> R>,
}

impl<R> Request<R> {
    /// A message for the actor of a type that has a key. The request should name
    /// the same key in its own key field.
    #[must_use]
    pub fn new(actor_type: &str, key: &str, method: &str, request: &impl Message) -> Self {
        Self {
            actor_type: actor_type.to_owned(),
            key: key.to_owned(),
            method: method.to_owned(),
            payload: request.encode_to_vec().into(),
            response: PhantomData,
        }
    }

    /// The type of the actor.
    #[must_use]
    pub fn actor_type(&self) -> &str {
        &self.actor_type
    }

    /// The key of the actor.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The method that handles it.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The encoded request.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }
}

impl<R> Clone for Request<R> {
    fn clone(&self) -> Self {
        let Self { actor_type, key, method, payload, response } = self;
        Self {
            actor_type: actor_type.clone(),
            key: key.clone(),
            method: method.clone(),
            payload: payload.clone(),
            response: *response,
        }
    }
}

/// Without the payload, which may be secret.
impl<R> fmt::Debug for Request<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("actor_type", &self.actor_type)
            .field("key", &self.key)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}
