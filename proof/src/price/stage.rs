//! All that runs: the real gateway with its default settings and the real SDK, in
//! this process, over a DynamoDB that is given. What they ask of it is measured.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use callboard_gateway::call::{Answer, Call};
use callboard_gateway::{Catalog, Functions, Gateway, Settings};
use callboard_mailbox::clock::{Clock, Timestamp};
use callboard_mailbox::lease::Terms;
use callboard_mailbox::{Address, MessageId, Record, Store};
use callboard_mailbox_dynamodb::{DynamoDbStore, Tables, connect};
use callboard_proto::schema::Schema;
use prost::Message;
use tokio::time::Instant;

use super::function;
use super::meter::Meter;
use super::request::Party;
use super::wire;
use crate::ledger::v1::{NoteRequest, RecordRequest};

/// The type of all actors here.
const ACTOR_TYPE: &str = "proof.v1.Ledger";

/// The folder with its .proto.
const PROTOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");

/// The prefix of the tables' names.
const TABLE_PREFIX: &str = "price";

/// Any number will do.
const SEED: u64 = 7;

/// A gateway and a function over one database.
pub struct Stage {
    gateway: Arc<Gateway<DynamoDbStore>>,
    /// The tables, through a client that nobody measures.
    pub(super) unmeasured: DynamoDbStore,
    /// The tables, as whoever reads without a lease sees them.
    pub(super) reader: DynamoDbStore,
    /// What was measured.
    pub(super) meter: Meter,
}

impl Stage {
    /// Makes the tables in a DynamoDB, stops the clock, and starts a gateway. The
    /// runtime is to have one thread.
    ///
    /// # Panics
    /// When the DynamoDB is not there, or is not empty.
    pub async fn start(endpoint_url: &str) -> Self {
        // What is random follows from this, as far as it is drawn in this thread.
        fastrand::seed(SEED);
        let config = config().await;
        let tables = Tables::new(TABLE_PREFIX);
        let created = tables.create(&connect(&config, Some(endpoint_url))).await;
        created.expect("the database is there, and empty");
        tokio::time::pause();

        let server = endpoint_url.trim_start_matches("http://");
        let to_server = wire::connect(server).expect("the server listens");
        let to_server = config.to_builder().http_client(to_server).build();
        let client = connect(&to_server, Some(endpoint_url));
        let meter = Meter::default();
        let store = |by| DynamoDbStore::new(meter.measured(&client, by), tables.clone());

        let clock = paused_clock();
        let lambda = function::in_process(store(Party::Function), clock.clone(), meter.clone());
        let to_lambda = config.to_builder().http_client(lambda).build();
        let function = (ACTOR_TYPE.to_owned(), "ledger".to_owned());
        let functions = Functions::new(&to_lambda, None, [function]);
        let schema = Schema::compile_dir(Path::new(PROTOS)).expect("the .proto is right");
        let (catalog, settings) = (Catalog::new(schema), Settings::default());
        let gateway = Gateway::start(store(Party::Gateway), catalog, functions, settings, clock);
        let reader = store(Party::Reader);
        let unmeasured = DynamoDbStore::new(client, tables);
        Self { gateway, unmeasured, reader, meter }
    }

    /// Sends a tell; it is durable when this returns.
    pub(super) async fn tell(&self, actor: &str) {
        self.note(actor, None).await;
    }

    /// As [`Self::tell`], with an id.
    pub(super) async fn tell_with_id(&self, actor: &str) {
        self.note(actor, Some(new_id())).await;
    }

    /// Sends an ask and waits for its reply.
    pub(super) async fn ask(&self, actor: &str) {
        self.record_entry(actor, None).await;
    }

    /// As [`Self::ask`], with an id.
    pub(super) async fn ask_with_id(&self, actor: &str) {
        self.record_entry(actor, Some(new_id())).await;
    }

    async fn note(&self, actor: &str, id: Option<MessageId>) {
        let note = NoteRequest { ledger: actor.to_owned(), ..NoteRequest::default() };
        self.call("Note", note.encode_to_vec(), id).await;
    }

    async fn record_entry(&self, actor: &str, id: Option<MessageId>) {
        let record = RecordRequest { ledger: actor.to_owned(), ..RecordRequest::default() };
        self.call("Record", record.encode_to_vec(), id).await;
    }

    async fn call(&self, method: &str, payload: Vec<u8>, message_id: Option<MessageId>) -> Answer {
        let path = format!("/{ACTOR_TYPE}/{method}");
        let call = Call { path, payload: payload.into(), message_id, ..Call::default() };
        self.gateway.call(call).await.expect("nothing fails here")
    }

    /// An actor's record, unmeasured.
    pub(super) async fn record(&self, actor: &str) -> Record {
        let record = self.unmeasured.record(&address(actor)).await;
        record.expect("the database answers").expect("the actor has got a message")
    }
}

/// An id as Callboard's clients make them.
fn new_id() -> MessageId {
    MessageId::from_time(SystemTime::now().into(), &std::array::from_fn(|_| fastrand::u8(..)))
}

/// An actor's address.
pub(super) fn address(actor: &str) -> Address {
    Address::new(ACTOR_TYPE, actor).expect("the keys here are short")
}

/// A clock that goes on as tokio's does. It begins with a step of `due`: when an
/// actor is due must not depend on when this runs.
fn paused_clock() -> Clock {
    let step = Terms::default().due_step;
    let (begun, time) = (Instant::now(), Timestamp::from(SystemTime::now()).round_up(step));
    Arc::new(move || time.plus(begun.elapsed()))
}

async fn config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "price"))
        .load()
        .await
}
