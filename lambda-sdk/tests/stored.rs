//! What a function has stored before: states, and messages that are still to be sent. The bytes
//! here were written once and never change.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use callboard_lambda_sdk::invocation::{Envelope, Handler};
use callboard_lambda_sdk::{
    Actor, Context, Error, Later, Payload, Result, Service, encode, protobuf_state,
};
use callboard_mailbox::lease::{Terms, Woken};
use callboard_mailbox::memory::MemoryStore;
use callboard_mailbox::message::{Digest, Kind, Message as Mail};
use callboard_mailbox::parcel::{Parcel, Slot, Tick};
use callboard_mailbox::reply::{Outcome, ReplyKey};
use callboard_mailbox::state::Stored;
use callboard_mailbox::{Address, MessageId, Record, Reply, Segment, Sequence, Store, Timestamp};
use callboard_proto::pb::{self, Invocation, invocation::Task, slot::Order};
use prost::Message;
use serde::{Deserialize, Serialize};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// Stored as JSON by a type that has no version, with answers promised to a caller and an actor.
const PLAIN: &str = concat!(
    "\x01\x00{\"value\":5,\"ratio\":0.1,\"waits\":[",
    "\"ChBnb2xkZW4udjEuQmFuay9hEgVhc2tlZBoQAAECAwQFBgcICQoLDA0ODzI3MDAtNGJmOTJmMzU3N2IzNGRhNmEz",
    "Y2U5MjlkMGUwZTQ3MzYtMDBmMDY3YWEwYmE5MDJiNy0wMQ==\",",
    "\"ChBnb2xkZW4udjEuQmFuay9iEgZhbnN3ZXIiB09uQWRkZWQqBgEid2h5Ig==\"]}",
);

/// Stored as JSON by a type whose schema had version 300.
const VERSIONED: &[u8] = b"\x01\xac\x02{\"value\":5,\"name\":\"a\"}";

/// Stored as protobuf, with version 1.
const PROTOBUF: &[u8] = b"\x02\x01\x08\x05\x12\x01a";

#[derive(Default, Serialize, Deserialize)]
struct Plain {
    value: u64,
    ratio: f64,
    waits: Vec<Later<()>>,
}

#[derive(Default, Serialize, Deserialize)]
struct Versioned {
    value: u64,
    name: String,
}

/// What it has become.
#[derive(Clone, PartialEq, Message)]
struct Encoded {
    #[prost(uint64, tag = "1")]
    value: u64,
    #[prost(string, tag = "2")]
    name: String,
}

protobuf_state!(Encoded);

struct Bank;

impl Actor for Plain {
    type Service = Bank;
}

impl Actor for Versioned {
    type Service = Bank;
    const STATE_VERSION: u32 = 300;
}

impl Actor for Encoded {
    type Service = Bank;
    const STATE_VERSION: u32 = 1;

    fn migrate(version: u32, stored: &[u8]) -> Result<Self> {
        assert_eq!(version, 300);
        let Versioned { value, name } = serde_json::from_slice(stored)?;
        Ok(Self { value, name })
    }
}

trait Value {
    fn value(&mut self) -> &mut u64;
}

macro_rules! has_value {
    ($($actor:ty)*) => {$(
        impl Value for $actor {
            fn value(&mut self) -> &mut u64 {
                &mut self.value
            }
        }
    )*};
}

has_value!(Plain Versioned Encoded);

/// Each message adds 1, but for one that asks only to be stored again.
impl<A: Value + Send + Sync> Service<A> for Bank {
    const TYPE: &'static str = "golden.v1.Bank";

    async fn dispatch(
        actor: &mut A,
        method: &str,
        _: &[u8],
        _: &mut Context<'_>,
    ) -> Result<Payload> {
        *actor.value() += u64::from(method == "Add");
        encode(&*actor.value())
    }

    async fn read(_: &A, _: &str, _: &[u8], _: &Context<'_>) -> Result<Payload> {
        Err(Error::retried("nobody reads"))
    }
}

fn address(key: &str) -> Address {
    Address::new("golden.v1.Bank", key).expect("an address")
}

fn tell(id: &str, method: &str) -> Mail {
    Mail::new(MessageId::new(id).expect("an id"), Kind::Tell, method, Payload::new(), NOW)
}

