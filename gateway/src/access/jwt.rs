//! Tokens that somebody else gives out and signs: JSON Web Tokens (RFC 7519).
//!
//! What a token says of itself is believed only so far as to look for a key among those
//! that the gateway has. A key is used with the algorithms that fit it and are allowed;
//! what a token brings along as a key, or refers to, is not looked at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::jwks::{self, Jwks, Place};
use super::principal::{Claim, Principal};

/// The longest token. Nobody should spend time on more.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// The longest name of a principal.
const SUBJECT_BYTES_MAX: usize = 256;

/// The algorithms that are allowed unless others are named: none with a shared secret.
pub const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Which tokens are taken.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Where the keys are.
    pub jwks: Place,
    /// Who gives the tokens out, as they say.
    pub issuer: String,
    /// Whom they are for; one of these.
    pub audiences: Vec<String>,
    /// How they may be signed.
    pub algorithms: Vec<Algorithm>,
    /// By how much clocks may differ.
    pub leeway: Duration,
    /// How often the keys are looked at again.
    pub refresh: Duration,
}

/// Looks at tokens.
pub(super) struct Jwt {
    terms: Terms,
    jwks: Jwks,
}

/// Why a token is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is no token.
    #[error("it is no token")]
    Form,
    /// It is signed in a way that is not allowed, or wants to be understood in a way
    /// that is not.
    #[error("its header is not allowed")]
    Header,
    /// It is signed with a key that is not known.
    #[error("its key is not known")]
    Key,
    /// The signature is not right.
    #[error("its signature is not right")]
    Signature,
    /// Its time is over, or has not come.
    #[error("it has expired, or is not valid yet")]
    Time,
    /// It is from somebody else, or for somebody else.
    #[error("it is from another issuer, or for another audience")]
    Purpose,
    /// It does not say whom it is about, or not as it should.
    #[error("its claims are not as they should be")]
    Claims,
}

impl Jwt {
    pub(super) async fn open(terms: Terms) -> Result<Self, jwks::Error> {
        let jwks = Jwks::open(terms.jwks.clone(), terms.algorithms.clone()).await?;
        Ok(Self { terms, jwks })
    }

    pub(super) fn refresh_file(&self) {
        if let Jwks::File(keys) = &self.jwks {
            keys.refresh();
        }
    }

    pub(super) async fn refresh_url(&self, now: bool) {
        let period = if now { Duration::ZERO } else { self.terms.refresh };
        if let Jwks::Url(keys) = &self.jwks {
            keys.fetch(period).await;
        }
    }

    /// Whom a token is about.
    pub(super) async fn principal(&self, token: &str) -> Result<Arc<Principal>, Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if token.len() > TOKEN_BYTES_MAX || !token.bytes().all(allowed) {
            return Err(Error::Form);
        }
        let header = decode_header(token).map_err(|_| Error::Form)?;
        // Whoever writes `crit` means that it must be refused by those who do not
        // know what it lists (RFC 7515, 4.1.11).
        let is_strange = header.crit.is_some() || header.enc.is_some() || header.zip.is_some();
        if is_strange || !self.terms.algorithms.contains(&header.alg) {
            return Err(Error::Header);
        }
        let key = self.jwks.find(header.kid.as_deref(), header.alg).await.ok_or(Error::Key)?;
        let mut validation = Validation::new(header.alg);
        validation.leeway = self.terms.leeway.as_secs();
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.terms.issuer]);
        validation.set_audience(&self.terms.audiences);
        let claims = decode::<Map<String, Value>>(token, &key, &validation);
        let claims = claims.map_err(|error| Error::from(error.kind()))?.claims;
        // The library also takes one issuer of several.
        if claims.get("iss").and_then(Value::as_str) != Some(&*self.terms.issuer) {
            return Err(Error::Purpose);
        }
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        let is_fine = !subject.is_empty()
            && subject.len() <= SUBJECT_BYTES_MAX
            && !subject.chars().any(char::is_control);
        if !is_fine {
            return Err(Error::Claims);
        }
        let name = format!("jwt:{subject}").into();
        // It is a number, and not over. One beyond the end of time is none.
        let expires = claims.get("exp").and_then(Value::as_f64);
        let expires = expires.and_then(|expires| Duration::try_from_secs_f64(expires).ok());
        let expires = expires.and_then(|expires| UNIX_EPOCH.checked_add(expires));
        let expires = expires.and_then(|expires| expires.checked_add(self.terms.leeway));
        let claims = claims.into_iter().filter_map(|(name, value)| Some((name, claim(value)?)));
        Ok(Arc::new(Principal { name, claims: claims.collect::<BTreeMap<_, _>>(), expires }))
    }
}

impl From<&jsonwebtoken::errors::ErrorKind> for Error {
    fn from(kind: &jsonwebtoken::errors::ErrorKind) -> Self {
        use jsonwebtoken::errors::ErrorKind as Kind;
        match kind {
            Kind::InvalidSignature => Self::Signature,
            Kind::ExpiredSignature | Kind::ImmatureSignature => Self::Time,
            Kind::InvalidIssuer | Kind::InvalidAudience => Self::Purpose,
            Kind::InvalidAlgorithm | Kind::InvalidKeyFormat => Self::Header,
            Kind::MissingRequiredClaim(_) | Kind::InvalidClaimFormat(_) | Kind::Json(_) => {
                Self::Claims
            }
            _ => Self::Form,
        }
    }
}

/// A claim that can be compared; none of what is more than texts.
fn claim(value: Value) -> Option<Claim> {
    match value {
        Value::Array(values) => {
            let texts = values.into_iter().map(simple).collect::<Option<_>>()?;
            Some(Claim::List(texts))
        }
        other => simple(other).map(Claim::Text),
    }
}

fn simple(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}
