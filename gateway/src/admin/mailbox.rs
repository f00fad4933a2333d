//! What is known of one mailbox.

use callboard_mailbox::store::snapshot;
use callboard_mailbox::{Address, Record, Store, Timestamp};
use callboard_proto::pb;

use super::{END_OF_TIME, PARCELS_MAX, no_mailbox, render, unread};
use crate::refusal::Refusal;

/// Describes a mailbox, as of `now`.
pub(super) async fn describe(
    store: &impl Store,
    address: &Address,
    now: Timestamp,
) -> Result<pb::DescribeMailboxResponse, Refusal> {
    let unread = |error| unread(&error);
    let snapshot = snapshot(store, address).await.map_err(unread)?;
    let (record, state) = snapshot.ok_or_else(|| no_mailbox(address))?;
    let tail = store.tail(address).await.map_err(unread)?.sequence();
    let inbox = store.inbox(address, END_OF_TIME, PARCELS_MAX).await.map_err(unread)?;
    let others = || {
        inbox
            .parcels
            .iter()
            .filter(|parcel| parcel.timer.is_none() && !render::is_own(&parcel.message))
    };
    let could_run = others().filter(|parcel| parcel.slot.at().is_none_or(|at| at <= now));
    let oldest = could_run.map(|parcel| parcel.message.sent_at);
    let oldest = oldest.chain(first_of_log(store, address, &record).await?).min();
    let count = |delayed: bool| {
        let count = others().filter(|parcel| parcel.slot.at().is_some() == delayed).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    };
    let mut timers: Vec<_> = record
        .timers
        .iter()
        .map(|(name, slot)| (slot.at().unwrap_or_default(), name.clone()))
        .collect();
    timers.sort();
    Ok(pb::DescribeMailboxResponse {
        depth: tail.0.saturating_sub(record.head.0),
        from_actors: count(false),
        delayed: count(true),
        more_parcels: inbox.more,
        head: record.head.0,
        oldest_sent_at: oldest.map(render::time),
        attempt: record.attempt,
        last_error: record.error.unwrap_or_default(),
        lease_until: record.lease_until.map(render::time),
        not_before: record.not_before.map(render::time),
        paused: record.paused.is_some(),
        paused_reason: record.paused.unwrap_or_default(),
        due: record.due.map(render::time),
        timers: timers
            .into_iter()
            .map(|(at, name)| pb::MailboxTimer { name, at: Some(render::time(at)) })
            .collect(),
        pending_wakes: record.wakes.iter().map(|wake| render::address(&wake.address)).collect(),
        state_bytes: state.map_or(0, |state| state.len() as u64),
        revision: record.revision.0,
        epoch: record.epoch.0,
        read_at: Some(render::time(now)),
    })
}

/// When the first message of the log was sent that is not consumed.
async fn first_of_log(
    store: &impl Store,
    address: &Address,
    record: &Record,
) -> Result<Option<Timestamp>, Refusal> {
    let page = store.deliverable(address, record.next_segment(), END_OF_TIME, 1).await;
    let page = page.map_err(|error| unread(&error))?;
    let Some(segment) = page.segments.first() else { return Ok(None) };
    let messages = segment.messages().map_err(|error| unread(&corrupt(&error)))?;
    let first = messages.into_iter().find(|(sequence, _)| *sequence > record.head);
    Ok(first.map(|(_, message)| message.sent_at))
}

/// A segment that cannot be read.
pub(super) fn corrupt(
    error: &callboard_mailbox::message::DecodeError,
) -> callboard_mailbox::store::Error {
    callboard_mailbox::store::Error::Corrupt(error.to_string())
}
