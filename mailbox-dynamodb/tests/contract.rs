//! The store keeps the protocol's contract, whichever way it goes: through the AWS SDK over the
//! embedded DynamoDB and over AWS's own DynamoDB Local, with the embedded engine in this process,
//! and with that behind a socket.

mod dynamodb_local;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use callboard_local::{EmbeddedDynamoDb, Storage, Sync};
use callboard_mailbox::contract;
use callboard_mailbox_dynamodb::database::socket::Socket;
use callboard_mailbox_dynamodb::{Database, DynamoDbStore, Tables, connect};
use dynamodb_local::DynamoDbLocal;
use tempfile::TempDir;

async fn config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .load()
        .await
}

/// Over a database, if it is not reached through the endpoint that makes its tables.
async fn keeps_the_contract(endpoint_url: &str, database: Option<Database>) {
    let client = connect(&config().await, Some(endpoint_url));
    let tables = Tables::new("contract");
    tables.create(&client).await.expect("tables");
    let database = database.unwrap_or_else(|| client.into());
    contract::check(&DynamoDbStore::new(database, tables), &uuid::Uuid::now_v7().to_string()).await;
}

fn embedded(storage: Storage) -> EmbeddedDynamoDb {
    let any_port = "127.0.0.1:0".parse().expect("an address");
    EmbeddedDynamoDb::start(storage, any_port).expect("it starts")
}

fn on_disk(folder: &TempDir, sync: Sync) -> Storage {
    Storage::Directory { path: folder.path().to_owned(), sync }
}

#[tokio::test]
async fn the_embedded_dynamodb_keeps_the_contract() {
    keeps_the_contract(&embedded(Storage::Memory).endpoint_url(), None).await;
}

#[tokio::test]
async fn the_embedded_dynamodb_keeps_the_contract_when_it_syncs_every_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let dynamodb = embedded(on_disk(&folder, Sync::EveryWrite));
    keeps_the_contract(&dynamodb.endpoint_url(), None).await;
}

#[tokio::test]
async fn the_engine_in_this_process_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    for storage in [Storage::Memory, on_disk(&folder, Sync::EveryWrite)] {
        let dynamodb = embedded(storage);
        keeps_the_contract(&dynamodb.endpoint_url(), Some(dynamodb.engine().into())).await;
        dynamodb.shutdown().await;
    }
}

#[tokio::test]
async fn the_engine_behind_a_socket_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    let dynamodb = embedded(on_disk(&folder, Sync::Os));
    let socket = dynamodb.open_socket().expect("it listens").expect("its path is short");
    let database = Socket::new(socket).into();
    keeps_the_contract(&dynamodb.endpoint_url(), Some(database)).await;
}

#[tokio::test]
async fn dynamodb_local_keeps_the_contract() {
    let dynamodb = DynamoDbLocal::start().await;
    keeps_the_contract(&dynamodb.endpoint_url(), None).await;
}

#[tokio::test]
async fn tables_that_exist_are_left_as_they_are() {
    use callboard_mailbox_dynamodb::schema::Created;

    let dynamodb = embedded(Storage::Memory);
    let client = connect(&config().await, Some(&dynamodb.endpoint_url()));
    for expected in [Created::New, Created::Existing] {
        let created = Tables::new("twice").create(&client).await.expect("tables");
        let names: Vec<_> = created.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["twice-mailboxes", "twice-replies"]);
        assert!(created.iter().all(|(_, created)| *created == expected));
    }
}
