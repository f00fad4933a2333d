//! `Await`: the reply to a message that was sent before.

use std::sync::Arc;

use callboard_mailbox::Store;
use callboard_proto::pb;
use callboard_proto::pb::await_response::Payload;

use super::caller::Caller;
use super::message::{address, message_id, path};
use super::payload::{self, Format, Written};
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// The call, as the policy names it.
const CALL: &str = "callboard.v1.Gateway/Await";

pub(super) async fn reply<S: Store + 'static>(
    gateway: &Arc<Gateway<S>>,
    caller: &Caller,
    request: pb::AwaitRequest,
) -> Result<pb::AwaitResponse, Refusal> {
    let catalog = gateway.catalog();
    let address = address(gateway, caller, request.address, CALL)?;
    let message_id = message_id("message_id", &request.message_id)?;
    let route = match request.json_of_method.as_str() {
        "" => None,
        method => Some(catalog.route(&path(&catalog, address.actor_type(), method)?)?),
    };
    let response = gateway.reply(&address, &message_id, caller.timeout).await?;
    let payload = match route {
        None => Written::Encoded(response),
        Some(route) => payload::write(route.method_schema().output(), response, Format::Json)?,
    };
    let payload = match payload {
        Written::Encoded(encoded) => Payload::Encoded(encoded),
        Written::Json(json) => Payload::Json(json),
    };
    Ok(pb::AwaitResponse { payload: Some(payload) })
}
