//! Where the keys are that tokens are signed with: in a file or at a URL.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::key_set::Keys;
use super::live::{Live, text};

/// How long a URL may take to answer.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest set that is read.
const SET_BYTES_MAX: usize = 256 * 1024;

/// How long after a look at the URL a token with an unknown key makes for another.
/// Whoever sends such tokens without end must not make the gateway flood the URL.
pub(super) const REFETCH_PERIOD: Duration = Duration::from_secs(10);

/// Where the keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File(PathBuf),
    /// At a URL.
    Url(Uri),
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The place is none.
    #[error("{0}")]
    Place(String),
    /// The file is not there, or is no set of keys.
    #[error(transparent)]
    File(#[from] super::live::Error),
    /// The URL does not give a set of keys.
    #[error("the keys at {uri} are not to be had: {detail}")]
    Url {
        /// The URL.
        uri: Uri,
        /// Why not.
        detail: String,
    },
}

/// Keys that may change.
pub(super) enum Jwks {
    File(Live<Keys>),
    Url(Box<Remote>),
}

/// Those at a URL.
pub(super) struct Remote {
    uri: Uri,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    algorithms: Vec<Algorithm>,
    keys: RwLock<Arc<Keys>>,
    /// When the URL was asked last. Whoever asks it holds this.
    asked: Mutex<Instant>,
}

impl Place {
    /// A place as it is written: a file's path, or a URL.
    ///
    /// # Errors
    /// When it is a URL that nobody should trust.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let Some((scheme, _)) = text.split_once("://") else {
            return Ok(Self::File(text.into()));
        };
        let bad = |what: &str| Error::Place(format!("{text}: {what}"));
        let uri: Uri = text.parse().map_err(|_| bad("this is no URL"))?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(Error::Place("a URL of keys has no user: it is told in the log".into()));
        }
        let host = uri.host().unwrap_or_default();
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        let is_here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        match scheme {
            "https" => Ok(Self::Url(uri)),
            "http" if is_here => Ok(Self::Url(uri)),
            "http" => Err(bad("whoever is on the way could exchange the keys; use https")),
            _ => Err(bad("keys come from a file, https, or http on this machine")),
        }
    }
}

impl Jwks {
    /// Gets the keys for the first time.
    ///
    /// # Errors
    /// When there are none: a gateway that knows nobody is better not started.
    pub(super) async fn open(place: Place, algorithms: Vec<Algorithm>) -> Result<Self, Error> {
        let uri = match place {
            Place::Url(uri) => uri,
            Place::File(path) => {
                let parse =
                    move |contents: &[Vec<u8>]| Keys::parse(text(&contents[0])?, &algorithms);
                return Ok(Self::File(Live::open(vec![path], parse)?));
            }
        };
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider);
        let failed = |detail: String| Error::Url { uri: uri.clone(), detail };
        let builder = builder.map_err(|error| failed(error.to_string()))?;
        let connector = builder.https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let keys = fetch(&client, &uri, &algorithms).await.map_err(failed)?;
        Ok(Self::Url(Box::new(Remote {
            uri,
            client,
            algorithms,
            keys: RwLock::new(Arc::new(keys)),
            asked: Mutex::new(Instant::now()),
        })))
    }

    /// The key that a token is signed with, as it says.
    pub(super) async fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let remote = match self {
            Self::File(keys) => return keys.get().find(id, algorithm),
            Self::Url(remote) => remote,
        };
        if let Some(key) = remote.get().find(id, algorithm) {
            return Some(key);
        }
        // It may be a new one.
        remote.fetch(REFETCH_PERIOD).await;
        remote.get().find(id, algorithm)
    }
}

impl Remote {
    fn get(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks the URL, when it was not asked for a period. What cannot be read leaves the
    /// keys as they are.
    pub(super) async fn fetch(&self, period: Duration) {
        let mut asked = self.asked.lock().await;
        if asked.elapsed() < period {
            return;
        }
        // Before it answers: a call that is given up must not make for another at once.
        *asked = Instant::now();
        let Self { uri, .. } = self;
        match fetch(&self.client, uri, &self.algorithms).await {
            Ok(keys) => *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.into(),
            Err(error) => {
                tracing::warn!(%uri, error, "the keys cannot be read; the old ones still hold");
            }
        }
    }
}

/// Asks a URL for keys. It must have them itself: what it refers to is not followed.
async fn fetch(
    client: &Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    uri: &Uri,
    algorithms: &[Algorithm],
) -> Result<Keys, String> {
    let asking = async {
        let answer = client.get(uri.clone()).await.map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            format!("{error}{}", cause.unwrap_or_default())
        })?;
        if answer.status() != http::StatusCode::OK {
            return Err(format!("it answers with {}", answer.status()));
        }
        let body = Limited::new(answer.into_body(), SET_BYTES_MAX).collect().await;
        let body = body.map_err(|_| format!("it breaks off, or has over {SET_BYTES_MAX} bytes"))?;
        Keys::parse(text(&body.to_bytes())?, algorithms)
    };
    let silent = |_| Err(format!("it does not answer within {FETCH_TIMEOUT:?}"));
    timeout(FETCH_TIMEOUT, asking).await.unwrap_or_else(silent)
}
