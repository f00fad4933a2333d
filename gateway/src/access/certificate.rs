//! Client certificates: whom one is about. That it is a good one was looked at in the
//! TLS handshake.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::principal::{Claim, Principal};

/// The longest name that counts.
const NAME_BYTES_MAX: usize = 256;

/// The most names of one kind that count.
const NAMES_MAX: usize = 32;

/// Whom a certificate is about: its first URI, or else its first DNS name, or else its
/// common name. None when it has none of them. The name says which it is: who may choose
/// his common name must not be taken for who has a URI.
pub(crate) fn principal(der: &[u8]) -> Option<Arc<Principal>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let (mut uris, mut hosts, mut common) = (Vec::new(), Vec::new(), Vec::new());
    // A broken extension is no empty one.
    if let Some(names) = certificate.subject_alternative_name().ok()? {
        for name in &names.value.general_names {
            match name {
                GeneralName::URI(uri) => uris.push((*uri).to_owned()),
                GeneralName::DNSName(host) => hosts.push(host.to_ascii_lowercase()),
                _ => {}
            }
        }
    }
    for name in certificate.subject().iter_common_name() {
        common.extend(name.as_str().ok().map(str::to_owned));
    }
    let mut claims = BTreeMap::new();
    let mut about = None;
    for (kind, mut names) in [("uri", uris), ("dns", hosts), ("cn", common)] {
        names.retain(|name| is_name(name));
        names.truncate(NAMES_MAX);
        about = about.or_else(|| Some(format!("cert:{kind}:{}", names.first()?)));
        let claim = match <[String; 1]>::try_from(names) {
            Ok([only]) => Claim::Text(only),
            Err(names) if names.is_empty() => continue,
            Err(names) => Claim::List(names),
        };
        claims.insert(kind.to_owned(), claim);
    }
    let expires = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    let expires = UNIX_EPOCH.checked_add(Duration::from_secs(expires));
    Some(Arc::new(Principal { name: about?.into(), claims, expires }))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control)
}
