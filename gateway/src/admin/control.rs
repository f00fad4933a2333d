//! Pausing, resuming and purging a mailbox.

use std::time::Duration;

use callboard_mailbox::control::Control;
use callboard_mailbox::limits::ERROR_BYTES_MAX;
use callboard_mailbox::{Address, Record, Store, Timestamp, store};

use super::{END_OF_TIME, PARCELS_MAX, record, render, unread, unwritten};
use crate::refusal::Refusal;

/// When a sweeper looks first at a mailbox that was paused: only so that what waits
/// in it does not expire, which takes days.
const LOOK_AFTER: Duration = Duration::from_secs(3_600);

/// The most rounds in which messages outside of the log are removed: as many as a
/// million of them. Others may send faster than they are removed.
const ROUNDS_MAX: usize = 1_000;

/// Pauses a mailbox.
pub(super) async fn pause(
    store: &impl Store,
    address: &Address,
    reason: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    if !(1..=ERROR_BYTES_MAX).contains(&reason.len()) {
        let detail = format!("a reason has 1 to {ERROR_BYTES_MAX} bytes");
        return Err(Refusal::Invalid { field: "reason".into(), detail });
    }
    let pause = Control::Pause { reason: reason.to_owned(), due: now.plus(LOOK_AFTER) };
    let paused = store.control(address, &pause).await.map_err(|error| unwritten(&error))?;
    if paused.is_some() {
        return Ok(());
    }
    match record(store, address).await?.paused {
        // The same request, made again.
        Some(because) if because == reason => Ok(()),
        Some(reason) => Err(Refusal::AlreadyPaused { address: address.clone(), reason }),
        None => Err(changes_too_fast()),
    }
}

/// Resumes a mailbox; why it was paused. Somebody has to wake the actor after it.
pub(super) async fn resume(
    store: &impl Store,
    address: &Address,
    now: Timestamp,
) -> Result<String, Refusal> {
    let not_paused = || Refusal::NotPaused { address: address.clone() };
    let reason = record(store, address).await?.paused.ok_or_else(not_paused)?;
    let resumed = store.control(address, &Control::Resume { now }).await;
    resumed.map_err(|error| unwritten(&error))?.ok_or_else(not_paused)?;
    Ok(reason)
}

/// What a purge has done.
pub(super) struct Purged {
    /// How many messages were given up.
    pub(super) messages: u64,
    /// Whether it ended a run or a wait. Those who have sent something behind the
    /// purged messages relied on whoever looks after it.
    pub(super) was_relied_on: bool,
}

/// Gives up what waits in a mailbox.
pub(super) async fn purge(store: &impl Store, address: &Address) -> Result<Purged, Refusal> {
    let before = record(store, address).await?;
    let through = store.tail(address).await.map_err(|error| unread(&error))?.sequence();
    let purged = store.control(address, &Control::Purge { through }).await;
    // `None` when the log is empty.
    let purged: Option<Record> = purged.map_err(|error| unwritten(&error))?;
    let of_log = purged.as_ref().map_or(0, |_| through.0.saturating_sub(before.head.0));
    let others = remove_parcels(store, address, false).await;
    let others = others.map_err(|error| unwritten(&error))?;
    Ok(Purged {
        messages: of_log + others,
        was_relied_on: purged.is_some() && before.lease_until.or(before.not_before).is_some(),
    })
}

/// Removes the messages outside of the log, and how many they were; with their
/// timers where nobody is to have them any more. What the actor has sent and is
/// still on its way stays: it was committed. A run that has read some of them
/// commits nothing of them, since what a commit consumes must exist.
pub(super) async fn remove_parcels(
    store: &impl Store,
    address: &Address,
    with_timers: bool,
) -> Result<u64, store::Error> {
    let mut messages = 0;
    for _ in 0..ROUNDS_MAX {
        let page = store.inbox(address, END_OF_TIME, PARCELS_MAX).await?;
        let given_up = page.parcels.iter().filter(|parcel| {
            !render::is_own(&parcel.message) && (with_timers || parcel.timer.is_none())
        });
        let (mut slots, mut count) = (Vec::new(), 0);
        for parcel in given_up {
            slots.push(parcel.slot.clone());
            count += u64::from(parcel.timer.is_none());
        }
        if !slots.is_empty() {
            store.remove_parcels(address, &slots).await?;
        }
        messages += count;
        // A page of nothing but timers hides what is behind it. They are few.
        if !page.more || slots.is_empty() {
            break;
        }
    }
    Ok(messages)
}

/// Others write the record again and again.
pub(super) fn changes_too_fast() -> Refusal {
    Refusal::Undone {
        detail: "the mailbox changes faster than it can be written".into(),
        may_be_done: true,
    }
}

#[cfg(test)]
mod tests {
    use callboard_mailbox::lease::Terms;
    use callboard_mailbox::memory::MemoryStore;
    use callboard_mailbox::parcel::{Parcel, Slot, Tick};

    use super::*;
    use crate::admin::fixture::{address, message};

    #[tokio::test]
    async fn a_purge_keeps_what_the_actor_has_sent_and_its_timers() {
        let (store, address) = (MemoryStore::default(), address());
        store.wake(&address, &Terms::default().wake(&address, Timestamp(1), 1)).await.expect("ok");
        let parcel = |id: &str, at: Option<u64>, method: &str, timer: Option<&str>| {
            let message = message(id, method);
            let slot = match at {
                None => Slot::Inbox { tick: Tick(1), id: message.id.clone() },
                Some(at) => Slot::Delayed { at: Timestamp(at), id: message.id.clone() },
            };
            Parcel { slot, message, timer: timer.map(str::to_owned) }
        };
        let kept = [
            parcel("relay", None, "callboard.relay", None),
            parcel("timer", Some(9), "Ring", Some("wake-up")),
        ];
        let given_up = [
            parcel("sent", None, "Note", None),
            parcel("late", Some(5), "Note", None),
            parcel("later", Some(u64::MAX), "Note", None),
        ];
        for parcel in kept.iter().chain(&given_up) {
            store.put_parcel(&address, parcel).await.expect("an answer");
        }
        let purged = purge(&store, &address).await.expect("there is a mailbox");
        assert_eq!((purged.messages, purged.was_relied_on), (3, false));
        let left = store.inbox(&address, END_OF_TIME, 10).await.expect("an answer").parcels;
        assert_eq!(left, kept);
    }
}
