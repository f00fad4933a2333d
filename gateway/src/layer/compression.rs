//! Compressed bodies, within bounds: a body of a kilobyte may hold a megabyte
//! of zeros, and a gigabyte as well.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// The binary logarithm of the most that decompression with zstd looks back,
/// which is memory: 8 MiB, as RFC 9659 has it for HTTP.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As it is.
    Identity,
    /// With gzip.
    Gzip,
    /// With zstd.
    Zstd,
}

/// Why a body cannot be decompressed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// It gets larger than it may.
    TooLarge,
    /// It is not what its encoding says.
    Malformed,
}

impl Encoding {
    /// The names of those that compress.
    pub(crate) const NAMES: &str = "zstd, gzip";

    /// By its name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// The best that the sender of a request accepts. How much it likes each is
    /// not looked at, but whether it likes it at all.
    pub(crate) fn accepted(headers: &HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT_ENCODING).iter();
        let entries = values.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
        let mut best = Self::Identity;
        for entry in entries {
            let (name, weight) = entry.split_once(';').unwrap_or((entry, ""));
            let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
            let is_wanted = weight.trim().parse::<f32>().is_ok_and(|weight| weight > 0.0);
            match Self::named(name) {
                Some(Self::Zstd) if is_wanted => return Self::Zstd,
                Some(Self::Gzip) if is_wanted => best = Self::Gzip,
                _ => {}
            }
        }
        best
    }

    /// Decompresses a body, to `bytes_max` at most.
    ///
    /// # Errors
    /// See [`Error`].
    pub(crate) fn decompress(self, body: Bytes, bytes_max: usize) -> Result<Bytes, Error> {
        let mut decompressed = Vec::new();
        let mut read = |reader: &mut dyn Read| {
            reader.take(bytes_max as u64 + 1).read_to_end(&mut decompressed)
        };
        let result = match self {
            Self::Identity => return within(body, bytes_max),
            Self::Gzip => read(&mut GzDecoder::new(&*body)),
            Self::Zstd => zstd::Decoder::new(&*body).and_then(|mut decoder| {
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                read(&mut decoder)
            }),
        };
        result.map_err(|_| Error::Malformed)?;
        within(decompressed.into(), bytes_max)
    }

    /// Compresses a body.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(crate) fn compress(self, body: Bytes) -> io::Result<Bytes> {
        let mut compressed = Vec::new();
        match self {
            Self::Identity => return Ok(body),
            Self::Gzip => {
                GzEncoder::new(&*body, Compression::fast()).read_to_end(&mut compressed)?
            }
            Self::Zstd => {
                zstd::stream::copy_encode(
                    &*body,
                    &mut compressed,
                    zstd::DEFAULT_COMPRESSION_LEVEL,
                )?;
                compressed.len()
            }
        };
        Ok(compressed.into())
    }
}

fn within(body: Bytes, bytes_max: usize) -> Result<Bytes, Error> {
    if body.len() > bytes_max { Err(Error::TooLarge) } else { Ok(body) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const COMPRESSING: [Encoding; 2] = [Encoding::Gzip, Encoding::Zstd];

    #[test]
    fn a_body_survives_its_encoding() {
        let body = Bytes::from("callboard ".repeat(100));
        for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd] {
            let compressed = encoding.compress(body.clone()).expect("memory");
            assert_eq!(encoding.decompress(compressed, body.len()), Ok(body.clone()));
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let body = Bytes::from(vec![0; 10_000_000]);
        for encoding in COMPRESSING {
            let bomb = encoding.compress(body.clone()).expect("memory");
            assert!(bomb.len() < 100_000, "{encoding:?}");
            assert_eq!(encoding.decompress(bomb, 1_000), Err(Error::TooLarge), "{encoding:?}");
        }
    }

    #[test]
    fn what_is_not_compressed_as_it_says_is_malformed() {
        for encoding in COMPRESSING {
            let broken = Bytes::from_static(b"plain text");
            assert_eq!(encoding.decompress(broken, 1_000), Err(Error::Malformed));
            let whole = encoding.compress(Bytes::from("callboard ".repeat(100))).expect("memory");
            let cut = whole.slice(..whole.len() - 5);
            assert_eq!(encoding.decompress(cut, 10_000), Err(Error::Malformed));
        }
    }

    #[test]
    fn the_best_that_is_accepted_is_taken() {
        let of = |text: &'static str| {
            let headers = [(ACCEPT_ENCODING, HeaderValue::from_static(text))];
            Encoding::accepted(&HeaderMap::from_iter(headers))
        };
        assert_eq!(of("gzip, deflate, br, zstd"), Encoding::Zstd);
        assert_eq!(of("gzip;q=0.5, br"), Encoding::Gzip);
        assert_eq!(of("zstd;q=0, gzip; q=1.0"), Encoding::Gzip);
        assert_eq!(of("br, *"), Encoding::Identity);
        assert_eq!(Encoding::accepted(&HeaderMap::new()), Encoding::Identity);
    }
}
