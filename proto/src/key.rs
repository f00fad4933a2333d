//! An actor's key made of several parts.
//!
//! One part is the key as it is. Of several, `%` is written as `%25` and `/` as
//! `%2F` in each, nothing else is escaped, and a `/` is put between them:
//!
//! | parts | key |
//! | --- | --- |
//! | `a/b` | `a/b` |
//! | `eu/west`, `alice` | `eu%2Fwest/alice` |
//! | `50%`, `` | `50%25/` |
//!
//! So the number of parts has to be known to read a key, and it is: all methods
//! of an actor type have the same number of key fields. Among keys of one number
//! of parts, and among all keys of two parts or more, different parts never make
//! the same key, and each key has one reading or none.

use std::borrow::Cow;

/// Joins the parts of an actor's key.
///
/// ```
/// use callboard_proto::key;
///
/// assert_eq!(key(&["a/b"]), "a/b");
/// assert_eq!(key(&["eu/west", "alice"]), "eu%2Fwest/alice");
/// ```
pub fn key(parts: &[impl AsRef<str>]) -> String {
    match parts {
        [single] => single.as_ref().to_owned(),
        several => {
            let escaped: Vec<_> = several.iter().map(|part| escape(part.as_ref())).collect();
            escaped.join("/")
        }
    }
}

/// Parts a key into what [`key`] joined; `None` when no parts of that number make
/// this key.
///
/// ```
/// use callboard_proto::key::split;
///
/// assert_eq!(split("a/b", 1), Some(vec!["a/b".to_owned()]));
/// assert_eq!(split("eu%2Fwest/alice", 2), Some(vec!["eu/west".into(), "alice".into()]));
/// assert_eq!(split("alice", 2), None);
/// assert_eq!(split("eu%2fwest/alice", 2), None);
/// ```
pub fn split(key: &str, count: usize) -> Option<Vec<String>> {
    if count == 1 {
        return Some(vec![key.to_owned()]);
    }
    let parts: Vec<_> = key.split('/').map(unescape).collect::<Option<_>>()?;
    (parts.len() == count).then_some(parts)
}

/// Undoes [`escape`]; `None` of what it never makes.
fn unescape(part: &str) -> Option<String> {
    let mut pieces = part.split('%');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (escaped, rest) = piece.split_at_checked(2)?;
        plain.push(match escaped {
            "25" => '%',
            "2F" => '/',
            _ => return None,
        });
        plain.push_str(rest);
    }
    Some(plain)
}

fn escape(part: &str) -> Cow<'_, str> {
    if part.contains(['%', '/']) {
        // `%` first: the escape of `/` contains one.
        Cow::Owned(part.replace('%', "%25").replace('/', "%2F"))
    } else {
        Cow::Borrowed(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_single_part_is_the_key() {
        assert_eq!(key(&["50%/half"]), "50%/half");
    }

    #[test]
    fn several_parts_are_escaped_and_joined() {
        assert_eq!(key(&["50%", "a/b", ""]), "50%25/a%2Fb/");
    }

    #[test]
    fn what_is_not_escaped_as_it_should_be_is_no_key_of_several_parts() {
        for bad in ["a%/b", "a%2/b", "a%2f/b", "a%2G/b", "%/", "a%2\u{e9}/b", "a", "a/b/c"] {
            assert_eq!(split(bad, 2), None, "{bad}");
        }
    }

    /// Mostly the characters that matter.
    fn parts(count: usize) -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec("[/%25Fa\u{e9}]{0,4}", count)
    }

    proptest! {
        #[test]
        fn a_key_splits_into_what_it_was_joined_from(parts in (1..5_usize).prop_flat_map(parts)) {
            prop_assert_eq!(split(&key(&parts), parts.len()), Some(parts));
        }

        #[test]
        fn what_splits_joins_into_the_same_key(
            text in "[/%25Ffa\u{e9}]{0,12}",
            count in 1..5_usize,
        ) {
            if let Some(parts) = split(&text, count) {
                prop_assert_eq!(parts.len(), count);
                prop_assert_eq!(key(&parts), text);
            }
        }

        #[test]
        fn different_parts_of_one_number_never_make_the_same_key(
            (one, other) in (1..5_usize).prop_flat_map(|count| (parts(count), parts(count))),
        ) {
            prop_assert_eq!(one == other, key(&one) == key(&other));
        }

        #[test]
        fn different_parts_of_two_or_more_never_make_the_same_key(
            one in (2..5_usize).prop_flat_map(parts),
            other in (2..5_usize).prop_flat_map(parts),
        ) {
            prop_assert_eq!(one == other, key(&one) == key(&other));
        }
    }
}
