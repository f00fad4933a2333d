//! What became of a message.

use tonic::Response;
use tonic::metadata::MetadataMap;

/// What the gateway says of a stored message: its id, and its place among the
/// messages of its actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The message's id.
    pub message_id: String,
    /// Its place in the order in which the actor gets its messages, from 1;
    /// `None` for a delayed message and for a duplicate.
    pub sequence: Option<u64>,
    /// Whether a message of this id was sent before: it is not processed again.
    pub duplicate: bool,
}

impl Receipt {
    /// The receipt that came with a response; `None` when it did not come from
    /// a Callboard gateway.
    #[must_use]
    pub fn of<T>(response: &Response<T>) -> Option<Self> {
        Self::read(response.metadata())
    }

    pub(crate) fn read(metadata: &MetadataMap) -> Option<Self> {
        let sequence = metadata.get("callboard-sequence").and_then(|text| text.to_str().ok());
        Some(Self {
            message_id: message_id(metadata)?.to_owned(),
            sequence: sequence.and_then(|text| text.parse().ok()),
            duplicate: metadata.contains_key("callboard-duplicate"),
        })
    }
}

pub(crate) fn message_id(metadata: &MetadataMap) -> Option<&str> {
    metadata.get("callboard-message-id")?.to_str().ok()
}
