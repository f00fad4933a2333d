//! Who calls.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

/// Somebody who has shown who he is; or nobody, where nobody is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The name, with how it was shown before it: `jwt:alice`, `key:billing`,
    /// `cert:uri:spiffe://example.com/billing`. No two kinds share names.
    pub name: Arc<str>,
    /// What is known of it besides, by its name.
    pub claims: BTreeMap<String, Claim>,
    /// Until when that holds. A stream may go on for longer.
    pub expires: Option<SystemTime>,
}

/// Something that is known of a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A text; a whole number counts as its digits.
    Text(String),
    /// Several, such as the groups that somebody is in.
    List(Vec<String>),
}

impl Principal {
    /// Who is not asked who he is.
    #[must_use]
    pub fn anonymous() -> Arc<Self> {
        static ANONYMOUS: LazyLock<Arc<Principal>> = LazyLock::new(|| {
            Arc::new(Principal { name: "anonymous".into(), claims: BTreeMap::new(), expires: None })
        });
        Arc::clone(&ANONYMOUS)
    }

    /// A claim that is one text, and not empty. Nothing else may stand for a part of a
    /// key.
    pub(crate) fn text(&self, claim: &str) -> Option<&str> {
        match self.claims.get(claim)? {
            Claim::Text(text) => Some(text).filter(|text| !text.is_empty()).map(String::as_str),
            Claim::List(_) => None,
        }
    }

    /// Whether a claim is a text, or has it among several.
    pub(crate) fn has(&self, claim: &str, wanted: &str) -> bool {
        match self.claims.get(claim) {
            Some(Claim::Text(text)) => text == wanted,
            Some(Claim::List(texts)) => texts.iter().any(|text| text == wanted),
            None => false,
        }
    }
}

impl Default for Principal {
    fn default() -> Self {
        Self::clone(&Self::anonymous())
    }
}
