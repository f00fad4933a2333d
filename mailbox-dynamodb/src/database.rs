//! The narrow seam between the operations of the store and what carries them out: a few kinds of
//! requests, with items, keys and expressions as DynamoDB has them.
//!
//! | way | what it is | who goes it |
//! | --- | --- | --- |
//! | `aws` | the AWS SDK | everything in production, and what `callboard dev --through-sdk` runs |
//! | [`Engine`] | an engine in this process | the gateway of `callboard dev` |
//! | [`socket`] | a Unix socket to the process with the engine | the functions of `callboard dev` |
//!
//! All of them are given the same requests, and keep the same contract.

mod aws;
pub mod socket;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use bytes::Bytes;
use callboard_mailbox::store;
use serde::{Deserialize, Serialize};

use crate::error::CONDITION_FAILED;

/// An item, a key, or the values of an expression, by name.
pub type Item = HashMap<String, Value>;

/// A value of an attribute, of the types that the store writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// A string.
    S(String),
    /// A number, in digits.
    N(String),
    /// Bytes.
    B(Bytes),
    /// A map.
    M(Item),
    /// A list.
    L(Vec<Self>),
    /// One of a type that the store never writes.
    Other,
}

/// What is asked of a database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// One item, as of now. Answered by [`Answer::Item`].
    Get {
        /// The table.
        table: String,
        /// The item's key.
        key: Item,
    },
    /// At most 100 items. Answered by [`Answer::Items`].
    GetAll {
        /// The table.
        table: String,
        /// The items' keys.
        keys: Vec<Item>,
        /// Whether as of now.
        consistent: bool,
    },
    /// Items of one partition in their order. Answered by [`Answer::Page`].
    Query(Query),
    /// One write. Answered by [`Answer::Written`] or [`Answer::Refused`].
    Write(Write),
    /// All of these writes or none, at most 100. Answered by [`Answer::Written`] or
    /// [`Answer::Cancelled`].
    Transact(Vec<Write>),
    /// Deletes at most 25 items. Answered by [`Answer::Deleted`].
    DeleteAll {
        /// The table.
        table: String,
        /// The items' keys.
        keys: Vec<Item>,
    },
}

/// Items of one partition in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Query {
    /// The table.
    pub table: String,
    /// The index; without one it is the table, as of now.
    pub index: Option<String>,
    /// The key condition.
    pub condition: String,
    /// What an item must be to be returned.
    pub filter: Option<String>,
    /// The attributes that are returned; all without it.
    pub projection: Option<String>,
    /// The names in the expressions, of which each begins with `#`.
    pub names: Vec<(String, String)>,
    /// The values in the expressions, of which each name begins with `:`.
    pub values: Item,
    /// Whether it begins with the last one.
    pub backwards: bool,
    /// How many are looked at, at most.
    pub limit: Option<usize>,
    /// The key after which it goes on.
    pub after: Option<Item>,
}

/// One write of one item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Write {
    /// The table.
    pub table: String,
    /// What is done.
    pub action: Action,
    /// The condition on which it is done.
    pub condition: Option<String>,
    /// The names in the expressions, of which each begins with `#`.
    pub names: Vec<(String, String)>,
    /// The values in the expressions, of which each name begins with `:`.
    pub values: Item,
    /// Whether an update answers with the item after it.
    pub returns_item: bool,
    /// Whether a refusal answers with the item that was there.
    pub returns_refused: bool,
}

/// What a write does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Puts an item in place of whatever is there.
    Put(Item),
    /// Changes an item, or makes it.
    Update {
        /// Its key.
        key: Item,
        /// The update expression.
        update: String,
    },
    /// Deletes an item, if there is one, by its key.
    Delete(Item),
}

/// What a database answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// The item, if there is one.
    Item(Option<Item>),
    /// Items in no order.
    Items {
        /// Those that exist.
        found: Vec<Item>,
        /// The keys that were not looked for.
        left: Vec<Item>,
    },
    /// Items in their order.
    Page {
        /// The items.
        items: Vec<Item>,
        /// The key after which to go on, if there may be more.
        last: Option<Item>,
    },
    /// It is written. The item after an update that was to return it.
    Written(Option<Item>),
    /// Nothing is written, since the condition does not hold. The item that was there, if it was
    /// asked for and there is one.
    Refused(Option<Item>),
    /// Nothing of the transaction is written. What is said of each of its writes.
    Cancelled(Vec<Reason>),
    /// Whether all of the items are gone; else the same request may be made again.
    Deleted(bool),
}

/// What is said of one write of a transaction that was cancelled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// DynamoDB's code; `None` as a text where this write is not to blame.
    pub code: Option<String>,
    /// What DynamoDB says.
    pub message: Option<String>,
    /// The item that was there, where it was asked for.
    pub item: Option<Item>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// DynamoDB's code, if it has said anything.
    pub code: Option<String>,
    /// What it means.
    pub meaning: Meaning,
    /// For people.
    pub text: String,
}

/// What a failure means to whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Meaning {
    /// Nothing was done; the same request may succeed later.
    Throttled,
    /// It may have been done or not.
    Unanswered,
    /// Nothing was done, and it is no use to ask again.
    Refused,
}

/// The request units that a request has consumed, by table.
pub type Consumed = Vec<(String, f64)>;

/// An answer or a failure, and what it has consumed, as far as that was asked for and is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// The answer.
    pub result: Result<Answer, Failure>,
    /// What it has consumed.
    pub consumed: Consumed,
}

/// A future of a [`Response`].
pub type Responding<'a> = Pin<Box<dyn Future<Output = Response> + Send + 'a>>;

