//! The way to an engine in another process of this machine: requests and responses over a Unix
//! socket, each as its length, 4 bytes with the lowest first, and postcard.
//!
//! A connection carries one request at a time, and there are as many as are needed at once.
//! Whoever may open the socket may do everything: it stands where only its user can.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{Engine, Failure, Request, Responding, Response};

/// The environment variable with the socket's path, which `callboard dev` sets for its functions.
pub const VARIABLE: &str = "CALLBOARD_STORE_SOCKET";

/// The longest frame, in bytes. DynamoDB answers with at most 16 MB.
const FRAME_MAX: usize = 32 * 1024 * 1024;

/// How long a request may take, as through the AWS SDK with all tries.
const TIMEOUT: Duration = Duration::from_secs(6);

/// A request as it is sent: with whether it is measured.
pub type Asked = (Request, bool);

/// An engine behind a socket.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    /// Open connections that carry nothing now.
    idle: Mutex<Vec<UnixStream>>,
}

impl Socket {
    /// The engine behind this socket. It is connected to when it is needed.
    #[must_use]
    pub fn new(path: PathBuf) -> Arc<Self> {
        Arc::new(Self { path, idle: Mutex::default() })
    }

    async fn ask(&self, asked: &Asked) -> io::Result<Response> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut stream = match idle {
            Some(stream) => stream,
            None => UnixStream::connect(&self.path).await?,
        };
        // One that fails or is given up midway is closed and not used again.
        write(&mut stream, asked).await?;
        let response = read(&mut stream).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
        Ok(response)
    }
}

impl Engine for Socket {
    fn call(&self, request: Request, measured: bool) -> Responding<'_> {
        Box::pin(async move {
            let asked = (request, measured);
            let failure = match timeout(TIMEOUT, self.ask(&asked)).await {
                Ok(Ok(response)) => return response,
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {} s", TIMEOUT.as_secs()),
            };
            let path = self.path.display();
            Failure::unanswered(format!("the database behind {path}: {failure}")).response()
        })
    }
}

/// Writes a frame.
///
/// # Errors
/// When the other side is gone, or the frame is too long.
pub async fn write(stream: &mut UnixStream, content: &impl Serialize) -> io::Result<()> {
    let mut frame = postcard::to_extend(content, vec![0; 4]).map_err(io::Error::other)?;
    let length = frame.len() - 4;
    if length > FRAME_MAX {
        return Err(io::Error::other(format!("a frame of {length} bytes is too long")));
    }
    let length = u32::try_from(length).map_err(io::Error::other)?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    stream.write_all(&frame).await
}

/// Reads a frame; `None` when the other side has closed the connection between two.
///
/// # Errors
/// When the other side is gone, or what it sends is no frame.
pub async fn read<T: DeserializeOwned>(stream: &mut UnixStream) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > FRAME_MAX {
        return Err(io::Error::other(format!("a frame of {length} bytes is too long")));
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).await?;
    postcard::from_bytes(&frame).map(Some).map_err(io::Error::other)
}
