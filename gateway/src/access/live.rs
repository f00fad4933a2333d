//! Files that are read again when they change. A broken change is refused, and what was
//! read before stays.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The most bytes that one of these files has.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Why files cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", path.display())]
pub struct Error {
    /// The first of the files.
    pub path: PathBuf,
    /// What is wrong; never what stands in a file.
    pub detail: String,
}

/// What is made of the files' contents, in the order of the files.
type Parse<T> = Box<dyn Fn(&[Vec<u8>]) -> Result<T, String> + Send + Sync>;

/// What stands in one file, or in some that belong together.
pub(crate) struct Live<T> {
    paths: Vec<PathBuf>,
    parse: Parse<T>,
    value: RwLock<Arc<T>>,
    /// What was looked at last, whether it was any good or not: the same mistake is
    /// told once.
    seen: Mutex<Result<Vec<Vec<u8>>, Error>>,
}

impl<T> Live<T> {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// When one cannot be read, or something in them is wrong.
    pub(crate) fn open(
        paths: Vec<PathBuf>,
        parse: impl Fn(&[Vec<u8>]) -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let contents = read(&paths)?;
        let error = |detail| Error { path: paths[0].clone(), detail };
        let value = RwLock::new(Arc::new(parse(&contents).map_err(error)?));
        Ok(Self { parse: Box::new(parse), value, seen: Mutex::new(Ok(contents)), paths })
    }

    /// What was last read without a mistake.
    pub(crate) fn get(&self) -> Arc<T> {
        Arc::clone(&self.value.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the files again. It compares what is in them: their times change when
    /// nothing else does, and stay when a link is swapped.
    pub(crate) fn refresh(&self) {
        let path = self.paths[0].display();
        let contents = read(&self.paths);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == contents {
            return;
        }
        *seen = contents;
        let contents = match &*seen {
            Ok(contents) => contents,
            // While they are being exchanged one may be missing.
            Err(error) => {
                return tracing::warn!(%error, "a file cannot be read; what it said still holds");
            }
        };
        match (self.parse)(contents) {
            Ok(value) => {
                *self.value.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
                tracing::info!(file = %path, "read again");
            }
            Err(error) => {
                tracing::error!(file = %path, %error, "it is broken; what it said before holds");
            }
        }
    }
}

fn read(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, Error> {
    paths.iter().map(|path| read_one(path)).collect()
}

fn read_one(path: &Path) -> Result<Vec<u8>, Error> {
    let error = |detail: String| Error { path: path.to_owned(), detail };
    let file = File::open(path).map_err(|cause| error(cause.to_string()))?;
    let mut contents = Vec::new();
    let size = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut contents);
    match size.map_err(|cause| error(cause.to_string()))? as u64 > FILE_BYTES_MAX {
        true => Err(error(format!("it has more than {FILE_BYTES_MAX} bytes"))),
        false => Ok(contents),
    }
}

/// The text of a file.
///
/// # Errors
/// When it is none.
pub(crate) fn text(contents: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(contents).map_err(|_| "it is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_file_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("number");
        std::fs::write(&path, "1").expect("a file");
        let number = |contents: &[Vec<u8>]| {
            text(&contents[0])?.trim().parse::<u32>().map_err(|error| error.to_string())
        };
        let live = Live::open(vec![path.clone()], number).expect("a number");
        for (contents, expected) in [("2", 2), ("x", 2), ("x", 2), ("", 2), ("3\n", 3)] {
            std::fs::write(&path, contents).expect("a file");
            live.refresh();
            assert_eq!(*live.get(), expected, "{contents:?}");
        }
        std::fs::remove_file(&path).expect("it is there");
        live.refresh();
        assert_eq!(*live.get(), 3);
        std::fs::write(&path, vec![b' '; 2 * 1024 * 1024]).expect("a file");
        live.refresh();
        assert_eq!(*live.get(), 3);
        assert!(Live::open(vec![folder.path().join("none")], number).is_err());
    }
}
