//! The embedded DynamoDB with the real AWS SDK client.

use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, Put,
    ReturnValuesOnConditionCheckFailure, ScalarAttributeType, TimeToLiveSpecification,
    TransactWriteItem,
};
use callboard_local::{EmbeddedDynamoDb, Storage, Sync, dynamodb, listen};

const TABLE: &str = "actors";

fn start(storage: Storage) -> Result<EmbeddedDynamoDb, dynamodb::Error> {
    EmbeddedDynamoDb::start(storage, "127.0.0.1:0".parse().unwrap())
}

fn directory(path: &Path, sync: Sync) -> Storage {
    Storage::Directory { path: path.to_owned(), sync }
}

fn client(dynamodb: &EmbeddedDynamoDb) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(dynamodb.endpoint_url())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

async fn create_table(client: &Client) {
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
    let definition = AttributeDefinition::builder().attribute_name("id");
    let definition = definition.attribute_type(ScalarAttributeType::S);
    let create = client.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
    let create = create.key_schema(key.build().unwrap());
    create.attribute_definitions(definition.build().unwrap()).send().await.unwrap();
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.into())
}

async fn put(client: &Client, id: &str, state: &str) {
    let put = client.put_item().table_name(TABLE);
    put.item("id", text(id)).item("state", text(state)).send().await.unwrap();
}

async fn state(client: &Client, id: &str) -> Option<String> {
    let get = client.get_item().table_name(TABLE).key("id", text(id));
    let item = get.consistent_read(true).send().await.unwrap().item?;
    Some(item["state"].as_s().unwrap().clone())
}

fn put_if_absent(id: &str, state: &str) -> TransactWriteItem {
    let put = Put::builder().table_name(TABLE).item("id", text(id)).item("state", text(state));
    let put = put.condition_expression("attribute_not_exists(id)");
    TransactWriteItem::builder().put(put.build().unwrap()).build()
}

#[tokio::test]
async fn what_is_put_can_be_got() {
    let dynamodb = start(Storage::Memory).unwrap();
    let client = client(&dynamodb);
    create_table(&client).await;
    assert_eq!(state(&client, "ada").await, None);
    put(&client, "ada", "busy").await;
    assert_eq!(state(&client, "ada").await.as_deref(), Some("busy"));
    dynamodb.shutdown().await;
}

#[tokio::test]
async fn a_failed_condition_returns_the_old_item() {
    let dynamodb = start(Storage::Memory).unwrap();
    let client = client(&dynamodb);
    create_table(&client).await;
    put(&client, "ada", "busy").await;
    let put = client.put_item().table_name(TABLE).item("id", text("ada"));
    let put = put.condition_expression("attribute_not_exists(id)");
    let put =
        put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let error = put.send().await.unwrap_err().into_service_error();
    let PutItemError::ConditionalCheckFailedException(failed) = error else {
        panic!("{error:?}");
    };
    assert_eq!(failed.item().unwrap()["state"], text("busy"));
    dynamodb.shutdown().await;
}

#[tokio::test]
async fn a_transaction_writes_all_or_nothing() {
    let dynamodb = start(Storage::Memory).unwrap();
    let client = client(&dynamodb);
    create_table(&client).await;
    let both = client.transact_write_items();
    let both =
        both.transact_items(put_if_absent("ada", "1")).transact_items(put_if_absent("bob", "1"));
    both.send().await.unwrap();

    let again = client.transact_write_items();
    let again =
        again.transact_items(put_if_absent("eve", "2")).transact_items(put_if_absent("ada", "2"));
    let error = again.send().await.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        panic!("{error:?}");
    };
    let codes: Vec<_> =
        cancelled.cancellation_reasons().iter().map(|reason| reason.code()).collect();
    assert_eq!(codes, [Some("None"), Some("ConditionalCheckFailed")]);
    assert_eq!(state(&client, "ada").await.as_deref(), Some("1"));
    assert_eq!(state(&client, "eve").await, None);
    dynamodb.shutdown().await;
}

