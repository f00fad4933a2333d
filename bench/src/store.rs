//! The store writes that an ask is made of, by themselves: the same operations
//! of the same crate, through the AWS SDK, against the same embedded DynamoDB.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use bytes::Bytes;
use callboard_local::{EmbeddedDynamoDb, Storage, Sync};
use callboard_mailbox::append::Put;
use callboard_mailbox::commit::{Commit, Committed};
use callboard_mailbox::lease::{Terms, Woken};
use callboard_mailbox::message::Kind;
use callboard_mailbox::reply::Outcome;
use callboard_mailbox::state;
use callboard_mailbox::{Address, Message, MessageId, Reply, Segment, Sequence, Store, Timestamp};
use callboard_mailbox_dynamodb::{DynamoDbStore, Tables, connect, schema};
use prost::Message as _;

use crate::Result;
use crate::asks::counter::NoteRequest;

/// What `callboard dev` sets.
const TERMS: Terms = Terms { length: Duration::from_secs(10), due_step: Duration::from_secs(1) };

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// What AddRequest {"counter":"c0","delta":1} is encoded.
const REQUEST: &[u8] = b"\x0a\x02c0\x10\x01";

/// A database, and one mailbox in it.
pub(crate) struct Mailbox {
    database: EmbeddedDynamoDb,
    store: DynamoDbStore,
    address: Address,
    last: Sequence,
}

/// How long the writes of one ask take.
#[derive(Clone, Copy)]
pub(crate) struct Writes {
    /// A conditional `PutItem`: the segment.
    pub(crate) put: Duration,
    /// A conditional `UpdateItem`: the wake.
    pub(crate) wake: Duration,
    /// A `TransactWriteItems` of the record and the reply: the commit.
    pub(crate) commit: Duration,
}

impl Writes {
    pub(crate) fn sum(&self) -> Duration {
        self.put + self.wake + self.commit
    }
}

impl Mailbox {
    /// Opens a database in a folder. It runs on threads of its own, as that of
    /// `callboard dev` does.
    pub(crate) async fn open(path: PathBuf, fsync: bool) -> Result<Self> {
        let sync = if fsync { Sync::EveryWrite } else { Sync::Os };
        let storage = Storage::Directory { path, sync };
        let database = EmbeddedDynamoDb::start(storage, ([127, 0, 0, 1], 0).into())?;
        let client = connect(&local_config().await, Some(&database.endpoint_url()));
        let tables = Tables::new(schema::DEFAULT_PREFIX);
        tables.create(&client).await?;
        let store = DynamoDbStore::new(client, tables);
        let address = Address::new("counter.v1.Counter", "c0")?;
        Ok(Self { database, store, address, last: Sequence(0) })
    }

    /// Puts tells into the mailbox of a counter, so many to a segment, and makes it
    /// due, as a gateway would that dies before it wakes the actor.
    pub(crate) async fn put_tells(&self, counter: &str, segments: u64, each: u64) -> Result<()> {
        let address = Address::new("counter.v1.Counter", counter)?;
        let now = Timestamp::from(SystemTime::now());
        let payload =
            Bytes::from(NoteRequest { counter: counter.to_owned(), delta: 1 }.encode_to_vec());
        for segment in 0..segments {
            let first = segment * each + 1;
            let messages: Vec<_> = (first..first + each)
                .map(|n| {
                    Ok(Message::new(
                        MessageId::new(&format!("019a9f6e-7b1c-7d2e-8f3a-{n:012}"))?,
                        Kind::Tell,
                        "Note",
                        payload.clone(),
                        now,
                    ))
                })
                .collect::<Result<_>>()?;
            let segment = Segment::new(Sequence(first), &messages);
            self.store.put_segment(&address, &segment, now.plus(7 * DAY)).await?;
        }
        Ok(self.store.schedule(&address, now).await?)
    }

    /// Makes the writes of `asks` asks, one after the other.
    pub(crate) async fn write(&mut self, asks: u32) -> Result<Vec<Writes>> {
        let mut times = Vec::new();
        for _ in 0..asks {
            times.push(self.write_one().await?);
        }
        Ok(times)
    }

    async fn write_one(&mut self) -> Result<Writes> {
        let Self { store, address, last, .. } = self;
        let now = Timestamp::from(SystemTime::now());
        // As long as the gateway's own.
        let id = MessageId::new(&format!("019a9f6e-7b1c-7d2e-8f3a-{:012}", last.0))?;
        let message = Message {
            id: id.clone(),
            kind: Kind::Ask,
            method: "Add".to_owned(),
            payload: Bytes::from_static(REQUEST),
            sent_at: now,
            deadline: Some(now.plus(Duration::from_secs(30))),
            headers: Vec::new(),
            receipt: false,
            sender: None,
            answer_to: None,
        };
        let segment = Segment::new(last.next(), &[message]);

        let start = Instant::now();
        let stored = store.put_segment(address, &segment, now.plus(7 * DAY)).await?;
        let put = start.elapsed();
        let start = Instant::now();
        let woken = store.wake(address, &TERMS.wake(address, now, last.0)).await?;
        let wake = start.elapsed();
        let (Put::Stored, Woken::Granted(lease)) = (stored, woken) else {
            return Err("somebody else writes to the mailbox of the baseline".into());
        };
        let state = Bytes::from(format!("{{\"value\":{}}}", last.0));
        let commit = Commit {
            head: segment.last(),
            attempt: 0,
            state: Some(state::Write { state: Some(state), chunks_before: 0 }),
            replies: vec![Reply {
                id,
                outcome: Outcome::Ok(Bytes::from_static(b"\x08\x01")),
                digest: None,
                expires: now.plus(DAY),
            }],
            ..Commit::of(&lease)
        };
        let start = Instant::now();
        let committed = store.commit(&commit).await?;
        let writes = Writes { put, wake, commit: start.elapsed() };
        if committed != Committed::Applied {
            return Err("the commit of the baseline was not applied".into());
        }
        *last = segment.last();
        Ok(writes)
    }

    pub(crate) async fn close(self) {
        self.database.shutdown().await;
    }
}

/// Credentials and a region for clients of the stand-ins, which check neither.
pub(crate) async fn local_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "callboard bench"))
        .load()
        .await
}
