//! Where something is exported, which nobody prints with its credentials.

use std::fmt;
use std::time::Duration;

/// An OTLP receiver. Its `Debug` has no credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Its URL; with HTTP the whole of it, `/v1/traces` included.
    pub endpoint: String,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// What goes with each request, such as an API key.
    pub headers: Vec<(String, String)>,
    /// How long one export may take.
    pub timeout: Duration,
    /// Whether requests are compressed.
    pub gzip: bool,
}

/// How OTLP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `grpc`
    Grpc,
    /// `http/protobuf`
    Http,
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, protocol, headers, timeout, gzip } = self;
        let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
        formatter
            .debug_struct("Target")
            .field("endpoint", &without_credentials(endpoint))
            .field("protocol", protocol)
            .field("headers", &names)
            .field("timeout", timeout)
            .field("gzip", gzip)
            .finish()
    }
}

/// What of a URL may be told: nothing before its host, and nothing after its path. It may be none.
pub(in crate::pipeline) fn without_credentials(url: &str) -> &str {
    let url = url.split_once('?').map_or(url, |(url, _)| url);
    url.rsplit_once('@').map_or(url, |(_, rest)| rest)
}
