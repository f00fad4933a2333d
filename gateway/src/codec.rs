//! A gRPC codec for messages whose types are known only at run time, and for methods
//! without streams.

use bytes::{Buf, BufMut, Bytes};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// A codec that leaves messages encoded as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawCodec;

/// Takes one message, and refuses a second one, which tonic would leave unread.
#[derive(Debug, Default)]
pub struct OneMessage {
    is_taken: bool,
}

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = OneMessage;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> OneMessage {
        OneMessage::default()
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for OneMessage {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        if std::mem::replace(&mut self.is_taken, true) {
            return Err(Status::internal("there is more than one message"));
        }
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
