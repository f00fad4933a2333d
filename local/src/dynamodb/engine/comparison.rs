//! The same random requests by the direct way and by dynoxide: the same responses, the same units,
//! and the same rows in the tables, which the HTTP server reads.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::Credentials;
use callboard_mailbox_dynamodb::DynamoDbStore;
use callboard_mailbox_dynamodb::database::{
    self, Action, Answer, Item, Query, Request, Responding, Value, Write,
};
use dynoxide::Database;
use dynoxide::actions::create_table::CreateTableRequest;
use dynoxide::storage::Storage;
use fastrand::Rng;
use rusqlite::Connection;
use serde_json::json;

use super::direct::Direct;
use super::perform::perform;
use super::tables::{Dynoxide, Tables};
use super::{Failure, Response};
use crate::dynamodb::directory::DATABASE;
use crate::dynamodb::{EmbeddedDynamoDb, Storage as Places, Sync};

/// With a sort key and two indexes, one of which has all of an item.
const MAILBOXES: &str = "callboard-mailboxes";

/// With a partition key alone.
const REPLIES: &str = "replies";

/// Requests in one run. Half a second.
const REQUESTS: usize = 1_500;

const CONDITIONS: [&str; 8] = [
    "attribute_not_exists(a)",
    "attribute_exists(a)",
    "(attribute_not_exists(n) OR n <= :n) AND attribute_not_exists(z)",
    "n = :n AND attribute_exists(s)",
    "attribute_exists(a) AND #ttl < :n",
    "NOT n > :n",
    "s = :s OR n BETWEEN :n AND :m",
    "n >= :n AND (s < :s OR attribute_not_exists(s))",
];

const UPDATES: [&str; 8] = [
    "SET n = :n, s = if_not_exists(s, :s), due = :n ADD e :m REMOVE z",
    "ADD n :m",
    "SET g = :n, due = :m REMOVE s, z",
    "REMOVE due, g",
    "SET z = :s, n = if_not_exists(n, :n) + :m",
    "SET n = n - :m",
    "SET s = :b, #ttl = :n",
    "SET e = :n, d = :d, w = :l",
];

fn create(database: &Database) {
    let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    let attribute =
        |name: &str, kind: &str| json!({ "AttributeName": name, "AttributeType": kind });
    let index = |name: &str, keys: [&str; 2], projection: serde_json::Value| {
        let keys = [key(keys[0], "HASH"), key(keys[1], "RANGE")];
        json!({ "IndexName": name, "KeySchema": keys, "Projection": projection })
    };
    let some = json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": ["n"] });
    for table in [
        json!({
            "TableName": MAILBOXES,
            "KeySchema": [key("a", "HASH"), key("k", "RANGE")],
            "AttributeDefinitions": [
                attribute("a", "S"), attribute("k", "S"), attribute("g", "N"),
                attribute("due", "N"), attribute("z", "S"),
            ],
            "GlobalSecondaryIndexes": [
                index("due", ["g", "due"], json!({ "ProjectionType": "KEYS_ONLY" })),
                index("some", ["z", "due"], some),
            ],
            "BillingMode": "PAY_PER_REQUEST",
        }),
        json!({
            "TableName": REPLIES,
            "KeySchema": [key("q", "HASH")],
            "AttributeDefinitions": [attribute("q", "S")],
            "BillingMode": "PAY_PER_REQUEST",
        }),
    ] {
        let request: CreateTableRequest = serde_json::from_value(table).expect("it is one");
        database.create_table(request).expect("it is created");
    }
}

fn one_of<'a>(rng: &mut Rng, all: &[&'a str]) -> &'a str {
    all[rng.usize(..all.len())]
}

fn text(text: impl Into<String>) -> Value {
    Value::S(text.into())
}

fn number(number: i64) -> Value {
    Value::N(number.to_string())
}

