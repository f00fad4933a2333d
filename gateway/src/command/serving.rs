//! The flags of `dev` and `serve` about who may connect, and how.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use callboard_gateway::settings::{Connections, Pages};
use callboard_gateway::{Gateway, Settings, serve};
use callboard_mailbox::Store;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Failure;

#[derive(clap::Args)]
pub(crate) struct Serving {
    /// Where to answer GET /livez and GET /readyz, for whoever runs the gateway [default: for
    /// serve the port after that of --listen on 127.0.0.1, for dev none].
    #[arg(long, env = "CALLBOARD_PRIVATE_LISTEN")]
    private_listen: Option<SocketAddr>,
    /// The origin of web pages that may call, `https://app.example.com`, or `*` for all. Repeat
    /// it, or separate by commas.
    #[arg(long, env = "CALLBOARD_ALLOW_ORIGIN", value_delimiter = ',')]
    allow_origin: Vec<String>,
    /// A name under which browsers reach the gateway, when it is not localhost. Repeat it, or
    /// separate by commas.
    #[arg(long, env = "CALLBOARD_ALLOW_HOST", value_delimiter = ',')]
    allow_host: Vec<String>,
    /// How long a connection is used before its client is asked to make another, in seconds; 0
    /// for ever.
    #[arg(long, env = "CALLBOARD_CONNECTION_AGE_SECONDS", default_value_t = 1_800)]
    connection_age_seconds: u64,
    /// How many connections may be open at once.
    #[arg(long, env = "CALLBOARD_CONNECTIONS_MAX", default_value_t = 10_000)]
    connections_max: usize,
}

impl Serving {
    /// Settings that are as the flags say.
    pub(crate) fn settings(&self) -> Settings {
        let age = Some(Duration::from_secs(self.connection_age_seconds));
        Settings {
            connections: Connections {
                open_max: self.connections_max.max(1),
                age: age.filter(|age| !age.is_zero()),
            },
            pages: Pages { origins: self.allow_origin.clone(), hosts: self.allow_host.clone() },
            ..Settings::default()
        }
    }

    /// Listens on the private address, if there is one.
    #[cfg(feature = "local")]
    pub(crate) async fn listen(&self) -> Result<Option<TcpListener>, Failure> {
        match self.private_listen {
            Some(address) => Ok(Some(serve::listen(address).await?)),
            None => Ok(None),
        }
    }

    /// As [`Serving::listen`], and without an address beside the public port. So
    /// several gateways on one machine do not meet.
    pub(crate) async fn listen_beside(&self, public: SocketAddr) -> Result<TcpListener, Failure> {
        // Beside any free port is any free port, and beside the last one too.
        let port = Some(public.port()).filter(|port| *port != 0);
        let port = port.and_then(|port| port.checked_add(1)).unwrap_or(0);
        let beside = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(serve::listen(self.private_listen.unwrap_or(beside)).await?)
    }
}

/// Serves the private port. It ends last, with the program: it says that the
/// gateway is shutting down.
pub(crate) fn serve_private<S: Store + 'static>(
    gateway: &Arc<Gateway<S>>,
    listener: TcpListener,
) -> JoinHandle<()> {
    let port = serve::private(gateway);
    tokio::spawn(serve::serve(listener, port, CancellationToken::new(), Duration::ZERO))
}
