//! API keys: 256 random bits that a caller sends along.
//!
//! The file has their SHA-256 and nothing from which a key could be made. A slow hash,
//! as passwords need, would gain nothing: nobody can try 2²⁵⁶ keys, and a fast one costs
//! the gateway a microsecond a call. Nor does the time of a look-up tell anything of a
//! key: what is compared is the hash, which nobody can choose.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::principal::{Claim, Principal};

/// The header that has a key.
pub const HEADER: &str = "callboard-api-key";

/// What every key begins with, so that people and scanners know one when they see it.
const PREFIX: &str = "cb_";

/// How many random bytes are in a key.
const KEY_BYTES: usize = 32;

/// How long a key is: its bytes in base64 for URLs.
const KEY_LENGTH: usize = PREFIX.len() + KEY_BYTES.div_ceil(3) * 4 - 1;

/// The keys of a file.
#[derive(Debug)]
pub struct ApiKeys {
    by_hash: HashMap<[u8; 32], Arc<Principal>>,
}

/// Why a key is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It has not the form of one.
    #[error("it is no API key")]
    Form,
    /// The file has no such key.
    #[error("the API key is not known")]
    Unknown,
    /// Its time is over.
    #[error("the API key has expired")]
    Expired,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    key: Vec<EntryText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryText {
    name: String,
    sha256: String,
    expires: Option<toml::value::Datetime>,
    #[serde(default)]
    claims: BTreeMap<String, ClaimText>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ClaimText {
    Truth(bool),
    Number(i64),
    Text(String),
    List(Vec<String>),
}

impl ApiKeys {
    /// Reads a file of keys.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        // The whole error has the line, and a line of this file may be a secret if
        // somebody has put a key where its hash belongs.
        let file: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count());
            format!("line {}: {}", line + 1, error.message())
        })?;
        let mut by_hash = HashMap::new();
        let mut names = std::collections::BTreeSet::new();
        for entry in file.key {
            let name = entry.name.clone();
            let wrong = |what: &str| format!("the key named {name:?}: {what}");
            let is_name = |byte: u8| byte.is_ascii_graphic();
            if name.is_empty() || name.len() > 128 || !name.bytes().all(is_name) {
                return Err(wrong("a name is 1 to 128 visible characters of ASCII"));
            }
            if !names.insert(name.clone()) {
                return Err(wrong("two keys have this name"));
            }
            let hash =
                unhex(&entry.sha256).ok_or_else(|| wrong("sha256 is not 64 hexadecimal digits"))?;
            let expires = entry.expires.map(|time| {
                time_of(&time).ok_or_else(|| wrong("expires is a time, 2030-01-31T08:00:00Z"))
            });
            let expires = expires.transpose()?;
            let mut claims: BTreeMap<_, _> = entry.claims.into_iter().map(claim).collect();
            claims.entry("sub".into()).or_insert_with(|| Claim::Text(name.clone()));
            let principal = Principal { name: format!("key:{name}").into(), claims, expires };
            if by_hash.insert(hash, Arc::new(principal)).is_some() {
                return Err(wrong("another entry has the same key"));
            }
        }
        Ok(Self { by_hash })
    }

    /// Who has a key.
    ///
    /// # Errors
    /// When it is not taken.
    pub fn principal(&self, key: &str, now: SystemTime) -> Result<Arc<Principal>, Error> {
        if !is_key(key) {
            return Err(Error::Form);
        }
        let principal = self.by_hash.get(&hash(key)).ok_or(Error::Unknown)?;
        match principal.expires {
            Some(expires) if expires <= now => Err(Error::Expired),
            _ => Ok(Arc::clone(principal)),
        }
    }
}

fn claim((name, text): (String, ClaimText)) -> (String, Claim) {
    let claim = match text {
        ClaimText::Truth(truth) => Claim::Text(truth.to_string()),
        ClaimText::Number(number) => Claim::Text(number.to_string()),
        ClaimText::Text(text) => Claim::Text(text),
        ClaimText::List(texts) => Claim::List(texts),
    };
    (name, claim)
}

