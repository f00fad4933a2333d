//! Deleting an actor.
//!
//! 1. Pause the mailbox, unless it is paused. The pause takes the next epoch, so a
//!    run that is going on commits nothing any more, and no other can begin.
//! 2. Commit, under that epoch, what an actor would that deletes itself and has
//!    handled its whole log: no state, no timers, the head at the log's end. A commit
//!    needs an epoch and a revision, and no lease.
//! 3. Remove the messages outside of the log.
//! 4. Resume the mailbox, if it was paused for this.
//!
//! Who breaks off leaves the mailbox paused, for a reason that says what to do; the
//! same call made again goes on. The record stays: under a new one the log would
//! begin at 1 again, where consumed segments lie until they expire.

use callboard_mailbox::commit::{Commit, Committed};
use callboard_mailbox::state::{Stored, Write};
use callboard_mailbox::{Address, Lease, Record, Store, Timestamp};

use super::control::{self, changes_too_fast};
use super::{record, unread, unwritten};
use crate::refusal::Refusal;

/// Why the mailbox is paused meanwhile.
const REASON: &str = "the actor is being deleted; if this stays, delete it again";

/// How often it is tried again, because others write the record too.
const TRIES: u32 = 8;

/// What was deleted.
#[derive(Default)]
pub(super) struct Deleted {
    pub(super) messages: u64,
    pub(super) timers: usize,
    pub(super) state: bool,
    /// Whether the mailbox runs again, and somebody has to wake the actor.
    pub(super) runs: bool,
}

/// Deletes an actor. `random` tells the commit from that of a run.
pub(super) async fn delete(
    store: &impl Store,
    address: &Address,
    now: Timestamp,
    random: u64,
) -> Result<Deleted, Refusal> {
    for _ in 0..TRIES {
        match control::pause(store, address, REASON, now).await {
            // An operator has paused it, or a message that failed for good.
            Ok(()) | Err(Refusal::AlreadyPaused { .. }) => {}
            Err(refusal) => return Err(refusal),
        }
        let paused = record(store, address).await?;
        if paused.paused.is_none() {
            continue;
        }
        let Some(mut deleted) = commit(store, address, paused, random).await? else { continue };
        let others = control::remove_parcels(store, address, true).await;
        deleted.messages += others.map_err(|error| unwritten(&error))?;
        if record(store, address).await?.paused.as_deref() == Some(REASON) {
            match control::resume(store, address, now).await {
                // Somebody else was first.
                Ok(_) | Err(Refusal::NotPaused { .. }) => deleted.runs = true,
                Err(refusal) => return Err(refusal),
            }
        }
        return Ok(deleted);
    }
    Err(changes_too_fast())
}

