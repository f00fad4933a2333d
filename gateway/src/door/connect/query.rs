//! A message in the query of a GET
//! (<https://connectrpc.com/docs/protocol#unary-get-request>).

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use super::{Failed, Format, Written, error};
use crate::door::headers::invalid;
use crate::layer::compression::Encoding;

/// Clients may leave the padding out, and may not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads the message and how it is written.
pub(super) fn read(query: &str) -> Result<Written, Failed> {
    let (mut format, mut encoding) = (None, Encoding::Identity);
    let (mut message, mut is_base64) = (None, false);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
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
            ("message", _) => message = Some(value.into_owned()),
            // Others are a later version's, or a proxy's.
            _ => {}
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
    fn what_is_missing_or_strange_is_refused() {
        for query in [
            "",
            "encoding=json",
            "message=x",
            "encoding=xml&message=x",
            "connect=v2&encoding=json&message=x",
            "encoding=json&message=x&compression=br",
            "encoding=proto&base64=1&message=**",
        ] {
            assert!(read(query).is_err(), "{query}");
        }
    }
}
