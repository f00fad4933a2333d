//! `Ask`: a message and its reply.

use std::sync::Arc;

use callboard_mailbox::Store;
use callboard_proto::pb;
use callboard_proto::pb::ask_response::Payload;

use super::caller::Caller;
use super::message::{Named, invalid, named, receipt};
use super::payload::{self, Written};
use crate::call::Refused;
use crate::gateway::Gateway;

pub(super) async fn ask<S: Store + 'static>(
    gateway: &Arc<Gateway<S>>,
    caller: &Caller,
    message: Option<pb::Message>,
) -> Result<pb::AskResponse, Refused> {
    let Named { route, format, call } = named(gateway, caller, message)?;
    if route.is_tell() {
        let detail = format!("{} is a tell and has no reply; send it with Tell", route.method());
        return Err(invalid("message.method", detail).into());
    }
    let answer = gateway.call_method(Arc::clone(&route), call).await?;
    let payload = payload::write(route.method_schema().output(), answer.payload, format)?;
    let payload = match payload {
        Written::Encoded(encoded) => Payload::Encoded(encoded),
        Written::Json(json) => Payload::Json(json),
    };
    Ok(pb::AskResponse { payload: Some(payload), receipt: answer.receipt.map(receipt) })
}
