//! The keys that tokens are signed with, and which of them may be used with what.

use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, OctetKeyParameters, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;

/// The most keys of a set.
const KEYS_MAX: usize = 100;

/// The shortest secret that signs tokens (RFC 7518, 3.2).
const SECRET_BYTES_MIN: usize = 32;

/// A set of keys.
#[derive(Debug)]
pub(super) struct Keys(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// What it may be used with, of what is allowed.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl Keys {
    /// Reads a set (RFC 7517). Keys that cannot be used here are left out, such as those
    /// for encryption.
    pub(super) fn parse(text: &str, allowed: &[Algorithm]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        // The text of the error might have a bit of a secret.
        let set: Set = serde_json::from_str(text)
            .map_err(|error| format!("it is no set of JSON web keys (line {})", error.line()))?;
        if set.keys.len() > KEYS_MAX {
            return Err(format!("it has {} keys, and at most {KEYS_MAX}", set.keys.len()));
        }
        let keys = set.keys.into_iter().filter_map(|key| Key::read(key, allowed));
        let keys: Vec<_> = keys.collect();
        match keys.is_empty() {
            true => Err("it has no key for any of the algorithms that are allowed".into()),
            false => Ok(Self(keys)),
        }
    }

    /// A key by its id. A token need not name one if only one can be meant.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let fits = |key: &&Key| key.algorithms.contains(&algorithm);
        let is_named = |key: &&Key| id.is_none() || key.id.as_deref() == id;
        let mut found = self.0.iter().filter(fits).filter(is_named);
        let key = found.next()?;
        match id.is_none() && found.next().is_some() {
            true => None,
            false => Some(key.key.clone()),
        }
    }
}

impl Key {
    fn read(value: serde_json::Value, allowed: &[Algorithm]) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let common = &jwk.common;
        let is_for_this = match (&common.public_key_use, &common.key_operations) {
            (Some(usage), _) if *usage != PublicKeyUse::Signature => false,
            (_, Some(operations)) => operations.contains(&KeyOperations::Verify),
            _ => true,
        };
        let mut algorithms = usable(&jwk.algorithm);
        algorithms.retain(|algorithm| allowed.contains(algorithm));
        if let Some(only) = common.key_algorithm {
            algorithms
                .retain(|algorithm| Algorithm::try_from(only).is_ok_and(|only| only == *algorithm));
        }
        if !is_for_this || algorithms.is_empty() {
            return None;
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        if key.family() == AlgorithmFamily::Hmac {
            let is_long = key.try_get_as_bytes().is_ok_and(|key| key.len() >= SECRET_BYTES_MIN);
            is_long.then_some(())?;
        }
        Some(Self { id: jwk.common.key_id, algorithms, key })
    }
}

/// What a key can be used with. That one is public says that nothing is signed with it
/// as a secret.
fn usable(key: &AlgorithmParameters) -> Vec<Algorithm> {
    use Algorithm::{ES256, ES384, EdDSA};
    match key {
        AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa.algorithms().to_vec(),
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => vec![ES256],
            EllipticCurve::P384 => vec![ES384],
            _ => vec![],
        },
        AlgorithmParameters::OctetKeyPair(key) => match key.curve {
            EllipticCurve::Ed25519 => vec![EdDSA],
            _ => vec![],
        },
        AlgorithmParameters::OctetKey(OctetKeyParameters { .. }) => {
            AlgorithmFamily::Hmac.algorithms().to_vec()
        }
        _ => vec![],
    }
}
