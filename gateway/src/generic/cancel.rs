//! `Cancel`: a delayed message that is not to be delivered.

use std::sync::Arc;

use callboard_mailbox::Store;
use callboard_proto::pb;

use super::caller::Caller;
use super::message::{address, message_id};
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// The call, as the policy names it.
const CALL: &str = "callboard.v1.Gateway/Cancel";

pub(super) async fn cancel<S: Store + 'static>(
    gateway: &Arc<Gateway<S>>,
    caller: &Caller,
    request: pb::CancelRequest,
) -> Result<pb::CancelResponse, Refusal> {
    let address = address(gateway, caller, request.address, CALL)?;
    let message_id = message_id("message_id", &request.message_id)?;
    Ok(pb::CancelResponse { cancelled: gateway.cancel(&address, &message_id).await? })
}
