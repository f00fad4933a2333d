//! Replies and receipts.

use bytes::Bytes;

use super::fixture::*;
use crate::address::Address;
use crate::commit::{Answered, Commit};
use crate::message::Digest;
use crate::reply::{Outcome, Reply, ReplyKey};
use crate::store::Store;

pub(super) async fn replies_are_read_in_the_order_of_their_keys(
    store: &impl Store,
    address: &Address,
) {
    let old = Reply { expires: NOW, ..reply("old", b"1") };
    let replies = vec![reply("b", b"3"), old, reply("a", b"2")];
    commit_alone(store, address, |commit| Commit { replies, ..commit }).await;
    let keys = ["a", "none", "old", "b"].map(|name| ReplyKey::new(address, &id(name)));
    let read = store.replies(&keys, NOW).await.expect("an answer");
    assert_eq!(read, [Some(reply("a", b"2")), None, None, Some(reply("b", b"3"))]);
    assert_eq!(store.replies(&[], NOW).await.expect("an answer"), []);
}

pub(super) async fn every_outcome_reads_back_with_its_digest(
    store: &impl Store,
    address: &Address,
) {
    let status = Bytes::from_static(b"status");
    let outcomes = [
        ("ok", Outcome::Ok(Bytes::from_static(b"yes"))),
        ("empty", Outcome::Ok(Bytes::new())),
        ("failed", Outcome::Failed { code: 9, status }),
        ("dead", Outcome::DeadLettered { attempts: 20, error: "boom".into() }),
        ("cancelled", Outcome::Cancelled),
        ("later", Outcome::Later),
    ];
    let mut replies = Vec::new();
    for (name, outcome) in outcomes {
        let plain = Reply { outcome, ..reply(name, b"") };
        let name = format!("{name}#digest");
        let digest = Some(Digest::of("Add", name.as_bytes()));
        replies.push(Reply { id: id(&name), digest, ..plain.clone() });
        replies.push(plain);
    }
    commit_alone(store, address, |commit| Commit { replies: replies.clone(), ..commit }).await;
    let keys: Vec<_> = replies.iter().map(|reply| ReplyKey::new(address, &reply.id)).collect();
    let read = store.replies(&keys, NOW).await.expect("an answer");
    assert_eq!(read.into_iter().flatten().collect::<Vec<_>>(), replies);
}

pub(super) async fn an_answer_replaces_what_is_there(store: &impl Store, address: &Address) {
    let open = Reply { outcome: Outcome::Later, ..reply("open", b"") };
    commit_alone(store, address, |commit| Commit { replies: vec![open.clone()], ..commit }).await;
    assert_eq!(reply_of(store, address, "open").await, Some(open));
    // Another actor answers it, and one that it has no reply for.
    let other = of_own_type(address, "other");
    let answers = ["open", "unknown"]
        .map(|name| Answered { address: address.clone(), reply: reply(name, b"yes") });
    commit_alone(store, &other, |commit| Commit { answers: answers.to_vec(), ..commit }).await;
    for name in ["open", "unknown"] {
        assert_eq!(reply_of(store, address, name).await, Some(reply(name, b"yes")));
        assert_eq!(reply_of(store, &other, name).await, None);
    }
}