#[tokio::test]
async fn data_is_still_there_after_a_restart() {
    for sync in [Sync::EveryWrite, Sync::Os] {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let first = start(directory(&path, sync)).unwrap();
        let client_of_first = client(&first);
        create_table(&client_of_first).await;
        put(&client_of_first, "ada", "busy").await;
        first.shutdown().await;

        let second = start(directory(&path, sync)).unwrap();
        assert_eq!(state(&client(&second), "ada").await.as_deref(), Some("busy"), "{sync:?}");
        second.shutdown().await;
    }
}

#[tokio::test]
async fn expired_items_are_deleted() {
    let parent = tempfile::tempdir().unwrap();
    let first = start(directory(parent.path(), Sync::Os)).unwrap();
    let client_of_first = client(&first);
    create_table(&client_of_first).await;
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("expires");
    let enable = client_of_first.update_time_to_live().table_name(TABLE);
    enable.time_to_live_specification(ttl.build().unwrap()).send().await.unwrap();
    let expired = client_of_first.put_item().table_name(TABLE).item("id", text("ada"));
    let expired =
        expired.item("state", text("gone")).item("expires", AttributeValue::N("1".into()));
    expired.send().await.unwrap();
    put(&client_of_first, "bob", "here").await;
    first.shutdown().await;

    // It sweeps at its start, and once a minute from then on.
    let second = start(directory(parent.path(), Sync::Os)).unwrap();
    let client = client(&second);
    while state(&client, "ada").await.is_some() {}
    assert_eq!(state(&client, "bob").await.as_deref(), Some("here"));
    second.shutdown().await;
}

#[tokio::test]
async fn a_second_open_of_a_directory_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let first = start(directory(parent.path(), Sync::Os)).unwrap();
    let error = start(directory(parent.path(), Sync::Os)).unwrap_err();
    let dynamodb::Error::InUse { path, owner } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(path, parent.path());
    assert_eq!(*owner, Some(std::process::id()));
    let message = error.to_string();
    assert!(message.contains(parent.path().to_str().unwrap()), "{message}");
    assert!(message.contains("stop that one, or choose another directory"), "{message}");

    first.shutdown().await;
    start(directory(parent.path(), Sync::Os)).unwrap().shutdown().await;
}

#[test]
fn a_directory_that_cannot_be_written_to_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let paths = [
        file.path().join("below-a-file"),
        // It exists, and not even root may create files there.
        PathBuf::from("/proc/self"),
    ];
    for path in paths {
        let error = start(directory(&path, Sync::Os)).unwrap_err();
        assert!(matches!(error, dynamodb::Error::Directory { .. }), "{error:?}");
        let message = error.to_string();
        assert!(message.contains(path.to_str().unwrap()), "{message}");
        assert!(message.contains("choose another"), "{message}");
    }
}

#[test]
fn a_damaged_database_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("dynamodb.sqlite");
    std::fs::write(&file, "this is not a database, whatever it may look like").unwrap();
    let error = start(directory(parent.path(), Sync::Os)).unwrap_err();
    assert!(matches!(error, dynamodb::Error::Database { .. }), "{error:?}");
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
}

#[test]
fn only_loopback_is_listened_on() {
    let error = EmbeddedDynamoDb::start(Storage::Memory, "0.0.0.0:0".parse().unwrap()).unwrap_err();
    assert!(
        matches!(error, dynamodb::Error::Listen(listen::Error::NotLoopback { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn it_can_be_dropped_inside_a_runtime() {
    let parent = tempfile::tempdir().unwrap();
    drop(start(directory(parent.path(), Sync::Os)).unwrap());
    // It stops by itself, and only then is the directory free.
    let again = loop {
        match start(directory(parent.path(), Sync::Os)) {
            Ok(dynamodb) => break dynamodb,
            Err(dynamodb::Error::InUse { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    again.shutdown().await;
}
