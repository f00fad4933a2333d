//! A function performs the invocations of gateways of the first version, and of later ones.

mod golden;

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use callboard_lambda_sdk::invocation::{Envelope, Handler};
use callboard_lambda_sdk::{
    Actor, Context, Error, Payload, Request, Result, Service, Status, encode,
};
use callboard_mailbox::commit::{Commit, LeaseAfter};
use callboard_mailbox::lease::{Terms, Woken};
use callboard_mailbox::memory::MemoryStore;
use callboard_mailbox::parcel::Parcel;
use callboard_mailbox::state::{Stored, Write};
use callboard_mailbox::{Segment, Sequence, Timestamp};
use callboard_proto::pb::{Invocation, InvocationResult, invocation_result};
use golden::{Exchange, NOW, TYPE, activation, address, alice, ask, bob, exchanges, front};
use prost::Message;
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Tally {
    value: u64,
    padding: String,
}

struct TallyService;

impl Actor for Tally {
    type Service = TallyService;
}

impl Service<Tally> for TallyService {
    const TYPE: &'static str = TYPE;

    async fn dispatch(
        tally: &mut Tally,
        method: &str,
        _: &[u8],
        ctx: &mut Context<'_>,
    ) -> Result<Payload> {
        match method {
            "Note" => tally.value += 10,
            "Add" => {
                tally.value += 1;
                ctx.tell(Request::<()>::new(TYPE, "bob", "Note", &()))?;
            }
            _ => return Err(Error::retried("on purpose")),
        }
        encode(&tally.value)
    }

    async fn read(_: &Tally, _: &str, _: &[u8], ctx: &Context<'_>) -> Result<Payload> {
        assert_eq!(ctx.header("x-tenant"), Some("blue"));
        Err(Error::terminal(Status::failed_precondition("not at all")))
    }
}

/// What is stored when the invocations are made.
fn store() -> MemoryStore {
    let (store, expires) = (MemoryStore::default(), Timestamp(u64::MAX));
    store.with(|tables| {
        let (slot, message) = front();
        tables.put_parcel(&address("alice"), &Parcel { slot, message, timer: None });
        let segment = Segment::new(Sequence(5), &[ask()]);
        tables.put_segment(&address("alice"), &segment, expires);
        tables.force_record(&address("alice"), alice());

        let bobs = address("bob");
        tables.put_segment(&bobs, &golden::half_consumed(), expires);
        let Woken::Granted(lease) = tables.wake(&bobs, &Terms::default().wake(&bobs, NOW, 1))
        else {
            panic!("he has no record")
        };
        let large = Tally { value: 5, padding: "x".repeat(20_000) };
        let large = [b"\x01\x00", &serde_json::to_vec(&large).expect("it is JSON")[..]].concat();
        let write = Write { state: Some(large.into()), chunks_before: 0 };
        let lease_after = LeaseAfter::Released;
        tables.commit(&Commit { state: Some(write), lease: lease_after, ..Commit::of(&lease) });
        tables.force_record(&bobs, bob());
    });
    store
}

fn handler(store: &MemoryStore) -> Handler<MemoryStore> {
    Handler::new(store.clone(), Arc::new(|| NOW)).actor::<Tally>()
}

async fn perform(handler: &Handler<MemoryStore>, invocation: &str) -> InvocationResult {
    let envelope: Envelope = serde_json::from_str(invocation).expect("it is an envelope");
    let deadline = Timestamp(NOW.0 + 30_000);
    let answer = handler.handle(envelope, deadline).await.expect("it is performed");
    read(&serde_json::to_string(&answer).expect("it is JSON"))
}

/// The message in an envelope.
fn read<M: Message + Default>(envelope: &str) -> M {
    let envelope: serde_json::Value = serde_json::from_str(envelope).expect("it is JSON");
    let bytes = BASE64_STANDARD.decode(envelope["callboard"].as_str().expect("a text"));
    M::decode(&bytes.expect("it is base64")[..]).expect("it is such a message")
}

fn json(message: &impl Message) -> String {
    format!(r#"{{"callboard":"{}"}}"#, BASE64_STANDARD.encode(message.encode_to_vec()))
}

/// With what another run would measure and consume, and another release be called.
fn as_if(mut performed: InvocationResult, golden: &invocation_result::Result) -> InvocationResult {
    use invocation_result::Result::{Activation, Pong};
    match (performed.result.as_mut(), golden) {
        (Some(Pong(pong)), Pong(golden)) => pong.sdk_version.clone_from(&golden.sdk_version),
        (Some(Activation(run)), Activation(golden)) => {
            let (run, golden) = (run.stats.as_mut(), golden.stats.as_ref());
            let (run, golden) = (run.expect("it tells"), golden.expect("it tells"));
            run.consumed.clone_from(&golden.consumed);
            for (handled, golden) in run.handlers.iter_mut().zip(&golden.handlers) {
                assert_eq!(handled.took_us.len(), golden.took_us.len());
                handled.took_us.clone_from(&golden.took_us);
            }
        }
        _ => {}
    }
    performed
}

#[tokio::test]
async fn what_the_first_version_asks_for_is_answered_byte_for_byte() {
    let store = store();
    let handler = handler(&store);
    for Exchange { task, invocation, result, answer } in exchanges() {
        assert_eq!(read::<Invocation>(invocation), Invocation { task: Some(task) });
        let performed = as_if(perform(&handler, invocation).await, &result);
        assert_eq!(performed, InvocationResult { result: Some(result) });
        assert_eq!(json(&performed), answer);
    }

    // And what it says of the record is believed.
    let (before, after) = (alice(), store.with(|tables| tables.record(&address("alice"))));
    let after = after.expect("she has one");
    let state = Stored::Inline(b"\x01\x00{\"value\":16,\"padding\":\"\"}"[..].into());
    // A message that has failed once has a commit of its own.
    assert_eq!((after.revision.0, after.state), (before.revision.0 + 2, Some(state)));
    assert_eq!((&after.timers, after.tick.0), (&before.timers, before.tick.0 + 1));
}

#[tokio::test]
async fn what_a_later_version_adds_does_no_harm() {
    const UNKNOWN: &[u8] = b"\xfa\x3e\x03new";

    let mut inner = activation().encode_to_vec();
    inner.extend_from_slice(UNKNOWN);
    let mut invocation = vec![0x0a];
    prost::encoding::encode_varint(inner.len() as u64, &mut invocation);
    invocation.extend_from_slice(&inner);
    invocation.extend_from_slice(UNKNOWN);
    let callboard = BASE64_STANDARD.encode(invocation);
    let envelope = format!(r#"{{"callboard":"{callboard}","more":[1]}}"#);
    let [.., Exchange { result, .. }, _] = exchanges();
    let performed = as_if(perform(&handler(&store()), &envelope).await, &result);
    assert_eq!(performed, InvocationResult { result: Some(result) });
}

#[tokio::test]
async fn a_task_of_a_later_version_is_refused_with_the_reason() {
    let callboard = BASE64_STANDARD.encode(b"\xfa\x3e\x03new");
    let envelope = serde_json::from_str(&format!(r#"{{"callboard":"{callboard}"}}"#));
    let refused = handler(&store()).handle(envelope.expect("it is an envelope"), NOW).await;
    let text = refused.expect_err("nobody knows it").to_string();
    assert_eq!(text, "the invocation has a task that this SDK does not know");
}
