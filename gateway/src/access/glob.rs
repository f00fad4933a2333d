//! Texts with `*` in them.

/// A text in which each `*` stands for any characters, also for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    /// What is between the stars, literally; one more than there are stars.
    pieces: Vec<String>,
}

impl Glob {
    /// A pattern as it is written.
    pub(super) fn new(pattern: &str) -> Self {
        Self { pieces: pattern.split('*').map(str::to_owned).collect() }
    }

    /// A pattern of what is between its stars.
    pub(super) fn of_pieces(pieces: Vec<String>) -> Self {
        Self { pieces }
    }

    /// Whether a text is one of those that the pattern means, case and all.
    pub(super) fn matches(&self, text: &str) -> bool {
        let [first, between @ .., last] = &*self.pieces else {
            return self.pieces.first().is_some_and(|only| only == text);
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
        for piece in between {
            // The earliest place leaves most for what follows.
            let Some(at) = rest.find(piece.as_str()) else { return false };
            rest = &rest[at + piece.len()..];
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_characters() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("a", "A", false),
            ("a", "ab", false),
            ("*", "", true),
            ("*", "a/b", true),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "acb", false),
            ("a*bc*c", "abc", false),
            ("a*bc*c", "abcc", true),
            ("*ab*ab", "ab", false),
            ("**", "x", true),
            ("Get.", "GetX", false),
            ("[a-z]", "b", false),
            ("a?", "ab", false),
            ("é*", "éa", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }
}
