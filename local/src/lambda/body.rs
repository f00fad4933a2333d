//! The bodies of requests, read without letting them grow, and of responses.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;

/// The header of every body that is sent.
pub(super) const JSON: (&str, &str) = ("content-type", "application/json");

/// What is read, and thrown away, of a body that is too large. A client that is cut off while it
/// sends sees a broken connection instead of the answer.
const DISCARDED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why a body is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Error {
    /// It is larger than the limit.
    TooLarge,
    /// The connection broke.
    Broken,
}

/// Reads a body of at most `bytes_max` bytes.
pub(super) async fn read(mut body: Body, bytes_max: usize) -> Result<Bytes, Error> {
    let mut kept = Vec::new();
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Error::Broken)?.into_data() else {
            continue; // Trailers.
        };
        seen += data.len();
        if seen <= bytes_max {
            kept.push(data);
        } else if seen <= DISCARDED_BYTES_MAX {
            kept.clear();
        } else {
            break;
        }
    }
    if seen > bytes_max {
        return Err(Error::TooLarge);
    }
    // Most bodies come in one piece, and are not copied.
    Ok(match <[Bytes; 1]>::try_from(kept) {
        Ok([whole]) => whole,
        Err(pieces) => pieces.concat().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
        let cases = [(0, Ok(0)), (10, Ok(10)), (11, Err(Error::TooLarge))];
        for (size, expected) in cases {
            let body = Body::from(vec![b'x'; size]);
            assert_eq!(read(body, 10).await.map(|bytes| bytes.len()), expected);
        }
    }
}
