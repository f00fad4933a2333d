//! The commit.

use callboard_mailbox::commit::{self, Commit, Committed};
use callboard_mailbox::reply::ReplyKey;
use callboard_mailbox::store::Error;

use super::DynamoDbStore;
use super::request::{Updated, again_if_throttled};
use super::transaction::{Transacted, update};
use crate::database::Write;
use crate::error::{Refusal, from_cancellation};
use crate::expression;
use crate::item::{ADDRESS, REPLY_ID, dead_letter, key, parcel, piece, place, record, reply};

pub(super) async fn commit(store: &DynamoDbStore, commit: &Commit) -> Result<Committed, Error> {
    if commit.items() > 1 {
        return again_if_throttled(|| transact(store, commit)).await;
    }
    match store.update(&commit.address, &expression::commit(commit)).await? {
        Updated::Done(_) => Ok(Committed::Applied),
        Updated::Refused(item) => Ok(Committed::Conflict(Box::new(record::read_or_default(item)?))),
    }
}

async fn transact(store: &DynamoDbStore, commit: &Commit) -> Result<Committed, Error> {
    let reasons = match store.transact(items(store, commit)).await? {
        Transacted::Done => return Ok(Committed::Applied),
        Transacted::Cancelled(reasons) => reasons,
    };
    match from_cancellation(commit, &reasons)? {
        Refusal::Record(item) => Ok(Committed::Conflict(Box::new(record::read_or_default(item)?))),
        Refusal::Replies(ids) => {
            Ok(conflict(store, commit).await?.unwrap_or(Committed::Duplicates(ids)))
        }
        Refusal::Gone(slots) => {
            Ok(conflict(store, commit).await?.unwrap_or(Committed::Gone(slots)))
        }
        // The id of what an actor sends is new, so only an earlier try of this
        // commit can have put it. The run ends here, and the next one sends under
        // other ids.
        Refusal::Parcel(slot) => conflict(store, commit).await?.ok_or_else(|| {
            Error::Corrupt(format!("a parcel lies where a commit puts a new one: {slot:?}"))
        }),
    }
}

/// Replies and parcels that exist may be those of an earlier try of this commit,
/// which took effect in this moment. Then the record shows it.
async fn conflict(store: &DynamoDbStore, commit: &Commit) -> Result<Option<Committed>, Error> {
    let record = super::record::get(store, &commit.address).await?.unwrap_or_default();
    Ok(match commit::apply(&record, commit) {
        Some(_) => None,
        None => Some(Committed::Conflict(Box::new(record))),
    })
}

/// The items of the transaction: first those with a condition, in the order in
/// which [`from_cancellation`] reads the reasons. None comes twice.
fn items(store: &DynamoDbStore, commit: &Commit) -> Vec<Write> {
    let (mailboxes, address) = (&store.tables.mailboxes, &commit.address);
    let mut items = vec![update(mailboxes, address, expression::commit(commit))];
    items.extend(commit.replies.iter().map(|reply| {
        let key = ReplyKey::new(address, &reply.id);
        Write::put_new(&store.tables.replies, REPLY_ID, reply::write(&key, reply))
    }));
    items.extend(commit.posted.iter().map(|posted| {
        Write::put_new(mailboxes, ADDRESS, parcel::write(&posted.to, &posted.parcel))
    }));
    let consumed = commit.consumed.iter().map(key::slot);
    items.extend(
        consumed.map(|key| Write::delete_existing(mailboxes, ADDRESS, place(address, key))),
    );
    if let Some(write) = &commit.state {
        let revision = commit.revision.next();
        items.extend(
            write
                .chunks()
                .enumerate()
                .map(|(n, chunk)| Write::put(mailboxes, piece::write(address, n, revision, chunk))),
        );
        let left_over = write.left_over().map(|n| key::piece(n as usize));
        items.extend(left_over.map(|key| Write::delete(mailboxes, place(address, key))));
    }
    let removed = commit.removed.iter().map(key::slot);
    items.extend(removed.map(|key| Write::delete(mailboxes, place(address, key))));
    items.extend(commit.answers.iter().map(|answered| {
        let key = ReplyKey::new(&answered.address, &answered.reply.id);
        Write::put(&store.tables.replies, reply::write(&key, &answered.reply))
    }));
    let letters = commit.dead_letters.iter();
    items.extend(letters.map(|letter| Write::put(mailboxes, dead_letter::write(address, letter))));
    items
}
