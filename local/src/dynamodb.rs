//! The embedded DynamoDB: dynoxide (SQLite) in this process, behind its own HTTP server; and for
//! the store, which makes few kinds of requests, also as an [`Engine`] without HTTP, JSON and
//! signatures, and as that behind a Unix socket.
//!
//! It is not DynamoDB: there is no throttling, no transaction conflict, no delay before an index
//! shows a write, and every read is consistent.
//!
//! Two things make dynoxide's writes slower with each one that came before: Streams, and a
//! `ClientRequestToken` on transactions, which the AWS SDK adds by itself and an interceptor can
//! take away again.
//!
//! dynoxide logs each refused condition as a warning under the tracing target `dynoxide`; a
//! program in which failing conditions are everyday business filters `dynoxide=error`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::listen;
use directory::Directory;
use disk::Disk;
pub use engine::Engine;
use engine::Tables;
use socket::Socket;

mod directory;
mod disk;
mod engine;
mod front;
mod socket;

/// How often expired items are deleted. DynamoDB itself may take two days.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// How long requests that are running at shutdown may take.
const SHUTDOWN_MAX: Duration = Duration::from_secs(5);

/// Threads that parse requests and run SQLite. One lock guards the database, so more than a few
/// only wait.
const THREADS_MAX: usize = 4;

/// Where the tables live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In memory: gone at shutdown.
    Memory,
    /// In a directory of its own, created if it does not exist.
    Directory {
        /// The directory. One process at a time may have it open.
        path: PathBuf,
        /// When writes reach the disk.
        sync: Sync,
    },
}

/// When writes to a [`Storage::Directory`] reach the disk.
///
/// Either way, a crash of the process loses nothing: the two differ when the machine fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// Before each write is answered, as DynamoDB promises. Writes that come together share a
    /// sync.
    EveryWrite,
    /// When the operating system sees fit (SQLite `synchronous=NORMAL`), about three times faster.
    /// A power failure may lose the last writes, never the database.
    Os,
}

