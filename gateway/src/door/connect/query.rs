//! A message in the query of a GET
//! (<https://connectrpc.com/docs/protocol#unary-get-request>).

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::{Failed, Format, Written, error};
use crate::door::headers::invalid;
use crate::layer::compression::Encoding;

/// Clients may leave the padding out, and may not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The parameters that are looked at. Others are a later version's, or a proxy's.
const NAMES: [&str; 5] = ["connect", "encoding", "compression", "base64", "message"];

/// Reads the message and how it is written.
pub(super) fn read(query: &str) -> Result<Written, Failed> {
    let (mut format, mut encoding) = (None, Encoding::Identity);
    let (mut message, mut is_base64) = (None, false);
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // A name that cannot be read is none of these.
        let name = text(name).unwrap_or_default();
        if !NAMES.contains(&&*name) {
            continue;
        }
        let bad = || invalid(&name, "it is not percent-encoded UTF-8");
        let value = text(value).ok_or_else(bad)?;
        match (&*name, &*value) {
            ("connect", "v1") => {}
            ("connect", _) => return Err(invalid("connect", "the version here is v1").into()),
            ("encoding", "json") => format = Some(Format::Json),
            ("encoding", "proto") => format = Some(Format::Proto),
            ("encoding", _) => return Err(invalid("encoding", "it is json or proto").into()),
            ("compression", name) => {
                encoding = Encoding::named(name).ok_or_else(|| error::unknown_encoding(name))?;
            }
            ("base64", value) => is_base64 = value == "1",
            _ => message = Some(value),
        }
    }
    let format = format.ok_or_else(|| invalid("encoding", "it is missing: json or proto"))?;
    let message = message.ok_or_else(|| invalid("message", "it is missing"))?;
    let bytes = match is_base64 {
        false => Bytes::from(message),
        true => {
            let decoded = BASE64.decode(message);
            decoded.map_err(|_| invalid("message", "it is not base64 for URLs"))?.into()
        }
    };
    Ok(Written { format, encoding, bytes })
}

/// The text of a name or a value, as forms write it; none when it breaks off, or is not
/// UTF-8: to guess at it might call another actor.
fn text(encoded: &str) -> Option<String> {
    let is_hex = |at: usize| encoded.as_bytes().get(at).is_some_and(u8::is_ascii_hexdigit);
    let is_whole = encoded.match_indices('%').all(|(at, _)| is_hex(at + 1) && is_hex(at + 2));
    let spaced = encoded.replace('+', " ");
    let decoded = is_whole.then(|| percent_decode_str(&spaced).decode_utf8())?;
    Some(decoded.ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_text_or_base64() {
        let written = read("connect=v1&encoding=json&message=%7B%22a%22%3A+1%7D").ok();
        let written = written.expect("it is valid");
        assert_eq!((written.format, &*written.bytes), (Format::Json, &b"{\"a\": 1}"[..]));
        for message in ["_-8", "_-8%3D"] {
            let query = format!("encoding=proto&base64=1&compression=gzip&message={message}");
            let written = read(&query).ok().expect("it is valid");
            assert_eq!((written.encoding, &*written.bytes), (Encoding::Gzip, &b"\xff\xef"[..]));
        }
    }

    #[test]
    fn parameters_of_others_are_let_be() {
        let written = read("%ff=%&connect=v1&utm=%zz&encoding=json&message=%7B%7D&flag");
        assert_eq!(&*written.ok().expect("it is valid").bytes, b"{}");
    }

    #[test]
    fn what_is_missing_or_strange_is_refused() {
        for query in [
            "",
            "encoding=json",
            "message=x",
            "encoding=xml&message=x",
            "connect=v2&encoding=json&message=x",
            "encoding=json&message=x&compression=br",
            "encoding=proto&base64=1&message=**",
            "encoding=json&message=%7B%22a%22%3A%22%ff%22%7D",
            "encoding=json&message=%7B%22a%22%3A%22%u0041%22%7D",
            "encoding=json&message=%7B%7D%7",
            "encoding=json%&message=x",
        ] {
            assert!(read(query).is_err(), "{query}");
        }
    }
}