/// Runs the actor `a` with this record, until there is nothing to do.
async fn run<A: Actor>(store: &MemoryStore, record: Record) {
    let address = address("a");
    let leased = store.with(|tables| {
        tables.force_record(&address, record);
        match tables.wake(&address, &Terms::default().wake(&address, NOW, 1)) {
            Woken::Granted(lease) => lease.record,
            Woken::Refused(record) => panic!("refused by {record:?}"),
        }
    });
    let state = match leased.state {
        Some(Stored::Inline(state)) => Some(state),
        _ => None,
    };
    let front = leased.front.map(|slot| match slot {
        Slot::Inbox { tick, id } => (Order::Tick(tick.0), id),
        Slot::Delayed { at, id } => (Order::AtMs(at.0), id),
    });
    let activation = pb::Activation {
        address: address.as_str().into(),
        epoch: leased.epoch.0,
        lease_until_ms: leased.lease_until.unwrap_or_default().0,
        attempt: leased.attempt,
        state,
        front: front.map(|(order, id)| pb::Slot { order: Some(order), message_id: id.to_string() }),
        more: true,
        lease_ms: 10_000,
        ..pb::Activation::default()
    };
    let invocation = Invocation { task: Some(Task::Activation(activation)) };
    let callboard = BASE64_STANDARD.encode(invocation.encode_to_vec());
    let envelope: Envelope =
        serde_json::from_value(serde_json::json!({ "callboard": callboard })).expect("it is one");
    let handler = Handler::new(store.clone(), Arc::new(|| NOW)).actor::<A>();
    handler.handle(envelope, Timestamp(NOW.0 + 30_000)).await.expect("it is performed");
}

/// The state after a message to an actor that had this one.
async fn after<A: Actor>(stored: &'static [u8], method: &str) -> Vec<u8> {
    let store = MemoryStore::default();
    let segment = Segment::new(Sequence(1), &[tell("told", method)]);
    store.with(|tables| tables.put_segment(&address("a"), &segment, Timestamp(u64::MAX)));
    let state = Some(Stored::Inline(stored.into()));
    run::<A>(&store, Record { state, ..Record::default() }).await;
    store.with(|tables| tables.committed_state(&address("a"))).expect("it has one").to_vec()
}

#[tokio::test]
async fn what_was_stored_is_read_and_stored_in_the_same_bytes() {
    let plain = PLAIN.as_bytes();
    assert_eq!(after::<Plain>(plain, "Keep").await, plain);
    assert_eq!(after::<Versioned>(VERSIONED, "Keep").await, VERSIONED);
    assert_eq!(after::<Encoded>(PROTOBUF, "Keep").await, PROTOBUF);

    let added = PLAIN.replace("\"value\":5", "\"value\":6");
    assert_eq!(after::<Plain>(plain, "Add").await, added.as_bytes());
    assert_eq!(after::<Encoded>(PROTOBUF, "Add").await, b"\x02\x01\x08\x06\x12\x01a");
}

#[tokio::test]
async fn a_state_of_another_encoding_and_version_is_migrated() {
    assert_eq!(after::<Encoded>(VERSIONED, "Add").await, b"\x02\x01\x08\x06\x12\x01a");
}

/// What did not fit in the commit of its message: a tell, a delayed tell, and the answer to an
/// ask of another actor.
const RELAY: &[u8] =
    b"\n=\n\x10golden.v1.Bank/b\x12)\n\x05first\x1a\x03Add\"\x02\x10\x05(\x80\xd0\x95\xff\
    \xbc1J\x10golden.v1.Bank/a\nD\n\x10golden.v1.Bank/b\x12)\n\x05later\x1a\x03Add\"\x02\x10\x05(\
    \x80\xd0\x95\xff\xbc1J\x10golden.v1.Bank/a\x18\x90\x9e\x96\xff\xbc1\x126\n\x10golden.v1.Bank/c\
    \x12\x05asked\"\x02\x08\x05*\x10\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\
    \x0f0\x80\x80\xd1\x94\xb5t";

#[tokio::test]
async fn what_was_still_to_be_sent_is_sent() {
    let store = MemoryStore::default();
    let message = Mail {
        payload: RELAY.into(),
        sender: Some(address("a")),
        ..tell("cause", "callboard.relay")
    };
    let slot = Slot::Inbox { tick: Tick(0), id: message.id.clone() };
    let parcel = Parcel { slot: slot.clone(), message, timer: None };
    store.with(|tables| tables.put_parcel(&address("a"), &parcel));
    run::<Plain>(&store, Record { front: Some(slot), ..Record::default() }).await;

    let soon = Timestamp(NOW.0 + 10_000);
    let (sent, left) = store.with(|tables| {
        (tables.inbox(&address("b"), soon, 9).parcels, tables.inbox(&address("a"), soon, 9).parcels)
    });
    let sent: Vec<_> = sent.into_iter().map(|parcel| (parcel.slot.at(), parcel.message)).collect();
    let message = |id| Mail {
        payload: Payload::from_static(b"\x10\x05"),
        sender: Some(address("a")),
        ..tell(id, "Add")
    };
    assert_eq!(sent, [(None, message("first")), (Some(soon), message("later"))]);
    assert_eq!(left, []);
    let asked = MessageId::new("asked").expect("an id");
    let keys = [ReplyKey::new(&address("c"), &asked)];
    let [Some(reply)] = &store.replies(&keys, NOW).await.expect("they are read")[..] else {
        panic!("it is not answered")
    };
    let answered = Outcome::Ok(Payload::from_static(b"\x08\x05"));
    let digest = Some(Digest(std::array::from_fn(|n| n as u8)));
    let expires = Timestamp(4_000_000_000_000);
    assert_eq!(*reply, Reply { id: asked, outcome: answered, digest, expires });
}
