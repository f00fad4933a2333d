//! Delayed messages on their way into a mailbox.

use std::sync::Arc;

use callboard_mailbox::parcel::{Parcel, Slot};
use callboard_mailbox::schedule::{Delay, Step};
use callboard_mailbox::{Address, Message, Store, Timestamp};
use opentelemetry::trace::FutureExt;
use tokio::time::{Instant, timeout_at};

use crate::gateway::Gateway;
use crate::refusal::{Refusal, Stored};

/// Makes a message durable that is delivered at a time, and makes sure that
/// somebody delivers it then. It goes on when the caller has gone.
pub(crate) async fn store<S: Store + 'static>(
    gateway: &Arc<Gateway<S>>,
    address: &Address,
    message: Message,
    at: Timestamp,
    deadline: Instant,
) -> Result<(), Refusal> {
    let message_id = message.id.clone();
    let slot = Slot::Delayed { at, id: message.id.clone() };
    let delay = Delay::new(Parcel { slot, message, timer: None }, at);
    let storing = take_steps(Arc::clone(gateway), address.clone(), delay).with_current_context();
    match timeout_at(deadline, gateway.tasks.spawn(storing)).await {
        Ok(Ok(stored)) => stored,
        Ok(Err(_)) => Err(Refusal::Internal { detail: "the message may be stored".into() }),
        Err(_) => Err(Refusal::SendTimeout { message_id }),
    }
}

async fn take_steps<S: Store>(
    gateway: Arc<Gateway<S>>,
    address: Address,
    mut delay: Delay,
) -> Result<(), Refusal> {
    loop {
        let taken = match delay.step() {
            Step::Put(parcel) => {
                let put = gateway.store.put_parcel(&address, &parcel).await;
                put.map(|()| delay.put())
            }
            Step::Schedule(at) => {
                let scheduled = gateway.store.schedule(&address, at).await;
                scheduled.map(|()| delay.scheduled())
            }
            Step::Done => return Ok(()),
        };
        if let Err(error) = taken {
            // Durable or not, nobody is sure to look for it yet: it may be
            // delivered. Sent again with its id, it is delivered once.
            return Err(Refusal::from_store(&error, Stored::Unknown));
        }
    }
}
