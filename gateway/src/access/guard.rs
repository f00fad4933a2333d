//! Finding out who calls, from what a request brings along, and refusing.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use super::api_key::{self, ApiKeys};
use super::jwt::Jwt;
use super::live::Live;
use super::log::Lines;
use super::policy::{Failed, Policy};
use super::{Certified, Principal};
use crate::refusal::Refusal;

/// Whom callers have to get past.
pub(super) struct Guard {
    pub(super) jwt: Option<Jwt>,
    pub(super) api_keys: Option<Live<ApiKeys>>,
    pub(super) certificates: bool,
    pub(super) policy: Live<Policy>,
    pub(super) lines: Lines,
}

impl Guard {
    /// Whoever sends a token or an API key is who that says, whatever certificate his
    /// connection has: it may be a proxy's. A bad one is not made good by another.
    pub(super) async fn principal(
        &self,
        headers: &HeaderMap,
        certified: Option<&Certified>,
    ) -> Result<Arc<Principal>, Refusal> {
        let bearer = match &self.jwt {
            Some(jwt) => only(headers, AUTHORIZATION.as_str())
                .map_err(|what| self.unknown("authorization", what))?
                .map(|value| (jwt, value)),
            None => None,
        };
        let key = match &self.api_keys {
            Some(keys) => only(headers, api_key::HEADER)
                .map_err(|what| self.unknown(api_key::HEADER, what))?
                .map(|value| (keys, value)),
            None => None,
        };
        match (bearer, key, certified) {
            (Some(_), Some(_), _) => {
                Err(self.unknown(api_key::HEADER, "a token comes with it, and only one counts"))
            }
            (Some((jwt, value)), None, _) => {
                let token = token(value).ok_or_else(|| {
                    self.unknown("authorization", "it is not Bearer and one token")
                })?;
                let principal = jwt.principal(token).await;
                principal.map_err(|error| self.unknown("authorization", &error.to_string()))
            }
            (None, Some((keys, value)), _) => {
                let principal = keys.get().principal(value, SystemTime::now());
                principal.map_err(|error| self.unknown(api_key::HEADER, &error.to_string()))
            }
            (None, None, Some(Certified(principal))) if self.certificates => {
                Ok(Arc::clone(principal))
            }
            (None, None, _) => {
                if self.lines.has_room(Instant::now()) {
                    tracing::info!("a call without credentials was refused");
                }
                Err(Refusal::Unknown { given: false, bearer: self.jwt.is_some() })
            }
        }
    }

    /// Denies a call. What failed is for the log alone.
    pub(super) fn denied(
        &self,
        principal: &Principal,
        path: &str,
        actor_type: &str,
        method: &str,
        failed: Failed,
    ) -> Refusal {
        if self.lines.has_room(Instant::now()) {
            let principal = &principal.name;
            tracing::warn!(%principal, actor_type, method, check = ?failed, "a call was denied");
        }
        Refusal::Denied { path: path.to_owned() }
    }

    /// Refuses credentials. Why is for the log alone.
    pub(super) fn unknown(&self, header: &str, why: &str) -> Refusal {
        if self.lines.has_room(Instant::now()) {
            tracing::info!(header, why, "credentials were refused");
        }
        Refusal::Unknown { given: true, bearer: self.jwt.is_some() }
    }
}

/// The only value of a header.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, &'static str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(HeaderValue::to_str);
    if values.next().is_some() {
        return Err("it is given more than once");
    }
    value.transpose().map_err(|_| "it is not visible ASCII")
}

/// The token of a header (RFC 6750, 2.1).
fn token(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let is_token = scheme.eq_ignore_ascii_case("bearer") && !token.contains([' ', ',', '\t']);
    is_token.then_some(token)
}