fn key(rng: &mut Rng, table: &str) -> Item {
    match table {
        MAILBOXES => Item::from([
            ("a".to_owned(), text(one_of(rng, &["one", "two", "drei"]))),
            ("k".to_owned(), text(one_of(rng, &["l1", "l2", "l3", "l4", "r", "ä"]))),
        ]),
        _ => Item::from([("q".to_owned(), text(one_of(rng, &["q1", "q2", "q3"])))]),
    }
}

fn some_number(rng: &mut Rng) -> Value {
    number(match rng.u8(..8) {
        0 => 0,
        1 => -17,
        2 => 1_000,
        3 => 1_763_000_000_123,
        _ => rng.i64(1..6),
    })
}

fn some_bytes(rng: &mut Rng) -> Value {
    // An item with the last one and some more is larger than 400 KiB.
    let len = if rng.u8(..50) == 0 { 409_500 } else { [0, 3, 40, 1_500, 5_000][rng.usize(..5)] };
    Value::B(vec![rng.u8(..); len].into())
}

/// What expressions may name; all that this one does.
fn values(rng: &mut Rng, expressions: &[&str]) -> Item {
    let map = Item::from([("x".to_owned(), some_number(rng)), ("y".to_owned(), text("ü"))]);
    let all = [
        (":n", some_number(rng)),
        (":m", some_number(rng)),
        (":s", text(one_of(rng, &["s", "t", "zz"]))),
        (":b", some_bytes(rng)),
        (":l", Value::L(vec![some_number(rng), Value::M(map.clone())])),
        (":d", Value::M(map)),
    ];
    let is_named = |name: &str| expressions.iter().any(|text| text.contains(name));
    let named = all.into_iter().filter(|(name, _)| is_named(name));
    named.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn names(expressions: &[&str]) -> Vec<(String, String)> {
    let has_ttl = expressions.iter().any(|text| text.contains("#ttl"));
    has_ttl.then(|| ("#ttl".to_owned(), "ttl".to_owned())).into_iter().collect()
}

fn write(rng: &mut Rng) -> Write {
    let table = one_of(rng, &[MAILBOXES, MAILBOXES, REPLIES]);
    let key = key(rng, table);
    let (action, update) = match rng.u8(..5) {
        0 => (Action::Delete(key), None),
        1 | 2 => {
            let mut item = key;
            let all = [
                ("n", some_number(rng)),
                ("s", some_bytes(rng)),
                ("g", number(rng.i64(0..3))),
                ("due", some_number(rng)),
                ("z", text(one_of(rng, &["s", "t"]))),
                ("ttl", some_number(rng)),
            ];
            for (name, value) in all {
                if rng.bool() {
                    item.insert(name.to_owned(), value);
                }
            }
            (Action::Put(item), None)
        }
        _ => {
            let update = one_of(rng, &UPDATES);
            (Action::Update { key, update: update.to_owned() }, Some(update))
        }
    };
    // The partition key has another name there.
    let conditions = if table == MAILBOXES { &CONDITIONS[..] } else { &CONDITIONS[2..4] };
    let condition = rng.bool().then(|| one_of(rng, conditions));
    let expressions: Vec<&str> = update.into_iter().chain(condition).collect();
    Write {
        table: table.to_owned(),
        returns_item: matches!(action, Action::Update { .. }) && rng.bool(),
        action,
        condition: condition.map(str::to_owned),
        names: names(&expressions),
        values: values(rng, &expressions),
        returns_refused: rng.bool(),
    }
}

fn query(rng: &mut Rng, after: Option<Item>) -> Query {
    let mut range = [one_of(rng, &["a", "l1", "l2"]), one_of(rng, &["l3", "l4", "z", "ä"])];
    if rng.u8(..20) == 0 {
        range.reverse();
    }
    let values = [(":a", "one"), (":first", range[0]), (":last", range[1])];
    let mut values: Item =
        values.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect();
    let filter = (rng.u8(..4) == 0).then(|| "#ttl < :n".to_owned());
    if filter.is_some() {
        values.insert(":n".to_owned(), some_number(rng));
    }
    let projection = (rng.u8(..3) == 0).then(|| "k, #ttl".to_owned());
    let is_index = rng.u8(..10) == 0;
    let is_named = filter.is_some() || projection.is_some();
    let query = Query {
        table: MAILBOXES.to_owned(),
        condition: "a = :a AND k BETWEEN :first AND :last".to_owned(),
        names: if is_named { names(&["#ttl"]) } else { Vec::new() },
        filter,
        projection,
        values,
        backwards: rng.bool(),
        limit: rng.bool().then(|| rng.usize(1..4)),
        after,
        index: None,
    };
    if !is_index {
        return query;
    }
    Query {
        index: Some("due".to_owned()),
        condition: "g = :g AND due <= :now".to_owned(),
        values: Item::from([
            (":g".to_owned(), number(rng.i64(0..3))),
            (":now".to_owned(), some_number(rng)),
        ]),
        names: Vec::new(),
        filter: None,
        projection: None,
        after: None,
        ..query
    }
}

fn request(rng: &mut Rng, last: &mut Option<Item>) -> Request {
    let table = one_of(rng, &[MAILBOXES, MAILBOXES, REPLIES, "nowhere"]);
    match rng.u8(..10) {
        0 => Request::Get { table: table.to_owned(), key: key(rng, table) },
        1 => {
            let count = rng.usize(1..4);
            let keys = (0..count).map(|_| key(rng, table)).collect();
            Request::GetAll { table: table.to_owned(), keys, consistent: rng.bool() }
        }
        2 | 3 => Request::Query(query(rng, last.take())),
        4 | 5 => {
            let count = rng.usize(1..5);
            let writes = (0..count).map(|_| Write { returns_item: false, ..write(rng) });
            Request::Transact(writes.collect())
        }
        6 => {
            let count = rng.usize(1..4);
            let keys = (0..count).map(|_| key(rng, table)).collect();
            Request::DeleteAll { table: table.to_owned(), keys }
        }
        _ => Request::Write(write(rng)),
    }
}

/// As it can be compared.
fn told(response: Response) -> String {
    let Response { result, mut consumed } = response;
    consumed.sort_by(|one, other| one.0.cmp(&other.0));
    let item = |item: Item| sorted(&Value::M(item));
    let answer = match result {
        Err(Failure { code, meaning, .. }) => format!("{code:?} {meaning:?}"),
        Ok(Answer::Item(there)) => format!("item {:?}", there.map(item)),
        Ok(Answer::Items { found, left }) => {
            let mut found: Vec<_> = found.into_iter().map(item).collect();
            found.sort();
            format!("items {found:?} {left:?}")
        }
        Ok(Answer::Page { items, last }) => {
            let items: Vec<_> = items.into_iter().map(item).collect();
            format!("page {items:?} {:?}", last.map(item))
        }
        Ok(Answer::Written(there)) => format!("written {:?}", there.map(item)),
        Ok(Answer::Refused(there)) => format!("refused {:?}", there.map(item)),
        Ok(Answer::Cancelled(reasons)) => {
            let reasons = reasons.into_iter().map(|it| (it.code, it.message, it.item.map(item)));
            format!("cancelled {:?}", reasons.collect::<Vec<_>>())
        }
        Ok(Answer::Deleted(all)) => format!("deleted {all}"),
    };
    format!("{answer} for {consumed:?}")
}

fn sorted(value: &Value) -> String {
    match value {
        Value::M(map) => {
            let map: BTreeMap<_, _> = map.iter().map(|(name, it)| (name, sorted(it))).collect();
            format!("{map:?}")
        }
        Value::L(list) => format!("{:?}", list.iter().map(sorted).collect::<Vec<_>>()),
        other => format!("{other:?}"),
    }
}

/// All rows of all tables, as they can be compared.
fn rows(file: &Path) -> Vec<String> {
    let connection = Connection::open(file).expect("it opens");
    let dump = |name: &str, columns: &str| {
        let mut statement =
            connection.prepare(&format!("SELECT {columns} FROM \"{name}\"")).expect("it is there");
        let rows = statement
            .query_map([], |row| {
                let json: serde_json::Value =
                    serde_json::from_str(&row.get::<_, String>(1)?).expect("it is JSON");
                Ok(format!("{name} {} {json}", row.get::<_, String>(0)?))
            })
            .expect("it is read");
        rows.collect::<Result<Vec<_>, _>>().expect("they are read")
    };
    let base = "pk || ' ' || sk || ' ' || item_size || ' ' || hash_prefix, item_json";
    let index = "gsi_pk || ' ' || gsi_sk || ' ' || table_pk || ' ' || table_sk, item_json";
    let mut rows = dump(MAILBOXES, base);
    rows.extend(dump(REPLIES, base));
    rows.extend(dump(&format!("{MAILBOXES}::gsi::due"), index));
    rows.extend(dump(&format!("{MAILBOXES}::gsi::some"), index));
    rows.sort();
    rows
}

#[test]
fn what_is_answered_and_stored_is_what_dynoxide_answers_and_stores() {
    for seed in 0..6 {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, other) = (folder.path().join("direct"), folder.path().join("dynoxide"));
        let open = |file: &Path| {
            let database = Database::new(file.to_str().expect("it is UTF-8")).expect("it opens");
            database.disable_bulk_loading().expect("it takes settings");
            create(&database);
            database
        };
        let (server, dynoxide) = (open(&file), open(&other));
        let mut tables = Tables::open(&file).expect("it opens");
        let mut rng = Rng::with_seed(seed);
        let (mut done, mut after) = (0, None);
        while done < REQUESTS {
            let together = rng.usize(1..6);
            let requests: Vec<_> =
                (0..together).map(|_| (request(&mut rng, &mut after), true)).collect();
            done += together;
            let responses = tables.perform_all(requests.clone());
            assert_eq!(responses.len(), requests.len());
            for ((request, units), response) in requests.into_iter().zip(responses) {
                if let (Request::Query(Query { index: None, .. }), Ok(Answer::Page { last, .. })) =
                    (&request, &response.result)
                {
                    after.clone_from(last);
                }
                let expected = perform(Dynoxide::Database(&dynoxide), request.clone(), units);
                assert_eq!(told(response), told(expected), "seed {seed}, {request:#?}");
            }
        }
        assert_eq!(rows(&file), rows(&other), "seed {seed}");
        drop((tables, server, dynoxide));
    }
}

