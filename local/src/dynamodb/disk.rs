//! Syncing of writes to the disk.
//!
//! SQLite writes each transaction to the end of its write-ahead log, and with `synchronous=NORMAL`
//! leaves it to others when that reaches the disk; what it copies from there into the database it
//! syncs itself, in the right order. So one `fdatasync` of the log makes all transactions before it
//! durable at once. <https://sqlite.org/wal.html#performance_considerations>

use std::fs::File;
use std::io;
use std::path::Path;

/// The write-ahead log of an open database.
#[derive(Debug)]
pub(super) struct Disk {
    log: File,
}

impl Disk {
    /// Opens the log, and syncs what is in it: whoever wrote it may not have.
    pub(super) fn open(database: &Path) -> io::Result<Self> {
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        let disk = Self { log: File::options().write(true).open(path)? };
        disk.sync()?;
        Ok(disk)
    }

    /// One of which no sync succeeds.
    #[cfg(test)]
    pub(super) fn that_fails() -> Self {
        let log = File::options().write(true).open("/dev/null").expect("it is there");
        Self { log }
    }

    /// Returns when all writes that were made before are on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.log.sync_data()
    }
}
