//! What the indexes list. They lag behind the items.

use callboard_mailbox::dead_letter::Place;
use callboard_mailbox::store::{Due, Error};
use callboard_mailbox::{Address, Timestamp};

use super::DynamoDbStore;
use crate::item::{Item, dead_letter, index, number, text};
use crate::schema::{DIRECTORY_INDEX, DUE_INDEX};

pub(super) async fn due(
    store: &DynamoDbStore,
    shard: u32,
    by: Timestamp,
    after: Option<&Due>,
    limit: usize,
) -> Result<Vec<Due>, Error> {
    let condition = "g = :shard AND due <= :by";
    let values = [(":shard", number(shard)), (":by", number(by.0))];
    let query = store.listing(DUE_INDEX, condition, values);
    let after = after.map(|due| index::due_place(shard, due));
    store.pages(query, after, limit).await?.iter().map(index::read_due).collect()
}

pub(super) async fn actors(
    store: &DynamoDbStore,
    actor_type: &str,
    shard: u32,
    after: Option<&Address>,
    limit: usize,
) -> Result<Vec<Address>, Error> {
    let directory = index::actors(actor_type, shard);
    let after = after.map(|address| index::actor_place(&directory, address));
    list(store, &directory, after, limit).await?.iter().map(index::read_actor).collect()
}

pub(super) async fn dead_letters(
    store: &DynamoDbStore,
    actor_type: &str,
    shard: u32,
    after: Option<&Place>,
    limit: usize,
) -> Result<Vec<Place>, Error> {
    let directory = index::dead_letters(actor_type, shard);
    let after = after.map(|place| index::dead_letter_place(&directory, place));
    list(store, &directory, after, limit).await?.iter().map(dead_letter::read_place).collect()
}

async fn list(
    store: &DynamoDbStore,
    directory: &str,
    after: Option<Item>,
    limit: usize,
) -> Result<Vec<Item>, Error> {
    let values = [(":directory", text(directory))];
    store.pages(store.listing(DIRECTORY_INDEX, "y = :directory", values), after, limit).await
}
