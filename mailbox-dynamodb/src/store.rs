//! The operations of the protocol, each as one request to DynamoDB.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put as PutItem,
    ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update as UpdateItem,
};
use callboard_mailbox::append::{Put, Tail};
use callboard_mailbox::commit::{self, Commit, Committed};
use callboard_mailbox::lease::{self, Lease, Wake, Woken};
use callboard_mailbox::reply::ReplyKey;
use callboard_mailbox::retry::Backoff;
use callboard_mailbox::store::{Due, Error, Page};
use callboard_mailbox::sweep::Settle;
use callboard_mailbox::{Address, Record, Reply, Segment, Sequence, Store, Timestamp};

use crate::connect::WithoutToken;
use crate::error::{from_cancellation, from_sdk, read_or_default};
use crate::expression::{self, Update};
use crate::item::{self, Item, RECORD, number, segment_key, text};
use crate::schema::{DUE_INDEX, Tables};

/// How often the keys that a batch read left out are asked for again. DynamoDB
/// leaves some out when it throttles or the answer would exceed 16 MB.
const BATCH_READS: usize = 5;

/// How often a request that DynamoDB throttles is made again, beyond the tries
/// of the AWS SDK; about 3 s in all.
const THROTTLED_TRIES: u32 = 7;

/// The waits between those tries.
const THROTTLED_BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(20), factor: 2.0, longest: Duration::from_secs(1) };

/// The last place that a log has.
const LAST: Sequence = Sequence(u64::MAX);

/// The mailboxes of one installation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DynamoDbStore {
    client: Client,
    tables: Tables,
}

/// What became of a conditional update.
enum Updated {
    /// The item after it.
    Done(Item),
    /// The condition did not hold; the item as it is.
    Refused(Item),
}

impl DynamoDbStore {
    /// The mailboxes in these tables.
    #[must_use]
    pub fn new(client: Client, tables: Tables) -> Self {
        Self { client, tables }
    }

    /// Updates the record. The AWS SDK does not try again when a transaction
    /// holds the item, as a commit with replies does.
    async fn update(&self, address: &Address, update: &Update) -> Result<Updated, Error> {
        again_if_throttled(|| self.update_once(address, update)).await
    }

    async fn update_once(&self, address: &Address, update: &Update) -> Result<Updated, Error> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.tables.mailboxes)
            .key(item::ADDRESS, text(address.as_str()))
            .key(item::KIND, text(RECORD))
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

    /// A consistent query of an actor's segments from a place on.
    fn segments(&self, address: &Address, first: Sequence) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.tables.mailboxes)
            .key_condition_expression("a = :address AND k BETWEEN :first AND :last")
            .expression_attribute_values(":address", text(address.as_str()))
            .expression_attribute_values(":first", AttributeValue::S(segment_key(first)))
            .expression_attribute_values(":last", AttributeValue::S(segment_key(LAST)))
            .consistent_read(true)
    }

    async fn transact(&self, commit: &Commit) -> Result<Committed, Error> {
        let keys: Vec<_> =
            commit.replies.iter().map(|reply| ReplyKey::new(&commit.address, &reply.id)).collect();
        let puts = commit.replies.iter().zip(&keys).map(|(reply, key)| {
            let put = PutItem::builder()
                .table_name(&self.tables.replies)
                .set_item(Some(item::reply(key, reply)))
                .condition_expression("attribute_not_exists(id)")
                .build()
                .expect("the put has a table and an item");
            TransactWriteItem::builder().put(put).build()
        });
        let update = expression::commit(commit);
        let update = UpdateItem::builder()
            .table_name(&self.tables.mailboxes)
            .key(item::ADDRESS, text(commit.address.as_str()))
            .key(item::KIND, text(RECORD))
            .condition_expression(update.condition)
            .update_expression(update.update)
            .set_expression_attribute_values(Some(update.values))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .expect("the update has a table, a key and an expression");
        let update = TransactWriteItem::builder().update(update).build();
        let answer = self
            .client
            .transact_write_items()
            .set_transact_items(Some(std::iter::once(update).chain(puts).collect()))
            .customize()
            .interceptor(WithoutToken)
            .send()
            .await;
        let error = match answer {
            Ok(_) => return Ok(Committed::Applied),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                let meaning = from_cancellation(commit, cancelled.cancellation_reasons())?;
                self.confirm_duplicates(commit, meaning).await
            }
            _ => Err(from_sdk(error)),
        }
    }

    /// Replies that exist may be those of an earlier try of this commit, which
    /// took effect in this moment. Then the record shows it.
    async fn confirm_duplicates(
        &self,
        commit: &Commit,
        meaning: Committed,
    ) -> Result<Committed, Error> {
        if !matches!(meaning, Committed::Duplicates(_)) {
            return Ok(meaning);
        }
        let record = self.record(&commit.address).await?.unwrap_or_default();
        Ok(match commit::apply(&record, commit) {
            Some(_) => meaning,
            None => Committed::Conflict(record),
        })
    }
}

/// Makes a request again, a few times, while DynamoDB says that it did nothing
/// and might do it later.
async fn again_if_throttled<T, F: Future<Output = Result<T, Error>>>(
    request: impl Fn() -> F,
) -> Result<T, Error> {
    for failures in 1..=THROTTLED_TRIES {
        match request().await {
            Err(Error::Throttled(_)) => {
                tokio::time::sleep(THROTTLED_BACKOFF.delay(failures, fastrand::f64())).await;
            }
            answer => return answer,
        }
    }
    request().await
}

