//! `Cancel`: a delayed message that is not to be delivered.

use std::sync::Arc;

use callboard_mailbox::Store;
use callboard_proto::pb;

use super::message::{address, message_id};
use crate::gateway::Gateway;
use crate::refusal::Refusal;

pub(super) async fn cancel<S: Store + 'static>(
    gateway: &Arc<Gateway<S>>,
    request: pb::CancelRequest,
) -> Result<pb::CancelResponse, Refusal> {
    let address = address(gateway.catalog(), request.address)?;
    let message_id = message_id("message_id", &request.message_id)?;
    Ok(pb::CancelResponse { cancelled: gateway.cancel(&address, &message_id).await? })
}