fn put(table: &str, item: &[(&str, Value)]) -> super::Asked {
    let item = item.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let write = Write {
        table: table.to_owned(),
        action: Action::Put(item),
        condition: None,
        names: Vec::new(),
        values: Item::new(),
        returns_item: false,
        returns_refused: false,
    };
    (Request::Write(write), false)
}

/// A database of which one index is not there.
fn broken(folder: &Path) -> (Database, Tables) {
    let file = folder.join("database");
    let database = Database::new(file.to_str().expect("it is UTF-8")).expect("it opens");
    create(&database);
    let connection = Connection::open(&file).expect("it opens");
    connection
        .execute_batch(&format!("DROP TABLE \"{MAILBOXES}::gsi::due\""))
        .expect("it is dropped");
    (database, Tables::open(&file).expect("it opens"))
}

#[test]
fn when_the_database_fails_nothing_is_answered_that_is_not_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_server, mut tables) = broken(folder.path());
    let in_index = [("a", text("a")), ("k", text("r")), ("g", number(1)), ("due", number(1))];
    let [first, fails, last] = ["first", "", "last"].map(|id| match id {
        "" => put(MAILBOXES, &in_index),
        id => put(REPLIES, &[("q", text(id))]),
    });
    let responses = tables.perform_all(vec![first, fails, last]);
    let is_done: Vec<_> = responses.iter().map(|response| response.result.is_ok()).collect();
    assert_eq!(is_done, [false, false, true], "{responses:?}");
    let ids = ["first", "last"].map(|id| Item::from([("q".to_owned(), text(id))]));
    let read = |key| (Request::Get { table: REPLIES.to_owned(), key }, false);
    let there = tables.perform_all(ids.map(read).to_vec());
    let is_there: Vec<_> = there
        .iter()
        .map(|response| matches!(&response.result, Ok(Answer::Item(Some(_)))))
        .collect();
    assert_eq!(is_there, [false, true], "{there:?}");
}

