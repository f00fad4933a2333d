//! What gateways do to each other, by how many they are.
//!
//! One, ten and a hundred of the real gateway, and the real SDK, get the same messages
//! over the same million actors. They run in one thread whose time is tokio's and passes
//! only when nobody has anything to do, over the store in memory, with journeys that take
//! as long as on AWS. What is drawn follows from a seed. Counted is what they ask of the
//! store and of the function, and what of it was in vain. `docs/scale.md` derives the
//! [bounds] that must hold.
//!
//! Nothing is lost on the way here, but some handlers fail and some gateways crash:
//! [`crate::simulation`] is where everything goes wrong.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`bounds`] | what must hold |
//! | [`tally`] | what was counted, by kind of message |
//! | `process` | a gateway's clock and death; the function's |
//! | `store` | the store in memory, behind a journey, and counted |
//! | `lambda` | the function, behind one too |
//! | `actor` | what it does with a message |
//! | `load` | who sends what to whom |

mod actor;
pub mod bounds;
mod lambda;
mod load;
mod process;
mod store;
pub mod tally;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callboard_gateway::{Catalog, Functions, Gateway, Settings};
use callboard_mailbox::limits::DUE_SHARDS;
use callboard_mailbox::memory::MemoryStore;
use callboard_mailbox::{Address, Record};
use callboard_proto::schema::Schema;
use tokio::time::Instant;

use lambda::Lambda;
use process::{BEGIN, Process};
use store::Counted;
use tally::{Kind, Tally};

/// The actor type.
const ACTOR_TYPE: &str = "proof.v1.Ledger";

/// The name of its function.
const FUNCTION: &str = "ledger";

/// One of so many actors at rest is due some time, but not while this runs.
const DUE_LATER: u32 = 10;

/// When it is: far behind the end of a run.
const MUCH_LATER: Duration = Duration::from_secs(24 * 3_600);

/// How often gateways crash during the load, however many there are.
const CRASHES: u32 = 5;

/// How long it takes until a new gateway is in the place of one that has crashed.
const RESTART: Duration = Duration::from_secs(5);

/// How often it is looked whether all is at rest.
const LOOK: Duration = Duration::from_secs(5);

/// The longest time after the load until all is at rest.
const QUIET_WITHIN: Duration = Duration::from_secs(4 * 3_600);

/// What is run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What everything is drawn from.
    pub seed: u64,
    /// How many gateways.
    pub gateways: u32,
    /// How many actors there are before the first message.
    pub actors: u32,
    /// How many messages are sent.
    pub messages: u32,
    /// How many of them in a second.
    pub per_second: u32,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was run.
    pub plan: Plan,
    /// What was counted.
    pub tally: Tally,
    /// How long all took, in its own time.
    pub took: Duration,
    /// How much of that was behind the last message.
    pub quiet_after: Duration,
    /// How many actors were still due then, and should not have been.
    pub left: usize,
}

