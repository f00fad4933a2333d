//! Listening on loopback, and nowhere else: nothing in this crate checks credentials.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address can be reached from other machines.
    #[error(
        "refusing to listen on {address}: it is not a loopback address, and nothing here checks \
         credentials; use 127.0.0.1 or ::1"
    )]
    NotLoopback {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The operating system refused, most often because the port is taken.
    #[error("cannot listen on {address}: {source}")]
    Refused {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Opens a listener on a loopback address; port 0 takes any free port.
///
/// Needs a tokio runtime around it. Accepted connections inherit `TCP_NODELAY` from the listener,
/// which also reaches servers that offer no way to set it; without it an answer can wait 40 ms for
/// the acknowledgement of the one before.
pub(crate) fn loopback(address: SocketAddr) -> Result<TcpListener, Error> {
    if !address.ip().is_loopback() {
        return Err(Error::NotLoopback { address });
    }
    open(address).map_err(|source| Error::Refused { address, source })
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.set_nodelay(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn accepted_connections_have_no_delay() {
        let listener = loopback("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (_client, accepted) =
            tokio::join!(tokio::net::TcpStream::connect(address), listener.accept());
        assert!(accepted.unwrap().0.nodelay().unwrap());
    }

    #[tokio::test]
    async fn addresses_that_others_can_reach_are_refused() {
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
            let refused = loopback(address.parse().unwrap()).unwrap_err();
            assert!(matches!(refused, Error::NotLoopback { .. }), "{address}: {refused}");
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let first = loopback("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = first.local_addr().unwrap();
        let refused = loopback(address).unwrap_err();
        assert!(refused.to_string().contains(&address.to_string()), "{refused}");
    }
}
