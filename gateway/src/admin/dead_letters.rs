//! Messages that were set aside after their last attempt.

use std::collections::HashMap;

use callboard_mailbox::dead_letter::{DeadLetter, Key, Place};
use callboard_mailbox::limits::{DIRECTORY_SHARDS, MESSAGE_ID_BYTES_MAX};
use callboard_mailbox::parcel::Tick;
use callboard_mailbox::{Address, MessageId, Store, Timestamp};
use callboard_proto::pb;
use callboard_proto::schema::Schema;

use super::{page, record, render, unread, unwritten};
use crate::refusal::Refusal;

/// How many dead letters one query asks for, where one of them is looked for.
const QUERY: usize = 100;

/// A page of dead letters, and the place of the last one if there may be more.
type Listed = (Vec<(Address, DeadLetter)>, Option<Place>);

/// The dead letters of an actor, the oldest first.
pub(super) async fn of_actor(
    store: &impl Store,
    schema: &Schema,
    address: &Address,
    request: &pb::ListDeadLettersRequest,
) -> Result<pb::ListDeadLettersResponse, Refusal> {
    let size = page::size(request.page_size)?;
    let after = page::token(&request.page_token, read_token)?.map(|place| place.key);
    record(store, address).await?;
    let letters = store.dead_letters(address, after.as_ref(), size).await;
    let letters = letters.map_err(|error| unread(&error))?;
    let last = letters.last().filter(|_| letters.len() == size);
    let last = last.map(|last| Place { address: address.clone(), key: last.key() });
    let letters = letters.into_iter().map(|letter| (address.clone(), letter)).collect();
    Ok(response(schema, (letters, last)))
}

/// The dead letters of a type, one shard of its directory after the other.
pub(super) async fn of_type(
    store: &impl Store,
    schema: &Schema,
    actor_type: &str,
    request: &pb::ListDeadLettersRequest,
) -> Result<pb::ListDeadLettersResponse, Refusal> {
    let size = page::size(request.page_size)?;
    let mut last = page::token(&request.page_token, read_token)?;
    let mut shard = last.as_ref().map_or(0, |place| place.address.directory_shard());
    let mut places = Vec::new();
    while shard < DIRECTORY_SHARDS && places.len() < size {
        let room = size - places.len();
        let after = last.take();
        let listed = store.actors_with_dead_letters(actor_type, shard, after.as_ref(), room).await;
        let listed = listed.map_err(|error| unread(&error))?;
        match listed.len() < room {
            true => shard += 1,
            false => last = listed.last().cloned(),
        }
        places.extend(listed);
    }
    let letters = read(store, places).await?;
    Ok(response(schema, (letters, last)))
}

/// The dead letters that lie at these places, and still do.
async fn read(
    store: &impl Store,
    places: Vec<Place>,
) -> Result<Vec<(Address, DeadLetter)>, Refusal> {
    let mut letters = Vec::with_capacity(places.len());
    for places in places.chunk_by(|a, b| a.address == b.address) {
        let address = &places[0].address;
        let mut wanted: HashMap<_, _> =
            places.iter().map(|place| (&place.key, None::<DeadLetter>)).collect();
        let last = places.iter().map(|place| &place.key).max();
        let mut after = places.iter().map(|place| before(&place.key)).min();
        loop {
            let found = store.dead_letters(address, after.as_ref(), places.len()).await;
            let found = found.map_err(|error| unread(&error))?;
            after = found.last().map(DeadLetter::key);
            let is_last = found.len() < places.len() || after.as_ref() >= last;
            for letter in found {
                if let Some(wanted) = wanted.get_mut(&letter.key()) {
                    *wanted = Some(letter);
                }
            }
            if is_last {
                break;
            }
        }
        // In the order of the directory, so that the next page begins behind the last.
        let found = places.iter().filter_map(|place| wanted.remove(&place.key).flatten());
        letters.extend(found.map(|letter| (address.clone(), letter)));
    }
    Ok(letters)
}

/// A key before another one, and behind all that lie a millisecond earlier.
fn before(key: &Key) -> Key {
    let last = "~".repeat(MESSAGE_ID_BYTES_MAX);
    let last = MessageId::new(&last).expect("it is visible and not too long");
    Key { at: Timestamp(key.at.0.saturating_sub(1)), id: last }
}

