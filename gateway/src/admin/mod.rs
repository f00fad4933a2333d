//! What operators do to mailboxes: the service `callboard.v1.Admin`. It knows no
//! rule of the protocol: each of its functions puts operations of the store
//! together, and what those mean is the contract's.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `types` | actor types and actors |
//! | `mailbox` | what is known of one mailbox |
//! | `waiting` | the messages that wait in it |
//! | `dead_letters` | those that were set aside |
//! | `control` | pausing, resuming, purging |
//! | `delete` | deleting an actor |
//! | `state` | reading an actor's state |
//! | `page` | pages of long answers |
//! | `render` | what is stored, as an operator reads it |
//! | `service` | gRPC in and out |

mod control;
mod dead_letters;
mod delete;
mod mailbox;
mod page;
mod render;
mod service;
mod state;
mod types;
mod waiting;

use std::sync::{Arc, LazyLock};

use callboard_mailbox::{Address, Record, Store, Timestamp, store};
use prost_reflect::DescriptorPool;
use tonic::service::Routes;

use crate::gateway::Gateway;
use crate::refusal::Refusal;

/// The descriptors of the service, for reflection.
const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/callboard.v1.admin.bin"));

/// Later than any time: what is asked for until then is all that there is.
const END_OF_TIME: Timestamp = Timestamp(u64::MAX);

/// The most messages outside of the log that are looked at.
const PARCELS_MAX: usize = 1_000;

/// The descriptors of the service, where the settings let it be served.
pub(crate) fn descriptors<S>(gateway: &Gateway<S>) -> Option<&'static [u8]> {
    gateway.settings.admin.then_some(DESCRIPTORS)
}

/// The names of its methods.
pub(crate) fn methods() -> impl Iterator<Item = &'static str> {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let pool = DescriptorPool::decode(DESCRIPTORS).expect("the set has all that it needs");
        let service = pool.get_service_by_name("callboard.v1.Admin").expect("it is in its set");
        service.methods().map(|method| method.name().to_owned()).collect()
    });
    NAMES.iter().map(String::as_str)
}

/// Adds the service to what a port serves, where the settings say so.
pub(crate) fn add<S: Store + 'static>(routes: Routes, gateway: &Arc<Gateway<S>>) -> Routes {
    match gateway.settings.admin {
        true => routes.add_service(service::server(Arc::clone(gateway))),
        false => routes,
    }
}

/// The actor's record; an actor without one has no mailbox.
async fn record(store: &impl Store, address: &Address) -> Result<Record, Refusal> {
    store.record(address).await.map_err(|error| unread(&error))?.ok_or_else(|| no_mailbox(address))
}

fn no_mailbox(address: &Address) -> Refusal {
    Refusal::NotFound { what: "mailbox", address: address.clone(), message_id: None }
}

/// Why something could not be read.
fn unread(error: &store::Error) -> Refusal {
    Refusal::from_store_for_operator(error, false)
}

/// Why it is not known whether something was written.
fn unwritten(error: &store::Error) -> Refusal {
    Refusal::from_store_for_operator(error, true)
}

/// What the tests of several modules need.
#[cfg(test)]
pub(crate) mod fixture {
    use callboard_mailbox::message::Kind;
    use callboard_mailbox::{Address, Message, MessageId, Timestamp};

    pub(super) fn address() -> Address {
        Address::new("test.v1.A", "a").expect("an address")
    }

    pub(crate) fn message(id: &str, method: &str) -> Message {
        Message::new(
            MessageId::new(id).expect("an id"),
            Kind::Tell,
            method,
            bytes::Bytes::new(),
            Timestamp(1),
        )
    }
}
