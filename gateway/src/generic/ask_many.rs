//! `AskMany`: several asks at once, each answered as its reply comes.

use std::sync::Arc;

use callboard_mailbox::Store;
use callboard_proto::pb;
use callboard_proto::pb::ask_many_response::Result as Told;
use futures::StreamExt;
use futures::stream::{BoxStream, FuturesUnordered};
use tonic::Status;

use super::caller::Caller;
use super::message::invalid;
use super::{ask, status};
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// The most asks in one call.
const ASKS_MAX: usize = 100;

/// The results as they come. Each ask ends by itself before the call's deadline,
/// so the stream does too.
pub(super) fn results<S: Store + 'static>(
    gateway: Arc<Gateway<S>>,
    caller: Caller,
    messages: Vec<pb::Message>,
) -> Result<BoxStream<'static, Result<pb::AskManyResponse, Status>>, Refusal> {
    if messages.is_empty() || messages.len() > ASKS_MAX {
        let detail = format!("it has {}, and 1 to {ASKS_MAX} are taken", messages.len());
        return Err(invalid("messages", detail));
    }
    let asks: FuturesUnordered<_> = (0..)
        .zip(messages)
        .map(|(index, message)| {
            let (gateway, caller) = (Arc::clone(&gateway), caller.clone());
            async move {
                let result = match ask::ask(&gateway, &caller, Some(message)).await {
                    Ok(response) => Told::Response(response),
                    Err(refused) => Told::Error(status::message(refused)),
                };
                Ok(pb::AskManyResponse { index, result: Some(result) })
            }
        })
        .collect();
    Ok(asks.boxed())
}
