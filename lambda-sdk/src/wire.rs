//! What the gateway hands over, and what it gets back, in the protocol's types.

use std::time::Duration;

use callboard_mailbox::drain::{Drain, End, Rules, Run};
use callboard_mailbox::lease::Terms;
use callboard_mailbox::message::{Digest, InvalidId, Kind};
use callboard_mailbox::parcel::{PendingWake, Slot, Tick};
use callboard_mailbox::record::Revision;
use callboard_mailbox::retry::{Attempts, Backoff, Exhausted};
use callboard_mailbox::state::{Spilled, Stored};
use callboard_mailbox::{
    Address, Epoch, Lease, Message, MessageId, Record, Reply, Segment, Sequence, Timestamp,
    address, message,
};
use callboard_proto::pb::{self, ActivationEnd, ActivationResult, slot::Order};

use crate::context::new_id;

/// Why an activation cannot be begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the activation has no valid address: {0}")]
    Address(#[from] address::Error),
    #[error(transparent)]
    Segment(#[from] message::DecodeError),
    #[error("the activation has a bad message id: {0}")]
    Id(#[from] InvalidId),
    #[error("the activation has a slot without its order")]
    Slot,
}

/// The run that an activation asks for, and how long failed messages wait.
pub(crate) fn open(activation: pb::Activation) -> Result<(Drain, Backoff), Error> {
    let address = Address::parse(&activation.address)?;
    let state = match (activation.spilled, activation.state) {
        (Some(pb::SpilledState { revision, chunks }), _) => {
            Some(Stored::Spilled(Spilled { revision: Revision(revision), chunks }))
        }
        (None, state) => state.map(Stored::Inline),
    };
    let timers = activation.timers.into_iter().map(|(name, at)| Ok((name, slot(at)?)));
    let record = Record {
        head: Sequence(activation.head),
        partial: activation.partial,
        epoch: Epoch(activation.epoch),
        revision: Revision(activation.revision),
        lease_until: Some(Timestamp(activation.lease_until_ms)),
        attempt: activation.attempt,
        front: activation.front.map(slot).transpose()?,
        error: activation.error,
        state,
        timers: timers.collect::<Result<_, Error>>()?,
        tick: Tick(activation.tick),
        wakes: activation.wakes.into_iter().map(wake).collect::<Result<_, _>>()?,
        ..Record::default()
    };
    let segments = activation
        .segments
        .into_iter()
        .map(|segment| Segment::from_encoded(Sequence(segment.first), segment.messages))
        .collect::<Result<Vec<_>, _>>()?;
    let (backoff, attempts) = retry(activation.retry.unwrap_or_default());
    let rules = Rules {
        terms: Terms {
            length: Duration::from_millis(activation.lease_ms),
            due_step: Duration::from_millis(activation.due_step_ms),
        },
        reply_retention: Duration::from_millis(activation.reply_retention_ms),
        attempts,
    };
    let lease = Lease { address, record };
    let run = fastrand::u64(..);
    Ok((Drain::new(&lease, &segments, activation.more, rules, run)?, backoff))
}

/// A read-only ask, as a message to the actor.
pub(crate) fn open_read(read: pb::Read, now: Timestamp) -> Result<(Address, Run), Error> {
    let message = Message {
        id: new_id(now),
        kind: Kind::Ask,
        method: read.method,
        payload: read.payload,
        sent_at: now,
        deadline: read.deadline_ms.map(Timestamp),
        headers: read.headers.into_iter().collect(),
        receipt: false,
        sender: None,
        answer_to: None,
    };
    let run = Run { message, sequence: None, attempt: 1, timer: None, at: None };
    Ok((Address::parse(&read.address)?, run))
}

/// How a run ended, for the gateway.
pub(crate) fn report(
    drain: &Drain,
    end: End,
    replies: Vec<Reply>,
    stats: pb::RunStats,
) -> ActivationResult {
    let (end, not_before_ms) = match end {
        End::Deferred { not_before } => (ActivationEnd::BackingOff, not_before.0),
        End::Fenced => (ActivationEnd::Fenced, 0),
        End::Stopped => (ActivationEnd::OutOfTime, 0),
        End::Suspended => (ActivationEnd::Suspended, 0),
        // A hole breaks the run off before it is reported.
        End::Released | End::Hole { .. } => (ActivationEnd::Released, 0),
    };
    let replies = replies.into_iter().map(|reply| {
        let (code, body) = reply.outcome.parts();
        let digest = Digest::to_bytes(reply.digest);
        pb::Reply { message_id: reply.id.as_str().to_owned(), code, body, digest }
    });
    let wakes = drain.wakes().map(|wake| pb::PendingWake {
        address: wake.address.as_str().to_owned(),
        at_ms: wake.at.map(|at| at.0),
    });
    ActivationResult {
        head: drain.head().0,
        end: end.into(),
        not_before_ms,
        replies: replies.collect(),
        wakes: wakes.collect(),
        stats: Some(stats),
    }
}

fn slot(slot: pb::Slot) -> Result<Slot, Error> {
    let id = MessageId::new(&slot.message_id)?;
    match slot.order.ok_or(Error::Slot)? {
        Order::Tick(tick) => Ok(Slot::Inbox { tick: Tick(tick), id }),
        Order::AtMs(at) => Ok(Slot::Delayed { at: Timestamp(at), id }),
    }
}

fn wake(wake: pb::PendingWake) -> Result<PendingWake, address::Error> {
    Ok(PendingWake { address: Address::parse(&wake.address)?, at: wake.at_ms.map(Timestamp) })
}

/// A policy with the defaults of what it leaves open.
fn retry(policy: pb::RetryPolicy) -> (Backoff, Attempts) {
    let exhausted = policy.exhausted();
    let delay = |delay: Option<prost_types::Duration>, default| {
        delay.and_then(|delay| Duration::try_from(delay).ok()).unwrap_or(default)
    };
    let default = Backoff::default();
    let first = delay(policy.first_delay, default.first);
    let backoff = Backoff {
        first,
        factor: if policy.factor == 0.0 { default.factor } else { policy.factor },
        longest: delay(policy.longest_delay, default.longest.max(first)),
    };
    let most = match policy.attempts {
        None => Attempts::default().most,
        Some(0) => None,
        Some(most) => Some(most),
    };
    let then = match exhausted {
        pb::Exhausted::Suspend => Exhausted::Suspend,
        pb::Exhausted::DeadLetter | pb::Exhausted::Unspecified => Exhausted::DeadLetter,
    };
    (backoff, Attempts { most, then })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_says_nothing_has_the_defaults() {
        let (backoff, attempts) = retry(pb::RetryPolicy::default());
        assert_eq!((backoff, attempts), (Backoff::default(), Attempts::default()));
    }

    #[test]
    fn a_policy_is_taken_as_it_is() {
        let (backoff, attempts) = retry(pb::RetryPolicy {
            first_delay: Some(prost_types::Duration { seconds: 90, nanos: 0 }),
            factor: 3.0,
            longest_delay: None,
            attempts: Some(0),
            exhausted: pb::Exhausted::Suspend.into(),
        });
        assert_eq!(attempts, Attempts { most: None, then: Exhausted::Suspend });
        let minute_and_a_half = Duration::from_secs(90);
        assert_eq!((backoff.first, backoff.longest), (minute_and_a_half, minute_and_a_half));
    }
}
