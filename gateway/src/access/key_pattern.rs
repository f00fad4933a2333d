//! Which keys of actors a rule of the policy is for.
//!
//! A pattern is compared part by part. The parts of a key are what its key fields
//! have; where an actor type has one key field, they are what is between the `/`s in
//! it. A pattern's parts are between its `/`s, and there must be as many:
//!
//! | in a part | stands for |
//! | --- | --- |
//! | `*` | any characters of that part |
//! | `${claim}` | what the caller's claim says, literally and wholly |
//! | `%2A` `%2F` `%24` `%25` | `*`, `/`, `$` and `%` themselves |
//! | anything else | itself |
//!
//! The last part may be `**`, which stands for one part or more, and the pattern `*`
//! alone is any key.
//!
//! A claim never widens a pattern. Its characters mean themselves; one that is missing,
//! empty, or several, is no part of any key; and a part that has a claim has neither a
//! star nor another claim, which could take a bit of it.

use callboard_proto::key::split;

use super::glob::Glob;
use super::principal::Principal;

/// Which keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeyPattern {
    /// All of them.
    Any,
    /// Those with such parts.
    Parts {
        /// The first parts, or all.
        parts: Vec<Part>,
        /// Whether further parts follow, at least one.
        more: bool,
    },
}

/// A part of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A text, perhaps with stars.
    Text(Glob),
    /// A claim with something before and after it.
    Claim { before: String, name: String, after: String },
}

impl KeyPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => return Err("a key pattern is not empty".into()),
            "*" | "**" => return Ok(Self::Any),
            _ => {}
        }
        let (text, more) = match text.strip_suffix("/**") {
            Some(before) => (before, true),
            None => (text, false),
        };
        let parts = text.split('/').map(Part::parse).collect::<Result<_, _>>()?;
        Ok(Self::Parts { parts, more })
    }

    /// The claims in it.
    pub(super) fn claims(&self) -> impl Iterator<Item = &str> {
        let parts = match self {
            Self::Any => &[][..],
            Self::Parts { parts, .. } => parts,
        };
        parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Claim { name, .. } => Some(name.as_str()),
        })
    }

    /// Whether it is for a key of an actor type with so many key fields.
    pub(super) fn matches(&self, principal: &Principal, key: &str, fields: usize) -> bool {
        let Self::Parts { parts, more } = self else { return true };
        let of_key: Vec<String> = match fields {
            0 | 1 => key.split('/').map(str::to_owned).collect(),
            several => match split(key, several) {
                Some(of_key) => of_key,
                // No actor has such a key.
                None => return false,
            },
        };
        let fits = match more {
            true => of_key.len() > parts.len(),
            false => of_key.len() == parts.len(),
        };
        fits && parts.iter().zip(&of_key).all(|(part, text)| part.matches(principal, text))
    }
}

impl Part {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "**" {
            return Err("** stands only at the end of a pattern".into());
        }
        let mut pieces = vec![String::new()];
        let mut claim: Option<(String, String)> = None;
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let last = pieces.last_mut().expect("there is always one");
            match first {
                '*' => {
                    pieces.push(String::new());
                    rest = &rest[1..];
                }
                '%' => {
                    last.push(match rest.get(1..3) {
                        Some("2A") => '*',
                        Some("2F") => '/',
                        Some("24") => '$',
                        Some("25") => '%',
                        _ => return Err("after % comes 2A, 2F, 24 or 25".into()),
                    });
                    rest = &rest[3..];
                }
                '$' => {
                    let name = rest.strip_prefix("${").and_then(|rest| rest.split_once('}'));
                    let Some((name, after)) = name.filter(|(name, _)| is_name(name)) else {
                        return Err("write ${claim}, or %24 for a $ itself".into());
                    };
                    if claim.is_some() {
                        return Err("a part of a key has one claim at most".into());
                    }
                    claim = Some((std::mem::take(last), name.to_owned()));
                    rest = after;
                }
                other => {
                    last.push(other);
                    rest = &rest[other.len_utf8()..];
                }
            }
        }
        match claim {
            None => Ok(Self::Text(Glob::of_pieces(pieces))),
            // A star next to a claim would make of the claim `a` what begins with it,
            // such as the claim `ab`.
            Some(_) if pieces.len() > 1 => {
                Err("a part of a key has a claim or a *, not both".into())
            }
            Some((before, name)) => Ok(Self::Claim { before, name, after: pieces.concat() }),
        }
    }

    fn matches(&self, principal: &Principal, text: &str) -> bool {
        match self {
            Self::Text(glob) => glob.matches(text),
            Self::Claim { before, name, after } => {
                let inner = text.strip_prefix(before.as_str());
                let inner = inner.and_then(|text| text.strip_suffix(after.as_str()));
                inner.is_some_and(|inner| principal.text(name) == Some(inner))
            }
        }
    }
}

