//! A message by name, as a call.

use std::collections::HashMap;
use std::sync::Arc;

use callboard_mailbox::limits::HEADER_BYTES_MAX;
use callboard_mailbox::{Address, MessageId, Store};
use callboard_proto::pb;

use super::caller::Caller;
use super::payload::{self, Format};
use crate::access::policy::Deed;
use crate::call::{Call, Receipt};
use crate::catalog::{Catalog, Route};
use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// A message on its way to its call.
pub(super) struct Named {
    pub(super) route: Arc<Route>,
    /// How the payload is written.
    pub(super) format: Format,
    pub(super) call: Call,
}

/// Finds the method of a message, and makes its call.
///
/// # Errors
/// When there is no such method, or something in the message is not valid.
pub(super) fn named<S: Store + 'static>(
    gateway: &Gateway<S>,
    caller: &Caller,
    message: Option<pb::Message>,
) -> Result<Named, Refusal> {
    let message = message.ok_or_else(|| invalid("message", "it is missing"))?;
    let address = message.address.ok_or_else(|| invalid("message.address", "it is missing"))?;
    let path = path(&gateway.catalog(), &address.r#type, &message.method)?;
    // Before its payload is read, which the caller had no reason to write.
    let route = gateway.method(&caller.principal, &path)?;
    let (payload, format) = payload::read(&route, message.payload)?;
    let call = Call {
        path,
        payload,
        timeout: caller.timeout,
        headers: headers(message.headers, caller)?,
        message_id: match message.message_id.as_str() {
            "" => None,
            text => Some(message_id("message.message_id", text)?),
        },
        key: Some(address.key).filter(|key| !key.is_empty()),
        principal: Arc::clone(&caller.principal),
        ..Call::default()
    };
    Ok(Named { route, format, call })
}

/// An actor that must be there, though it need not have messages, for a call that
/// does something to it without one: `callboard.v1.Gateway/Await`.
///
/// # Errors
/// When no actor type has the name, the key is none, or the caller may not make the
/// call.
pub(super) fn address<S: Store + 'static>(
    gateway: &Gateway<S>,
    caller: &Caller,
    address: Option<pb::Address>,
    call: &str,
) -> Result<Address, Refusal> {
    let pb::Address { r#type, key } = address.ok_or_else(|| invalid("address", "it is missing"))?;
    let catalog = gateway.catalog();
    let Some(actor) = catalog.schema().actor(&r#type) else {
        return Err(Refusal::UnknownMethod { path: format!("/{type}") });
    };
    let address = Address::new(&r#type, &key);
    let address = address.map_err(|error| invalid("address.key", error.to_string()))?;
    let key_fields = actor.methods().iter().map(|method| method.key().len()).max();
    let deed = Deed {
        actor_type: address.actor_type(),
        method: call,
        key: Some(address.key()),
        key_fields: key_fields.unwrap_or_default(),
    };
    let access = &gateway.settings.access;
    access.authorize(&caller.principal, &format!("/{call}"), &deed)?;
    gateway.rates.admit_from(&caller.principal.name)?;
    Ok(address)
}

/// Reads an id that must be there.
pub(super) fn message_id(field: &str, text: &str) -> Result<MessageId, Refusal> {
    MessageId::new(text).map_err(|error| invalid(field, error.to_string()))
}

/// The path of a method. The name of an actor type need not be that of its
/// service.
pub(super) fn path(catalog: &Catalog, actor_type: &str, method: &str) -> Result<String, Refusal> {
    match catalog.schema().actor(actor_type) {
        Some(actor) => Ok(format!("/{}/{method}", actor.service().full_name())),
        None => Err(Refusal::UnknownMethod { path: format!("/{actor_type}/{method}") }),
    }
}

/// A receipt as the caller gets it.
pub(super) fn receipt(receipt: Receipt) -> pb::Receipt {
    pb::Receipt {
        message_id: receipt.message_id.as_str().to_owned(),
        sequence: receipt.sequence.map(|sequence| sequence.0),
        duplicate: receipt.duplicate,
        new_key: receipt.new_key.unwrap_or_default(),
    }
}

pub(super) fn invalid(field: &str, detail: impl Into<String>) -> Refusal {
    Refusal::Invalid { field: field.to_owned(), detail: detail.into() }
}

/// The message's own headers, and then what of the call's trace context they
/// have not.
fn headers(
    own: HashMap<String, String>,
    caller: &Caller,
) -> Result<Vec<(String, String)>, Refusal> {
    let of_call = caller.trace.iter().filter(|(name, _)| !own.contains_key(name)).cloned();
    let of_call: Vec<_> = of_call.collect();
    let mut headers: Vec<_> = own.into_iter().collect();
    // A map has no order, and what is stored should have one.
    headers.sort();
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
    };
    let is_free = |name: &str| {
        !name.is_empty()
            && name.bytes().all(allowed)
            && !name.starts_with("callboard-")
            && !name.starts_with("grpc-")
    };
    if let Some((name, _)) = headers.iter().find(|(name, _)| !is_free(name)) {
        return Err(invalid("message.headers", format!("{name:?} cannot be the name of one")));
    }
    let size = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let Some(mut room) = HEADER_BYTES_MAX.checked_sub(size) else {
        return Err(Refusal::TooLarge { what: "headers", limit: HEADER_BYTES_MAX, size });
    };
    // Trace context that does not fit is left out, as at the other doors.
    headers.extend(of_call.into_iter().filter(|(name, value)| {
        let rest = room.checked_sub(name.len() + value.len());
        room = rest.unwrap_or(room);
        rest.is_some()
    }));
    Ok(headers)
}
