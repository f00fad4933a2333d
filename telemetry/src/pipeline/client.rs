//! The HTTP client of the exporters: on the HTTP and TLS that the AWS SDK brings along anyway.

use std::sync::Arc;

use async_trait::async_trait;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore};

use super::Error;

/// The most bytes of a collector's answer that are read.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Sends requests. How long one may take is up to whoever waits for it.
#[derive(Clone, Debug)]
pub(super) struct Client(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Client {
    /// A client for one URL.
    pub(super) fn new(endpoint: &str) -> Result<Self, Error> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        // Or a small request waits for the acknowledgement of the one before.
        connector.set_nodelay(true);
        let builder = HttpsConnectorBuilder::new();
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let trusted = match endpoint.starts_with("https:") {
            true => builder
                .with_provider_and_native_roots(provider)
                .map_err(|error| Error::Target(format!("no trusted certificates: {error}")))?,
            // To read all certificates of the system takes time at a cold start.
            false => builder.with_tls_config(trusting_nobody(provider)?),
        };
        let connector = trusted.https_or_http().enable_http1().wrap_connector(connector);
        Ok(Self(legacy::Client::builder(TokioExecutor::new()).build(connector)))
    }
}

fn trusting_nobody(provider: CryptoProvider) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(provider));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Error::Target(error.to_string()))?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = self.0.request(request.map(Full::new)).await?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
        Ok(Response::from_parts(parts, body))
    }
}
