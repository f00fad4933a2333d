//! Runs with a hand-written service, on the store on maps.

use bytes::Bytes;
use callboard_mailbox::drain::Rules;
use callboard_mailbox::lease::{Terms, Woken};
use callboard_mailbox::limits::STATE_BYTES_MAX;
use callboard_mailbox::memory::MemoryStore;
use callboard_mailbox::message::{Kind, Message, MessageId};
use callboard_mailbox::reply::ReplyKey;
use callboard_mailbox::retry::Attempts;
use callboard_mailbox::state::Stored;
use callboard_mailbox::{Address, Record, Segment, Sequence};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::*;
use crate::error::Result;
use crate::request::Request;
use callboard_mailbox::reply::Outcome;
use prost::Message as _;
use tonic::Status;

const NOW: Timestamp = Timestamp(1_000_000);

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Text(pub(crate) String);

impl Actor for Text {
    type Service = TextService;
}

pub(crate) struct TextService;

impl Service<Text> for TextService {
    const TYPE: &'static str = "test.v1.Text";

    /// Changes the state first, so that undoing shows.
    async fn dispatch(
        text: &mut Text,
        method: &str,
        payload: &[u8],
        ctx: &mut Context<'_>,
    ) -> Result<Bytes> {
        text.0 += std::str::from_utf8(payload)?;
        match method {
            "Append" => Ok(text.0.clone().into()),
            "Refuse" => Err(Error::terminal(Status::failed_precondition("no"))),
            "Fail" => Err(std::fmt::Error.into()),
            "FailOnce" if ctx.attempt() == 1 => Err(std::fmt::Error.into()),
            "FailOnce" => Ok(Bytes::new()),
            "Grow" => {
                text.0 = "x".repeat(STATE_BYTES_MAX);
                Ok(Bytes::new())
            }
            "Long" => Ok(vec![b'x'; 300 * 1024].into()),
            "Panic" => panic!("on purpose"),
            "Pass" => {
                ctx.tell(Request::<()>::new(Self::TYPE, "b", "Append", &()))?;
                ctx.set_timer("soon", Duration::from_secs(5), to_itself())?;
                Ok(Bytes::new())
            }
            "Flood" => {
                for _ in 0..501 {
                    ctx.tell(Request::<()>::new(Self::TYPE, "b", "Append", &()))?;
                }
                Ok(Bytes::new())
            }
            "Minute" => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                Ok(Bytes::new())
            }
            other => Err(Error::unknown_method(Self::TYPE, other)),
        }
    }

    async fn read(_: &Text, method: &str, _: &[u8], _: &Context<'_>) -> Result<Bytes> {
        Err(Error::unknown_method(Self::TYPE, method))
    }
}

fn to_itself() -> Request {
    Request::new(<TextService as Service<Text>>::TYPE, "a", "Append", &())
}

fn address() -> Address {
    Address::new(TextService::TYPE, "a").expect("an address")
}

/// Puts messages into the mailbox, each of a method and a payload; an id is the
/// method and its place.
fn put(store: &MemoryStore, messages: &[(&str, &str)]) {
    let messages: Vec<_> = messages
        .iter()
        .enumerate()
        .map(|(n, (method, payload))| {
            Message::new(
                MessageId::new(&format!("{method}{n}")).expect("an id"),
                Kind::Ask,
                *method,
                payload.to_string().into(),
                NOW,
            )
        })
        .collect();
    let segment = Segment::new(Sequence(1), &messages);
    store.with(|tables| tables.put_segment(&address(), &segment, Timestamp(u64::MAX)));
}

/// One run that begins `now`, on a clock that goes on with tokio's paused one.
fn run_once(store: &MemoryStore, now: Timestamp) -> End {
    paused().block_on(run_on(store, now)).end
}

fn paused() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime")
}