/// A time that means the same everywhere.
fn time_of(time: &toml::value::Datetime) -> Option<SystemTime> {
    time.offset?;
    let time = time.to_string().parse::<prost_types::Timestamp>().ok()?;
    SystemTime::try_from(time).ok()
}

fn is_key(text: &str) -> bool {
    text.len() == KEY_LENGTH && text.starts_with(PREFIX)
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate().filter(|_| digits) {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    digits.then_some(bytes)
}

/// A new key, and the entry for it.
#[derive(Debug)]
pub struct NewKey {
    /// The key. Nobody can tell it again.
    pub key: String,
    /// What belongs into the file.
    pub entry: String,
}

/// Makes a key.
///
/// # Errors
/// When the machine has no random bytes, or no key may have this name.
pub fn new(name: &str) -> Result<NewKey, String> {
    let mut bytes = [0; KEY_BYTES];
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| "this machine gives no random bytes".to_owned())?;
    let key = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
    let hash: String = hash(&key).iter().map(|byte| format!("{byte:02x}")).collect();
    let name = serde_json::Value::from(name);
    let entry = format!("[[key]]\nname = {name}\nsha256 = \"{hash}\"\n");
    ApiKeys::parse(&entry)?;
    Ok(NewKey { key, entry })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_new_key_is_who_its_entry_says() {
        let new = new("billing").expect("random bytes");
        let more =
            "expires = 1970-01-01T00:01:00Z\nclaims = { tenant = \"acme\", roles = [\"a\"] }\n";
        let keys = ApiKeys::parse(&(new.entry + more)).expect("an entry");
        let principal = keys.principal(&new.key, at(59)).expect("it is known");
        assert_eq!(&*principal.name, "key:billing");
        assert_eq!(principal.text("tenant"), Some("acme"));
        assert_eq!(principal.text("sub"), Some("billing"));
        assert!(principal.has("roles", "a"));
        assert_eq!(keys.principal(&new.key, at(60)), Err(Error::Expired));
    }

    #[test]
    fn what_is_nearly_a_key_is_none() {
        let first = new("a").expect("random bytes");
        let keys = ApiKeys::parse(&first.entry).expect("an entry");
        let good = first.key;
        let swapped = |from: char, to: char| good.replace(from, &to.to_string());
        let hash: String = hash(&good).iter().map(|byte| format!("{byte:02x}")).collect();
        for bad in [
            String::new(),
            good[..good.len() - 1].to_owned(),
            format!("{good}="),
            format!("{good} "),
            format!(" {good}"),
            good[PREFIX.len()..].to_owned(),
            good.to_uppercase(),
            swapped('_', '-'),
            hash,
            "cb_".to_owned(),
            format!("cb_{}", "A".repeat(43)),
            format!("cb_{}", "A".repeat(100_000)),
            new("b").expect("random bytes").key,
        ] {
            assert!(keys.principal(&bad, at(0)).is_err(), "{bad}");
        }
        assert!(keys.principal(&good, at(0)).is_ok());
    }

    #[test]
    fn broken_files_are_told_without_what_is_in_them() {
        let hash = "0".repeat(64);
        for bad in [
            "[[key]]\nname = \"a\"\nsha256 = \"cb_secret\"\n".to_owned(),
            "[[key]]\nname = \"a\"\nkey = \"cb_secret\"\n".to_owned(),
            "[[key]]\nname = \"a\"\nsha256 = cb_secret\n".to_owned(),
            "[[key]]\nname = \"a\"\n".to_owned(),
            format!("[[key]]\nname = \"\"\nsha256 = \"{hash}\"\n"),
            format!("[[key]]\nname = \"a\"\nsha256 = \"{hash}\"\nexpires = 2030-01-01T00:00:00\n"),
            format!("[[key]]\nname = \"a\"\nsha256 = \"{hash}\"\n").repeat(2),
            format!(
                "[[key]]\nname = \"a\"\nsha256 = \"{hash}\"\n[[key]]\nname = \"b\"\nsha256 = \"{hash}\"\n"
            ),
        ] {
            let error = ApiKeys::parse(&bad).expect_err(&bad);
            assert!(!error.contains("cb_secret"), "{error}");
        }
    }
}
