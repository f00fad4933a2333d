//! The gateways of a run: each that dies is followed by a new one.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use callboard_gateway::{Catalog, Functions, Gateway};
use callboard_mailbox_dynamodb::DynamoDbStore;
use callboard_proto::schema::Schema;

use super::network;
use super::process::{Process, Role};
use super::world::{World, lock};

/// The actor type of the ledger.
pub(super) const LEDGER: &str = "proof.v1.MoodyLedger";

/// The name of its function.
const FUNCTION: &str = "ledger";

/// The longest time until a new gateway takes a dead one's place.
const RESTART_MAX: Duration = Duration::from_secs(8);

/// A gateway that runs, or has died.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) process: Arc<Process>,
    pub(super) gateway: Arc<Gateway<DynamoDbStore>>,
}

/// The gateways of a run.
pub(super) struct Gateways {
    world: Arc<World>,
    members: Mutex<Vec<Member>>,
}

impl Gateways {
    /// Starts as many as planned, and whatever comes after them.
    pub(super) fn start(world: &Arc<World>) -> Arc<Self> {
        let members = (0..world.plan.gateways).map(|_| start(world)).collect();
        let gateways = Arc::new(Self { world: Arc::clone(world), members: Mutex::new(members) });
        for place in 0..world.plan.gateways {
            tokio::spawn(Arc::clone(&gateways).keep(place));
        }
        gateways
    }

    /// Any of them, dead or alive.
    pub(super) fn any(&self) -> Member {
        let members = lock(&self.members);
        members[self.world.draw(|random| random.usize(..members.len()))].clone()
    }

    /// Ends all but one: from then on it alone does what the others have left.
    pub(super) fn leave_one(&self) {
        lock(&self.members).iter().skip(1).for_each(|member| member.process.die());
    }

    async fn keep(self: Arc<Self>, place: usize) {
        loop {
            let process = Arc::clone(&lock(&self.members)[place].process);
            process.died().await;
            let wait = RESTART_MAX.mul_f64(self.world.draw(fastrand::Rng::f64));
            tokio::time::sleep(wait).await;
            if self.world.calm.is_raised() && place > 0 {
                return;
            }
            lock(&self.members)[place] = start(&self.world);
        }
    }
}

fn start(world: &Arc<World>) -> Member {
    let process = world.process(Role::Gateway);
    world.note(process.name(), format_args!("starts"));
    let config = network::config(world, &process);
    let functions = Functions::new(&config, None, [(LEDGER.to_owned(), FUNCTION.to_owned())]);
    let settings = world.plan.settings.clone();
    let catalog = Catalog::new(schema().clone());
    let store = network::store(&config);
    let gateway = Gateway::start(store, catalog, functions, settings, process.clock());
    Member { process, gateway }
}

/// The schema of the proofs' actor.
fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
        Schema::compile_dir(protos).expect("the ledger's .proto is valid")
    })
}
