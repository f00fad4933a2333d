//! Requests that several operations make.

use std::time::Duration;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure as OnFailure,
};
use callboard_mailbox::Address;
use callboard_mailbox::retry::Backoff;
use callboard_mailbox::store::Error;

use super::DynamoDbStore;
use crate::error::from_sdk;
use crate::expression::Update;
use crate::item::{Item, key, place, text};

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
        let answer = self
            .client
            .update_item()
            .table_name(&self.tables.mailboxes)
            .set_key(Some(place(address, key::RECORD)))
            .condition_expression(&update.condition)
            .update_expression(&update.update)
            .set_expression_attribute_values(Some(update.values.clone()))
            .return_values(update.returns.clone())
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .send()
            .await;
        let error = match answer {
            Ok(answer) => return Ok(Updated::Done(answer.attributes.unwrap_or_default())),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                Ok(Updated::Refused(failed.item.clone().unwrap_or_default()))
            }
            _ => Err(from_sdk(error)),
        }
    }

    /// Reads one item, as of now.
    pub(super) async fn get(&self, table: &str, key: Item) -> Result<Option<Item>, Error> {
        let get = self.client.get_item().table_name(table).set_key(Some(key)).consistent_read(true);
        Ok(get.send().await.map_err(from_sdk)?.item)
    }

    /// Reads at most 100 items by their keys, in no order, and whether all of
    /// them were looked for.
    pub(super) async fn get_all(
        &self,
        table: &str,
        keys: Vec<Item>,
        consistent: bool,
    ) -> Result<(Vec<Item>, bool), Error> {
        let (mut found, mut left) = (Vec::new(), keys);
        for failures in 0..BATCH_READS {
            if left.is_empty() {
                break;
            }
            if failures > 0 {
                tokio::time::sleep(THROTTLED_BACKOFF.delay(failures, fastrand::f64())).await;
            }
            let request =
                KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(consistent);
            let request = request.build().expect("the request has keys");
            let answer = self.client.batch_get_item().request_items(table, request).send().await;
            let answer = answer.map_err(from_sdk)?;
            found.extend(answer.responses.unwrap_or_default().into_values().flatten());
            let unprocessed = answer.unprocessed_keys.unwrap_or_default().into_values();
            left = unprocessed.flat_map(|left| left.keys).collect();
        }
        Ok((found, left.is_empty()))
    }

    /// A consistent query of the items of an actor in a range of sort keys.
    pub(super) fn range(
        &self,
        address: &Address,
        [first, last]: [String; 2],
    ) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.tables.mailboxes)
            .key_condition_expression("a = :address AND k BETWEEN :first AND :last")
            .expression_attribute_values(":address", text(address.as_str()))
            .expression_attribute_values(":first", AttributeValue::S(first))
            .expression_attribute_values(":last", AttributeValue::S(last))
            .consistent_read(true)
    }
}

/// One answer to a query, which DynamoDB ends after 1 MB: its items, and the key
/// from which to go on when there may be more.
pub(super) async fn page(query: QueryFluentBuilder) -> Result<(Vec<Item>, Option<Item>), Error> {
    let answer = query.send().await.map_err(from_sdk)?;
    let last = answer.last_evaluated_key.filter(|key| !key.is_empty());
    Ok((answer.items.unwrap_or_default(), last))
}

/// The first items of a query, at most `limit`, in as many answers as it takes.
pub(super) async fn pages(
    query: QueryFluentBuilder,
    mut after: Option<Item>,
    limit: usize,
) -> Result<Vec<Item>, Error> {
    let mut items = Vec::new();
    while items.len() < limit {
        let query = query.clone().limit(at_most(limit - items.len()));
        let (found, last) = page(query.set_exclusive_start_key(after)).await?;
        items.extend(found);
        match last {
            None => break,
            last => after = last,
        }
    }
    Ok(items)
}

/// A limit as DynamoDB takes it.
pub(super) fn at_most(limit: usize) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX)
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