#[test]
fn a_table_that_others_have_replaced_is_known_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("database");
    let database = Database::new(file.to_str().expect("it is UTF-8")).expect("it opens");
    create(&database);
    let mut tables = Tables::open(&file).expect("it opens");
    let mut is_done = |asked| tables.perform_all(vec![asked]).remove(0).result.is_ok();
    assert!(is_done(put(REPLIES, &[("q", text("one"))])));
    let delete = serde_json::from_value(json!({ "TableName": REPLIES })).expect("it is one");
    database.delete_table(delete).expect("it is deleted");
    let request = json!({
        "TableName": REPLIES,
        "KeySchema": [{ "AttributeName": "p", "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": "p", "AttributeType": "N" }],
        "BillingMode": "PAY_PER_REQUEST",
    });
    let request = serde_json::from_value(request).expect("it is one");
    database.create_table(request).expect("it is created");
    assert!(!is_done(put(REPLIES, &[("q", text("one"))])));
    assert!(is_done(put(REPLIES, &[("p", number(1))])));
}

/// Tries each request directly, and remembers those that were for dynoxide.
struct Recorder(Mutex<(Storage, Direct, Vec<Request>)>);

impl fmt::Debug for Recorder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Recorder")
    }
}

impl database::Engine for Recorder {
    fn call(&self, request: Request, measured: bool) -> Responding<'_> {
        let (storage, direct, foreign) = &mut *self.0.lock().expect("nothing panics");
        let response = direct.perform(storage, &request).unwrap_or_else(|_| {
            foreign.push(request.clone());
            perform(Dynoxide::Storage(storage), request, measured)
        });
        Box::pin(async move { response })
    }
}

