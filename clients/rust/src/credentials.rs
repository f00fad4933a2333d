//! Who calls.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use tonic::Status;

const API_KEY: &str = "callboard-api-key";

/// What a token source fails with.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

type TokenSource = dyn Fn() -> BoxFuture<'static, Result<String, BoxError>> + Send + Sync;

/// What is shown to the gateway with each attempt of a call.
#[derive(Clone, Default)]
pub(crate) struct Credentials {
    pub(crate) token: Option<Arc<TokenSource>>,
    pub(crate) api_key: Option<String>,
}

impl Credentials {
    /// Adds them to the headers of an attempt; what the caller has set stays.
    pub(crate) async fn show(&self, headers: &mut HeaderMap) -> Result<(), Status> {
        if let Some(source) = &self.token
            && !headers.contains_key(AUTHORIZATION)
        {
            let token = source().await.map_err(|error| {
                let mut status = Status::unauthenticated("there is no token to be had");
                status.set_source(Arc::from(error));
                status
            })?;
            headers.insert(AUTHORIZATION, secret("token", format!("Bearer {token}"))?);
        }
        if let Some(key) = &self.api_key {
            headers.entry(API_KEY).or_insert(secret("API key", key.clone())?);
        }
        Ok(())
    }
}

/// Without the secrets.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("has_token", &self.token.is_some())
            .field("has_api_key", &self.api_key.is_some())
            .finish()
    }
}

/// A header that is shown to nobody but the gateway.
fn secret(what: &str, text: String) -> Result<HeaderValue, Status> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| Status::unauthenticated(format!("the {what} is not visible ASCII")))?;
    value.set_sensitive(true);
    Ok(value)
}
