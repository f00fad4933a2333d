//! The tables, their indexes, how they are made, and whether they are right.

mod check;
mod definition;

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{BillingMode, TableStatus, TimeToLiveSpecification};

use crate::item;
pub use check::{Finding, Weight};
use definition::{Definition, MAILBOXES, REPLIES, key_schema};

/// What the tables' names begin with, unless another prefix is set.
pub const DEFAULT_PREFIX: &str = "callboard";

/// The sparse index of the records that somebody must look at.
pub(crate) const DUE_INDEX: &str = "due";

/// The index of all actors by type, and of all dead letters.
pub(crate) const DIRECTORY_INDEX: &str = "directory";

/// How often a new table is looked at until it is ready, a second apart.
const READY_LOOKS: u32 = 120;

/// The names of the two tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    pub(crate) mailboxes: String,
    pub(crate) replies: String,
}

/// What became of a table that was to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It was made.
    New,
    /// It was there already.
    Existing,
}

/// Why a table could not be made, or not be looked at.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} table {table}: {reason}")]
pub struct Error {
    action: &'static str,
    table: String,
    reason: String,
}

impl Tables {
    /// The tables `<prefix>-mailboxes` and `<prefix>-replies`.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self { mailboxes: format!("{prefix}-mailboxes"), replies: format!("{prefix}-replies") }
    }

    /// Makes the tables that do not exist, waits until they can be used, and
    /// lets expired items be deleted. Each table's name and what became of it.
    ///
    /// # Errors
    /// When DynamoDB refuses, or a table is not ready after two minutes.
    pub async fn create(&self, client: &Client) -> Result<Vec<(String, Created)>, Error> {
        let mut tables = Vec::new();
        for (name, definition) in self.defined() {
            let request = client
                .create_table()
                .table_name(name)
                .set_key_schema(Some(key_schema(definition.key)))
                .set_attribute_definitions(Some(definition.attributes()))
                .set_global_secondary_indexes(definition.global_indexes())
                .billing_mode(BillingMode::PayPerRequest);
            let created = match request.send().await {
                Ok(_) => Created::New,
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(|e| e.is_resource_in_use_exception()) =>
                {
                    Created::Existing
                }
                Err(error) => return Err(failed("create", name, &error)),
            };
            wait_until_ready(client, name).await?;
            if created == Created::New {
                expire(client, name).await?;
            }
            tables.push((name.to_owned(), created));
        }
        Ok(tables)
    }

    /// The tables' names, and what they must be.
    fn defined(&self) -> [(&str, Definition); 2] {
        [(&self.mailboxes, MAILBOXES), (&self.replies, REPLIES)]
    }
}

async fn wait_until_ready(client: &Client, table: &str) -> Result<(), Error> {
    for _ in 0..READY_LOOKS {
        let description = client.describe_table().table_name(table).send().await;
        let description = description.map_err(|error| failed("describe", table, &error))?;
        let status = description.table.and_then(|table| table.table_status);
        if status == Some(TableStatus::Active) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let reason = format!("it is not ready after {READY_LOOKS} s");
    Err(Error { action: "create", table: table.to_owned(), reason })
}

async fn expire(client: &Client, table: &str) -> Result<(), Error> {
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(item::TTL);
    client
        .update_time_to_live()
        .table_name(table)
        .time_to_live_specification(ttl.build().expect("the attribute has a name"))
        .send()
        .await
        .map(|_| ())
        .map_err(|error| failed("set the time to live of", table, &error))
}

fn failed(action: &'static str, table: &str, error: &dyn std::error::Error) -> Error {
    let reason = error
        .source()
        .map_or_else(|| error.to_string(), |_| DisplayErrorContext(error).to_string());
    Error { action, table: table.to_owned(), reason }
}