/// Were it otherwise, it would be right, and slow.
#[tokio::test]
async fn all_that_the_store_asks_for_is_carried_out_directly_but_queries_of_indexes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, sync) = (folder.path().to_owned(), Sync::Os);
    let any_port = "127.0.0.1:0".parse().expect("an address");
    let dynamodb = EmbeddedDynamoDb::start(Places::Directory { path, sync }, any_port);
    let dynamodb = dynamodb.expect("it starts");
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_dynamodb::config::Region::new("us-east-1"))
        .endpoint_url(dynamodb.endpoint_url())
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .build();
    let names = callboard_mailbox_dynamodb::Tables::new("contract");
    names.create(&aws_sdk_dynamodb::Client::from_conf(config)).await.expect("tables");

    let file = folder.path().join(DATABASE);
    let storage = Storage::new(file.to_str().expect("it is UTF-8")).expect("it opens");
    storage.disable_bulk_loading().expect("it takes settings");
    let recorder = Arc::new(Recorder(Mutex::new((storage, Direct::default(), Vec::new()))));
    let store = DynamoDbStore::new(Arc::clone(&recorder), names);
    callboard_mailbox::contract::check(&store, "recorded").await;

    let (_, _, foreign) = &*recorder.0.lock().expect("nothing panics");
    let is_of_index =
        |request: &&Request| matches!(request, Request::Query(Query { index: Some(_), .. }));
    let others: Vec<_> = foreign.iter().filter(|request| !is_of_index(request)).collect();
    assert!(others.is_empty(), "{others:#?}");
    assert!(!foreign.is_empty(), "none was recorded");
}
