//! Credentials at the gate. What is signed with public keys is tried from outside, in
//! `e2e/tests/test_credentials.py`; here a secret signs.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::HeaderName;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::key_set::Keys;
use super::*;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const ISSUER: &str = "https://issuer.example";

/// A set of keys with one secret.
fn jwks(secret: &[u8], more: &Value) -> String {
    let mut key = json!({ "kty": "oct", "kid": "a", "k": BASE64_URL_SAFE_NO_PAD.encode(secret) });
    let fields = more.as_object().expect("an object").clone();
    key.as_object_mut().expect("it is one").extend(fields);
    json!({ "keys": [key] }).to_string()
}

fn claims(changed: &Value) -> Value {
    let now = jsonwebtoken::get_current_timestamp();
    let mut claims = json!({
        "iss": ISSUER, "aud": "us", "sub": "alice", "nbf": now - 1, "exp": now + 60,
        "tenant": "acme", "roles": ["a", "b"], "level": 7, "deep": { "x": 1 }, "half": 0.5,
    });
    for (name, value) in changed.as_object().expect("an object") {
        match value {
            Value::Null => claims.as_object_mut().expect("it is one").remove(name),
            value => claims.as_object_mut().expect("it is one").insert(name.clone(), value.clone()),
        };
    }
    claims
}

fn token(algorithm: Algorithm, secret: &[u8], changed: &Value) -> String {
    let header = Header { kid: Some("a".into()), ..Header::new(algorithm) };
    let key = EncodingKey::from_secret(secret);
    encode(&header, &claims(changed), &key).expect("it can be signed")
}

fn good() -> String {
    token(Algorithm::HS256, SECRET, &json!({}))
}

struct Gate {
    access: Access,
    api_key: String,
    _files: tempfile::TempDir,
}

/// A gate that takes tokens and API keys.
async fn gate() -> Gate {
    let files = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| -> PathBuf {
        let path = files.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let made = api_key::new("billing").expect("random bytes");
    let allows =
        "[[allow]]\nwho = [\"key:*\"]\nactors = [\"a.B\"]\nmethods = [\"C\"]\nkeys = [\"k\"]\n";
    let terms = Terms {
        jwt: Some(jwt::Terms {
            jwks: Place::File(write("jwks", &jwks(SECRET, &json!({})))),
            issuer: ISSUER.into(),
            audiences: vec!["us".into(), "them".into()],
            algorithms: vec![Algorithm::HS256],
            leeway: Duration::from_secs(5),
            refresh: Duration::from_secs(60),
        }),
        api_keys: Some(write("keys", &made.entry)),
        certificates: false,
        policy: Some(write("policy", allows)),
    };
    let access = Access::open(terms).await.expect("all of it is right");
    Gate { access, api_key: made.key, _files: files }
}

impl Gate {
    async fn admit(&self, path: &str, headers: &[(&str, &str)]) -> Result<String, Refusal> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a name");
            map.append(name, value.parse().expect("a value"));
        }
        let principal = self.access.admit(path, &map, &Extensions::new()).await;
        principal.map(|principal| principal.name.to_string())
    }

    async fn bearer(&self, token: &str) -> Result<String, Refusal> {
        self.admit("/a.B/C", &[("authorization", &format!("Bearer {token}"))]).await
    }
}

