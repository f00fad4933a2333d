//! What passes between a gateway and a function, as the first version has it: as values, and as
//! the bytes that were written once and never change. A gateway must send these invocations
//! and read these answers; a function must answer just so. `gateway/tests/invocations.rs`
//! has the other side.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use callboard_mailbox::message::{Digest, Kind};
use callboard_mailbox::parcel::{PendingWake, Slot, Tick};
use callboard_mailbox::record::{Epoch, Revision};
use callboard_mailbox::state::{Spilled, Stored};
use callboard_mailbox::{Address, Message, MessageId, Record, Segment, Sequence, Timestamp};
use callboard_proto::pb::{self, ActivationEnd, invocation::Task, invocation_result::Result};

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);
const SOON: Timestamp = Timestamp(1_700_000_010_000);

pub(crate) const TYPE: &str = "golden.v1.Tally";

/// An invocation and its answer.
pub(crate) struct Exchange {
    pub(crate) task: Task,
    pub(crate) invocation: &'static str,
    pub(crate) result: Result,
    pub(crate) answer: &'static str,
}

macro_rules! exchange {
    ($task:expr, $invocation:literal, $result:expr, $answer:literal) => {
        Exchange {
            task: $task,
            invocation: include_str!($invocation).trim_ascii_end(),
            result: $result,
            answer: include_str!($answer).trim_ascii_end(),
        }
    };
}

/// One of each kind. A function serves them in this order.
pub(crate) fn exchanges() -> [Exchange; 4] {
    [
        exchange!(Task::Ping(pb::Ping {}), "ping.json", Result::Pong(pong()), "pong.json"),
        exchange!(Task::Read(read()), "read.json", Result::Read(seen()), "seen.json"),
        exchange!(
            Task::Activation(activation()),
            "activation.json",
            Result::Activation(released()),
            "released.json"
        ),
        exchange!(
            Task::Activation(left_over()),
            "left_over.json",
            Result::Activation(backing_off()),
            "backing_off.json"
        ),
    ]
}

pub(crate) fn address(key: &str) -> Address {
    Address::new(TYPE, key).expect("an address")
}

fn id(text: &str) -> MessageId {
    MessageId::new(text).expect("an id")
}

fn message(method: &str) -> Message {
    Message::new(id("told"), Kind::Tell, method, Bytes::from_static(b"\x0a\x05alice"), NOW)
}

/// The message that alice is run for.
pub(crate) fn ask() -> Message {
    Message {
        id: id("asked"),
        kind: Kind::Ask,
        deadline: Some(SOON),
        headers: vec![("x-tenant".into(), "blue".into())],
        receipt: true,
        ..message("Add")
    }
}

/// The message at alice's front, which has failed once.
pub(crate) fn front() -> (Slot, Message) {
    let message = Message { id: id("front"), sender: Some(address("carol")), ..message("Note") };
    (Slot::Inbox { tick: Tick(1_699_999_999_000_000), id: id("front") }, message)
}

/// Alice under the lease: an actor with all that a record can have then.
pub(crate) fn alice() -> Record {
    let timer = Slot::Delayed { at: SOON, id: id("ring") };
    Record {
        head: Sequence(4),
        epoch: Epoch(9),
        revision: Revision(3),
        lease_until: Some(SOON),
        attempt: 2,
        front: Some(front().0),
        error: Some("it failed".into()),
        state: Some(Stored::Inline(Bytes::from_static(b"\x01\x00{\"value\":5,\"padding\":\"\"}"))),
        timers: BTreeMap::from([("interval".into(), timer)]),
        // Ahead of the clock.
        tick: Tick(1_700_000_000_999_999),
        wakes: vec![
            PendingWake { address: address("carol"), at: None },
            PendingWake { address: address("dave"), at: Some(SOON) },
        ],
        ..Record::default()
    }
}

/// Bob under the lease: an actor with a large state, and with a segment that is half consumed.
pub(crate) fn bob() -> Record {
    Record {
        head: Sequence(4),
        partial: 1,
        epoch: Epoch(9),
        revision: Revision(1),
        lease_until: Some(SOON),
        attempt: 1,
        state: Some(Stored::Spilled(Spilled { revision: Revision(1), chunks: 1 })),
        ..Record::default()
    }
}

/// Bob's segment.
pub(crate) fn half_consumed() -> Segment {
    Segment::new(Sequence(4), &[message("Note"), Message { id: id("fails"), ..message("Fail") }])
}

fn retry() -> pb::RetryPolicy {
    pb::RetryPolicy {
        // So short that no chance is in when it ends.
        first_delay: Some(prost_types::Duration { seconds: 0, nanos: 1_000_000 }),
        factor: 3.0,
        longest_delay: Some(prost_types::Duration { seconds: 7, nanos: 500_000_000 }),
        attempts: Some(5),
        exhausted: pb::Exhausted::Suspend.into(),
    }
}

