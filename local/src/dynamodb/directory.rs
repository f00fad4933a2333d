//! The data directory: its file names, and the lock that keeps a second process out.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::Error;

pub(super) const DATABASE: &str = "dynamodb.sqlite";
const LOCK: &str = "lock";

/// A data directory that this process alone has open, until it is dropped or the process ends.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Holds the lock for as long as it is open; the operating system lets go of it at any death.
    _lock: File,
}

impl Directory {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Directory { path: path.to_owned(), source };
        let mut lock = create(path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::InUse { path: path.to_owned(), owner: owner(&mut lock) });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        sign(&mut lock).map_err(failed)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The SQLite file.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }
}

fn create(path: &Path) -> io::Result<File> {
    fs::create_dir_all(path)?;
    File::options().create(true).truncate(false).read(true).write(true).open(path.join(LOCK))
}

/// Writes down who holds the lock, for the message that the next one gets.
fn sign(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

fn owner(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    // A process id has at most ten digits; whatever else is in the file is not ours to read.
    lock.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
