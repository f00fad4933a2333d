//! The engine for other processes of this machine; see
//! [`callboard_mailbox_dynamodb::database::socket`].

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use callboard_mailbox_dynamodb::database::Engine as _;
use callboard_mailbox_dynamodb::database::socket::{Asked, read, write};
use tokio::net::{UnixListener, UnixStream};

use super::engine::Engine;

/// Its name in the data directory.
const NAME: &str = "store.sock";

/// The longest path of a socket, in bytes, that all systems take: macOS has 104 with a zero.
const PATH_MAX: usize = 103;

/// A socket in a data directory, removed when it is dropped.
#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
}

impl Socket {
    /// Listens in a data directory, whose lock this process holds; what an earlier one has left is
    /// removed. `None` where the path is too long for a socket.
    pub(super) fn listen(directory: &Path) -> io::Result<Option<(Self, UnixListener)>> {
        let path = std::path::absolute(directory)?.join(NAME);
        if path.as_os_str().len() > PATH_MAX {
            return Ok(None);
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(Some((Self { path }, listener)))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // The next one removes it before it listens.
        let _ = fs::remove_file(&self.path);
    }
}

/// Serves whoever connects, until it is dropped.
pub(super) async fn serve(listener: UnixListener, engine: Engine) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(answer(stream, engine.clone()))),
            Err(error) => {
                // As when there are no more file descriptors: it goes on when there are.
                tracing::warn!(%error, "a connection to the store's socket was not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(mut stream: UnixStream, engine: Engine) {
    let served = async {
        while let Some((request, measured)) = read::<Asked>(&mut stream).await? {
            let response = engine.call(request, measured).await;
            write(&mut stream, &response).await?;
        }
        io::Result::Ok(())
    };
    if let Err(error) = served.await {
        // A function that ends in the middle of a request.
        tracing::debug!(%error, "a connection to the store's socket ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_that_was_left_behind_is_no_hindrance_and_none_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, _) = Socket::listen(folder.path()).expect("it listens").expect("short");
        std::mem::forget(first);
        let (second, listener) = Socket::listen(folder.path()).expect("it listens").expect("short");
        let mode = fs::metadata(second.path()).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (connected, accepted) =
            tokio::join!(UnixStream::connect(second.path()), listener.accept());
        assert!(connected.is_ok() && accepted.is_ok());
        drop(second);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }

    #[tokio::test]
    async fn a_path_that_is_too_long_for_a_socket_gets_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("d".repeat(PATH_MAX));
        fs::create_dir(&deep).expect("it may be made");
        assert!(Socket::listen(&deep).expect("no error").is_none());
    }
}
