//! The state, in the record and in items of its own.

use bytes::Bytes;

use super::fixture::*;
use crate::address::Address;
use crate::commit::{Commit, Committed};
use crate::control::Control;
use crate::limits::{STATE_BYTES_MAX, STATE_CHUNK_BYTES_MAX, STATE_INLINE_BYTES_MAX};
use crate::message::Sequence;
use crate::record::{Record, Revision};
use crate::state::{Spilled, Stored, Write};
use crate::store::{Store, snapshot};

/// A state in which every piece differs.
fn state(len: usize) -> Bytes {
    (0..len).map(|n| (n / 1_000) as u8).collect()
}

/// Commits a state under a lease of its own.
async fn write(store: &impl Store, address: &Address, state: &Bytes) -> Record {
    let before = store.record(address).await.expect("an answer").unwrap_or_default();
    let chunks_before = before.state.as_ref().map_or(0, Stored::chunks);
    let write = Write { state: Some(state.clone()), chunks_before };
    commit_alone(store, address, |commit| Commit { state: Some(write), ..commit }).await;
    record(store, address).await
}

/// Where the items of a state are.
fn spilled(record: &Record) -> Spilled {
    match record.state {
        Some(Stored::Spilled(spilled)) => spilled,
        ref other => panic!("{other:?} has no items of its own"),
    }
}

pub(super) async fn states_of_every_size_read_back(store: &impl Store, address: &Address) {
    let sizes = [
        (STATE_INLINE_BYTES_MAX, 0),
        (STATE_INLINE_BYTES_MAX + 1, 1),
        (STATE_CHUNK_BYTES_MAX, 1),
        (STATE_CHUNK_BYTES_MAX + 1, 2),
        (STATE_BYTES_MAX, 6),
    ];
    for (len, chunks) in sizes {
        let record = write(store, address, &state(len)).await;
        assert_eq!(record.state.as_ref().map(Stored::chunks), Some(chunks));
        let (_, read) = snapshot(store, address).await.expect("an answer").expect("a record");
        assert!(read == Some(state(len)), "a state of {len} bytes");
    }
}

pub(super) async fn a_state_that_shrinks_leaves_nothing_behind(
    store: &impl Store,
    address: &Address,
) {
    let mut before: Vec<Spilled> = Vec::new();
    for len in [1_000_000, 20_000, 100, 500_000, 0, 20_000] {
        let record = write(store, address, &state(len)).await;
        for old in before.drain(..) {
            assert_eq!(store.state(address, old).await.expect("an answer"), None);
        }
        match &record.state {
            Some(Stored::Inline(inline)) => assert_eq!(*inline, state(len)),
            _ => {
                let spilled = spilled(&record);
                let read = store.state(address, spilled).await.expect("an answer");
                assert!(read == Some(state(len)), "a state of {len} bytes");
                before.push(spilled);
            }
        }
    }
    // What is stored of a mailbox beside is not in the way of its log.
    assert_eq!(deliverable(store, address, LATER).await.parcels, []);
}

pub(super) async fn a_state_is_that_of_its_revision_or_none(store: &impl Store, address: &Address) {
    let nothing = Spilled { revision: Revision(1), chunks: 1 };
    assert_eq!(store.state(address, nothing).await.expect("an answer"), None);
    let first = spilled(&write(store, address, &state(500_000)).await);
    assert_eq!(first, Spilled { revision: Revision(1), chunks: 2 });
    // Other commits, and a purge, leave it as it is.
    commit_alone(store, address, |commit| Commit { replies: vec![reply("a", b"")], ..commit })
        .await;
    let purge = Control::Purge { through: Sequence(90) };
    let purged = store.control(address, &purge).await.expect("an answer").expect("it moves");
    assert_eq!((spilled(&purged), purged.revision), (first, Revision(3)));
    assert!(store.state(address, first).await.expect("an answer") == Some(state(500_000)));
    let next = spilled(&write(store, address, &state(500_000)).await);
    assert_eq!(next, Spilled { revision: Revision(4), chunks: 2 });
    assert_eq!(store.state(address, first).await.expect("an answer"), None);
    assert!(store.state(address, next).await.expect("an answer").is_some());
}

pub(super) async fn a_snapshot_is_record_and_state(store: &impl Store, address: &Address) {
    assert_eq!(snapshot(store, address).await.expect("an answer"), None);
    let lease = leased(store, address, NOW).await;
    let shown = snapshot(store, address).await.expect("an answer");
    assert_eq!(shown, Some((lease.record.clone(), None)));
    for len in [5, 20_000] {
        let lease = leased(store, address, LATER).await;
        let chunks_before = lease.record.state.as_ref().map_or(0, Stored::chunks);
        let write = Write { state: Some(state(len)), chunks_before };
        let commit = Commit { state: Some(write), ..commit(&lease, 1) };
        assert_eq!(committed(store, &commit).await, Committed::Applied);
        let (shown, read) = snapshot(store, address).await.expect("an answer").expect("a record");
        assert_eq!((shown, read), (record(store, address).await, Some(state(len))));
    }
}

pub(super) async fn a_state_is_deleted_with_all_of_its_items(
    store: &impl Store,
    address: &Address,
) {
    for len in [5, 500_000] {
        let before = write(store, address, &state(len)).await;
        let chunks_before = before.state.as_ref().map_or(0, Stored::chunks);
        let gone = Write { state: None, chunks_before };
        commit_alone(store, address, |commit| Commit { state: Some(gone), ..commit }).await;
        let (record, read) = snapshot(store, address).await.expect("an answer").expect("a record");
        assert_eq!((record.state, read), (None, None));
        if let Some(Stored::Spilled(old)) = before.state {
            assert_eq!(store.state(address, old).await.expect("an answer"), None);
        }
    }
}