/// A database in this process.
pub trait Engine: fmt::Debug + Send + Sync {
    /// Carries a request out. `measured` asks for the units that it consumes.
    fn call(&self, request: Request, measured: bool) -> Responding<'_>;
}

/// Sees each request, with all of its tries, from its beginning to its end.
pub trait Watch: fmt::Debug + Send + Sync {
    /// A request begins. What is returned is called with its response.
    fn begin(&self, request: &Request) -> Box<dyn FnOnce(&Response) + Send>;
}

/// Where the tables are. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    way: Way,
    watch: Option<Arc<dyn Watch>>,
}

#[derive(Clone, Debug)]
enum Way {
    Aws(Client),
    Engine(Arc<dyn Engine>),
}

impl From<Client> for Database {
    /// A database through the AWS SDK; see [`connect`](fn@crate::connect).
    fn from(client: Client) -> Self {
        Self { way: Way::Aws(client), watch: None }
    }
}

impl<E: Engine + 'static> From<Arc<E>> for Database {
    fn from(engine: Arc<E>) -> Self {
        Self { way: Way::Engine(engine), watch: None }
    }
}

impl Database {
    /// The same database, and each request to it is seen.
    #[must_use]
    pub fn watched(self, watch: Arc<dyn Watch>) -> Self {
        Self { watch: Some(watch), ..self }
    }

    pub(crate) async fn call(&self, request: Request) -> Result<Answer, Failure> {
        let ended = self.watch.as_ref().map(|watch| watch.begin(&request));
        let measured = ended.is_some();
        let response = match &self.way {
            Way::Aws(client) => aws::call(client, request, measured).await,
            Way::Engine(engine) => engine.call(request, measured).await,
        };
        if let Some(ended) = ended {
            ended(&response);
        }
        response.result
    }
}

impl Request {
    /// The operation of DynamoDB.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Get { .. } => "GetItem",
            Self::GetAll { .. } => "BatchGetItem",
            Self::Query(_) => "Query",
            Self::Write(write) => match write.action {
                Action::Put(_) => "PutItem",
                Action::Update { .. } => "UpdateItem",
                Action::Delete(_) => "DeleteItem",
            },
            Self::Transact(_) => "TransactWriteItems",
            Self::DeleteAll { .. } => "BatchWriteItem",
        }
    }

    /// All that [`Request::operation`] says.
    pub const OPERATIONS: [&'static str; 8] = [
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "TransactWriteItems",
        "UpdateItem",
    ];

    /// The tables that it is about.
    #[must_use]
    pub fn tables(&self) -> BTreeSet<&str> {
        match self {
            Self::Get { table, .. }
            | Self::GetAll { table, .. }
            | Self::DeleteAll { table, .. }
            | Self::Query(Query { table, .. })
            | Self::Write(Write { table, .. }) => BTreeSet::from([table.as_str()]),
            Self::Transact(writes) => writes.iter().map(|write| write.table.as_str()).collect(),
        }
    }
}

impl Write {
    /// Puts an item, whatever is there.
    pub(crate) fn put(table: &str, item: Item) -> Self {
        Self::of(table, Action::Put(item))
    }

    /// Puts an item on condition that there is none: that it has not `key`, the table's partition
    /// key.
    pub(crate) fn put_new(table: &str, key: &str, item: Item) -> Self {
        Self::put(table, item).on(format!("attribute_not_exists({key})"))
    }

    /// Deletes an item, if it is there.
    pub(crate) fn delete(table: &str, key: Item) -> Self {
        Self::of(table, Action::Delete(key))
    }

    /// Deletes an item on condition that it is there: that it has `name`, the table's partition
    /// key.
    pub(crate) fn delete_existing(table: &str, name: &str, key: Item) -> Self {
        Self::delete(table, key).on(format!("attribute_exists({name})"))
    }

    pub(crate) fn of(table: &str, action: Action) -> Self {
        Self {
            table: table.to_owned(),
            action,
            condition: None,
            names: Vec::new(),
            values: Item::new(),
            returns_item: false,
            returns_refused: false,
        }
    }

    pub(crate) fn on(self, condition: String) -> Self {
        Self { condition: Some(condition), ..self }
    }
}

impl Reason {
    /// Whether the write's condition does not hold.
    pub(crate) fn is_refused(&self) -> bool {
        self.code.as_deref() == Some(CONDITION_FAILED)
    }

    /// Whether it is for another reason than a condition that the write was not made.
    pub(crate) fn is_a_fault(&self) -> bool {
        self.code.as_deref().is_some_and(|code| code != "None" && code != CONDITION_FAILED)
    }
}

impl Failure {
    /// One without an answer of the database.
    #[must_use]
    pub fn unanswered(text: impl Into<String>) -> Self {
        Self { code: None, meaning: Meaning::Unanswered, text: text.into() }
    }

    /// A response that is this failure.
    #[must_use]
    pub fn response(self) -> Response {
        Response { result: Err(self), consumed: Consumed::new() }
    }
}

impl From<Failure> for store::Error {
    fn from(failure: Failure) -> Self {
        match failure.meaning {
            Meaning::Throttled => Self::Throttled(failure.text),
            Meaning::Unanswered => Self::Unanswered(failure.text),
            Meaning::Refused => Self::Refused(failure.text),
        }
    }
}

/// What it means that an answer is one of another request.
pub(crate) fn unexpected(answer: &Answer) -> store::Error {
    store::Error::Corrupt(format!("the database gave the answer of another request: {answer:?}"))
}
