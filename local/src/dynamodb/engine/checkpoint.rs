//! Copying the write-ahead log into the database, which waits for the disk: beside the engine's
//! thread, so that it has little left to copy when the log is to begin anew.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

/// After how many transactions it is done. Each writes about ten pages; with fewer, pages that are
/// written again and again are copied more often.
const TRANSACTIONS: u32 = 250;

/// The thread. It ends when this is dropped.
pub(super) struct Checkpoints {
    /// Wraps around.
    transactions: u32,
    /// `None` when it is to end.
    wanted: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Starts the thread, which has a connection of its own.
    pub(super) fn start(connection: Connection) -> io::Result<Self> {
        let (wanted, wishes) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("callboard-checkpoint".into())
            .spawn(move || work(&connection, &wishes))?;
        Ok(Self { transactions: 0, wanted: Some(wanted), thread: Some(thread) })
    }

    /// A transaction was committed.
    pub(super) fn count(&mut self) {
        self.transactions = self.transactions.wrapping_add(1);
        if self.transactions.is_multiple_of(TRANSACTIONS)
            && let Some(wanted) = &self.wanted
        {
            // When it is wanted already, or the thread has ended, the engine does it itself.
            let _ = wanted.try_send(());
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.wanted.take());
        if let Some(thread) = self.thread.take() {
            // What it has not copied is in the log.
            let _ = thread.join();
        }
    }
}

fn work(connection: &Connection, wishes: &Receiver<()>) {
    while wishes.recv().is_ok() {
        // Only as far as it need not wait for anybody.
        let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = copied {
            tracing::warn!(%error, "the embedded DynamoDB copies its log itself");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_copied_into_the_database() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("database");
        let connection = Connection::open(&file).expect("a database");
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
                 CREATE TABLE t AS SELECT randomblob(100000) AS b",
            )
            .expect("it is written");
        let bytes = || file.metadata().expect("it is there").len();
        let other = Connection::open(&file).expect("a second connection");
        let mut checkpoints = Checkpoints::start(other).expect("a thread");
        for _ in 1..TRANSACTIONS {
            checkpoints.count();
        }
        assert!(bytes() < 100_000, "it is not time yet");
        checkpoints.count();
        drop(checkpoints);
        assert!(bytes() > 100_000);
    }
}
