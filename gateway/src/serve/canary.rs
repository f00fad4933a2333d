//! The canary: a message that the gateway sends to nobody, to find out whether
//! messages get through to the database at all.
//!
//! It takes the way of a message from an actor: it is put into a mailbox, read as
//! a run of the actor would read it, and removed. Its mailbox has an address that
//! no `.proto` can name, and no record: so no sweep, no lane and no listing ever
//! sees it. All gateways share it, and each removes what others have left there.

use std::time::Duration;

use bytes::Bytes;
use callboard_mailbox::message::{Kind, Message};
use callboard_mailbox::parcel::{Parcel, Slot, Tick};
use callboard_mailbox::{Address, Store, Timestamp, store};

use crate::call::new_id;

/// The actor type of the canary's mailbox. [`callboard_proto`] lets no `.proto`
/// have a type in `callboard.v1`.
const ACTOR_TYPE: &str = "callboard.v1.Canary";

/// Its key.
const KEY: &str = "canary";

/// How many canaries are looked at: those of gateways at the same moment, and what
/// those have left that were killed.
const PAGE: usize = 100;

/// From when on a canary is one that its gateway has left.
const LEFT_AFTER: Duration = Duration::from_secs(10 * 60);

/// Why a canary did not get through.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// It was stored and cannot be read.
    #[error("a message that was stored cannot be read")]
    Lost,
}

impl Error {
    /// What callers may know of it. What the database says stays in the log.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Store(store::Error::Throttled(_)) => "the database throttles",
            Self::Store(store::Error::Unanswered(_)) => "the database does not answer",
            Self::Store(store::Error::Refused(_)) => "the database refuses the gateway",
            Self::Store(store::Error::Corrupt(_)) | Self::Lost => {
                "what the database has stored cannot be read"
            }
        }
    }
}

/// Sends one.
pub(super) async fn send(store: &impl Store, now: Timestamp) -> Result<(), Error> {
    let address = Address::new(ACTOR_TYPE, KEY).expect("it is an address");
    let id = new_id(now);
    let slot = Slot::Inbox { tick: Tick::default().next(now), id: id.clone() };
    let message = Message::new(id, Kind::Tell, "Sing", Bytes::new(), now);
    let parcel = Parcel { slot: slot.clone(), message, timer: None };
    store.put_parcel(&address, &parcel).await?;
    let page = store.inbox(&address, now, PAGE).await?;
    let is_there = page.parcels.iter().any(|parcel| parcel.slot == slot);
    let left = page
        .parcels
        .into_iter()
        .filter(|parcel| parcel.slot != slot && now.since(parcel.message.sent_at) > LEFT_AFTER);
    let mut done: Vec<_> = left.map(|parcel| parcel.slot).collect();
    done.push(slot);
    store.remove_parcels(&address, &done).await?;
    // What was left may have filled the page.
    match is_there || page.more {
        true => Ok(()),
        false => Err(Error::Lost),
    }
}

#[cfg(test)]
mod tests {
    use callboard_mailbox::MessageId;
    use callboard_mailbox::memory::MemoryStore;

    use super::*;

    fn mailbox() -> Address {
        Address::new(ACTOR_TYPE, KEY).expect("an address")
    }

    async fn left(store: &MemoryStore, now: Timestamp) -> usize {
        store.inbox(&mailbox(), now, 1_000).await.expect("memory answers").parcels.len()
    }

    #[tokio::test]
    async fn a_canary_leaves_nothing_behind() {
        let (store, now) = (MemoryStore::default(), Timestamp(1_000_000));
        for _ in 0..3 {
            send(&store, now).await.expect("memory answers");
        }
        assert_eq!(left(&store, now).await, 0);
        assert_eq!(store.record(&mailbox()).await.expect("memory answers"), None);
    }

    #[tokio::test]
    async fn what_a_killed_gateway_left_is_removed_and_what_is_under_way_is_not() {
        let store = MemoryStore::default();
        let put = async |ms: u64| {
            let id = MessageId::new(&format!("left-{ms}")).expect("an id");
            let slot = Slot::Inbox { tick: Tick(ms * 1_000), id: id.clone() };
            let message = Message::new(id, Kind::Tell, "Sing", Bytes::new(), Timestamp(ms));
            let parcel = Parcel { slot, message, timer: None };
            store.put_parcel(&mailbox(), &parcel).await.expect("memory answers");
        };
        let now = 3_600_000;
        put(1_000).await;
        put(now - 50).await;
        send(&store, Timestamp(now)).await.expect("memory answers");
        assert_eq!(left(&store, Timestamp(now)).await, 1);
    }
}
