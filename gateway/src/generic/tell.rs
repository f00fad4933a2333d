//! `Tell`: a message that is durable.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use callboard_mailbox::Store;
use callboard_proto::pb;
use callboard_proto::pb::tell_request::Delivery;

use super::caller::Caller;
use super::message::{Named, invalid, named, receipt};
use crate::call::{Answer, Call, Deliver, Refused, Wait};
use crate::catalog::Route;
use crate::gateway::Gateway;
use crate::refusal::Refusal;

pub(super) async fn tell<S: Store + 'static>(
    gateway: &Arc<Gateway<S>>,
    caller: &Caller,
    request: pb::TellRequest,
) -> Result<pb::TellResponse, Refused> {
    let (route, call) = call(gateway, caller, request)?;
    Ok(pb::TellResponse { receipt: told(gateway.call_method(route, call).await?) })
}

/// The call of a tell, and its method.
pub(super) fn call<S: Store + 'static>(
    gateway: &Gateway<S>,
    caller: &Caller,
    request: pb::TellRequest,
) -> Result<(Arc<Route>, Call), Refusal> {
    let Named { route, call, .. } = named(gateway, caller, request.message)?;
    let deliver = request.delivery.map(deliver).transpose()?;
    Ok((route, Call { deliver, wait: Wait::Stored, ..call }))
}

/// What the caller of a tell learns.
pub(super) fn told(answer: Answer) -> Option<pb::Receipt> {
    answer.receipt.map(receipt)
}

fn deliver(delivery: Delivery) -> Result<Deliver, Refusal> {
    match delivery {
        Delivery::Delay(delay) => match Duration::try_from(delay) {
            Ok(delay) => Ok(Deliver::After(delay)),
            Err(_) => Err(invalid("delay", "it is negative or out of range")),
        },
        Delivery::DeliverAt(at) => match SystemTime::try_from(at) {
            Ok(at) => Ok(Deliver::At(at.into())),
            Err(_) => Err(invalid("deliver_at", "it is out of range")),
        },
    }
}
