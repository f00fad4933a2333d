//! The store operations that a call is made of, by themselves: the same operations
//! of the same crate, on the embedded DynamoDB in this process, as `callboard dev` has it.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use bytes::Bytes;
use callboard_local::{EmbeddedDynamoDb, Storage, Sync};
use callboard_mailbox::append::Put;
use callboard_mailbox::commit::{Commit, Committed};
use callboard_mailbox::lease::{Lease, Terms, Woken};
use callboard_mailbox::message::Kind;
use callboard_mailbox::reply::Outcome;
use callboard_mailbox::state;
use callboard_mailbox::{Address, Message, MessageId, Reply, Segment, Sequence, Store, Timestamp};
use callboard_mailbox_dynamodb::{DynamoDbStore, Tables, connect, schema};

use crate::Result;

/// What `callboard dev` sets.
const TERMS: Terms = Terms { length: Duration::from_secs(10), due_step: Duration::from_secs(1) };

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Segments that are read at a time, as the SDK does.
const PAGE: usize = 100;

/// What AddRequest or NoteRequest {"counter":"c0","delta":1} is encoded.
const REQUEST: &[u8] = b"\x0a\x02c0\x10\x01";

/// An embedded DynamoDB in a folder.
pub(crate) struct Database {
    database: EmbeddedDynamoDb,
    store: DynamoDbStore,
}

/// The mailbox of one counter. Nobody else writes to it.
pub(crate) struct Mailbox {
    store: DynamoDbStore,
    address: Address,
    last: Sequence,
}

/// A segment that was put into the mailbox.
pub(crate) struct Sent {
    last: Sequence,
    /// The messages that are answered.
    asks: Vec<MessageId>,
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

impl Database {
    /// Opens it, in a folder.
    pub(crate) async fn open(path: PathBuf, fsync: bool) -> Result<Self> {
        let sync = if fsync { Sync::EveryWrite } else { Sync::Os };
        let storage = Storage::Directory { path, sync };
        let database = EmbeddedDynamoDb::start(storage, ([127, 0, 0, 1], 0).into())?;
        let client = connect(&local_config().await, Some(&database.endpoint_url()));
        let tables = Tables::new(schema::DEFAULT_PREFIX);
        tables.create(&client).await?;
        let store = DynamoDbStore::new(database.engine(), tables);
        Ok(Self { database, store })
    }

    /// The mailbox of a counter that has none yet.
    pub(crate) fn mailbox(&self, counter: &str) -> Result<Mailbox> {
        Mailbox::new(self.store.clone(), counter)
    }

    pub(crate) async fn close(self) {
        self.database.shutdown().await;
    }
}

impl Mailbox {
    /// That of a counter that has none yet.
    pub(crate) fn new(store: DynamoDbStore, counter: &str) -> Result<Self> {
        let address = Address::new("counter.v1.Counter", counter)?;
        Ok(Self { store, address, last: Sequence(0) })
    }

    /// Puts a backlog of tells, so many to a segment, and makes the counter due, as
    /// a gateway would that dies before it wakes it.
    pub(crate) async fn put_backlog(&mut self, segments: u32, each: u32) -> Result<()> {
        for _ in 0..segments {
            self.put(Kind::Tell, each).await?;
        }
        Ok(self.store.schedule(&self.address, now()).await?)
    }

    /// Reads a backlog, and commits each of its segments.
    pub(crate) async fn work_off(&self) -> Result<()> {
        let Lease { mut record, address } = self.wake().await?;
        while record.head < self.last {
            let first = record.next_segment();
            let page = self.store.deliverable(&address, first, now(), PAGE).await?;
            if page.segments.is_empty() {
                return Err("the backlog has a hole".into());
            }
            for segment in page.segments {
                record.head = segment.last();
                let lease = Lease { address: address.clone(), record: record.clone() };
                self.apply(&Commit {
                    attempt: 0,
                    state: Some(state(segment.last())),
                    lease: TERMS.renewed(&address, now()),
                    ..Commit::of(&lease)
                })
                .await?;
                record.revision = record.revision.next();
            }
        }
        Ok(())
    }

