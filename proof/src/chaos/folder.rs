//! Where a run keeps its data, logs and history.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tempfile::TempDir;
use tracing_subscriber::EnvFilter;

use super::Result;

/// What is logged of this process unless `RUST_LOG` says otherwise. The embedded
/// DynamoDB warns of every condition that does not hold.
const LOG_FILTER: &str = "warn,dynoxide=error";

/// A run's folder. One that nobody gave goes away with it, unless it is kept.
pub(super) enum Folder {
    /// Somebody named it.
    Given(PathBuf),
    /// In the system's folder for such.
    Temporary(TempDir),
}

impl Folder {
    /// Makes a folder; one that is given must be empty.
    pub(super) fn make(given: Option<&Path>) -> Result<Self> {
        let Some(given) = given else {
            let temporary = tempfile::Builder::new().prefix("callboard-chaos-").tempdir()?;
            return Ok(Self::Temporary(temporary));
        };
        fs::create_dir_all(given)?;
        if fs::read_dir(given)?.next().is_some() {
            let given = given.display();
            return Err(format!("{given} is not empty; choose a new folder with --dir").into());
        }
        Ok(Self::Given(given.to_owned()))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }

    /// Leaves it where it is.
    pub(super) fn keep(self) -> PathBuf {
        match self {
            Self::Given(path) => path,
            Self::Temporary(folder) => folder.keep(),
        }
    }

    /// Logs into it what the database and the Lambda host have to say.
    pub(super) fn log(&self) -> Result<()> {
        let filter = EnvFilter::try_from_default_env();
        let filter = filter.unwrap_or_else(|_| EnvFilter::new(LOG_FILTER));
        let file = Mutex::new(File::create(self.path().join("chaos.log"))?);
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(file).init();
        Ok(())
    }
}
