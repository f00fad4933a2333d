//! The store keeps the protocol's contract: over the embedded DynamoDB, and
//! over AWS's own DynamoDB Local.

mod dynamodb_local;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use callboard_local::{EmbeddedDynamoDb, Storage};
use callboard_mailbox::contract;
use callboard_mailbox_dynamodb::{DynamoDbStore, Tables, connect};
use dynamodb_local::DynamoDbLocal;

async fn config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .load()
        .await
}

async fn keeps_the_contract(endpoint_url: &str) {
    let client = connect(&config().await, Some(endpoint_url));
    let tables = Tables::new("contract");
    tables.create(&client).await.expect("tables");
    contract::check(&DynamoDbStore::new(client, tables), &uuid::Uuid::now_v7().to_string()).await;
}

#[tokio::test]
async fn the_embedded_dynamodb_keeps_the_contract() {
    let any_port = "127.0.0.1:0".parse().expect("an address");
    let dynamodb = EmbeddedDynamoDb::start(Storage::Memory, any_port).expect("it starts");
    keeps_the_contract(&dynamodb.endpoint_url()).await;
}

#[tokio::test]
async fn dynamodb_local_keeps_the_contract() {
    let dynamodb = DynamoDbLocal::start().await;
    keeps_the_contract(&dynamodb.endpoint_url()).await;
}

#[tokio::test]
async fn tables_that_exist_are_left_as_they_are() {
    use callboard_mailbox_dynamodb::schema::Created;

    let any_port = "127.0.0.1:0".parse().expect("an address");
    let dynamodb = EmbeddedDynamoDb::start(Storage::Memory, any_port).expect("it starts");
    let client = connect(&config().await, Some(&dynamodb.endpoint_url()));
    for expected in [Created::New, Created::Existing] {
        let created = Tables::new("twice").create(&client).await.expect("tables");
        let names: Vec<_> = created.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["twice-mailboxes", "twice-replies"]);
        assert!(created.iter().all(|(_, created)| *created == expected));
    }
}
