//! How to connect.

use std::time::Duration;

use tonic::transport::Endpoint;

use crate::channel::Channel;

/// The deadline of a call that sets none.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The longest deadline that the gateway keeps; a later one counts as this.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3_600);

/// How long opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a connection with open calls is asked whether the other side is
/// there, and how long it may take to answer.
const KEEPALIVE: Duration = Duration::from_secs(30);

const USER_AGENT: &str = concat!("callboard-client-rust/", env!("CARGO_PKG_VERSION"));

/// A connection to Callboard. Cheap to clone; all clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
}

/// What can be set before connecting; see [`Client::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    url: String,
    timeout: Duration,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is not one of `http://host:port`.
    #[error("{url:?} is no URL of a gateway: {problem}; it looks like http://127.0.0.1:7070")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Nobody answers there.
    #[error("cannot connect to {url}: {}", innermost(.source))]
    Unreachable {
        /// The URL.
        url: String,
        /// Why not.
        source: tonic::transport::Error,
    },
}

impl Client {
    /// Begins to connect to the gateway at a URL, `http://127.0.0.1:7070`.
    #[must_use]
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder { url: url.into(), timeout: TIMEOUT }
    }

    /// What a generated stub is made with. Cheap: each stub can have its own.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }
}

impl Builder {
    /// The deadline of calls that set none themselves with
    /// [`tonic::Request::set_timeout`]; 30 s unless set here, and at most a day.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(TIMEOUT_MAX);
        self
    }

    /// Connects, and waits until the connection stands.
    ///
    /// # Errors
    /// When the URL is none, or nobody answers there within 5 s.
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let endpoint = self.endpoint()?;
        let connected = endpoint.connect().await;
        let channel = connected
            .map_err(|source| ConnectError::Unreachable { url: self.url.clone(), source })?;
        Ok(Client { channel: Channel::new(channel, self.timeout) })
    }

    /// Connects with the first call. While nobody answers there, calls fail
    /// with UNAVAILABLE.
    ///
    /// # Errors
    /// When the URL is none.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn connect_lazy(self) -> Result<Client, ConnectError> {
        let channel = self.endpoint()?.connect_lazy();
        Ok(Client { channel: Channel::new(channel, self.timeout) })
    }

    fn endpoint(&self) -> Result<Endpoint, ConnectError> {
        let bad = |problem| ConnectError::Url { url: self.url.clone(), problem };
        let endpoint = Endpoint::from_shared(self.url.clone()).map_err(|_| bad("it is no URL"))?;
        match endpoint.uri().scheme_str() {
            Some("http") => {}
            Some("https") => return Err(bad("this version of the client has no TLS")),
            _ => return Err(bad("it does not begin with http://")),
        }
        let endpoint = endpoint.user_agent(USER_AGENT).expect("it is visible ASCII");
        Ok(endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE))
    }
}

/// The last of the chain tells most: tonic's own says "transport error".
fn innermost(error: &tonic::transport::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