/// Makes the record that of an actor that never had a message; `None` when somebody
/// else has written to it.
async fn commit(
    store: &impl Store,
    address: &Address,
    record: Record,
    random: u64,
) -> Result<Option<Deleted>, Refusal> {
    let tail = store.tail(address).await.map_err(|error| unread(&error))?.sequence();
    let deleted = Deleted {
        messages: tail.0.saturating_sub(record.head.0),
        timers: record.timers.len(),
        state: record.state.is_some(),
        runs: false,
    };
    let chunks_before = record.state.as_ref().map_or(0, Stored::chunks);
    let timers = record.timers.values().cloned().collect();
    let head = tail.max(record.head);
    let commit = Commit {
        run: random,
        head,
        partial: 0,
        attempt: 0,
        error: None,
        state: Some(Write { state: None, chunks_before }),
        timers: Default::default(),
        removed: timers,
        ..Commit::of(&Lease { address: address.clone(), record })
    };
    match store.commit(&commit).await.map_err(|error| unwritten(&error))? {
        Committed::Applied => Ok(Some(deleted)),
        Committed::Conflict(record) if commit.is_in(&record) => Ok(Some(deleted)),
        // It answers and consumes nothing, so nothing else can be in its way.
        Committed::Conflict(_) | Committed::Duplicates(_) | Committed::Gone(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use callboard_mailbox::lease::{Terms, Woken};
    use callboard_mailbox::memory::MemoryStore;
    use callboard_mailbox::message::Segment;
    use callboard_mailbox::parcel::{Parcel, PendingWake, Posted, Slot, Tick};
    use callboard_mailbox::{Epoch, Sequence};

    use super::*;
    use crate::admin::END_OF_TIME;
    use crate::admin::fixture::{address, message};

    const NOW: Timestamp = Timestamp(1_000);

    /// A lease on an actor with a state, a timer, something that is on its way to
    /// others, and a message.
    async fn leased(store: &MemoryStore, address: &Address) -> Lease {
        let wake = Terms::default().wake(address, NOW, 1);
        let Ok(Woken::Granted(lease)) = store.wake(address, &wake).await else {
            panic!("nobody else has it");
        };
        let mut commit = Commit::of(&lease);
        let state = Some(Bytes::from_static(b"\x01\x00{}"));
        commit.state = Some(Write { state, chunks_before: 0 });
        let mut post = |slot: Slot, method: &str, timer: Option<&str>| {
            let message = message(slot.id().as_str(), method);
            let timer = timer.map(str::to_owned);
            let parcel = Parcel { slot: slot.clone(), message, timer };
            commit.posted.push(Posted { to: address.clone(), parcel });
            slot
        };
        let id = |id| message(id, "Note").id;
        let at = NOW.plus(std::time::Duration::from_secs(1));
        let timer = post(Slot::Delayed { at, id: id("timer") }, "Ring", Some("wake-up"));
        let relay = post(Slot::Inbox { tick: Tick(0), id: id("relay") }, "callboard.relay", None);
        post(Slot::Inbox { tick: Tick(9), id: id("sent") }, "Note", None);
        commit.timers.insert("wake-up".into(), timer);
        commit.front = Some(relay);
        commit.tick = Tick(77);
        commit.wakes = vec![PendingWake { address: address.clone(), at: None }];
        commit.lease = Terms::default().renewed(address, NOW);
        assert_eq!(store.commit(&commit).await.expect("an answer"), Committed::Applied);
        let segment = Segment::new(Sequence(1), &[message("a", "Note"), message("b", "Note")]);
        store.put_segment(address, &segment, END_OF_TIME).await.expect("an answer");
        let record = store.record(address).await.expect("an answer").expect("it has one");
        Lease { address: address.clone(), record }
    }

    #[tokio::test]
    async fn a_deleted_actor_keeps_only_what_it_owes_to_others() {
        let (store, address) = (MemoryStore::default(), address());
        let lease = leased(&store, &address).await;
        let deleted = delete(&store, &address, NOW, 7).await.expect("it is deleted");
        assert_eq!((deleted.messages, deleted.timers), (3, 1));
        assert!(deleted.state && deleted.runs);

        let record = store.record(&address).await.expect("an answer").expect("it stays");
        assert_eq!((record.state, record.head, record.partial), (None, Sequence(2), 0));
        assert!(record.timers.is_empty() && record.paused.is_none());
        assert_eq!((record.tick, record.wakes), (Tick(77), lease.record.wakes.clone()));
        assert_eq!(record.front, lease.record.front);
        assert_eq!(record.due, Some(NOW), "somebody looks, also when this gateway dies");
        let left = store.inbox(&address, END_OF_TIME, 10).await.expect("an answer").parcels;
        let ids: Vec<_> = left.iter().map(|parcel| parcel.message.id.as_str()).collect();
        assert_eq!(ids, ["relay"]);

        // The run that was going on commits nothing any more.
        let late = Commit::of(&lease);
        assert!(matches!(store.commit(&late).await, Ok(Committed::Conflict(_))));
    }

    #[tokio::test]
    async fn a_paused_mailbox_stays_paused_and_a_broken_off_delete_goes_on() {
        for (reason, stays) in [("audit", true), (REASON, false)] {
            let (store, address) = (MemoryStore::default(), address());
            leased(&store, &address).await;
            control::pause(&store, &address, reason, NOW).await.expect("it is paused");
            let deleted = delete(&store, &address, NOW, 7).await.expect("it is deleted");
            assert_eq!(deleted.runs, !stays);
            let record = store.record(&address).await.expect("an answer").expect("it stays");
            assert_eq!((record.paused.is_some(), record.state), (stays, None));
            assert!(record.epoch > Epoch(1));
        }
    }
}