pub(crate) fn activation() -> pb::Activation {
    let slot = |order, id: &str| pb::Slot { order: Some(order), message_id: id.into() };
    let wake = |key, at_ms| pb::PendingWake { address: format!("{TYPE}/{key}"), at_ms };
    pb::Activation {
        address: "golden.v1.Tally/alice".into(),
        epoch: 9,
        lease_until_ms: SOON.0,
        head: 4,
        partial: 0,
        attempt: 2,
        state: Some(Bytes::from_static(b"\x01\x00{\"value\":5,\"padding\":\"\"}")),
        spilled: None,
        segments: vec![pb::Segment {
            first: 5,
            messages: Segment::new(Sequence(5), &[ask()]).encoded().clone(),
        }],
        more: false,
        lease_ms: 10_000,
        due_step_ms: 60_000,
        reply_retention_ms: 86_400_000,
        revision: 3,
        front: Some(slot(pb::slot::Order::Tick(1_699_999_999_000_000), "front")),
        error: Some("it failed".into()),
        // A map has no order: one of each.
        timers: HashMap::from([("interval".into(), slot(pb::slot::Order::AtMs(SOON.0), "ring"))]),
        tick: 1_700_000_000_999_999,
        wakes: vec![wake("carol", None), wake("dave", Some(SOON.0))],
        retry: Some(retry()),
        headers: HashMap::from([("traceparent".into(), TRACEPARENT.into())]),
    }
}

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

pub(crate) fn left_over() -> pb::Activation {
    pb::Activation {
        address: "golden.v1.Tally/bob".into(),
        epoch: 9,
        lease_until_ms: SOON.0,
        head: 4,
        partial: 1,
        attempt: 1,
        spilled: Some(pb::SpilledState { revision: 1, chunks: 1 }),
        more: true,
        lease_ms: 10_000,
        due_step_ms: 60_000,
        reply_retention_ms: 86_400_000,
        revision: 1,
        retry: Some(retry()),
        ..pb::Activation::default()
    }
}

fn released() -> pb::ActivationResult {
    let wake = |key, at_ms| pb::PendingWake { address: format!("{TYPE}/{key}"), at_ms };
    pb::ActivationResult {
        head: 5,
        end: ActivationEnd::Released.into(),
        not_before_ms: 0,
        replies: vec![pb::Reply {
            message_id: "asked".into(),
            code: 0,
            body: Bytes::from_static(b"\x08\x10"),
            digest: Digest::to_bytes(ask().digest()),
        }],
        wakes: vec![wake("bob", None), wake("carol", None), wake("dave", Some(SOON.0))],
        stats: Some(pb::RunStats {
            handlers: vec![handled("Note", "", 250), handled("Add", "", 1_000)],
            waited_ms: vec![0],
            drained: vec![1, 1],
            retries: 1,
            dead_letters: 0,
            consumed: consumed(),
        }),
    }
}

fn backing_off() -> pb::ActivationResult {
    pb::ActivationResult {
        head: 4,
        end: ActivationEnd::BackingOff.into(),
        not_before_ms: NOW.0,
        stats: Some(pb::RunStats {
            handlers: vec![handled("Fail", "handler_failed", 70)],
            waited_ms: vec![0],
            consumed: consumed(),
            ..pb::RunStats::default()
        }),
        ..pb::ActivationResult::default()
    }
}

fn handled(method: &str, error_type: &str, took_us: u32) -> pb::HandlerStats {
    let (method, error_type) = (method.into(), error_type.into());
    pb::HandlerStats { method, error_type, took_us: vec![took_us] }
}

fn consumed() -> Vec<pb::RequestUnits> {
    let (operation, table) = ("TransactWriteItems".into(), "callboard-mailboxes".into());
    vec![pb::RequestUnits { operation, table, units: 6.5 }]
}

fn read() -> pb::Read {
    pb::Read {
        address: "golden.v1.Tally/alice".into(),
        method: "Look".into(),
        payload: Bytes::from_static(b"\x0a\x05alice"),
        deadline_ms: Some(SOON.0),
        headers: HashMap::from([("x-tenant".into(), "blue".into())]),
    }
}

/// FAILED_PRECONDITION, with a text.
fn seen() -> pb::ReadResult {
    pb::ReadResult { code: 9, body: Bytes::from_static(b"\x08\x09\x12\x0anot at all") }
}

fn pong() -> pb::Pong {
    pb::Pong { actor_types: vec![TYPE.into()], sdk_version: "0.1.0".into() }
}
