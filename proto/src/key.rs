//! An actor's key made of several parts.

use std::borrow::Cow;

/// Joins the parts of an actor's key.
///
/// A single part is taken as it is. Of several, `%` is written as `%25` and
/// `/` as `%2F` in each, and `/` is put between them, so that different parts
/// of one number never make the same key.
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

/// Parts a key into what [`key`] joined; `None` when it has not that many parts.
///
/// ```
/// use callboard_proto::key::split;
///
/// assert_eq!(split("a/b", 1), Some(vec!["a/b".to_owned()]));
/// assert_eq!(split("eu%2Fwest/alice", 2), Some(vec!["eu/west".into(), "alice".into()]));
/// assert_eq!(split("alice", 2), None);
/// ```
pub fn split(key: &str, count: usize) -> Option<Vec<String>> {
    if count == 1 {
        return Some(vec![key.to_owned()]);
    }
    let parts: Vec<_> = key.split('/').map(unescape).collect();
    (parts.len() == count).then_some(parts)
}

fn unescape(part: &str) -> String {
    // `%25` last: what it stands for must not begin another escape.
    part.replace("%2F", "/").replace("%25", "%")
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

    /// Mostly the characters that matter.
    fn parts(count: usize) -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec("[/%25Fa]{0,4}", count)
    }

    proptest! {
        #[test]
        fn a_key_splits_into_what_it_was_joined_from(parts in (1..4_usize).prop_flat_map(parts)) {
            prop_assert_eq!(split(&key(&parts), parts.len()), Some(parts));
        }

        #[test]
        fn different_parts_of_one_number_never_make_the_same_key(
            (one, other) in (1..4_usize).prop_flat_map(|count| (parts(count), parts(count))),
        ) {
            prop_assert_eq!(one == other, key(&one) == key(&other));
        }
    }
}
