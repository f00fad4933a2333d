//! How to connect.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures::future::FutureExt;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::client::Client;
use crate::credentials::{BoxError, Credentials};
use crate::link::{Link, Settings};
use crate::retry::RetryPolicy;
use crate::wire::Wire;

const ASK_TIMEOUT: Duration = Duration::from_secs(30);
const TELL_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How long opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

const USER_AGENT: &str = concat!("callboard-rust/", env!("CARGO_PKG_VERSION"));

/// What can be set before connecting; made by [`Client::builder`].
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use callboard_client::{Client, RetryPolicy};
///
/// let client = Client::builder("https://callboard.example")
///     .ca_certificate(std::fs::read("ca.pem")?) // else those of the system
///     .client_certificate(std::fs::read("me.pem")?, std::fs::read("me.key")?)
///     .bearer_token_from(async || Ok(std::fs::read_to_string("token")?))
///     .ask_timeout(Duration::from_secs(5))
///     .retry(RetryPolicy::never())
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it connects"]
pub struct Builder {
    url: String,
    settings: Settings,
    keepalive: Duration,
    ca_certificate: Option<Certificate>,
    identity: Option<Identity>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL is not one of `http://host:port`.
    #[error("{url:?} is no URL of a gateway: {problem}; it looks like http://127.0.0.1:7070")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A certificate or its key is not valid, or the system has no certificates.
    #[error("the certificates cannot be used: {}", innermost(.source))]
    Certificates {
        /// Why not.
        source: tonic::transport::Error,
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

impl Builder {
    pub(crate) fn new(url: String) -> Self {
        let settings = Settings {
            ask_timeout: ASK_TIMEOUT,
            tell_timeout: TELL_TIMEOUT,
            retry: RetryPolicy::default(),
            credentials: Credentials::default(),
        };
        Self { url, settings, keepalive: KEEPALIVE, ca_certificate: None, identity: None }
    }

    /// The deadline of asks that set none themselves, all attempts together: 30 s
    /// unless set here, and at most a day. A stub's call counts as an ask, unless
    /// it is told with [`CallExt`](crate::CallExt).
    pub fn ask_timeout(mut self, timeout: Duration) -> Self {
        self.settings.ask_timeout = timeout;
        self
    }

    /// The deadline of tells that set none themselves, all attempts together: 10 s
    /// unless set here, and at most a day.
    pub fn tell_timeout(mut self, timeout: Duration) -> Self {
        self.settings.tell_timeout = timeout;
        self
    }

    /// How calls are tried again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// After which quiet a connection with open calls is asked whether the other
    /// side is there: 30 s unless set here. When it does not answer for as long,
    /// the connection counts as broken.
    pub fn keepalive(mut self, period: Duration) -> Self {
        self.keepalive = period;
        self
    }

    /// Sends a bearer token with each call, as `authorization: Bearer …`. Without
    /// TLS whoever is on the way can read it.
    pub fn bearer_token(self, token: impl Into<String>) -> Self {
        let token = token.into();
        self.bearer_token_from(move || ready(Ok(token.clone())))
    }

    /// Asks for the bearer token before each attempt of a call, so that it can be
    /// renewed; who gives it should keep it while it is good. When there is none,
    /// the call fails with [`Unauthenticated`](crate::ErrorKind::Unauthenticated).
    pub fn bearer_token_from<F, T>(mut self, source: F) -> Self
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = Result<String, BoxError>> + Send + 'static,
    {
        self.settings.credentials.token = Some(Arc::new(move || source().boxed()));
        self
    }

    /// Sends an API key with each call, as `callboard-api-key`. Without TLS
    /// whoever is on the way can read it.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.settings.credentials.api_key = Some(key.into());
        self
    }

    /// Trusts the certificates of a text in PEM, and no others. Without it those
    /// are trusted that the system trusts.
    pub fn ca_certificate(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.ca_certificate = Some(Certificate::from_pem(pem));
        self
    }

    /// Shows the gateway a certificate: mutual TLS. Both are texts in PEM.
    pub fn client_certificate(mut self, pem: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.identity = Some(Identity::from_pem(pem, key));
        self
    }

    /// Connects, and waits until the connection stands.
    ///
    /// # Errors
    /// When the URL or a certificate is not valid, or nobody answers there within
    /// 5 s.
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let connected = self.endpoint()?.connect().await;
        let channel = connected
            .map_err(|source| ConnectError::Unreachable { url: self.url.clone(), source })?;
        Ok(Client::new(Link::new(Wire::new(channel), self.settings)))
    }

    /// Connects with the first call. While nobody answers there, calls fail
    /// with UNAVAILABLE.
    ///
    /// # Errors
    /// When the URL or a certificate is not valid.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn connect_lazy(self) -> Result<Client, ConnectError> {
        let channel = self.endpoint()?.connect_lazy();
        Ok(Client::new(Link::new(Wire::new(channel), self.settings)))
    }

    fn endpoint(&self) -> Result<Endpoint, ConnectError> {
        let bad = |problem| ConnectError::Url { url: self.url.clone(), problem };
        let endpoint = Endpoint::from_shared(self.url.clone()).map_err(|_| bad("it is no URL"))?;
        let uri = endpoint.uri();
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(bad("it begins neither with http:// nor with https://")),
        };
        if uri.path() != "/" || uri.query().is_some() {
            return Err(bad("there is more than a host and a port"));
        }
        let endpoint = endpoint.user_agent(USER_AGENT).expect("it is visible ASCII");
        let endpoint = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(self.keepalive)
            .keep_alive_timeout(self.keepalive);
        let has_certificates = self.ca_certificate.is_some() || self.identity.is_some();
        match (is_tls, has_certificates) {
            (true, _) => endpoint
                .tls_config(self.tls())
                .map_err(|source| ConnectError::Certificates { source }),
            (false, true) => Err(bad("certificates are for https://")),
            (false, false) => Ok(endpoint),
        }
    }

    fn tls(&self) -> ClientTlsConfig {
        let tls = match self.ca_certificate.clone() {
            Some(authority) => ClientTlsConfig::new().ca_certificate(authority),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        match self.identity.clone() {
            Some(identity) => tls.identity(identity),
            None => tls,
        }
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
