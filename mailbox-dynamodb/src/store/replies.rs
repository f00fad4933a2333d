//! Replies.

use std::collections::HashMap;

use callboard_mailbox::reply::ReplyKey;
use callboard_mailbox::store::Error;
use callboard_mailbox::{Reply, Timestamp};

use super::DynamoDbStore;
use crate::item::reply;

pub(super) async fn get(
    store: &DynamoDbStore,
    keys: &[ReplyKey],
    now: Timestamp,
) -> Result<Vec<Option<Reply>>, Error> {
    // A key that was not looked for is like a reply that is not there yet: its
    // reader asks again.
    let places = keys.iter().map(reply::place).collect();
    let (items, _) = store.get_all(&store.tables.replies, places, false).await?;
    let mut found = HashMap::new();
    for item in items {
        // One that cannot be read must not hold up the others.
        match reply::read(item) {
            Ok((key, reply)) => drop(found.insert(key, reply)),
            Err(error) => tracing::error!(%error, "a stored reply cannot be read"),
        }
    }
    let mut reply = |key: &ReplyKey| found.remove(key.as_str());
    Ok(keys.iter().map(|key| reply(key).filter(|reply| reply.expires > now)).collect())
}
