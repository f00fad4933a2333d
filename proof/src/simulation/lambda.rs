//! Lambda: environments of the actor's function in this process, each of which
//! performs one invocation at a time with the handler of the real SDK.

use std::sync::{Arc, Mutex};

use callboard_lambda_sdk::invocation::{Envelope, Handler};
use callboard_mailbox_dynamodb::DynamoDbStore;
use fastrand::Rng;
use serde_json::json;

use super::actor::Moody;
use super::crash::Side;
use super::fault::Fault;
use super::network::{self, Answer};
use super::operation::Operation;
use super::process::{Process, Role};
use super::world::{World, lock};

/// The header by which Lambda tells that the function failed, and not the
/// invocation.
const FUNCTION_ERROR: &[(&str, &str)] = &[("x-amz-function-error", "Unhandled")];

/// The environments of one function.
#[derive(Default)]
pub(super) struct Lambda {
    /// Those that wait for an invocation.
    idle: Mutex<Vec<Arc<Environment>>>,
}

/// One process of the function.
struct Environment {
    process: Arc<Process>,
    handler: Handler<DynamoDbStore>,
}

impl Environment {
    fn start(world: &Arc<World>) -> Arc<Self> {
        let process = world.process(Role::Function);
        let store = network::store(&network::config(world, &process));
        let handler = Handler::new(store, process.clock()).actor::<Moody>();
        Arc::new(Self { process, handler })
    }
}

/// Serves an Invoke of a process; `None` when no answer comes back.
pub(super) async fn serve(
    world: &Arc<World>,
    process: &Arc<Process>,
    payload: String,
) -> Option<Answer> {
    let (world, process) = (Arc::clone(world), Arc::clone(process));
    let journey = tokio::spawn(async move {
        let fault = world.fault(Operation::Invoke);
        let (there, back) = world.draw(|random| fault.journeys(random));
        tokio::time::sleep(there).await;
        world.note(process.name(), format_args!("{:<30} {fault:<15}", Operation::Invoke));
        let answer = match fault {
            Fault::Lost => return None,
            Fault::Refused => world.draw(refusal),
            _ => {
                if fault == Fault::Late {
                    world.arrives_late().await;
                }
                if fault == Fault::Doubled {
                    tokio::spawn(run(Arc::clone(&world), payload.clone()));
                }
                let run = tokio::spawn(run(Arc::clone(&world), payload));
                world.strikes(&process, Operation::Invoke, Side::After);
                run.await.expect("a run does not panic")?
            }
        };
        tokio::time::sleep(back).await;
        match fault {
            Fault::Unanswered => None,
            Fault::FailedAndApplied => Some(world.draw(refusal)),
            _ => Some(answer),
        }
    });
    journey.await.expect("a journey does not panic")
}

/// Runs one invocation; `None` when its end is never told.
async fn run(world: Arc<World>, payload: String) -> Option<Answer> {
    let idle = lock(&world.lambda.idle).pop();
    let environment = idle.unwrap_or_else(|| Environment::start(&world));
    let Environment { process, handler } = &*environment;
    let timeout = world.plan.function_timeout;
    let deadline = process.now().plus(timeout);
    let envelope: Envelope = serde_json::from_str(&payload).expect("a gateway sends an envelope");
    world.note(process.name(), format_args!("run begins"));
    let result = tokio::select! {
        biased;
        () = process.died() => Err("Runtime.ExitError".to_owned()),
        () = tokio::time::sleep(timeout) => {
            process.die();
            Err("Sandbox.Timedout".to_owned())
        }
        result = handler.handle(envelope, deadline) => {
            result.map_err(|error| error.to_string())
        }
    };
    let told = if result.is_ok() { "ok" } else { "failed" };
    world.note(process.name(), format_args!("run ends: {told}"));
    if process.is_dead() && world.draw(Rng::bool) && !world.calm.is_raised() {
        return None;
    }
    if !process.is_dead() {
        lock(&world.lambda.idle).push(Arc::clone(&environment));
    }
    Some(match result {
        Ok(envelope) => Answer {
            status: 200,
            headers: &[],
            body: serde_json::to_vec(&envelope).expect("an envelope is JSON"),
        },
        Err(error) => function_error(&error),
    })
}

fn function_error(message: &str) -> Answer {
    let body = json!({ "errorType": "simulated", "errorMessage": message });
    Answer { status: 200, headers: FUNCTION_ERROR, body: body.to_string().into_bytes() }
}

/// Lambda is over its rate, or it failed.
fn refusal(random: &mut Rng) -> Answer {
    let (status, headers): (u16, &'static [(&str, &str)]) = match random.u8(..3) {
        0 => (429, &[("x-amzn-errortype", "TooManyRequestsException")]),
        1 => (500, &[("x-amzn-errortype", "ServiceException")]),
        _ => (503, &[]),
    };
    Answer { status, headers, body: json!({ "message": "simulated" }).to_string().into_bytes() }
}
