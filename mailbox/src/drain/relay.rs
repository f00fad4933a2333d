//! What a handler sends beyond what fits in the commit of its cause: one parcel to
//! the actor itself, from which further commits take it. It runs before anything
//! else, so that what the actor sends keeps its order.

use bytes::Bytes;
use prost::Message as _;

use super::Outgoing;
use crate::address::Address;
use crate::clock::Timestamp;
use crate::message::{DecodeError, Kind, Message};
use crate::parcel::{Parcel, Posted, Slot, Tick};

/// The method of a relay. No method of a `.proto` has a dot in its name.
const METHOD: &str = "callboard.relay";

/// Messages that are still to be sent, at least one.
pub(super) struct Relay(Vec<Outgoing>);

impl Relay {
    /// Takes what is more than `room`, a relay included.
    pub(super) fn cut(sends: &mut Vec<Outgoing>, room: usize) -> Option<Self> {
        (sends.len() > room).then(|| Self(sends.split_off(room.saturating_sub(1))))
    }

    /// Whether a message to this actor is a relay.
    pub(super) fn is(message: &Message, address: &Address) -> bool {
        message.method == METHOD && message.sender.as_ref() == Some(address)
    }

    /// The relay as the parcel that it is stored as. It lies before all others, so
    /// that the next run finds it at once.
    pub(super) fn posted(&self, address: &Address, now: Timestamp) -> Posted {
        // The id of what an actor sends is new, and it is not in this mailbox.
        let id = self.0[0].message.id.clone();
        let message = Message {
            id: id.clone(),
            kind: Kind::Tell,
            method: METHOD.to_owned(),
            payload: self.encoded(),
            sent_at: now,
            deadline: None,
            headers: Vec::new(),
            receipt: false,
            sender: Some(address.clone()),
            answer_to: None,
        };
        let slot = Slot::Inbox { tick: Tick(0), id };
        Posted { to: address.clone(), parcel: Parcel { slot, message, timer: None } }
    }

    /// What the messages take in a relay, in bytes.
    pub(super) fn encoded_len(sends: &[Outgoing]) -> usize {
        sends.iter().map(|send| wire::Outgoing::from(send).encoded_len() + 8).sum()
    }

    fn encoded(&self) -> Bytes {
        let sends = self.0.iter().map(wire::Outgoing::from).collect();
        wire::Relay { sends }.encode_to_vec().into()
    }

    /// The messages of a relay.
    pub(super) fn sends(message: &Message) -> Result<Vec<Outgoing>, DecodeError> {
        let relay = wire::Relay::decode(message.payload.clone())?;
        relay.sends.into_iter().map(Outgoing::try_from).collect()
    }
}

/// The stored form. Field numbers are for ever.
mod wire {
    use bytes::Bytes;

    use super::{Address, DecodeError, Message, Timestamp};

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Relay {
        #[prost(message, repeated, tag = "1")]
        pub(super) sends: Vec<Outgoing>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Outgoing {
        #[prost(string, tag = "1")]
        to: String,
        #[prost(bytes = "bytes", tag = "2")]
        message: Bytes,
        #[prost(uint64, optional, tag = "3")]
        at_ms: Option<u64>,
    }

    impl From<&super::Outgoing> for Outgoing {
        fn from(send: &super::Outgoing) -> Self {
            Self {
                to: send.to.as_str().to_owned(),
                message: send.message.encoded(),
                at_ms: send.at.map(|at| at.0),
            }
        }
    }

    impl TryFrom<Outgoing> for super::Outgoing {
        type Error = DecodeError;

        fn try_from(send: Outgoing) -> Result<Self, DecodeError> {
            Ok(Self {
                to: Address::parse(&send.to).map_err(|_| DecodeError::Field("receiver"))?,
                message: Message::from_encoded(send.message)?,
                at: send.at_ms.map(Timestamp),
            })
        }
    }
}
