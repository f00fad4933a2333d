//! Pages of long answers: how long one is, and where the next one begins.

use crate::refusal::Refusal;

/// How many entries a page has when its reader does not say.
const SIZE: usize = 100;

/// The most entries of a page.
pub(super) const SIZE_MAX: usize = 500;

/// When a page has so many bytes of payloads, it is full. Clients of gRPC take 4 MiB
/// in one message unless they are told otherwise, and a last entry comes on top.
pub(super) const BYTES_MAX: usize = 1024 * 1024;

/// How many entries a page is to have.
pub(super) fn size(asked: u32) -> Result<usize, Refusal> {
    match usize::try_from(asked).unwrap_or(usize::MAX) {
        0 => Ok(SIZE),
        size @ 1..=SIZE_MAX => Ok(size),
        _ => Err(Refusal::Invalid {
            field: "page_size".into(),
            detail: format!("a page has {SIZE_MAX} entries at most"),
        }),
    }
}

/// What a page token means; `None` for the first page.
pub(super) fn token<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    read(text).map(Some).ok_or_else(|| Refusal::Invalid {
        field: "page_token".into(),
        detail: "it is none that this call has given".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_size_within_bounds() {
        assert_eq!(size(0), Ok(SIZE));
        assert_eq!(size(1), Ok(1));
        assert_eq!(size(500), Ok(500));
        assert!(size(501).is_err());
    }

    #[test]
    fn a_token_that_nobody_gave_is_refused() {
        let read = |text: &str| text.parse::<u64>().ok();
        assert_eq!(token("", read), Ok(None));
        assert_eq!(token("7", read), Ok(Some(7)));
        assert!(matches!(token("x", read), Err(Refusal::Invalid { .. })));
    }
}
