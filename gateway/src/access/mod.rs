//! Who may do what: who calls, and what the policy allows him.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `principal` | who calls |
//! | [`jwt`], `jwks`, `key_set` | tokens, and the keys that they are signed with |
//! | [`api_key`] | keys that callers send along |
//! | `certificate` | client certificates |
//! | [`policy`], `key_pattern`, `glob` | what is allowed |
//! | `guard` | who calls, from what a request brings along |
//! | `live` | files that are read again when they change |
//! | `log` | what operators read of it |
//!
//! Without any of it, everybody may call everything, and is called anonymous. As soon as
//! there is one way to show who one is, everybody has to, and what the policy does not
//! allow is denied. Health alone is for everybody: those who ask for it decide where
//! calls go, and it tells nothing but whether there is somebody to take them.

pub mod api_key;
pub(crate) mod certificate;
mod glob;
mod guard;
mod jwks;
pub mod jwt;
mod key_pattern;
mod key_set;
pub(crate) mod live;
pub(crate) mod log;
pub mod policy;
mod principal;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::{Extensions, HeaderMap};

use crate::refusal::Refusal;
use api_key::ApiKeys;
use guard::Guard;
use jwt::Jwt;
use live::{Live, text};
use log::Lines;
use policy::{Deed, Policy};

pub use jwks::{Error as JwksError, Place};
pub use live::Error as FileError;
pub use principal::{Claim, Principal};

/// What the paths of health begin with.
const HEALTH: &str = "/grpc.health.v1.Health/";

/// What the paths of reflection begin with, in both of its versions.
const REFLECTION: &str = "/grpc.reflection.";

/// What the paths of operators' calls begin with.
const ADMIN: &str = "/callboard.v1.Admin/";

/// How callers show who they are, and what they may do then.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Tokens.
    pub jwt: Option<jwt::Terms>,
    /// The file of the API keys.
    pub api_keys: Option<PathBuf>,
    /// Whether client certificates show who somebody is.
    pub certificates: bool,
    /// The file of the policy.
    pub policy: Option<PathBuf>,
}

/// Why nobody could be let in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is not there, or something in it is wrong.
    #[error(transparent)]
    File(#[from] FileError),
    /// There are no keys for tokens.
    #[error(transparent)]
    Jwks(#[from] JwksError),
    /// Callers show who they are, and nothing says what they may do.
    #[error(
        "callers are asked who they are, so a policy has to say what they may do; name a file \
         with --policy. One that allows everything to everybody who is known has\n\n  [[allow]]\n  \
         who = [\"*\"]\n  actors = [\"*\"]\n  methods = [\"*\"]\n  keys = [\"*\"]"
    )]
    NoPolicy,
    /// A policy for callers whom nobody knows.
    #[error(
        "a policy says what callers may do, but none is asked who he is; add --jwt-jwks, \
         --api-keys or --tls-client-ca"
    )]
    NobodyKnown,
}

/// Who makes a call that was admitted, as its extensions tell.
pub(crate) fn caller(extensions: &Extensions) -> Arc<Principal> {
    extensions.get().cloned().unwrap_or_else(Principal::anonymous)
}

/// Who may do what.
#[derive(Default)]
pub struct Access {
    guard: Option<Guard>,
}

/// Somebody whose certificate is good, as his connection knows.
#[derive(Clone, Debug)]
pub(crate) struct Certified(pub(crate) Arc<Principal>);

impl Access {
    /// Reads the files, and gets the keys.
    ///
    /// # Errors
    /// When something of it is not there, or wrong: then nobody should be let in.
    pub async fn open(terms: Terms) -> Result<Self, Error> {
        let Terms { jwt, api_keys, certificates, policy } = terms;
        let is_asked = jwt.is_some() || api_keys.is_some() || certificates;
        let policy = match (is_asked, policy) {
            (false, None) => return Ok(Self::default()),
            (false, Some(_)) => return Err(Error::NobodyKnown),
            (true, None) => return Err(Error::NoPolicy),
            (true, Some(path)) => {
                Live::open(vec![path], |contents| Policy::parse(text(&contents[0])?))?
            }
        };
        let api_keys = api_keys
            .map(|path| Live::open(vec![path], |contents| ApiKeys::parse(text(&contents[0])?)));
        let api_keys = api_keys.transpose()?;
        let jwt = match jwt {
            Some(terms) => Some(Jwt::open(terms).await?),
            None => None,
        };
        let lines = Lines::default();
        Ok(Self { guard: Some(Guard { jwt, api_keys, certificates, policy, lines }) })
    }

    /// Whether callers are asked who they are.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        self.guard.is_some()
    }

    /// Looks at the files again. It waits for them.
    pub fn refresh_files(&self) {
        let Some(guard) = &self.guard else { return };
        guard.policy.refresh();
        if let Some(keys) = &guard.api_keys {
            keys.refresh();
        }
        if let Some(jwt) = &guard.jwt {
            jwt.refresh_file();
        }
    }

    /// Looks at keys at a URL again, when they are due or `now`.
    pub async fn refresh_keys(&self, now: bool) {
        if let Some(Guard { jwt: Some(jwt), .. }) = &self.guard {
            jwt.refresh_url(now).await;
        }
    }

    /// Who makes a request, when he may make it as far as its path tells. For actors
    /// that is not far: what is done to which is for [`Access::authorize`].
    ///
    /// # Errors
    /// When nobody knows him, or he may not.
    pub(crate) async fn admit(
        &self,
        path: &str,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<Arc<Principal>, Refusal> {
        let Some(guard) = self.guard.as_ref().filter(|_| !path.starts_with(HEALTH)) else {
            return Ok(Principal::anonymous());
        };
        let principal = guard.principal(headers, extensions.get::<Certified>()).await?;
        let (is_fine, check) = if let Some(method) = path.strip_prefix(ADMIN) {
            (guard.policy.get().allows_admin(&principal, method), "admin")
        } else if path.starts_with(REFLECTION) {
            (guard.policy.get().allows_reflection(&principal), "reflection")
        } else {
            (true, "")
        };
        if is_fine {
            return Ok(principal);
        }
        if guard.lines.has_room(Instant::now()) {
            tracing::warn!(principal = %principal.name, path, check, "a call was denied");
        }
        Err(Refusal::Denied { path: path.to_owned() })
    }

    /// Whether a principal may send a method to some actor.
    ///
    /// # Errors
    /// When the policy allows it for none.
    pub(crate) fn authorize_method(
        &self,
        principal: &Principal,
        path: &str,
        actor_type: &str,
        method: &str,
    ) -> Result<(), Refusal> {
        let Some(guard) = &self.guard else { return Ok(()) };
        let allowed = guard.policy.get().allows_method(principal, actor_type, method);
        allowed.map_err(|failed| guard.denied(principal, path, actor_type, method, failed))
    }

    /// Whether a principal may do something to an actor.
    ///
    /// # Errors
    /// When the policy does not allow it.
    pub(crate) fn authorize(
        &self,
        principal: &Principal,
        path: &str,
        deed: &Deed<'_>,
    ) -> Result<(), Refusal> {
        let Some(guard) = &self.guard else { return Ok(()) };
        // It was looked at when the call began, which may be a stream.
        if principal.expires.is_some_and(|expires| expires <= SystemTime::now()) {
            return Err(guard.unknown("of the stream", "they have expired meanwhile"));
        }
        let allowed = guard.policy.get().allows(principal, deed);
        let Deed { actor_type, method, .. } = deed;
        allowed.map_err(|failed| guard.denied(principal, path, actor_type, method, failed))
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Access").field("is_guarded", &self.is_guarded()).finish()
    }
}
