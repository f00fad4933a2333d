//! The way from the engine's thread to the tables.

use std::path::{Path, PathBuf};

use callboard_mailbox_dynamodb::database::{Failure, Request, Response};
use dynoxide::actions::{
    batch_get_item, batch_write_item, delete_item, get_item, put_item, query, transact_write_items,
    update_item,
};
use dynoxide::storage::Storage;
use dynoxide::{Database, DynoxideError, Result};
use pollster::block_on;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::Asked;
use super::checkpoint::Checkpoints;
use super::direct::{Direct, Stop};
use super::perform::perform;

/// After how many pages in the write-ahead log the engine copies into the database what
/// [`Checkpoints`] have left, so that the log can begin anew: eight times SQLite's default, as it
/// waits for the disk meanwhile. A page is 4 KiB, so the log is kept to about 32 MiB.
/// <https://sqlite.org/wal.html#ckpt>
const CHECKPOINT_PAGES: u32 = 8_000;

/// How many compiled statements are kept: about ten for a table, and dynoxide's own.
const STATEMENTS: usize = 128;

/// The tables, as the engine's thread has them.
pub(in crate::dynamodb) enum Tables {
    /// Those of the HTTP server, behind its lock: a database in memory has one connection.
    Shared(Database),
    /// By a connection of the thread's own.
    Own(Box<Own>),
}

/// A connection on which several requests can share a transaction, and so a commit.
pub(in crate::dynamodb) struct Own {
    file: PathBuf,
    storage: Storage,
    direct: Direct,
    checkpoints: Checkpoints,
    /// SQLite's count of changes of the tables and indexes, which others may make.
    version: i64,
}

/// Responses, of which the last may not be committed yet.
struct Responses {
    all: Vec<Response>,
    /// From here on; a transaction is open.
    since: Option<usize>,
}

impl Tables {
    /// Opens a connection to the database in a file.
    pub(in crate::dynamodb) fn open(file: &Path) -> Result<Self> {
        Own::open(file).map(|own| Self::Own(Box::new(own)))
    }

    /// Carries requests out in their order.
    pub(super) fn perform_all(&mut self, requests: Vec<Asked>) -> Vec<Response> {
        match self {
            Self::Own(own) => own.perform_all(requests),
            Self::Shared(database) => {
                let all = Dynoxide::Database(database);
                requests.into_iter().map(|(request, units)| perform(all, request, units)).collect()
            }
        }
    }
}

impl Own {
    fn open(file: &Path) -> Result<Self> {
        let storage = Storage::new(&file.to_string_lossy())?;
        // The name is dynoxide's: its settings for after a bulk load are `synchronous=NORMAL` and
        // otherwise SQLite's own, as a cache of 2 MB. A larger one is slower: SQLite goes through
        // the table of it at each commit.
        storage.disable_bulk_loading()?;
        let connection = storage.conn();
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Otherwise SQLite compiles a statement anew when it is given another value.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        let version = version(connection)?;
        let checkpoints = Checkpoints::start(Connection::open(file)?)
            .map_err(|error| DynoxideError::InternalServerError(error.to_string()))?;
        let direct = Direct::default();
        Ok(Self { file: file.to_owned(), storage, direct, checkpoints, version })
    }

    /// Carries requests out in their order, all in one transaction of SQLite's: its beginning and
    /// end cost more than most requests.
    fn perform_all(&mut self, requests: Vec<Asked>) -> Vec<Response> {
        let is_read = |(request, _): &Asked| {
            matches!(request, Request::Get { .. } | Request::GetAll { .. } | Request::Query(_))
        };
        let writes = !requests.iter().all(is_read);
        let begin = if writes { "BEGIN IMMEDIATE" } else { "BEGIN" };
        let mut responses = Responses { all: Vec::with_capacity(requests.len()), since: None };
        for (request, measured) in requests {
            match self.attempt(&request, begin, &mut responses) {
                Ok(response) => responses.all.push(response),
                Err(Stop::Foreign) => {
                    responses.commit(self.storage.conn());
                    let all = Dynoxide::Storage(&self.storage);
                    responses.all.push(perform(all, request, measured));
                }
                Err(Stop::Failed(error)) => {
                    responses.roll_back(self.storage.conn(), &error);
                    responses.all.push(failed());
                }
            }
        }
        responses.commit(self.storage.conn());
        if writes {
            self.checkpoints.count();
        }
        responses.all
    }

    fn attempt(
        &mut self,
        request: &Request,
        begin: &str,
        responses: &mut Responses,
    ) -> std::result::Result<Response, Stop> {
        if responses.since.is_none() {
            self.begin(begin)?;
            responses.since = Some(responses.all.len());
        }
        self.direct.perform(&self.storage, request)
    }

    /// Begins a transaction; forgets what is known of tables when somebody has changed one.
    fn begin(&mut self, begin: &str) -> rusqlite::Result<()> {
        let connection = self.storage.conn();
        run(connection, begin)?;
        if version(connection)? == self.version {
            return Ok(());
        }
        run(connection, "ROLLBACK")?;
        match Self::open(&self.file) {
            Ok(own) => *self = own,
            Err(error) => tracing::error!(%error, "the embedded DynamoDB cannot be opened anew"),
        }
        run(self.storage.conn(), begin)
    }
}

impl Responses {
    fn commit(&mut self, connection: &Connection) {
        if self.since.is_none() {
            return;
        }
        match run(connection, "COMMIT") {
            Ok(()) => self.since = None,
            Err(error) => self.roll_back(connection, &error),
        }
    }

    /// Nothing of the transaction is in the database.
    fn roll_back(&mut self, connection: &Connection, error: &rusqlite::Error) {
        tracing::error!(%error, "the embedded DynamoDB failed");
        // SQLite itself may have done it.
        if !connection.is_autocommit()
            && let Err(error) = run(connection, "ROLLBACK")
        {
            tracing::error!(%error, "the embedded DynamoDB could not take back what it wrote");
        }
        if let Some(since) = self.since.take() {
            self.all[since..].fill_with(failed);
        }
    }
}

fn failed() -> Response {
    Failure::unanswered("the embedded DynamoDB failed; its log says why").response()
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA schema_version")?.query_row([], |row| row.get(0))
}

fn run(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(drop)
}

/// dynoxide itself, behind the lock of its database or without one.
#[derive(Clone, Copy)]
pub(super) enum Dynoxide<'a> {
    Database(&'a Database),
    Storage(&'a Storage),
}

/// Its operations. Its futures never wait over SQLite.
macro_rules! operations {
    ($($operation:ident: $request:ident -> $response:ident;)*) => {
        impl Dynoxide<'_> {
            $(
                pub(super) fn $operation(
                    self,
                    request: $operation::$request,
                ) -> Result<$operation::$response> {
                    match self {
                        Self::Database(database) => database.$operation(request),
                        Self::Storage(storage) => block_on($operation::execute(storage, request)),
                    }
                }
            )*
        }
    };
}

operations! {
    get_item: GetItemRequest -> GetItemResponse;
    batch_get_item: BatchGetItemRequest -> BatchGetItemResponse;
    query: QueryRequest -> QueryResponse;
    put_item: PutItemRequest -> PutItemResponse;
    update_item: UpdateItemRequest -> UpdateItemResponse;
    delete_item: DeleteItemRequest -> DeleteItemResponse;
    transact_write_items: TransactWriteItemsRequest -> TransactWriteItemsResponse;
    batch_write_item: BatchWriteItemRequest -> BatchWriteItemResponse;
}