/// Why the embedded DynamoDB did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] listen::Error),
    /// The directory cannot be created, or not be written to.
    #[error(
        "cannot use the data directory {path}: {source}; make it a directory that this user may \
         write to, or choose another"
    )]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process has the directory open.
    #[error(
        "the data directory {path} is in use by another process{}; stop that one, or choose \
         another directory",
        owner.map(|pid| format!(" (process id {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process that has it, where it could be read.
        owner: Option<u32>,
    },
    /// SQLite cannot open the database: it is damaged, or another program has locked it.
    #[error(
        "cannot open the database {path}: {message}; close other programs that have it open, or \
         move the file away to start afresh"
    )]
    Database {
        /// The database file.
        path: PathBuf,
        /// What the engine said.
        message: String,
    },
    /// The log of the database cannot be synced.
    #[error("cannot sync {path} to the disk: {source}")]
    Sync {
        /// The database file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The socket for the store's requests cannot be opened.
    #[error("cannot listen on a socket in {path}: {source}")]
    Socket {
        /// The data directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// No thread or runtime could be started.
    #[error("cannot start the embedded DynamoDB: {0}")]
    Thread(#[source] io::Error),
}

/// A DynamoDB endpoint inside this process.
///
/// It runs on threads of its own, because SQLite works on the thread that calls it. Dropping it
/// stops it too, but only [`shutdown`](Self::shutdown) tells when the directory is free again.
#[derive(Debug)]
pub struct EmbeddedDynamoDb {
    address: SocketAddr,
    engine: Engine,
    directory: Option<PathBuf>,
    runtime: Handle,
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl EmbeddedDynamoDb {
    /// Opens the storage and starts serving on a loopback address; port 0 takes any free port.
    ///
    /// Blocks for as long as SQLite takes to open the database, typically milliseconds.
    ///
    /// # Errors
    ///
    /// See [`Error`]; the messages name the path or address and say what to do.
    ///
    /// ```
    /// use callboard_local::{EmbeddedDynamoDb, Storage};
    ///
    /// let dynamodb = EmbeddedDynamoDb::start(Storage::Memory, "127.0.0.1:0".parse().unwrap())?;
    /// assert!(dynamodb.endpoint_url().starts_with("http://127.0.0.1:"));
    /// # Ok::<(), callboard_local::dynamodb::Error>(())
    /// ```
    pub fn start(storage: Storage, listen: SocketAddr) -> Result<Self, Error> {
        let directory = match &storage {
            Storage::Memory => None,
            Storage::Directory { path, .. } => Some(path.clone()),
        };
        let (started, starting) = mpsc::sync_channel(1);
        let (stop, stop_asked) = oneshot::channel();
        let (has_stopped, stopped) = oneshot::channel();
        // The server is built and dropped on this one thread: a runtime must not be dropped inside
        // another, which is where our caller may well be.
        thread::Builder::new()
            .name("callboard-dynamodb".into())
            .spawn(move || match Server::open(storage, listen) {
                Ok(server) => {
                    let engine = server.engine.clone();
                    let runtime = server.runtime.handle().clone();
                    let _ = started.send(Ok((server.address, engine, runtime)));
                    server.serve(stop_asked);
                    let _ = has_stopped.send(());
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            })
            .map_err(Error::Thread)?;
        let (address, engine, runtime) = starting
            .recv()
            .map_err(|_| Error::Thread(io::Error::other("its thread ended early")))??;
        Ok(Self { address, engine, directory, runtime, stop, stopped })
    }

    /// What the store calls in this process.
    pub fn engine(&self) -> Arc<Engine> {
        Arc::new(self.engine.clone())
    }

    /// Opens a socket in the data directory for the requests of other processes, and returns its
    /// path. `None` in memory, and where the path would be too long for a socket (103 bytes).
    ///
    /// # Errors
    ///
    /// When the operating system refuses.
    pub fn open_socket(&self) -> Result<Option<PathBuf>, Error> {
        let Some(directory) = &self.directory else { return Ok(None) };
        let _in_runtime = self.runtime.enter();
        let listening = Socket::listen(directory)
            .map_err(|source| Error::Socket { path: directory.clone(), source })?;
        let Some((socket, listener)) = listening else { return Ok(None) };
        let path = socket.path().to_owned();
        let engine = self.engine.clone();
        self.runtime.spawn(async move {
            // Removed with this task, when the runtime ends.
            let _socket = socket;
            socket::serve(listener, engine).await;
        });
        Ok(Some(path))
    }

    /// What to give an AWS SDK as its endpoint, for example `http://127.0.0.1:8000`.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops: refuses new requests, lets running ones finish (5 s at most), closes the database.
    ///
    /// When it returns, another process may open the directory.
    pub async fn shutdown(self) {
        drop(self.stop);
        // An error means that the thread has ended already.
        let _ = self.stopped.await;
    }
}

/// All that lives on the server's own thread. Fields drop in order: the database is closed before
/// the directory is unlocked.
struct Server {
    address: SocketAddr,
    listener: TcpListener,
    database: Database,
    disk: Option<Arc<Disk>>,
    engine: Engine,
    working: JoinHandle<()>,
    runtime: Runtime,
    directory: Option<Directory>,
}

impl Server {
    fn open(storage: Storage, listen: SocketAddr) -> Result<Self, Error> {
        let (database, tables, disk, directory) = open(storage)?;
        let (engine, working) = Engine::start(tables, disk.clone())?;
        let threads =
            thread::available_parallelism().map_or(THREADS_MAX, |n| n.get().min(THREADS_MAX));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("callboard-dynamodb")
            .enable_all()
            .build()
            .map_err(Error::Thread)?;
        let listener = {
            let _in_runtime = runtime.enter();
            listen::loopback(listen)?
        };
        let address = listener.local_addr().map_err(Error::Thread)?;
        Ok(Self { address, listener, database, disk, engine, working, runtime, directory })
    }

    fn serve(self, stop_asked: oneshot::Receiver<()>) {
        let Self { listener, database, disk, engine, working, runtime, directory, .. } = self;
        runtime.spawn(sweep(database.clone()));
        runtime.block_on(async {
            match behind_front(listener, disk).await {
                Ok(listener) => until_stopped(listener, database.clone(), stop_asked).await,
                Err(error) => tracing::error!(%error, "the embedded DynamoDB does not serve"),
            }
        });
        engine.end();
        if working.join().is_err() {
            tracing::error!("the thread of the embedded DynamoDB panicked");
        }
        // Only when the connections' copies of the database are gone does dropping ours close it.
        runtime.shutdown_timeout(SHUTDOWN_MAX);
        drop(database);
        drop(directory);
    }
}

type Opened = (Database, Tables, Option<Arc<Disk>>, Option<Directory>);

fn open(storage: Storage) -> Result<Opened, Error> {
    let (path, sync) = match storage {
        Storage::Memory => {
            let failed = |error: dynoxide::DynoxideError| Error::Database {
                path: ":memory:".into(),
                message: error.to_string(),
            };
            let database = Database::memory().map_err(failed)?;
            return Ok((database.clone(), Tables::Shared(database), None, None));
        }
        Storage::Directory { path, sync } => (path, sync),
    };
    let directory = Directory::open(&path)?;
    let file = directory.database();
    let failed = |message: String| Error::Database { path: file.clone(), message };
    let name = file.to_str().ok_or_else(|| failed("its path is not UTF-8".into()))?;
    let database = Database::new(name).map_err(|error| failed(error.to_string()))?;
    // The name is dynoxide's: its settings for after a bulk load are `synchronous=NORMAL` and
    // otherwise SQLite's own.
    database.disable_bulk_loading().map_err(|error| failed(error.to_string()))?;
    let tables = Tables::open(&file).map_err(|error| failed(error.to_string()))?;
    let disk = match sync {
        Sync::EveryWrite => {
            let disk = Disk::open(&file);
            let disk = disk.map_err(|source| Error::Sync { path: file.clone(), source })?;
            Some(Arc::new(disk))
        }
        Sync::Os => None,
    };
    Ok((database, tables, disk, Some(directory)))
}

/// The listener of the server: the one that was asked for, or, where each write is to reach the
/// disk before its answer goes out, one behind it.
async fn behind_front(
    listener: TcpListener,
    disk: Option<Arc<Disk>>,
) -> Result<TcpListener, io::Error> {
    let Some(disk) = disk else { return Ok(listener) };
    let behind = listen::loopback(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let behind = behind.map_err(io::Error::other)?;
    tokio::spawn(front::serve(listener, behind.local_addr()?, disk));
    Ok(behind)
}

async fn until_stopped(
    listener: TcpListener,
    database: Database,
    stop_asked: oneshot::Receiver<()>,
) {
    let (finish, finishing) = oneshot::channel::<()>();
    let mut serving =
        tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, async move {
            let _ = finishing.await;
        }));
    tokio::select! {
        _ = stop_asked => {
            drop(finish);
            if timeout(SHUTDOWN_MAX, serving).await.is_err() {
                tracing::warn!("requests to the embedded DynamoDB were cut off at shutdown");
            }
        }
        ended = &mut serving => tracing::error!(?ended, "the embedded DynamoDB stopped serving"),
    }
}

/// Deletes expired items once a minute, as nobody else does.
async fn sweep(database: Database) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(0)) => {}
            Ok(Ok(deleted)) => tracing::debug!(deleted, "deleted expired items"),
            Ok(Err(error)) => tracing::warn!(%error, "cannot delete expired items"),
            // The runtime is shutting down.
            Err(_) => return,
        }
    }
}