async fn run_on(store: &MemoryStore, now: Timestamp) -> Finished {
    let terms = Terms::default();
    let woken = store.with(|tables| tables.wake(&address(), &terms.wake(&address(), now, now.0)));
    let Woken::Granted(lease) = woken else { panic!("refused: {woken:?}") };
    let hour = Duration::from_secs(3_600);
    let rules = Rules { terms, reply_retention: hour, attempts: Attempts::default() };
    let mut drain = Drain::new(&lease, &[], true, rules, 1).expect("a run");
    let begun = tokio::time::Instant::now();
    let surroundings = Surroundings {
        store,
        clock: Arc::new(move || now.plus(begun.elapsed())),
        stop_at: now.plus(hour),
        backoff: Backoff::default(),
        trace: &Trace::off(),
        span: &trace::Span::none(),
    };
    run::<Text, _>(&surroundings, &mut drain, &mut None).await.expect("the store answers")
}

fn record(store: &MemoryStore) -> Record {
    store.with(|tables| tables.record(&address())).expect("a record")
}

fn state(store: &MemoryStore) -> String {
    let Some(Stored::Inline(state)) = record(store).state else { panic!("a small state") };
    let json = state.strip_prefix(b"\x01\x00").expect("encoding and version");
    String::from_utf8(json.to_vec()).expect("JSON")
}

fn outcome_of(store: &MemoryStore, id: &str) -> Option<Outcome> {
    let key = ReplyKey::new(&address(), &MessageId::new(id).expect("an id"));
    store.with(|tables| tables.replies(&[key], NOW)[0].clone()).map(|reply| reply.outcome)
}

