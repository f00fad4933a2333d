//! DynamoDB: dynoxide in this process, and what can go wrong on the way there.

use std::sync::Arc;
use std::time::Duration;

use dynoxide::{Database, DynoxideError};
use fastrand::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::crash::Side;
use super::damage;
use super::fault::Fault;
use super::network::Answer;
use super::operation::Operation;
use super::process::Process;
use super::world::World;

/// The longest time between the halves of a query that is no snapshot.
const BETWEEN_HALVES_MAX_MS: u64 = 200;

/// How likely the refusal of a transaction that was applied before, where that is
/// possible, tells what its items were in different moments.
const OF_TWO_MOMENTS: f64 = 0.8;

/// The tables.
pub(super) struct DynamoDb(Database);

impl DynamoDb {
    /// A DynamoDB without tables.
    pub(super) fn new() -> Self {
        Self(Database::memory().expect("memory holds a database"))
    }

    /// Applies a request, as dynoxide's own server does.
    pub(super) fn apply(&self, action: &str, body: &str) -> Answer {
        let Self(database) = self;
        let result = match action {
            "DeleteItem" => call(body, |request| database.delete_item(request)),
            "PutItem" => call(body, |request| database.put_item(request)),
            "UpdateItem" => call(body, |request| database.update_item(request)),
            "TransactWriteItems" => call(body, |request| database.transact_write_items(request)),
            "GetItem" => call(body, |request| database.get_item(request)),
            "BatchGetItem" => call(body, |request| database.batch_get_item(request)),
            "Query" => call(body, |request| database.query(request)),
            "CreateTable" => call(body, |request| database.create_table(request)),
            "DescribeTable" => call(body, |request| database.describe_table(request)),
            "UpdateTimeToLive" => call(body, |request| database.update_time_to_live(request)),
            other => panic!("the simulation has no {other}"),
        };
        match result {
            Ok(body) => Answer { status: 200, headers: &[], body },
            Err(error) => Answer {
                status: error.status_code(),
                headers: &[],
                body: error.to_json().into_bytes(),
            },
        }
    }
}

fn call<Q: DeserializeOwned, A: Serialize>(
    body: &str,
    act: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<Vec<u8>, DynoxideError> {
    let request = serde_json::from_str(body).expect("dynoxide reads what the AWS SDK writes");
    let answer = act(request)?;
    Ok(serde_json::to_vec(&answer).expect("an answer is JSON"))
}

/// Serves a request of a process; `None` when no answer comes back.
pub(super) async fn serve(
    world: &Arc<World>,
    process: &Arc<Process>,
    operation: Operation,
    action: String,
    body: String,
) -> Option<Answer> {
    let (world, process) = (Arc::clone(world), Arc::clone(process));
    // A request that was sent is on its way, whatever becomes of its sender.
    let journey = tokio::spawn(async move {
        let fault = world.fault(operation);
        let (there, back) = world.draw(|random| fault.journeys(random));
        tokio::time::sleep(there).await;
        if fault == Fault::Late && operation.effect().is_write() {
            world.arrives_late().await;
        }
        let answer = apply(&world, fault, &action, &body).await;
        let status = answer.as_ref().map_or("not applied".into(), kind);
        world.note_in_detail(
            process.name(),
            format_args!("{operation:<30} {fault:<15} {status}"),
            || damage::summary(&body),
        );
        if answer.is_some() {
            world.strikes(&process, operation, Side::After);
        }
        tokio::time::sleep(back).await;
        match fault {
            Fault::Lost | Fault::Unanswered | Fault::Late => None,
            Fault::FailedAndApplied => Some(damage::server_error(world.draw(Rng::bool))),
            _ => answer,
        }
    });
    journey.await.expect("a journey does not panic")
}

/// Applies a request as its fault lets it; `None` when it never arrives.
async fn apply(world: &World, fault: Fault, action: &str, body: &str) -> Option<Answer> {
    let honest = || world.dynamodb.apply(action, body);
    let is_transaction = action == "TransactWriteItems";
    Some(match fault {
        Fault::Lost => return None,
        Fault::Throttled => damage::throttled(world.draw(Rng::bool)),
        Fault::Failed => damage::server_error(world.draw(Rng::bool)),
        Fault::Conflict if is_transaction => world.draw(|random| damage::cancelled(body, random)),
        Fault::Conflict => damage::conflict(),
        Fault::Torn => {
            let early = honest();
            let between = world.draw(|random| random.u64(1..=BETWEEN_HALVES_MAX_MS));
            tokio::time::sleep(Duration::from_millis(between)).await;
            world.draw(|random| damage::torn(&early, honest(), random))
        }
        Fault::Lagging => world.draw(|random| damage::lagging(honest(), random)),
        _ if is_transaction && world.draw(Rng::f64) < OF_TWO_MOMENTS => {
            damage::of_two_moments(honest())
        }
        _ => honest(),
    })
}

/// What an answer says, in a word.
fn kind(answer: &Answer) -> String {
    match answer.status {
        200 => "ok".into(),
        status => format!("{status} {}", damage::code(answer)),
    }
}
