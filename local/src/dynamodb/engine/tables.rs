//! The way from the engine's thread to the tables.

use std::path::{Path, PathBuf};

use callboard_mailbox_dynamodb::database::{Failure, Request, Response};
use dynoxide::actions::{
    batch_get_item, batch_write_item, delete_item, get_item, put_item, query, transact_write_items,
    update_item,
};
use dynoxide::storage::Storage;
use dynoxide::{Database, Result};
use pollster::block_on;
use rusqlite::Connection;

use super::Asked;
use super::direct::{Direct, Stop};
use super::perform::perform;

/// After how many pages in the write-ahead log SQLite copies them into the database, which stops
/// the engine until the disk has them: eight times its default of 1,000, so that it does so less
/// often, and copies once what was written several times meanwhile. A page is 4 KiB, so the log is
/// kept to about 32 MiB. <https://sqlite.org/wal.html#ckpt>
const CHECKPOINT_PAGES: u32 = 8_000;

/// The memory for pages that were read, in KiB.
const CACHE_KIB: i32 = 16 * 1024;

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
        // otherwise SQLite's own.
        storage.disable_bulk_loading()?;
        let connection = storage.conn();
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        // SQLite takes a negative number for KiB.
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let version = version(connection)?;
        Ok(Self { file: file.to_owned(), storage, direct: Direct::default(), version })
    }

    /// Carries requests out in their order: those that come together by one commit, which costs
    /// about as much as that of one.
    fn perform_all(&mut self, requests: Vec<Asked>) -> Vec<Response> {
        self.follow_changes();
        let mut responses = Responses { all: Vec::with_capacity(requests.len()), since: None };
        for (request, measured) in requests {
            match self.attempt(&request, &mut responses) {
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
        responses.all
    }

    fn attempt(
        &mut self,
        request: &Request,
        responses: &mut Responses,
    ) -> std::result::Result<Response, Stop> {
        let is_read =
            matches!(request, Request::Get { .. } | Request::GetAll { .. } | Request::Query(_));
        if !is_read && responses.since.is_none() {
            run(self.storage.conn(), "BEGIN IMMEDIATE")?;
            responses.since = Some(responses.all.len());
        }
        self.direct.perform(&self.storage, request)
    }

    /// Forgets what is known of tables when somebody has changed one.
    fn follow_changes(&mut self) {
        if version(self.storage.conn()).is_ok_and(|version| version == self.version) {
            return;
        }
        match Self::open(&self.file) {
            Ok(own) => *self = own,
            Err(error) => tracing::error!(%error, "the embedded DynamoDB cannot be opened anew"),
        }
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