#[test]
fn messages_build_on_each_other_in_order() {
    let store = MemoryStore::default();
    put(&store, &[("Append", "a"), ("Append", "b"), ("Append", "c")]);
    assert_eq!(run_once(&store, NOW), End::Released);
    assert_eq!(outcome_of(&store, "Append2"), Some(Outcome::Ok(Bytes::from_static(b"abc"))));
    assert_eq!(state(&store), r#""abc""#);
}

#[test]
fn a_terminal_error_answers_the_caller_and_undoes_the_change() {
    let store = MemoryStore::default();
    put(&store, &[("Append", "a"), ("Refuse", "b"), ("Append", "c")]);
    assert_eq!(run_once(&store, NOW), End::Released);
    let Some(Outcome::Failed { code: 9, status }) = outcome_of(&store, "Refuse1") else {
        panic!("a status was to be the reply");
    };
    let status = tonic_types::pb::Status::decode(status).expect("a status");
    assert_eq!((status.code, status.message.as_str()), (9, "no"));
    assert_eq!(state(&store), r#""ac""#);
}

#[test]
fn a_failing_message_keeps_the_ones_behind_it_waiting() {
    for method in ["Fail", "Panic", "Unknown"] {
        let store = MemoryStore::default();
        put(&store, &[("Append", "a"), (method, "b"), ("Append", "c")]);
        assert!(matches!(run_once(&store, NOW), End::Deferred { .. }), "{method}");
        assert_eq!(state(&store), r#""a""#);
        assert_eq!(outcome_of(&store, "Append2"), None);
        assert_eq!(record(&store).head, Sequence(1));
    }
}

#[test]
fn a_message_that_failed_runs_again_after_its_wait() {
    let store = MemoryStore::default();
    put(&store, &[("Append", "a"), ("FailOnce", "b"), ("Append", "c")]);
    let End::Deferred { not_before } = run_once(&store, NOW) else { panic!("it fails at first") };
    assert_eq!(run_once(&store, not_before), End::Released);
    assert_eq!(state(&store), r#""abc""#);
}

#[test]
fn what_kind_of_failure_an_attempt_was_is_told() {
    for (method, kind) in
        [("Append", ""), ("Refuse", ""), ("Fail", "handler_failed"), ("Panic", "handler_panicked")]
    {
        let store = MemoryStore::default();
        put(&store, &[(method, "a")]);
        let handlers = paused().block_on(run_on(&store, NOW)).stats.handlers;
        let [handler] = &handlers[..] else { panic!("one method ran: {handlers:?}") };
        assert_eq!((handler.method.as_str(), handler.error_type.as_str()), (method, kind));
    }
}

#[test]
fn what_is_too_large_to_store_is_refused_with_the_limit() {
    let store = MemoryStore::default();
    put(&store, &[("Append", "a"), ("Grow", ""), ("Long", ""), ("Append", "b")]);
    assert_eq!(run_once(&store, NOW), End::Released);
    for (id, limit) in [("Grow1", STATE_BYTES_MAX), ("Long2", REPLY_BYTES_MAX)] {
        let Some(Outcome::Failed { code: 8, status }) = outcome_of(&store, id) else {
            panic!("{id} was to be refused");
        };
        let status = tonic_types::pb::Status::decode(status).expect("a status");
        assert!(status.message.contains(&limit.to_string()), "{}", status.message);
        assert_eq!(status.details.len(), 1);
    }
    assert_eq!(state(&store), r#""ab""#);
}

#[test]
fn a_state_that_cannot_be_read_keeps_the_messages() {
    let store = MemoryStore::default();
    put(&store, &[("Append", "a")]);
    let terms = Terms::default();
    let Woken::Granted(lease) =
        store.with(|tables| tables.wake(&address(), &terms.wake(&address(), NOW, 1)))
    else {
        panic!("nobody else holds it");
    };
    let state = Some(Stored::Inline(Bytes::from_static(b"{}")));
    let released = Record { state, lease_until: None, ..lease.record };
    store.with(|tables| tables.force_record(&address(), released));
    assert!(matches!(run_once(&store, NOW), End::Deferred { .. }));
    assert_eq!(record(&store).head, Sequence(0));
}

#[test]
fn a_handler_may_take_longer_than_a_lease() {
    let store = MemoryStore::default();
    put(&store, &[("Minute", "a"), ("Append", "b")]);
    assert_eq!(run_once(&store, NOW), End::Released);
    assert_eq!(state(&store), r#""ab""#);
    assert_eq!(record(&store).epoch, callboard_mailbox::Epoch(1));
}

#[test]
fn a_handler_is_given_up_when_the_lease_is_lost() {
    let store = MemoryStore::default();
    put(&store, &[("Minute", "a")]);
    let end = paused().block_on(async {
        let fence = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            let action = callboard_mailbox::sweep::Action::Fence;
            let epoch = record(&store).epoch;
            let settle = callboard_mailbox::sweep::Settle { epoch, action };
            store.with(|tables| tables.settle(&address(), &settle)).expect("the lease is held");
            tokio::time::Instant::now()
        };
        let (fenced_at, finished) = tokio::join!(fence, run_on(&store, NOW));
        assert!(fenced_at.elapsed() <= Duration::from_secs(5), "it was given up late");
        finished.end
    });
    assert_eq!(end, End::Fenced);
    assert_eq!(record(&store).head, Sequence(0));
}

#[test]
fn what_a_handler_sends_and_times_is_committed_with_its_message() {
    let store = MemoryStore::default();
    put(&store, &[("Pass", "a")]);
    assert_eq!(run_once(&store, NOW), End::Released);
    let other = Address::new(address().actor_type(), "b").expect("an address");
    let sent = store.with(|tables| tables.inbox(&other, NOW, 9)).parcels;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].message.sender, Some(address()));
    assert_eq!(record(&store).wakes.len(), 1);
    let timers: Vec<_> = record(&store).timers.into_keys().collect();
    assert_eq!(timers, ["soon"]);
}

#[test]
fn a_handler_that_sends_too_much_sends_nothing() {
    let store = MemoryStore::default();
    put(&store, &[("Flood", "a"), ("Append", "b")]);
    assert_eq!(run_once(&store, NOW), End::Released);
    let Some(Outcome::Failed { code: 8, .. }) = outcome_of(&store, "Flood0") else {
        panic!("it was to be refused");
    };
    let other = Address::new(address().actor_type(), "b").expect("an address");
    assert_eq!(store.with(|tables| tables.inbox(&other, NOW, 9)).parcels, []);
    assert_eq!(state(&store), r#""b""#);
}
