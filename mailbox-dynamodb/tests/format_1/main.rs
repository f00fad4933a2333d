//! The first format of what is stored. It is read for ever: what `items` has was written
//! once, and never changes. Another format has another version, and a test like this.

mod items;
mod mailboxes;

use std::collections::BTreeMap;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::types::AttributeValue;
use callboard_local::{EmbeddedDynamoDb, Storage};
use callboard_mailbox::memory::MemoryStore;
use callboard_mailbox::reply::ReplyKey;
use callboard_mailbox::state::Stored;
use callboard_mailbox::store::Error;
use callboard_mailbox::{Sequence, Store, Timestamp};
use callboard_mailbox_dynamodb::{DynamoDbStore, Tables, connect};
use items::{Item, mailboxes, replies};
use mailboxes::{ACTORS, ANSWERED, NOW, address, id, make};

/// Later than all that is delayed, and earlier than what expires.
const LATER: Timestamp = Timestamp(1_800_000_000_000);

/// An empty database. It ends when it is dropped.
struct Database {
    client: Client,
    store: DynamoDbStore,
    _process: EmbeddedDynamoDb,
}

impl Database {
    async fn start() -> Self {
        let any_port = "127.0.0.1:0".parse().expect("an address");
        let process = EmbeddedDynamoDb::start(Storage::Memory, any_port).expect("it starts");
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "test"))
            .load()
            .await;
        let client = connect(&config, Some(&process.endpoint_url()));
        let tables = Tables::new("golden");
        tables.create(&client).await.expect("tables");
        Self { store: DynamoDbStore::new(client.clone(), tables), client, _process: process }
    }

    async fn put(&self, table: &str, item: Item) {
        let put = self.client.put_item().table_name(table).set_item(Some(item));
        put.send().await.expect("it is put");
    }

    /// Puts what the first version has stored.
    async fn put_golden(&self) {
        for (table, golden) in [(MAILBOXES, mailboxes()), (REPLIES, replies())] {
            for item in golden {
                self.put(table, item).await;
            }
        }
    }

    /// All items, by their keys.
    async fn items(&self, table: &str) -> BTreeMap<String, Item> {
        let mut pages = self.client.scan().table_name(table).into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.expect("it is read"));
        }
        by_key(items)
    }
}

const MAILBOXES: &str = "golden-mailboxes";
const REPLIES: &str = "golden-replies";

fn by_key(items: Vec<Item>) -> BTreeMap<String, Item> {
    let text = |item: &Item, name: &str| match item.get(name) {
        Some(AttributeValue::S(text)) => text.clone(),
        _ => String::new(),
    };
    let key = |item: &Item| ["a", "k", "id"].map(|name| text(item, name)).join(" ");
    items.into_iter().map(|item| (key(&item), item)).collect()
}

/// All that can be read of an actor, as text.
async fn read(store: &impl Store, key: &str) -> Result<String, Error> {
    let address = address(key);
    let record = store.record(&address).await?;
    let state = match record.as_ref().and_then(|record| record.state.clone()) {
        Some(Stored::Spilled(spilled)) => store.state(&address, spilled).await?,
        _ => None,
    };
    let state = state.map(|state| (state.len(), state.slice(state.len() - 4..)));
    let deliverable = store.deliverable(&address, Sequence(1), LATER, 100).await?;
    let segments = deliverable.segments.iter().map(|segment| segment.messages());
    let segments = segments.collect::<Result<Vec<_>, _>>().expect("they are messages");
    let next = store.next(&address, Sequence(1)).await?;
    let letters = store.dead_letters(&address, None, 100).await?;
    let keys = ANSWERED.map(|name| ReplyKey::new(&address, &id(name)));
    let replies = store.replies(&keys, NOW).await?;
    let (parcels, tail) = (deliverable.parcels, store.tail(&address).await?);
    let text = format!(
        "{record:#?} {state:?} {segments:#?} {parcels:#?} {next:?} {tail:?} {letters:#?} {replies:#?}"
    );
    Ok(text)
}

/// What the indexes list.
async fn listed(store: &impl Store) -> Result<String, Error> {
    let (mut due, mut actors, mut letters) = (Vec::new(), Vec::new(), Vec::new());
    for shard in 0..16 {
        due.extend(store.due(shard, Timestamp(u64::MAX / 2), None, 100).await?);
        actors.extend(store.actors("golden.v1.Actor", shard, None, 100).await?);
        letters.extend(store.actors_with_dead_letters("golden.v1.Actor", shard, None, 100).await?);
    }
    Ok(format!("{due:#?} {actors:#?} {letters:#?}"))
}

#[tokio::test]
async fn what_is_written_is_what_it_was_byte_for_byte() {
    let database = Database::start().await;
    make(&database.store).await;
    for (table, golden) in [(MAILBOXES, mailboxes()), (REPLIES, replies())] {
        let (written, golden) = (database.items(table).await, by_key(golden));
        assert_eq!(written.keys().collect::<Vec<_>>(), golden.keys().collect::<Vec<_>>());
        for (key, item) in written {
            assert_eq!(item, golden[&key], "{key}");
        }
    }
}

/// The store on plain maps says what it means.
#[tokio::test]
async fn what_was_written_is_read_as_it_was_meant() {
    let (database, meant) = (Database::start().await, MemoryStore::default());
    make(&meant).await;
    database.put_golden().await;
    for key in ACTORS {
        let (read, meant) = (read(&database.store, key).await, read(&meant, key).await);
        assert_eq!(read.expect("it is read"), meant.expect("it is read"));
    }
    let (read, meant) = (listed(&database.store).await, listed(&meant).await);
    assert_eq!(read.expect("it is read"), meant.expect("it is read"));
}

#[tokio::test]
async fn an_item_of_another_format_is_refused_with_both_versions() {
    let database = Database::start().await;
    database.put_golden().await;
    for (key, item) in by_key(mailboxes()) {
        database.put(MAILBOXES, of_format_2(&item)).await;
        let mut refusals = Vec::new();
        for actor in ACTORS {
            refusals.extend(read(&database.store, actor).await.err());
        }
        let [Error::Corrupt(text)] = &refusals[..] else { panic!("{key}: {refusals:?}") };
        assert!(text.contains("format 2") && text.contains("format 1"), "{key}: {text}");
        database.put(MAILBOXES, item).await;
    }
}

/// Whoever waits for it must not hold up those who wait for others.
#[tokio::test]
async fn a_reply_of_another_format_is_as_if_it_was_not_there() {
    let database = Database::start().await;
    database.put_golden().await;
    let keys = ["ask", "tell"].map(|name| ReplyKey::new(&address("deferred"), &id(name)));
    for (key, item) in by_key(replies()) {
        if key.ends_with(keys[0].as_str()) {
            database.put(REPLIES, of_format_2(&item)).await;
        }
    }
    let read = database.store.replies(&keys, NOW).await.expect("they are read");
    assert_eq!(read.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
}

fn of_format_2(item: &Item) -> Item {
    let mut item = item.clone();
    assert!(item.insert("v".into(), AttributeValue::N("2".into())).is_some());
    item
}
