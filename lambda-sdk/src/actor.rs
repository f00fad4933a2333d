//! The traits between a user's actor and the SDK.

use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::Context;
use crate::error::{Error, Result};

/// An encoded request or response.
pub type Payload = bytes::Bytes;

/// An actor: its state, and the service whose messages it handles.
///
/// The state is stored as JSON. Add fields with `#[serde(default)]`, so that
/// state that was stored before still reads.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not tied to an actor type",
    note = "add `impl callboard_lambda_sdk::Actor for {Self} {{ type Service = …; }}` with the \
            service that `callboard-build` generated beside the trait of the handlers"
)]
pub trait Actor: Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The generated type of the service, `CounterService` for `Counter`.
    type Service: Service<Self>;
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

    /// Runs the handler of a method on an encoded request; its encoded response.
    fn dispatch(
        actor: &mut A,
        method: &str,
        payload: &[u8],
        ctx: &mut Context<'_>,
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