/// Runs a plan.
#[must_use]
pub fn run(plan: Plan) -> Outcome {
    fastrand::seed(plan.seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O can be built");
    runtime.block_on(live(plan))
}

async fn live(plan: Plan) -> Outcome {
    let begun = Instant::now();
    let world = World::new(begun, asleep(plan.actors));
    let gateways = Gateways::start(&world, plan.gateways).await;
    let crashes = gateways.crash_now_and_then(plan.duration());
    let ((), ()) = tokio::join!(load::run(plan, &gateways), crashes);

    let loaded = Instant::now();
    let mut left = world.due();
    while left > 0 && loaded.elapsed() < QUIET_WITHIN {
        tokio::time::sleep(LOOK).await;
        left = world.due();
    }
    let tally = world.tally.lock().expect(NO_PANIC).clone();
    Outcome { plan, tally, took: begun.elapsed(), quiet_after: loaded.elapsed(), left }
}

const NO_PANIC: &str = "nothing panics under this lock";

impl Plan {
    fn duration(&self) -> Duration {
        Duration::from_secs(1) * self.messages / self.per_second
    }

    /// The key of one of the actors.
    fn key(&self, number: u32) -> String {
        let kind = if number < self.busy() { Kind::Busy } else { Kind::Calm };
        kind.key(number)
    }

    /// How many actors are the busy ones, which get half of the messages: one of a hundred.
    fn busy(&self) -> u32 {
        self.actors.div_ceil(100)
    }
}

/// All actors, at rest.
fn asleep(actors: u32) -> MemoryStore {
    let store = MemoryStore::default();
    let plan = Plan { seed: 0, gateways: 0, actors, messages: 0, per_second: 1 };
    store.with(|tables| {
        for number in 0..actors {
            let due = number
                .is_multiple_of(DUE_LATER)
                .then(|| BEGIN.plus(MUCH_LATER).plus(Duration::from_millis(u64::from(number))));
            tables.force_record(&address(&plan.key(number)), Record { due, ..Record::default() });
        }
    });
    store
}

fn address(key: &str) -> Address {
    Address::new(ACTOR_TYPE, key).expect("the keys here are short")
}

/// What all share.
struct World {
    begun: Instant,
    tables: MemoryStore,
    tally: Mutex<Tally>,
    /// The function's side; gateways have their own.
    lambda: Lambda,
}

impl World {
    fn new(begun: Instant, tables: MemoryStore) -> Arc<Self> {
        Arc::new_cyclic(|world| {
            let process = Process::function(begun);
            let store = Counted::new(world.clone(), tables.clone(), Arc::clone(&process));
            let lambda = Lambda::new(store, process, world.clone());
            Self { begun, tables, tally: Mutex::default(), lambda }
        })
    }

    /// Counts something about an actor.
    fn count(&self, address: &str, count: impl FnOnce(&mut tally::Counts)) {
        count(self.tally.lock().expect(NO_PANIC).of(Kind::of(address)));
    }

    /// How many actors are due within an hour: those that have work, or seem to.
    fn due(&self) -> usize {
        let by = BEGIN.plus(self.begun.elapsed()).plus(Duration::from_secs(3_600));
        let due = |shard| self.tables.with(|tables| tables.due(shard, by, None, 1_000).len());
        (0..DUE_SHARDS).map(due).sum()
    }
}

/// A gateway that runs, or has crashed.
#[derive(Clone)]
struct Member {
    process: Arc<Process>,
    gateway: Arc<Gateway<Counted>>,
}

/// The gateways.
struct Gateways {
    world: Arc<World>,
    schema: Schema,
    members: Mutex<Vec<Member>>,
}

impl Gateways {
    /// Starts as many, one after the other within a sweep's period: their sweeps come at
    /// any time.
    async fn start(world: &Arc<World>, count: u32) -> Self {
        let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
        let schema = Schema::compile_dir(protos).expect("the ledger's .proto is valid");
        let gateways = Self { world: Arc::clone(world), schema, members: Mutex::default() };
        for _ in 0..count {
            let member = gateways.member();
            gateways.members.lock().expect(NO_PANIC).push(member);
            tokio::time::sleep(Settings::default().sweep_period / count).await;
        }
        gateways
    }

    fn member(&self) -> Member {
        let process = Process::gateway(self.world.begun);
        let config = self.world.lambda.config(&process);
        let functions = Functions::new(&config, None, [(ACTOR_TYPE.into(), FUNCTION.into())]);
        let world = Arc::downgrade(&self.world);
        let store = Counted::new(world, self.world.tables.clone(), Arc::clone(&process));
        let (catalog, settings) = (Catalog::new(self.schema.clone()), Settings::default());
        let gateway = Gateway::start(store, catalog, functions, settings, process.clock());
        Member { process, gateway }
    }

    /// Any that has not crashed; `None` when there is none.
    fn any(&self) -> Option<Arc<Gateway<Counted>>> {
        let members = self.members.lock().expect(NO_PANIC);
        let mut alive: Vec<_> = members.iter().filter(|member| !member.process.is_dead()).collect();
        let any = fastrand::usize(..alive.len().max(1));
        (any < alive.len()).then(|| Arc::clone(&alive.swap_remove(any).gateway))
    }

    async fn crash_now_and_then(&self, within: Duration) {
        for _ in 0..CRASHES {
            tokio::time::sleep((within / CRASHES).saturating_sub(RESTART)).await;
            let place = fastrand::usize(..self.members.lock().expect(NO_PANIC).len());
            self.members.lock().expect(NO_PANIC)[place].process.die();
            tokio::time::sleep(RESTART).await;
            let member = self.member();
            self.members.lock().expect(NO_PANIC)[place] = member;
        }
    }
}
