//! Who sends what to whom: the same for any number of gateways.

use std::time::Duration;

use callboard_gateway::call::{Call, Deliver};
use fastrand::Rng;
use prost::Message;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::tally::Kind;
use super::{ACTOR_TYPE, Gateways, Plan};
use crate::ledger::v1::{NoteRequest, RecordRequest};

/// One of so many messages is a delayed one.
const DELAYED: u32 = 1_000;

/// One of so many fails in its first attempt.
const FAILING: u32 = 100;

/// The longest delay, in seconds.
const DELAY_MAX: f64 = 30.0;

/// How uneven the busy actors are: of their messages, the first k of n get the root of
/// k/n of this degree. The very first one of 10,000 gets a fifth of them.
const SKEW: i32 = 6;

/// How long a sender waits when no gateway is there.
const NO_GATEWAY: Duration = Duration::from_millis(100);

/// Sends all messages, each through any gateway, and waits until their callers have an
/// answer.
pub(super) async fn run(plan: Plan, gateways: &Gateways) {
    // What gateways draw must not change what is sent.
    let mut random = Rng::with_seed(plan.seed);
    let (begun, spacing) = (Instant::now(), Duration::from_secs(1) / plan.per_second);
    let mut open = JoinSet::new();
    for number in 0..plan.messages {
        sleep_until(begun + spacing * number).await;
        let (kind, call) = draw(plan, number, &mut random);
        let gateway = loop {
            match gateways.any() {
                Some(gateway) => break gateway,
                None => sleep(NO_GATEWAY).await,
            }
        };
        let world = gateways.world.clone();
        world.tally.lock().expect(super::NO_PANIC).of(kind).sent += 1;
        open.spawn(async move {
            if gateway.call(call).await.is_ok() {
                world.tally.lock().expect(super::NO_PANIC).of(kind).acknowledged += 1;
            }
        });
        while let Some(ended) = open.try_join_next() {
            ended.expect("a call does not panic");
        }
    }
    while let Some(ended) = open.join_next().await {
        ended.expect("a call does not panic");
    }
}

fn draw(plan: Plan, number: u32, random: &mut Rng) -> (Kind, Call) {
    let key = if number.is_multiple_of(DELAYED) {
        Kind::Delayed.key(number)
    } else if number.is_multiple_of(FAILING) {
        Kind::Failing.key(number)
    } else if random.bool() {
        plan.key((f64::from(plan.busy()) * random.f64().powi(SKEW)) as u32)
    } else {
        plan.key(random.u32(plan.busy()..plan.actors))
    };
    let kind = Kind::of(&key);
    let delay = Duration::from_secs_f64(DELAY_MAX * random.f64());
    let deliver = (kind == Kind::Delayed).then_some(Deliver::After(delay));
    let (method, payload) = match random.bool() && deliver.is_none() {
        true => ("Record", RecordRequest { ledger: key, sender: 0, number: 0 }.encode_to_vec()),
        false => ("Note", NoteRequest { ledger: key, sender: 0, number: 0 }.encode_to_vec()),
    };
    let path = format!("/{ACTOR_TYPE}/{method}");
    (kind, Call { path, payload: payload.into(), deliver, ..Call::default() })
}
