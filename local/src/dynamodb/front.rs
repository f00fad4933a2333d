//! What stands before the HTTP server where each write is to reach the disk: bytes of an answer go
//! out when all writes before them are there.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::disk::Disk;

/// How many bytes of an answer go out at once.
const BUFFER: usize = 64 * 1024;

/// Passes connections on to a server, until it is dropped.
pub(super) async fn serve(listener: TcpListener, server: SocketAddr, disk: Arc<Disk>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let disk = Arc::clone(&disk);
                tokio::spawn(async move {
                    if let Err(error) = pass(client, server, &disk).await {
                        tracing::debug!(%error, "a connection to the embedded DynamoDB ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the embedded DynamoDB was not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn pass(mut client: TcpStream, server: SocketAddr, disk: &Arc<Disk>) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let requests = async {
        tokio::io::copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await
    };
    let answers = async {
        let mut buffer = vec![0; BUFFER];
        loop {
            let length = from_server.read(&mut buffer).await?;
            if length == 0 {
                return to_client.shutdown().await;
            }
            let disk = Arc::clone(disk);
            tokio::task::spawn_blocking(move || disk.sync()).await.map_err(io::Error::other)??;
            to_client.write_all(&buffer[..length]).await?;
        }
    };
    tokio::try_join!(requests, answers).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that repeats what it is told, behind a front.
    async fn repeats(disk: Disk) -> TcpStream {
        let open = || async { TcpListener::bind("127.0.0.1:0").await.expect("a port") };
        let (server, front) = (open().await, open().await);
        let behind = server.local_addr().expect("an address");
        let before = front.local_addr().expect("an address");
        tokio::spawn(async move {
            let (mut stream, _) = server.accept().await.expect("the front connects");
            let (mut from, mut to) = stream.split();
            tokio::io::copy(&mut from, &mut to).await
        });
        tokio::spawn(serve(front, behind, Arc::new(disk)));
        TcpStream::connect(before).await.expect("it listens")
    }

    async fn answer(mut stream: TcpStream) -> Vec<u8> {
        stream.write_all(b"hello").await.expect("it reads");
        stream.shutdown().await.expect("it reads");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    }

    #[tokio::test]
    async fn an_answer_goes_out_when_the_disk_has_what_was_written_and_not_without() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("database");
        std::fs::write(folder.path().join("database-wal"), "").expect("it may be written");
        let disk = Disk::open(&database).expect("it is there");
        assert_eq!(answer(repeats(disk).await).await, b"hello");
        assert_eq!(answer(repeats(Disk::that_fails()).await).await, b"");
    }
}
