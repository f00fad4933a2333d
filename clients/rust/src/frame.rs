//! How gRPC writes the one message of a unary call: a byte that says whether it
//! is compressed, its length in four bytes, and the message.

use bytes::{BufMut, Bytes, BytesMut};
use tonic::Status;

const HEAD_BYTES: usize = 5;

/// A message as the body of a call.
pub(crate) fn write(message: &[u8]) -> Result<Bytes, Status> {
    let length = u32::try_from(message.len())
        .map_err(|_| Status::resource_exhausted("the request has 4 GiB or more"))?;
    let mut body = BytesMut::with_capacity(HEAD_BYTES + message.len());
    body.put_u8(0);
    body.put_u32(length);
    body.put_slice(message);
    Ok(body.freeze())
}

/// The message of a body; the text says why there is none.
pub(crate) fn read(body: &Bytes) -> Result<Bytes, &'static str> {
    let Some((&[compressed, a, b, c, d], _)) = body.split_first_chunk::<HEAD_BYTES>() else {
        return Err("there is no message in it");
    };
    if compressed != 0 {
        return Err("it is compressed");
    }
    let message = body.slice(HEAD_BYTES..);
    if u32::from_be_bytes([a, b, c, d]) as usize != message.len() {
        return Err("it has another length than it says");
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for message in [&b""[..], b"abc"] {
            let body = write(message).expect("it is small");
            assert_eq!(read(&body).as_deref(), Ok(message));
        }
    }

    #[test]
    fn what_is_no_single_plain_message_is_refused() {
        for body in [&b""[..], b"\0\0\0\0", b"\x01\0\0\0\0", b"\0\0\0\0\x02a", b"\0\0\0\0\x01ab"] {
            assert!(read(&Bytes::from_static(body)).is_err(), "{body:?}");
        }
    }
}
