//! What became of a message.

use callboard_proto::pb;
use http::{HeaderMap, HeaderValue};
use tonic::Response;

pub(crate) const MESSAGE_ID: &str = "callboard-message-id";
pub(crate) const KEY: &str = "callboard-key";
const SEQUENCE: &str = "callboard-sequence";
const DUPLICATE: &str = "callboard-duplicate";

/// What the gateway says of a stored message: its id, and its place among the
/// messages of its actor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The message's id.
    pub message_id: String,
    /// Its place in the order in which the actor gets its messages, from 1;
    /// `None` for a delayed message and for a duplicate.
    pub sequence: Option<u64>,
    /// Whether a message of this id was sent before: it is not handled again.
    pub duplicate: bool,
    /// The key that the gateway has made for a new actor; `None` when it made
    /// none.
    pub new_key: Option<String>,
}

impl Receipt {
    /// The receipt that came with the response of a stub; `None` after a
    /// read-only ask, which is no message.
    #[must_use]
    pub fn of<T>(response: &Response<T>) -> Option<Self> {
        Self::read(response.metadata().as_ref())
    }

    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        Some(Self {
            message_id: text(MESSAGE_ID)?.to_owned(),
            sequence: text(SEQUENCE).and_then(|text| text.parse().ok()),
            duplicate: text(DUPLICATE) == Some("true"),
            new_key: text(KEY).map(str::to_owned),
        })
    }

    /// Writes it as it comes with a response. What does not fit into a header is
    /// no id and no key of the gateway's.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let mut set =
            |name, text: &str| HeaderValue::from_str(text).map(|value| headers.insert(name, value));
        let _ = set(MESSAGE_ID, &self.message_id);
        if let Some(sequence) = self.sequence {
            let _ = set(SEQUENCE, &sequence.to_string());
        }
        if self.duplicate {
            let _ = set(DUPLICATE, "true");
        }
        if let Some(key) = &self.new_key {
            let _ = set(KEY, key);
        }
    }
}

impl From<pb::Receipt> for Receipt {
    fn from(receipt: pb::Receipt) -> Self {
        Self {
            message_id: receipt.message_id,
            sequence: receipt.sequence,
            duplicate: receipt.duplicate,
            new_key: Some(receipt.new_key).filter(|key| !key.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_in_headers_is_read_as_it_was_written() {
        for (sequence, duplicate, new_key) in [(Some(7), false, None), (None, true, Some("k"))] {
            let new_key = new_key.map(str::to_owned);
            let receipt = Receipt { message_id: "a".to_owned(), sequence, duplicate, new_key };
            let mut headers = HeaderMap::new();
            receipt.write(&mut headers);
            assert_eq!(Receipt::read(&headers), Some(receipt));
        }
        assert_eq!(Receipt::read(&HeaderMap::new()), None);
    }
}
