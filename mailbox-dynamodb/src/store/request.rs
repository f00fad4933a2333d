//! Requests that several operations make.

use std::time::Duration;

use callboard_mailbox::Address;
use callboard_mailbox::retry::Backoff;
use callboard_mailbox::store::Error;

use super::{DynamoDbStore, transaction};
use crate::database::{Answer, Query, Request, Value, Write, unexpected};
use crate::expression::{Update, named};
use crate::item::{Item, text};

/// How often the keys that a batch left out are asked for again. DynamoDB leaves
/// some out when it throttles or the answer would exceed 16 MB.
const BATCH_READS: u32 = 5;

/// How often a request that DynamoDB throttles is made again, beyond the tries
/// of the AWS SDK; about 3 s in all.
const THROTTLED_TRIES: u32 = 7;

/// For how long it is. Where the AWS SDK has waited as long already, its caller
/// should be told while he still listens.
const THROTTLED_WITHIN: Duration = Duration::from_secs(3);

/// The waits between those tries.
const THROTTLED_BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(20), factor: 2.0, longest: Duration::from_secs(1) };

/// What became of a conditional update.
pub(super) enum Updated {
    /// The item after it.
    Done(Item),
    /// The condition did not hold; the item as it is.
    Refused(Item),
}

/// What became of one write.
pub(super) enum Written {
    /// It is made; the item after it, if it was to come back.
    Done(Option<Item>),
    /// The condition did not hold; the item as it is, if it was to come back.
    Refused(Option<Item>),
}

impl DynamoDbStore {
    /// Updates the record. The AWS SDK does not try again when a transaction
    /// holds the item, as a commit with replies does.
    pub(super) async fn update(
        &self,
        address: &Address,
        update: &Update,
    ) -> Result<Updated, Error> {
        again_if_throttled(|| self.update_once(address, update)).await
    }

    async fn update_once(&self, address: &Address, update: &Update) -> Result<Updated, Error> {
        let write = transaction::update(&self.tables.mailboxes, address, update.clone());
        match self.write(write).await? {
            Written::Done(item) => Ok(Updated::Done(item.unwrap_or_default())),
            Written::Refused(item) => Ok(Updated::Refused(item.unwrap_or_default())),
        }
    }

    /// Makes one write.
    pub(super) async fn write(&self, write: Write) -> Result<Written, Error> {
        match self.database.call(Request::Write(write)).await? {
            Answer::Written(item) => Ok(Written::Done(item)),
            Answer::Refused(item) => Ok(Written::Refused(item)),
            other => Err(unexpected(&other)),
        }
    }

    /// Reads one item, as of now.
    pub(super) async fn get(&self, table: &str, key: Item) -> Result<Option<Item>, Error> {
        match self.database.call(Request::Get { table: table.to_owned(), key }).await? {
            Answer::Item(item) => Ok(item),
            other => Err(unexpected(&other)),
        }
    }

    /// Reads at most 100 items by their keys, in no order, and whether all of
    /// them were looked for.
    pub(super) async fn get_all(
        &self,
        table: &str,
        keys: Vec<Item>,
        consistent: bool,
    ) -> Result<(Vec<Item>, bool), Error> {
        let (mut all, mut keys) = (Vec::new(), keys);
        for failures in 0..BATCH_READS {
            if keys.is_empty() {
                break;
            }
            if failures > 0 {
                tokio::time::sleep(THROTTLED_BACKOFF.delay(failures, fastrand::f64())).await;
            }
            let request = Request::GetAll { table: table.to_owned(), keys, consistent };
            match self.database.call(request).await? {
                Answer::Items { found, left } => {
                    all.extend(found);
                    keys = left;
                }
                other => return Err(unexpected(&other)),
            }
        }
        Ok((all, keys.is_empty()))
    }

    /// A query of the items of an actor in a range of sort keys.
    pub(super) fn range(&self, address: &Address, [first, last]: [String; 2]) -> Query {
        Query {
            table: self.tables.mailboxes.clone(),
            condition: "a = :address AND k BETWEEN :first AND :last".to_owned(),
            values: named([
                (":address", text(address.as_str())),
                (":first", text(first)),
                (":last", text(last)),
            ]),
            ..Query::default()
        }
    }

    /// A query of a partition of an index.
    pub(super) fn listing<const N: usize>(
        &self,
        index: &str,
        condition: &str,
        values: [(&str, Value); N],
    ) -> Query {
        Query {
            table: self.tables.mailboxes.clone(),
            index: Some(index.to_owned()),
            condition: condition.to_owned(),
            values: named(values),
            ..Query::default()
        }
    }

    /// One answer to a query, which DynamoDB ends after 1 MB: its items, and the key
    /// from which to go on when there may be more.
    pub(super) async fn page(&self, query: Query) -> Result<(Vec<Item>, Option<Item>), Error> {
        match self.database.call(Request::Query(query)).await? {
            Answer::Page { items, last } => Ok((items, last)),
            other => Err(unexpected(&other)),
        }
    }

    /// The first items of a query, at most `limit`, in as many answers as it takes.
    pub(super) async fn pages(
        &self,
        query: Query,
        mut after: Option<Item>,
        limit: usize,
    ) -> Result<Vec<Item>, Error> {
        let mut items = Vec::new();
        while items.len() < limit {
            let limit = Some(limit - items.len());
            let (found, last) = self.page(Query { limit, after, ..query.clone() }).await?;
            items.extend(found);
            match last {
                None => break,
                last => after = last,
            }
        }
        Ok(items)
    }
}

/// Makes a request again, a few times, while DynamoDB says that it did nothing
/// and might do it later.
pub(super) async fn again_if_throttled<T, F: Future<Output = Result<T, Error>>>(
    request: impl Fn() -> F,
) -> Result<T, Error> {
    let begun = tokio::time::Instant::now();
    for failures in 1..=THROTTLED_TRIES {
        match request().await {
            Err(Error::Throttled(_)) if begun.elapsed() < THROTTLED_WITHIN => {
                tokio::time::sleep(THROTTLED_BACKOFF.delay(failures, fastrand::f64())).await;
            }
            answer => return answer,
        }
    }
    request().await
}