impl Store for DynamoDbStore {
    async fn put_segment(
        &self,
        address: &Address,
        segment: &Segment,
        expires: Timestamp,
    ) -> Result<Put, Error> {
        let answer = self
            .client
            .put_item()
            .table_name(&self.tables.mailboxes)
            .set_item(Some(item::segment(address, segment, expires)))
            .condition_expression("attribute_not_exists(a)")
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .send()
            .await;
        let error = match answer {
            Ok(_) => return Ok(Put::Stored),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let mut occupant = failed.item.clone().unwrap_or_default();
                Ok(Put::Occupied(item::read_segment(&mut occupant)?))
            }
            _ => Err(from_sdk(error)),
        }
    }

    async fn tail(&self, address: &Address) -> Result<Tail, Error> {
        // The head first: it only grows, and so does the log behind it.
        let record = self.record(address).await?;
        let last = self.segments(address, Sequence(0)).scan_index_forward(false).limit(1);
        let answer = last.send().await.map_err(from_sdk)?;
        let mut items = answer.items.unwrap_or_default();
        let last = items.first_mut().map(item::read_segment).transpose()?;
        Ok(Tail::found(record.as_ref(), last.as_ref()))
    }

    async fn wake(&self, address: &Address, wake: &Wake) -> Result<Woken, Error> {
        match self.update(address, &expression::wake(address, wake)).await? {
            Updated::Done(item) => {
                let record = item::read_record(item)?;
                Ok(Woken::Granted(Lease { address: address.clone(), record }))
            }
            Updated::Refused(item) => Ok(lease::refused(address, item::read_record(item)?, wake)),
        }
    }

    async fn record(&self, address: &Address) -> Result<Option<Record>, Error> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.tables.mailboxes)
            .key(item::ADDRESS, text(address.as_str()))
            .key(item::KIND, text(RECORD))
            .consistent_read(true)
            .send()
            .await;
        answer.map_err(from_sdk)?.item.map(item::read_record).transpose()
    }

    async fn deliverable(
        &self,
        address: &Address,
        first: Sequence,
        limit: usize,
    ) -> Result<Page, Error> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let answer = self.segments(address, first).limit(limit).send().await;
        let answer = answer.map_err(from_sdk)?;
        let mut items = answer.items.unwrap_or_default();
        Ok(Page {
            segments: items.iter_mut().map(item::read_segment).collect::<Result<_, _>>()?,
            more: answer.last_evaluated_key.is_some(),
        })
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        if !commit.replies.is_empty() {
            return again_if_throttled(|| self.transact(commit)).await;
        }
        match self.update(&commit.address, &expression::commit(commit)).await? {
            Updated::Done(_) => Ok(Committed::Applied),
            Updated::Refused(item) => Ok(Committed::Conflict(read_or_default(Some(item))?)),
        }
    }

    async fn settle(&self, address: &Address, settle: &Settle) -> Result<Option<Record>, Error> {
        match self.update(address, &expression::settle(settle)).await? {
            Updated::Done(item) => item::read_record(item).map(Some),
            Updated::Refused(_) => Ok(None),
        }
    }

    async fn due(
        &self,
        shard: u32,
        by: Timestamp,
        after: Option<&Due>,
        limit: usize,
    ) -> Result<Vec<Due>, Error> {
        let answer = self
            .client
            .query()
            .table_name(&self.tables.mailboxes)
            .index_name(DUE_INDEX)
            .key_condition_expression("g = :shard AND due <= :by")
            .expression_attribute_values(":shard", number(shard))
            .expression_attribute_values(":by", number(by.0))
            .set_exclusive_start_key(after.map(|due| item::due_key(shard, due)))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await;
        let items = answer.map_err(from_sdk)?.items.unwrap_or_default();
        items.iter().map(item::read_due).collect()
    }

    async fn replies(
        &self,
        keys: &[ReplyKey],
        now: Timestamp,
    ) -> Result<Vec<Option<Reply>>, Error> {
        let mut found = HashMap::new();
        let mut missing: Vec<Item> = keys
            .iter()
            .map(|key| HashMap::from([(item::REPLY_ID.to_owned(), text(key.as_str()))]))
            .collect();
        for _ in 0..BATCH_READS {
            if missing.is_empty() {
                break;
            }
            let request = KeysAndAttributes::builder().set_keys(Some(missing));
            let request = request.build().expect("the request has keys");
            let answer =
                self.client.batch_get_item().request_items(&self.tables.replies, request).send();
            let answer = answer.await.map_err(from_sdk)?;
            for items in answer.responses.unwrap_or_default().into_values() {
                for item in items {
                    // One that cannot be read must not hold up the others.
                    match item::read_reply(item) {
                        Ok((key, reply)) => drop(found.insert(key, reply)),
                        Err(error) => tracing::error!(%error, "a stored reply cannot be read"),
                    }
                }
            }
            let left = answer.unprocessed_keys.unwrap_or_default().into_values();
            missing = left.flat_map(|left| left.keys).collect();
        }
        // A key that was never read looks like a reply that is not there yet:
        // its reader asks again.
        let mut reply = |key: &ReplyKey| found.remove(key.as_str());
        Ok(keys.iter().map(|key| reply(key).filter(|reply| reply.expires > now)).collect())
    }
}