/// Whether a text may be the name of a claim.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Claim;

    fn principal(sub: &str) -> Principal {
        let list = Claim::List(vec!["a".into(), "b".into()]);
        let claims = [
            ("sub".to_owned(), Claim::Text(sub.to_owned())),
            ("empty".to_owned(), Claim::Text(String::new())),
            ("groups".to_owned(), list),
        ];
        Principal { name: format!("jwt:{sub}").into(), claims: claims.into(), expires: None }
    }

    fn matches(pattern: &str, sub: &str, key: &str, fields: usize) -> bool {
        KeyPattern::parse(pattern).expect(pattern).matches(&principal(sub), key, fields)
    }

    #[test]
    fn patterns_are_compared_part_by_part() {
        for (pattern, key, fields, expected) in [
            ("*", "a/b/c", 1, true),
            ("*", "a", 1, true),
            ("**", "a/b", 2, true),
            ("a", "a", 1, true),
            ("a", "a/b", 1, false),
            ("a/*", "a/b", 1, true),
            ("a/*", "a/b/c", 1, false),
            ("a/*", "a", 1, false),
            ("a/**", "a", 1, false),
            ("a/**", "a/b/c", 1, true),
            ("a/*", "a/b%2Fc", 2, true),
            ("a/b%2Fc", "a/b%2Fc", 2, true),
            ("a/b%2Fc", "a/b/c", 1, false),
            ("%2A", "*", 1, true),
            ("%2A", "x", 1, false),
            ("%24{sub}", "${sub}", 1, true),
            ("50%25", "50%", 1, true),
            ("u-*-x", "u-1-x", 1, true),
            ("a/*", "a%2Fb", 2, false),
        ] {
            assert_eq!(matches(pattern, "s", key, fields), expected, "{pattern} {key} {fields}");
        }
    }

    #[test]
    fn a_claim_is_one_part_literally() {
        for (pattern, sub, key, fields, expected) in [
            ("${sub}", "alice", "alice", 1, true),
            ("${sub}", "alice", "alicia", 1, false),
            ("${sub}", "*", "anything", 1, false),
            ("${sub}", "*", "*", 1, true),
            ("${sub}", "**", "a/b", 1, false),
            ("${sub}/*", "a/b", "a/b", 1, false),
            ("${sub}/*", "a/b", "a/b/c", 1, false),
            ("${sub}/**", "a", "a/b/c", 1, true),
            ("${sub}/*", "a/b", "a%2Fb/c", 2, true),
            ("${sub}/*", "a", "a%2Fb/c", 2, false),
            ("${sub}/*", "a%2Fb", "a%2Fb/c", 2, false),
            ("user-${sub}", "7", "user-7", 1, true),
            ("user-${sub}-x", "7", "user-7-x", 1, true),
            ("user-${sub}-x", "7", "user-7-y", 1, false),
            ("${empty}", "a", "", 1, false),
            ("x${empty}", "a", "x", 1, false),
            ("${groups}", "a", "a", 1, false),
            ("${missing}", "a", "a", 1, false),
            ("${sub}", "${sub}", "alice", 1, false),
            ("${sub}", "Alice", "alice", 1, false),
        ] {
            assert_eq!(matches(pattern, sub, key, fields), expected, "{pattern} {sub} {key}");
        }
    }

    #[test]
    fn what_could_take_a_bit_of_a_claim_is_no_pattern() {
        for bad in [
            "",
            "${sub}*",
            "*${sub}",
            "${sub}-*",
            "${a}${b}",
            "${a}-${b}",
            "${}",
            "${sub",
            "$sub",
            "a$",
            "%2a",
            "%",
            "%2",
            "%41",
            "a/**/b",
            "${a b}",
            "**/a",
        ] {
            assert!(KeyPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