#[tokio::test]
async fn bad_credentials_are_refused_and_say_nothing() {
    let gate = gate().await;
    let now = jsonwebtoken::get_current_timestamp();
    let changed = |changed: Value| token(Algorithm::HS256, SECRET, &changed);
    let good = good();
    let parts: Vec<_> = good.split('.').collect();
    let raw = |header: &Value, signature: &str| {
        let header = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
        format!("{header}.{}.{signature}", parts[1])
    };
    let mut bad = vec![
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        "a.b.c".into(),
        parts[..2].join("."),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{good}."),
        format!("{good}.{}", parts[2]),
        format!("{good}="),
        good.to_lowercase(),
        good[1..].to_owned(),
        good[..good.len() - 2].to_owned(),
        format!("{}{}", good, "A".repeat(20_000)),
        raw(&json!({ "alg": "none", "kid": "a" }), ""),
        raw(&json!({ "alg": "none", "kid": "a" }), parts[2]),
        raw(&json!({ "alg": "HS256", "kid": "b" }), parts[2]),
        raw(&json!({ "alg": "HS256", "kid": "a", "crit": ["exp"] }), parts[2]),
        raw(&json!({ "kid": "a" }), parts[2]),
        token(Algorithm::HS256, b"another secret of thirty-two byt", &json!({})),
        token(Algorithm::HS256, b"", &json!({})),
        token(Algorithm::HS384, SECRET, &json!({})),
        token(Algorithm::HS512, SECRET, &json!({})),
    ];
    bad.extend(
        [
            json!({ "exp": now - 6 }),
            json!({ "exp": 0 }),
            json!({ "exp": -1 }),
            json!({ "exp": null }),
            json!({ "exp": (now + 60).to_string() }),
            json!({ "exp": [now + 60] }),
            json!({ "nbf": now + 60 }),
            json!({ "nbf": "now" }),
            json!({ "iss": null }),
            json!({ "iss": "" }),
            json!({ "iss": "https://issuer.example/" }),
            json!({ "iss": [ISSUER] }),
            json!({ "iss": [ISSUER, "x"] }),
            json!({ "aud": null }),
            json!({ "aud": "" }),
            json!({ "aud": "US" }),
            json!({ "aud": "us " }),
            json!({ "aud": [] }),
            json!({ "aud": ["x"] }),
            json!({ "aud": { "us": true } }),
            json!({ "sub": null }),
            json!({ "sub": "" }),
            json!({ "sub": 7 }),
            json!({ "sub": ["alice"] }),
            json!({ "sub": "a\u{0}" }),
            json!({ "sub": "a".repeat(257) }),
        ]
        .map(changed),
    );
    for token in &bad {
        let refused = Err(Refusal::Unknown { given: true, bearer: true });
        assert_eq!(gate.bearer(token).await, refused, "{token}");
    }
    let (key, bearer) = (gate.api_key.clone(), format!("Bearer {good}"));
    let cases: &[&[(&str, &str)]] = &[
        &[("authorization", "")],
        &[("authorization", "Bearer")],
        &[("authorization", &good)],
        &[("authorization", &format!("Basic {good}"))],
        &[("authorization", &format!("Bearer  {good}"))],
        &[("authorization", &format!("Bearer {good} {good}"))],
        &[("authorization", &format!("Bearer {good},{good}"))],
        &[("authorization", &bearer), ("authorization", &bearer)],
        &[("authorization", &bearer), ("callboard-api-key", &key)],
        &[("authorization", &format!("Bearer {key}"))],
        &[("callboard-api-key", &good)],
        &[("callboard-api-key", "")],
        &[("callboard-api-key", &key[1..])],
        &[("callboard-api-key", &key), ("callboard-api-key", &key)],
        &[("callboard-api-key", &format!("{key},{key}"))],
    ];
    for headers in cases {
        let refused = Err(Refusal::Unknown { given: true, bearer: true });
        assert_eq!(gate.admit("/a.B/C", headers).await, refused, "{headers:?}");
    }
    assert!(bad.len() + cases.len() >= 60);
    let none = gate.admit("/a.B/C", &[("x-api-key", &key), ("cookie", &bearer)]).await;
    assert_eq!(none, Err(Refusal::Unknown { given: false, bearer: true }));
}

#[tokio::test]
async fn good_credentials_tell_who_calls() {
    let gate = gate().await;
    let now = jsonwebtoken::get_current_timestamp();
    for changed in [
        json!({}),
        json!({ "aud": ["x", "them"] }),
        json!({ "exp": now - 3 }),
        json!({ "exp": (now + 60) as f64 + 0.5 }),
        json!({ "nbf": null }),
    ] {
        let token = token(Algorithm::HS256, SECRET, &changed);
        assert_eq!(gate.bearer(&token).await.as_deref(), Ok("jwt:alice"), "{changed}");
    }
    let key = [("callboard-api-key", gate.api_key.as_str())];
    assert_eq!(gate.admit("/a.B/C", &key).await.as_deref(), Ok("key:billing"));
    // What is not for this gate is not looked at.
    let both = [key[0], ("x-authorization", "Bearer x")];
    assert_eq!(gate.admit("/a.B/C", &both).await.as_deref(), Ok("key:billing"));
    for path in ["/callboard.v1.Admin/Purge", "/grpc.reflection.v1.ServerReflection/X"] {
        assert_eq!(gate.admit(path, &key).await, Err(Refusal::Denied { path: path.into() }));
    }
    let health = gate.admit("/grpc.health.v1.Health/Check", &[]).await;
    assert_eq!(health.as_deref(), Ok("anonymous"));
}

#[tokio::test]
async fn only_claims_that_can_be_compared_are_kept() {
    let gate = gate().await;
    let jwt = gate.access.guard.as_ref().and_then(|guard| guard.jwt.as_ref()).expect("it has one");
    let principal = jwt.principal(&good()).await.expect("it is good");
    assert_eq!(principal.text("tenant"), Some("acme"));
    assert_eq!(principal.text("level"), Some("7"));
    assert!(principal.has("roles", "b") && principal.text("roles").is_none());
    for none in ["deep", "half"] {
        assert!(!principal.claims.contains_key(none), "{none}");
    }
}