    /// Makes the writes of `asks` asks, one after the other.
    pub(crate) async fn write(&mut self, asks: u32) -> Result<Vec<Writes>> {
        let mut times = Vec::new();
        for _ in 0..asks {
            let start = Instant::now();
            let sent = self.put(Kind::Ask, 1).await?;
            let put = start.elapsed();
            let start = Instant::now();
            let lease = self.wake().await?;
            let wake = start.elapsed();
            let start = Instant::now();
            self.commit(&lease, sent).await?;
            times.push(Writes { put, wake, commit: start.elapsed() });
        }
        Ok(times)
    }

    /// Puts a segment of so many messages.
    pub(crate) async fn put(&mut self, kind: Kind, messages: u32) -> Result<Sent> {
        let first = self.last.next();
        let messages: Vec<_> = (first.0..)
            .take(messages as usize)
            .map(|sequence| message(kind, sequence))
            .collect::<Result<_>>()?;
        let segment = Segment::new(first, &messages);
        let put = self.store.put_segment(&self.address, &segment, now().plus(7 * DAY)).await?;
        if put != Put::Stored {
            return Err("somebody else writes to the mailbox of the baseline".into());
        }
        self.last = segment.last();
        let asks = messages.into_iter().filter(|message| message.kind == Kind::Ask);
        Ok(Sent { last: self.last, asks: asks.map(|ask| ask.id).collect() })
    }

    /// Takes the lease.
    pub(crate) async fn wake(&self) -> Result<Lease> {
        let wake = TERMS.wake(&self.address, now(), self.last.0);
        match self.store.wake(&self.address, &wake).await? {
            Woken::Granted(lease) => Ok(lease),
            Woken::Refused(_) => Err("somebody else has the lease of the baseline".into()),
        }
    }

    /// Commits what was sent, with the replies to it, and gives the lease back.
    pub(crate) async fn commit(&self, lease: &Lease, sent: Sent) -> Result<()> {
        let replies = sent.asks.into_iter().map(|id| Reply {
            id,
            outcome: Outcome::Ok(Bytes::from_static(b"\x08\x01")),
            digest: None,
            expires: now().plus(DAY),
        });
        self.apply(&Commit {
            head: sent.last,
            attempt: 0,
            state: Some(state(sent.last)),
            replies: replies.collect(),
            ..Commit::of(lease)
        })
        .await
    }

    async fn apply(&self, commit: &Commit) -> Result<()> {
        match self.store.commit(commit).await? {
            Committed::Applied => Ok(()),
            _ => Err("the commit of the baseline was not applied".into()),
        }
    }

    /// Reads the state, as a read-only ask does.
    pub(crate) async fn read(&self) -> Result<()> {
        let record = self.store.record(&self.address).await?;
        Ok(record.map(drop).ok_or("the baseline has no record to read")?)
    }
}

/// A message as the gateway makes it of a call to the counter.
fn message(kind: Kind, sequence: u64) -> Result<Message> {
    // As long as the gateway's own.
    let id = MessageId::new(&format!("019a9f6e-7b1c-7d2e-8f3a-{sequence:012}"))?;
    let (method, deadline) = match kind {
        Kind::Ask => ("Add", Some(now().plus(Duration::from_secs(30)))),
        Kind::Tell => ("Note", None),
    };
    let message = Message::new(id, kind, method, Bytes::from_static(REQUEST), now());
    Ok(Message { deadline, ..message })
}

/// The counter's state.
fn state(last: Sequence) -> state::Write {
    let state = Bytes::from(format!("{{\"value\":{}}}", last.0));
    state::Write { state: Some(state), chunks_before: 0 }
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

/// Credentials and a region for clients of the stand-ins, which check neither.
pub(crate) async fn local_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "callboard bench"))
        .load()
        .await
}
