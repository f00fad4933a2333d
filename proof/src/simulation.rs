//! The real gateway and the real SDK in one thread, with every fault, from a seed.
//!
//! A few gateways and the actors' function run as they do in production, over
//! the real clients of AWS. What they send goes no further than this process:
//! DynamoDB is dynoxide in memory, Lambda calls the SDK's handler, and the time
//! is tokio's, which passes only when nobody has anything to do. On the way,
//! requests are delayed, lost, applied minutes late or answered with errors, and
//! processes crash before and after each of their operations, freeze, and err
//! about the time. All of that is drawn from a seed: the same seed makes the
//! same run, to the last line of its trace.
//!
//! After the load everything works, and all that was left behind must be found
//! and done within the time that `docs/protocol.md` promises. Then the actors'
//! state is held against what their senders were told.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `plan` | what a seed decides before its run begins |
//! | `world` | what all processes of a run share |
//! | `process` | dying, freezing, erring about the time |
//! | `network` | the HTTP client between the AWS SDK and the services |
//! | `operation` | which request is which operation of the protocol |
//! | `fault`, `damage` | what goes wrong with a request, and what is answered then |
//! | `crash` | where processes crash, and how often they did |
//! | `dynamodb`, `lambda` | the services |
//! | `gateways`, `actor` | what is under test |
//! | `mood`, `letter` | how the actor takes a message, and what it sends because of it |
//! | `load`, `verdict` | what is sent, and what must have become of it |
//! | `deed` | what actors do to each other, and how often |
//! | `trace`, `signal` | small tools |
//! | [`campaign`] | many seeds, on all processors |

mod actor;
pub mod campaign;
mod crash;
mod damage;
mod deed;
mod dynamodb;
mod fault;
mod gateways;
mod lambda;
mod letter;
mod load;
mod mood;
mod network;
mod operation;
mod plan;
mod process;
mod signal;
mod trace;
mod verdict;
mod world;

use std::cell::RefCell;
use std::sync::{Arc, Once};
use std::time::Duration;

use callboard_mailbox_dynamodb::DynamoDbStore;

pub use crash::{Crashes, POINTS};
pub use deed::Deeds;
pub use world::Tally;

use crate::history::Actor;
use gateways::Gateways;
use process::Role;
use world::World;

/// How often it is looked whether all is quiet.
const LOOK: Duration = Duration::from_secs(2);

/// How the run of one seed ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Stands for the whole trace.
    pub hash: u64,
    /// How many lines the trace has.
    pub lines: u64,
    /// How many messages were sent.
    pub messages: u64,
    /// How long it took, in its own time.
    pub took: Duration,
    /// How long it took until all was quiet, once nothing went wrong any more.
    pub quiet_after: Duration,
    /// Where processes crashed.
    pub crashes: Crashes,
    /// What else happened.
    pub tally: Tally,
    /// What the actors did to each other.
    pub deeds: Deeds,
    /// What is wrong. Nothing, if all promises were kept.
    pub wrong: Vec<String>,
    /// The last lines of the trace.
    pub last: Vec<String>,
}

/// Runs a seed, and prints its trace if that is asked for.
#[must_use]
pub fn run(seed: u64, is_printed: bool) -> Outcome {
    note_panics();
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O can be built");
    let mut outcome = runtime.block_on(async {
        let world = World::new(seed, is_printed);
        let lived = tokio::select! {
            biased;
            lived = live(&world) => lived,
            () = world.exhausted() => Lived::endless(),
        };
        let trace = world.trace();
        Outcome {
            seed,
            hash: trace.hash(),
            lines: trace.lines(),
            messages: lived.messages,
            took: world.elapsed(),
            quiet_after: lived.quiet_after,
            crashes: world.fate().crashes().clone(),
            tally: world.tally(),
            deeds: lived.deeds,
            wrong: lived.wrong,
            last: trace.last(),
        }
    });
    drop(runtime);
    outcome.wrong.extend(PANICS.take());
    outcome
}

/// What came of a run.
#[derive(Default)]
struct Lived {
    messages: u64,
    quiet_after: Duration,
    deeds: Deeds,
    wrong: Vec<String>,
}

impl Lived {
    fn endless() -> Self {
        Self { wrong: vec!["the run does not end".to_owned()], ..Self::default() }
    }
}

/// All that happens in a run.
async fn live(world: &Arc<World>) -> Lived {
    let observer = world.process(Role::Observer);
    let config = network::config(world, &observer);
    network::tables().create(&network::client(&config)).await.expect("the tables are made");
    let store = network::store(&config);

    let gateways = Gateways::start(world);
    let mut seen = load::run(world, &gateways).await;

    world.note("world", format_args!("calm"));
    world.calm.raise();
    gateways.leave_one();
    let calm = world.elapsed();
    let mut wrong = until_quiet(world, &store).await;
    let quiet_after = world.elapsed() - calm;

    world.note("world", format_args!("what is late arrives"));
    world.late_arrives.raise();
    while world.late() > 0 {
        tokio::time::sleep(LOOK).await;
    }
    tokio::time::sleep(LOOK).await;
    wrong.extend(until_quiet(world, &store).await);

    let actors = (0..world.plan.actors()).map(Actor);
    wrong.extend(verdict::read(&store, actors, &mut seen).await);
    let verdict = seen.history.check();
    wrong.extend(verdict.violations.iter().map(ToString::to_string));
    Lived { messages: verdict.summary.messages, quiet_after, deeds: seen.deeds, wrong }
}

/// Waits until nobody has anything to do, and tells whose work does not end.
async fn until_quiet(world: &World, store: &DynamoDbStore) -> Vec<String> {
    let latest = world.elapsed() + world.plan.quiet_within();
    let mut busy: Vec<_> = (0..world.plan.actors()).map(Actor).collect();
    while !busy.is_empty() && world.elapsed() < latest {
        tokio::time::sleep(LOOK).await;
        let mut still = Vec::new();
        for actor in busy {
            if !verdict::is_quiet(store, actor).await {
                still.push(actor);
            }
        }
        busy = still;
    }
    busy.into_iter().map(|actor| format!("{actor} never becomes quiet")).collect()
}

thread_local! {
    /// The panics on this thread: tokio catches those in tasks.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Has panics noted instead of printed, on every thread.
fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.with_borrow_mut(|panics| panics.push(panic.to_string()));
            print(panic);
        }));
    });
}