/// As many as fit into a page.
fn response(schema: &Schema, (letters, last): Listed) -> pb::ListDeadLettersResponse {
    let (mut bytes, mut next) = (0, last);
    let mut dead_letters = Vec::with_capacity(letters.len());
    let mut before: Option<Place> = None;
    for (address, letter) in letters {
        if bytes >= page::BYTES_MAX {
            next = before;
            break;
        }
        before = Some(Place { address: address.clone(), key: letter.key() });
        let message = render::message(schema, address.actor_type(), letter.message);
        bytes += render::size(&message);
        dead_letters.push(pb::DeadLetter {
            address: Some(render::address(&address)),
            message: Some(message),
            set_aside_at: Some(render::time(letter.at)),
            attempts: letter.attempts,
            last_error: letter.error,
        });
    }
    let next_page_token = next.as_ref().map(token).unwrap_or_default();
    pb::ListDeadLettersResponse { dead_letters, next_page_token }
}

/// A place as a page token. No address has a line break in it.
fn token(Place { address, key }: &Place) -> String {
    format!("{}\n{}\n{address}", key.at.0, key.id)
}

fn read_token(token: &str) -> Option<Place> {
    let mut lines = token.splitn(3, '\n');
    let at = Timestamp(lines.next()?.parse().ok()?);
    let id = MessageId::new(lines.next()?).ok()?;
    let address = Address::parse(lines.next()?).ok()?;
    Some(Place { address, key: Key { at, id } })
}

/// Puts a dead letter back into its mailbox.
pub(super) async fn redrive(
    store: &impl Store,
    address: &Address,
    id: &MessageId,
    now: Timestamp,
) -> Result<(), Refusal> {
    let key = find(store, address, id).await?;
    let redriven = store.redrive(address, &key, Tick::default().next(now)).await;
    match redriven.map_err(|error| unwritten(&error))? {
        true => Ok(()),
        false => Err(no_dead_letter(address, id)),
    }
}

/// Deletes a dead letter.
pub(super) async fn discard(
    store: &impl Store,
    address: &Address,
    id: &MessageId,
) -> Result<(), Refusal> {
    let key = find(store, address, id).await?;
    match store.discard(address, &key).await.map_err(|error| unwritten(&error))? {
        true => Ok(()),
        false => Err(no_dead_letter(address, id)),
    }
}

/// The oldest dead letter of an id. Operators know the message by its id, and not
/// when it was set aside.
async fn find(store: &impl Store, address: &Address, id: &MessageId) -> Result<Key, Refusal> {
    record(store, address).await?;
    let mut after = None;
    loop {
        let letters = store.dead_letters(address, after.as_ref(), QUERY).await;
        let letters = letters.map_err(|error| unread(&error))?;
        if let Some(found) = letters.iter().find(|letter| letter.message.id == *id) {
            return Ok(found.key());
        }
        if letters.len() < QUERY {
            return Err(no_dead_letter(address, id));
        }
        after = letters.last().map(DeadLetter::key);
    }
}

fn no_dead_letter(address: &Address, id: &MessageId) -> Refusal {
    let (address, message_id) = (address.clone(), Some(id.clone()));
    Refusal::NotFound { what: "dead letter", address, message_id }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(at: u64, id: &str, key: &str) -> Place {
        let id = MessageId::new(id).expect("an id");
        let address = Address::new("test.v1.A", key).expect("an address");
        Place { address, key: Key { at: Timestamp(at), id } }
    }

    #[test]
    fn a_token_reads_back_as_its_place() {
        let place = place(7, "a#b", "with/slash and space");
        assert_eq!(read_token(&token(&place)), Some(place));
        for bad in ["", "7", "7\nid", "7\nid\nno address", "x\nid\nt/k"] {
            assert_eq!(read_token(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn nothing_of_the_same_time_lies_before_a_key() {
        let key = place(7, "b", "k").key;
        let earlier = place(6, "zzz", "k").key;
        let same = place(7, "!", "k").key;
        assert!(earlier < before(&key) && before(&key) < same && same < key);
    }
}