#[tokio::test]
async fn who_has_expired_meanwhile_is_not_known_any_more() {
    let gate = gate().await;
    let deed = Deed { actor_type: "a.B", method: "C", key: Some("k"), key_fields: 1 };
    let mut principal = Principal { name: "key:x".into(), ..Principal::default() };
    let now = SystemTime::now();
    for (expires, is_fine) in [
        (None, true),
        (Some(now + Duration::from_secs(60)), true),
        (Some(now - Duration::from_secs(1)), false),
    ] {
        principal.expires = expires;
        let authorized = gate.access.authorize(&principal, "/a.B/C", &deed);
        let refused = Err(Refusal::Unknown { given: true, bearer: true });
        assert_eq!(authorized, if is_fine { Ok(()) } else { refused });
    }
    let jwt = gate.access.guard.as_ref().and_then(|guard| guard.jwt.as_ref()).expect("it has one");
    let expires = jwt.principal(&good()).await.expect("it is good").expires.expect("tokens do");
    let left = expires.duration_since(now).expect("it is to come");
    // A minute, and the leeway.
    assert!((60..=66).contains(&left.as_secs()), "{left:?}");
}

#[tokio::test]
async fn whoever_asks_who_calls_says_what_he_may_do() {
    let open = |terms| async { Access::open(terms).await.err() };
    let certificates = Terms { certificates: true, ..Terms::default() };
    assert!(matches!(open(certificates).await, Some(Error::NoPolicy)));
    let policy = Terms { policy: Some("policy.toml".into()), ..Terms::default() };
    assert!(matches!(open(policy).await, Some(Error::NobodyKnown)));
    assert!(!Access::open(Terms::default()).await.expect("it is open to all").is_guarded());
}

#[test]
fn only_fitting_keys_are_used() {
    let find = |set: &str, allowed: &[Algorithm], id: Option<&str>, algorithm| {
        Keys::parse(set, allowed).ok().and_then(|keys| keys.find(id, algorithm)).is_some()
    };
    let hs256 = [Algorithm::HS256];
    let plain = jwks(SECRET, &json!({}));
    assert!(find(&plain, &hs256, Some("a"), Algorithm::HS256));
    assert!(find(&plain, &hs256, None, Algorithm::HS256));
    assert!(!find(&plain, &hs256, Some("b"), Algorithm::HS256));
    assert!(!find(&plain, &hs256, Some("a"), Algorithm::HS512));
    // A secret has to be allowed in so many words.
    assert!(Keys::parse(&plain, &jwt::ALGORITHMS).is_err());
    assert!(Keys::parse(&jwks(&SECRET[1..], &json!({})), &hs256).is_err());
    for more in [
        json!({ "use": "enc" }),
        json!({ "key_ops": ["sign"] }),
        json!({ "alg": "HS512" }),
        json!({ "alg": "RSA-OAEP" }),
        json!({ "alg": "none" }),
        json!({ "kty": "RSA" }),
        json!({ "kty": "x" }),
    ] {
        assert!(Keys::parse(&jwks(SECRET, &more), &hs256).is_err(), "{more}");
    }
    let fine = json!({ "use": "sig", "key_ops": ["verify"], "alg": "HS256" });
    assert!(find(&jwks(SECRET, &fine), &hs256, Some("a"), Algorithm::HS256));
    let set = |keys: &[&str]| {
        let keys = keys.iter().map(|set| serde_json::from_str::<Value>(set).expect("JSON"));
        json!({ "keys": keys.map(|set| set["keys"][0].clone()).collect::<Vec<_>>() }).to_string()
    };
    // Without an id it must be clear which is meant.
    let two = set(&[&plain, &jwks(SECRET, &json!({ "kid": "b" }))]);
    assert!(find(&two, &hs256, Some("b"), Algorithm::HS256));
    assert!(!find(&two, &hs256, None, Algorithm::HS256));
    // A key that is not understood spoils no other.
    let odd = set(&[&jwks(SECRET, &json!({ "kty": 7, "x5c": 1 })), &plain]);
    assert!(find(&odd, &hs256, Some("a"), Algorithm::HS256));
    for bad in ["", "{}", "[]", "{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[null]}"] {
        assert!(Keys::parse(bad, &hs256).is_err(), "{bad}");
    }
}

#[test]
fn keys_come_from_places_that_can_be_trusted() {
    for good in
        ["https://x.example/k", "http://127.0.0.1:1/k", "http://[::1]/", "http://localhost/k"]
    {
        assert!(matches!(Place::parse(good), Ok(Place::Url(_))), "{good}");
    }
    for bad in [
        "http://x.example/k",
        "http://localhost.x.example/",
        "https://user:word@x.example/k",
        "ftp://x/k",
        "file:///etc/k",
        "https://",
    ] {
        assert!(Place::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(Place::parse("/etc/jwks.json").ok(), Some(Place::File("/etc/jwks.json".into())));
}
