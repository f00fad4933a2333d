//! What a handler sends and answers beyond what fits in the commit of its cause: one
//! parcel to the actor itself, from which further commits take it. It runs before
//! anything else, so that what the actor sends keeps its order.

use prost::Message as _;

use super::Outgoing;
use crate::address::Address;
use crate::clock::Timestamp;
use crate::commit::Answered;
use crate::message::{DecodeError, Digest, Kind, Message, MessageId};
use crate::parcel::{Parcel, Posted, Slot, Tick};
use crate::reply::{Outcome, Reply};

/// The method of a relay. No method of a `.proto` has a dot in its name.
const METHOD: &str = "callboard.relay";

/// Answers that are still to be given and messages that are still to be sent, at
/// least one.
pub(super) struct Relay {
    pub(super) answers: Vec<Answered>,
    pub(super) sends: Vec<Outgoing>,
}

impl Relay {
    /// Takes what is more than `room` items, a relay included.
    pub(super) fn cut(
        answers: &mut Vec<Answered>,
        sends: &mut Vec<Outgoing>,
        room: usize,
    ) -> Option<Self> {
        if answers.len() + sends.len() <= room {
            return None;
        }
        let room = room.saturating_sub(1);
        let late = answers.split_off(room.min(answers.len()));
        let sends = sends.split_off((room - answers.len()).min(sends.len()));
        Some(Self { answers: late, sends })
    }

    /// Whether a message to this actor is a relay.
    pub(super) fn is(message: &Message, address: &Address) -> bool {
        message.method == METHOD && message.sender.as_ref() == Some(address)
    }

    /// The relay as the parcel that it is stored as. It lies before all others, so
    /// that the next run finds it at once.
    ///
    /// `cause` is the message that sends all this, or the relay before this one, with
    /// its slot. The relay needs another slot than that, since a transaction must not
    /// write an item twice.
    pub(super) fn posted(
        &self,
        address: &Address,
        cause: &Message,
        slot: Option<&Slot>,
        now: Timestamp,
    ) -> Posted {
        let tick = match slot {
            Some(Slot::Inbox { tick, .. }) if Self::is(cause, address) => Tick(tick.0 + 1),
            // No message has a tick as small as these.
            _ => Tick(0),
        };
        let id = cause.id.clone();
        let message = Message {
            sender: Some(address.clone()),
            ..Message::new(
                id.clone(),
                Kind::Tell,
                METHOD,
                wire::Relay::from(self).encode_to_vec().into(),
                now,
            )
        };
        let slot = Slot::Inbox { tick, id };
        Posted { to: address.clone(), parcel: Parcel { slot, message, timer: None } }
    }

    /// What messages take in a relay, in bytes.
    pub(super) fn encoded_len(sends: &[Outgoing]) -> usize {
        sends.iter().map(|send| wire::Outgoing::from(send).encoded_len() + 8).sum()
    }

    /// Reads a relay.
    pub(super) fn of(message: &Message) -> Result<Self, DecodeError> {
        wire::Relay::decode(message.payload.clone())?.try_into()
    }
}

/// The stored form. Field numbers are for ever.
mod wire {
    use bytes::Bytes;

    use super::{
        Address, Answered, DecodeError, Digest, Message, MessageId, Outcome, Reply, Timestamp,
    };

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Relay {
        #[prost(message, repeated, tag = "1")]
        sends: Vec<Outgoing>,
        #[prost(message, repeated, tag = "2")]
        answers: Vec<Answer>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Answer {
        #[prost(string, tag = "1")]
        address: String,
        #[prost(string, tag = "2")]
        id: String,
        #[prost(uint32, tag = "3")]
        code: u32,
        #[prost(bytes = "bytes", tag = "4")]
        body: Bytes,
        #[prost(bytes = "bytes", tag = "5")]
        digest: Bytes,
        #[prost(uint64, tag = "6")]
        expires_ms: u64,
    }

    impl From<&super::Relay> for Relay {
        fn from(relay: &super::Relay) -> Self {
            Self {
                sends: relay.sends.iter().map(Outgoing::from).collect(),
                answers: relay.answers.iter().map(Answer::from).collect(),
            }
        }
    }

    impl TryFrom<Relay> for super::Relay {
        type Error = DecodeError;

        fn try_from(relay: Relay) -> Result<Self, DecodeError> {
            let answers = relay.answers.into_iter().map(Answered::try_from);
            let sends = relay.sends.into_iter().map(super::Outgoing::try_from);
            Ok(Self {
                answers: answers.collect::<Result<_, _>>()?,
                sends: sends.collect::<Result<_, _>>()?,
            })
        }
    }

    impl From<&Answered> for Answer {
        fn from(answered: &Answered) -> Self {
            let Answered { address, reply: Reply { id, outcome, digest, expires } } = answered;
            let (code, body) = outcome.parts();
            Self {
                address: address.as_str().to_owned(),
                id: id.as_str().to_owned(),
                code,
                body,
                digest: Digest::to_bytes(*digest),
                expires_ms: expires.0,
            }
        }
    }

    impl TryFrom<Answer> for Answered {
        type Error = DecodeError;

        fn try_from(answer: Answer) -> Result<Self, DecodeError> {
            Ok(Self {
                address: Address::parse(&answer.address)
                    .map_err(|_| DecodeError::Field("address to answer"))?,
                reply: Reply {
                    id: MessageId::new(&answer.id)
                        .map_err(|_| DecodeError::Field("id to answer"))?,
                    outcome: Outcome::from_parts(answer.code, answer.body),
                    digest: Digest::from_bytes(&answer.digest)?,
                    expires: Timestamp(answer.expires_ms),
                },
            })
        }
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
