//! The traits between a user's actor and the SDK.

use prost::Message;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::state::State;

/// An encoded request or response.
pub type Payload = bytes::Bytes;

/// An actor: its state, and the service whose messages it handles.
///
/// All but the service has a default.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not tied to an actor type",
    note = "add `impl callboard_lambda_sdk::Actor for {Self} {{ type Service = …; }}` with the \
            service that `callboard-build` generated beside the trait of the handlers"
)]
pub trait Actor: State {
    /// The generated type of the service, `CounterService` for `Counter`.
    type Service: Service<Self>;

    /// The version of the state's schema. It is stored with the state; one that was
    /// stored with another version goes to [`Actor::migrate`].
    const STATE_VERSION: u32 = 0;

    /// Reads a state that was stored with another version, or as another
    /// [`Encoding`](crate::Encoding): the bytes are what
    /// [`State::encode`] made then, JSON for a type of serde.
    ///
    /// # Errors
    /// By default: no other version is known. The message then waits for a function
    /// that knows it.
    fn migrate(version: u32, stored: &[u8]) -> Result<Self> {
        let _ = stored;
        let own = Self::STATE_VERSION;
        Err(Error::retried(format!(
            "the state was stored with version {version} of its schema, this function has {own}, \
             and Actor::migrate does not know it"
        )))
    }

    /// Called before the first message that an actor ever gets, and before the first
    /// one after it was deleted. What it does is committed with that message.
    fn on_create(&mut self, ctx: &mut Context<'_>) -> impl Future<Output = Result<()>> + Send {
        let _ = ctx;
        async { Ok(()) }
    }

    /// Called each time that an actor was read into memory, before its next message,
    /// for what is not stored: connections, caches, `#[serde(skip)]`.
    fn on_wake(&mut self, ctx: &Context<'_>) -> impl Future<Output = Result<()>> + Send {
        let _ = ctx;
        async { Ok(()) }
    }

    /// Called after a handler that has called [`Context::delete`], while the state is
    /// still there. What it sends is sent with the same commit.
    fn on_delete(&mut self, ctx: &mut Context<'_>) -> impl Future<Output = Result<()>> + Send {
        let _ = ctx;
        async { Ok(()) }
    }
}

/// Generated for each service: finds the handler of a method.
#[diagnostic::on_unimplemented(
    message = "`{A}` does not handle the messages of `{Self}`",
    note = "implement the trait of the handlers for `{A}`; it stands beside the service, and for \
            `CounterService` it is `CounterActor`"
)]
pub trait Service<A>: 'static {
    /// The actor type, as it stands in addresses.
    const TYPE: &'static str;

    /// The methods that take the answers to asks of this actor.
    const ANSWERS: &'static [&'static str] = &[];

    /// Runs the handler of a method on an encoded request; its encoded response.
    fn dispatch(
        actor: &mut A,
        method: &str,
        payload: &[u8],
        ctx: &mut Context<'_>,
    ) -> impl Future<Output = Result<Payload>> + Send;

    /// Runs the handler of a read-only method.
    fn read(
        actor: &A,
        method: &str,
        payload: &[u8],
        ctx: &Context<'_>,
    ) -> impl Future<Output = Result<Payload>> + Send;
}

/// Decodes a request.
///
/// # Errors
/// INVALID_ARGUMENT when the bytes are no such message.
pub fn decode<M: Message + Default>(payload: &[u8]) -> Result<M> {
    M::decode(payload).map_err(|error| {
        let status =
            tonic::Status::invalid_argument(format!("the request cannot be read: {error}"));
        Error::terminal(status)
    })
}

/// Encodes a response.
///
/// # Errors
/// Never; it is a `Result` so that generated code reads well.
pub fn encode<M: Message>(response: &M) -> Result<Payload> {
    Ok(response.encode_to_vec().into())
}
