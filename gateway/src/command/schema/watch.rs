//! Noticing that files have changed.
//!
//! By looking, and not by the kernel's notices: those do not come from every file
//! system, and not for the link that Kubernetes swaps when a ConfigMap changes.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use callboard_proto::schema::files_below;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

/// How often it is looked.
const PERIOD: Duration = Duration::from_secs(2);

/// How long files must stay as they are until they count as changed: several may
/// be written one after the other.
const REST: Duration = Duration::from_millis(250);

/// How often they may change within that until they are taken as they are.
const RESTS_MAX: u32 = 40;

/// The most files that are looked at. Changes of further ones are seen after
/// SIGHUP alone.
const FILES_MAX: usize = 10_000;

/// The .proto files below a folder, or one file.
pub(crate) struct Watch {
    path: PathBuf,
    seen: Look,
    hangup: Option<Signal>,
}

/// What is seen of files without reading them: where each lies, and when it was
/// written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Look(Vec<(PathBuf, [i64; 7])>);

impl Look {
    /// Of a path that cannot be read it is empty.
    fn at(path: &Path) -> Self {
        let files = match path.is_dir() {
            true => files_below(path).unwrap_or_default(),
            false => vec![path.to_owned()],
        };
        let look = |file: PathBuf| {
            let metadata = std::fs::metadata(&file).ok()?;
            // Numbers of devices and files: what they mean does not matter.
            let (device, number) = (metadata.dev().cast_signed(), metadata.ino().cast_signed());
            let size = metadata.size().cast_signed();
            let (written, changed) = (metadata.mtime(), metadata.ctime());
            let (written_ns, changed_ns) = (metadata.mtime_nsec(), metadata.ctime_nsec());
            Some((file, [device, number, size, written, written_ns, changed, changed_ns]))
        };
        Self(files.into_iter().take(FILES_MAX).filter_map(look).collect())
    }

    /// Beside the runtime: the files may be on a network.
    async fn beside(path: &Path) -> Self {
        let path = path.to_owned();
        let look = tokio::task::spawn_blocking(move || Self::at(&path)).await;
        look.unwrap_or(Self(Vec::new()))
    }
}

impl Watch {
    /// Watches files as they are now.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), seen: Look::at(path), hangup: None }
    }

    /// Also counts SIGHUP as a change. From here on it does not end the program.
    pub(crate) fn or_hangup(mut self) -> io::Result<Self> {
        self.hangup = Some(signal(SignalKind::hangup())?);
        Ok(self)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for the next change. The same change is told once, whether what was
    /// written is any good or not.
    pub(crate) async fn changed(&mut self) {
        loop {
            let told = async {
                match &mut self.hangup {
                    Some(hangup) => drop(hangup.recv().await),
                    None => std::future::pending().await,
                }
            };
            let is_told = tokio::time::timeout(PERIOD, told).await.is_ok();
            // What is written after this look is seen by the next one.
            let now = Look::beside(&self.path).await;
            if is_told {
                self.seen = now;
                return;
            }
            if now != self.seen {
                self.seen = self.at_rest(now).await;
                return;
            }
        }
    }

    /// Waits until nobody writes.
    async fn at_rest(&self, mut last: Look) -> Look {
        for _ in 0..RESTS_MAX {
            sleep(REST).await;
            let now = Look::beside(&self.path).await;
            if now == last {
                break;
            }
            last = now;
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Waits for a change that must come.
    async fn notices(watch: &mut Watch) {
        tokio::time::timeout(PERIOD * 10, watch.changed()).await.expect("it is noticed");
    }

    #[tokio::test]
    async fn a_link_that_is_swapped_is_a_change() {
        // As Kubernetes mounts a ConfigMap: the file is a link through a link.
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for (version, text) in [("..1", "one"), ("..2", "two")] {
            fs::create_dir(at(version)).expect("it is new");
            fs::write(at(version).join("a.proto"), text).expect("it can be written");
        }
        symlink("..1", at("..data")).expect("it is new");
        symlink("..data/a.proto", at("a.proto")).expect("it is new");
        let mut watch = Watch::new(folder.path());
        symlink("..2", at("..new")).expect("it is new");
        fs::rename(at("..new"), at("..data")).expect("it replaces the other");
        notices(&mut watch).await;
        assert_eq!(watch.seen, Look::at(folder.path()));
    }

    #[test]
    fn a_file_that_is_written_comes_or_goes_looks_another_way() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.proto");
        let look = || Look::at(folder.path());
        let nothing = look();
        fs::write(&file, "one").expect("it can be written");
        let one = look();
        assert_eq!(one, look());
        fs::write(&file, "two!").expect("it can be written");
        let two = look();
        fs::remove_file(&file).expect("it is there");
        assert!(nothing != one && one != two && look() == nothing);
        let set = folder.path().join("set.binpb");
        fs::write(&set, "one").expect("it can be written");
        assert_eq!(Look::at(&set).0.len(), 1);
        assert_eq!(look(), nothing, "a descriptor set is no .proto file");
    }
}
