//! A store that answers at once: what is left of a call is the gateway's own work.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use callboard_mailbox::append::{Put, Tail};
use callboard_mailbox::commit::{Commit, Committed};
use callboard_mailbox::control::Control;
use callboard_mailbox::dead_letter::{self, DeadLetter};
use callboard_mailbox::lease::{Wake, Woken};
use callboard_mailbox::parcel::{Parcel, Slot, Tick};
use callboard_mailbox::reply::{Reply, ReplyKey};
use callboard_mailbox::state::Spilled;
use callboard_mailbox::store::{Cancelled, Due, Error, Page};
use callboard_mailbox::sweep::{Next, Settle};
use callboard_mailbox::{Address, MessageId, Record, Segment, Sequence, Store, Timestamp};

/// The store of a gateway beside another one, which holds every lease: a message is
/// stored and its actor is woken with one answer each, and nothing is invoked here.
/// It keeps nothing.
#[derive(Clone)]
pub(super) struct AtOnce {
    /// Replies to messages that were sent before.
    replies: Arc<HashMap<ReplyKey, Reply>>,
}

impl AtOnce {
    pub(super) fn new(replies: impl IntoIterator<Item = (ReplyKey, Reply)>) -> Self {
        Self { replies: Arc::new(replies.into_iter().collect()) }
    }
}

/// The record of an actor whose lease somebody else holds, for ever.
fn leased() -> Record {
    Record { lease_until: Some(Timestamp(u64::MAX / 2)), ..Record::default() }
}

/// What no call of the bench asks for.
fn never<T>() -> Result<T, Error> {
    Err(Error::Refused("the bench's store does not do this".into()))
}

impl Store for AtOnce {
    async fn put_segment(&self, _: &Address, _: &Segment, _: Timestamp) -> Result<Put, Error> {
        Ok(Put::Stored)
    }

    async fn wake(&self, _: &Address, _: &Wake) -> Result<Woken, Error> {
        Ok(Woken::Refused(leased()))
    }

    async fn tail(&self, _: &Address) -> Result<Tail, Error> {
        Ok(Tail::found(None, None))
    }

    async fn record(&self, _: &Address) -> Result<Option<Record>, Error> {
        Ok(Some(leased()))
    }

    async fn replies(&self, keys: &[ReplyKey], _: Timestamp) -> Result<Vec<Option<Reply>>, Error> {
        Ok(keys.iter().map(|key| self.replies.get(key).cloned()).collect())
    }

    async fn due(
        &self,
        _: u32,
        _: Timestamp,
        _: Option<&Due>,
        _: usize,
    ) -> Result<Vec<Due>, Error> {
        Ok(Vec::new())
    }

    async fn put_parcel(&self, _: &Address, _: &Parcel) -> Result<(), Error> {
        never()
    }

    async fn schedule(&self, _: &Address, _: Timestamp) -> Result<(), Error> {
        never()
    }

    async fn cancel(&self, _: &Address, _: &MessageId, _: Timestamp) -> Result<Cancelled, Error> {
        never()
    }

    async fn state(&self, _: &Address, _: Spilled) -> Result<Option<Bytes>, Error> {
        never()
    }

    async fn deliverable(
        &self,
        _: &Address,
        _: Sequence,
        _: Timestamp,
        _: usize,
    ) -> Result<Page, Error> {
        never()
    }

    async fn inbox(&self, _: &Address, _: Timestamp, _: usize) -> Result<Page, Error> {
        never()
    }

    async fn next(&self, _: &Address, _: Sequence) -> Result<Next, Error> {
        never()
    }

    async fn commit(&self, _: &Commit) -> Result<Committed, Error> {
        never()
    }

    async fn settle(&self, _: &Address, _: &Settle) -> Result<Option<Record>, Error> {
        never()
    }

    async fn control(&self, _: &Address, _: &Control) -> Result<Option<Record>, Error> {
        never()
    }

    async fn remove_parcels(&self, _: &Address, _: &[Slot]) -> Result<(), Error> {
        never()
    }

    async fn extend(&self, _: &Address, _: Sequence, _: Timestamp) -> Result<(), Error> {
        never()
    }

    async fn actors(
        &self,
        _: &str,
        _: u32,
        _: Option<&Address>,
        _: usize,
    ) -> Result<Vec<Address>, Error> {
        never()
    }

    async fn dead_letters(
        &self,
        _: &Address,
        _: Option<&dead_letter::Key>,
        _: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        never()
    }

    async fn actors_with_dead_letters(
        &self,
        _: &str,
        _: u32,
        _: Option<&dead_letter::Place>,
        _: usize,
    ) -> Result<Vec<dead_letter::Place>, Error> {
        never()
    }

    async fn redrive(&self, _: &Address, _: &dead_letter::Key, _: Tick) -> Result<bool, Error> {
        never()
    }

    async fn discard(&self, _: &Address, _: &dead_letter::Key) -> Result<bool, Error> {
        never()
    }
}
