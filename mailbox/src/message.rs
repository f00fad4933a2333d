//! Messages, and the segments of the log that hold them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;

use crate::address::Address;
use crate::clock::Timestamp;
use crate::limits::{MESSAGE_ID_BYTES_MAX, TRACEPARENT_BYTES_MAX};
use crate::reply::Outcome;

/// A message's place in its mailbox's log, contiguous from 1. Zero is the
/// place before the first message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The next place.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id of a message, unique in its mailbox. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(Arc<str>);

/// Why a text is no message id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a message id is 1 to {MESSAGE_ID_BYTES_MAX} visible ASCII characters other than '/', and this one is not"
)]
pub struct InvalidId;

impl MessageId {
    /// Reads an id.
    ///
    /// # Errors
    /// When the text is not 1 to 128 visible ASCII characters other than `/`.
    pub fn new(text: &str) -> Result<Self, InvalidId> {
        let valid = (1..=MESSAGE_ID_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
        valid.then(|| Self(text.into())).ok_or(InvalidId)
    }

    /// A new id, a UUIDv7, so that ids sort by time.
    #[must_use]
    pub fn from_time(now: Timestamp, random: &[u8; 10]) -> Self {
        let uuid = uuid::Builder::from_unix_timestamp_millis(now.0, random).into_uuid();
        Self(uuid.to_string().into())
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether somebody waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nobody waits: the sender was answered when the message was durable.
    Tell,
    /// The actor's answer goes to the reply table.
    Ask,
}

/// The header that names the span in which a message was sent.
pub const TRACEPARENT: &str = "traceparent";

/// The headers that say to which trace a message belongs, and what goes along in it.
pub const CONTEXT_HEADERS: [&str; 3] = [TRACEPARENT, "tracestate", "baggage"];

/// One message to an actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    /// Its id, unique in its mailbox.
    pub id: MessageId,
    /// Whether it is a tell or an ask.
    pub kind: Kind,
    /// The name of the method, `Deposit`.
    pub method: String,
    /// The encoded request, exactly as the caller sent it.
    pub payload: Bytes,
    /// When the gateway accepted it.
    pub sent_at: Timestamp,
    /// When its caller stops waiting.
    pub deadline: Option<Timestamp>,
    /// Trace context and other headers that travel with it.
    pub headers: Vec<(String, String)>,
    /// Whether it leaves a receipt in the reply table also when it is a tell, so
    /// that the same id sent again is dropped: its sender chose the id, or its
    /// put may land a second time after it was consumed.
    pub receipt: bool,
    /// The actor that sent it; `None` when it came through a gateway.
    pub sender: Option<Address>,
    /// Who waits for its outcome besides the caller of an ask: an actor that asked,
    /// or whoever the actor waits for that forwarded it.
    pub answer_to: Option<Box<AnswerTo>>,
}

/// Who waits for the outcome of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AnswerTo {
    /// A caller at a gateway: it reads the reply table.
    Caller {
        /// The actor that was asked.
        address: Address,
        /// The id under which it was asked.
        id: MessageId,
        /// See [`crate::Reply::digest`].
        digest: Option<Digest>,
        /// See [`AnswerTo::traceparent`].
        traceparent: Option<String>,
    },
    /// An actor: it gets a message.
    Actor {
        /// The actor.
        address: Address,
        /// The id of that message, new in its mailbox.
        id: MessageId,
        /// The method that takes it.
        method: String,
        /// What the actor gets back with the outcome, as it gave it.
        token: Bytes,
        /// See [`AnswerTo::traceparent`].
        traceparent: Option<String>,
    },
}

/// The outcome of an ask as the actor gets it that asked: the payload of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Answer {
    /// What the actor gave with the ask.
    pub token: Bytes,
    /// How the ask ended.
    pub outcome: Outcome,
}

impl Answer {
    /// The payload.
    #[must_use]
    pub fn encoded(&self) -> Bytes {
        let (code, body) = self.outcome.parts();
        wire::Answer { token: self.token.clone(), code, body }.encode_to_vec().into()
    }

    /// Reads what [`Answer::encoded`] wrote.
    ///
    /// # Errors
    /// When the bytes are no answer.
    pub fn from_encoded(encoded: Bytes) -> Result<Self, DecodeError> {
        let wire::Answer { token, code, body } = wire::Answer::decode(encoded)?;
        Ok(Self { token, outcome: Outcome::from_parts(code, body) })
    }
}

impl AnswerTo {
    /// The header of this name that came with the ask, so that an answer that another message
    /// gives belongs to the trace of whoever waits; at most [`TRACEPARENT_BYTES_MAX`] bytes.
    /// `None` when there was none, and within a message that was not run yet: its own headers
    /// have it.
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        match self {
            Self::Caller { traceparent, .. } | Self::Actor { traceparent, .. } => {
                traceparent.as_deref()
            }
        }
    }

    /// The same with a `traceparent`.
    #[must_use]
    pub fn within(mut self, parent: Option<String>) -> Self {
        let (Self::Caller { traceparent, .. } | Self::Actor { traceparent, .. }) = &mut self;
        *traceparent = parent;
        self
    }

    /// The stored form.
    #[must_use]
    pub fn encoded(&self) -> Bytes {
        wire::AnswerTo::from(self).encode_to_vec().into()
    }

    /// Reads what [`AnswerTo::encoded`] wrote.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn from_encoded(encoded: Bytes) -> Result<Self, DecodeError> {
        wire::AnswerTo::decode(encoded)?.try_into()
    }
}

/// What tells a request from others under the same message id: the first half
/// of the SHA-256 of method and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 16]);

impl Digest {
    /// The digest of a request.
    #[must_use]
    pub fn of(method: &str, payload: &[u8]) -> Self {
        use sha2::Digest as _;
        let mut hash = sha2::Sha256::new();
        // No name of a method holds a zero byte.
        hash.update(method.as_bytes());
        hash.update([0]);
        hash.update(payload);
        let hash = hash.finalize();
        Self(std::array::from_fn(|n| hash[n]))
    }

    /// A digest that may be missing, as a field of bytes: empty for none.
    #[must_use]
    pub fn to_bytes(digest: Option<Self>) -> Bytes {
        digest.map_or_else(Bytes::new, |digest| digest.0.to_vec().into())
    }

    /// Reads what [`Digest::to_bytes`] made.
    ///
    /// # Errors
    /// When it is neither.
    pub fn from_bytes(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        let digest = (!bytes.is_empty()).then(|| bytes.try_into().map(Self));
        digest.transpose().map_err(|_| DecodeError::Field("digest"))
    }
}

/// One item of a mailbox's log: one or more messages with consecutive
/// sequences. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    first: Sequence,
    count: u32,
    encoded: Bytes,
}

/// Why bytes are no segment.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They are not what [`Segment::new`] wrote.
    #[error("a stored segment cannot be read: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A field has a value that it cannot have.
    #[error("a stored segment has a bad {0}")]
    Field(&'static str),
}

impl Segment {
    /// A segment that begins at `first` and holds the messages in this order.
    ///
    /// # Panics
    /// When there is no message, or there are more than `u32::MAX`.
    #[must_use]
    pub fn new(first: Sequence, messages: &[Message]) -> Self {
        assert!(!messages.is_empty(), "a segment holds a message");
        let wire = wire::Segment { messages: messages.iter().map(wire::Message::from).collect() };
        Self {
            first,
            count: u32::try_from(messages.len()).expect("a segment is bounded"),
            encoded: wire.encode_to_vec().into(),
        }
    }

    /// A segment as it was stored.
    ///
    /// # Errors
    /// When the bytes hold no messages that can be read.
    pub fn from_encoded(first: Sequence, encoded: Bytes) -> Result<Self, DecodeError> {
        let count = wire::Segment::decode(encoded.clone())?.messages.len();
        match u32::try_from(count) {
            Ok(count) if count > 0 && first > Sequence(0) => Ok(Self { first, count, encoded }),
            _ => Err(DecodeError::Field("number of messages")),
        }
    }

    /// The same messages at another place.
    #[must_use]
    pub fn at(&self, first: Sequence) -> Self {
        Self { first, ..self.clone() }
    }

    /// The sequence of the first message.
    #[must_use]
    pub fn first(&self) -> Sequence {
        self.first
    }

    /// The sequence of the last message.
    #[must_use]
    pub fn last(&self) -> Sequence {
        Sequence(self.first.0 + u64::from(self.count) - 1)
    }

    /// The messages in the form in which they are stored.
    #[must_use]
    pub fn encoded(&self) -> &Bytes {
        &self.encoded
    }

    /// Whether both hold the same messages. Ids are unique, so a segment that
    /// is found where one was to be put is either that one or a stranger.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.encoded == other.encoded
    }

    /// The messages, each with its sequence.
    ///
    /// # Errors
    /// When a stored field has a value that it cannot have.
    pub fn messages(&self) -> Result<Vec<(Sequence, Message)>, DecodeError> {
        let wire = wire::Segment::decode(self.encoded.clone())?;
        (self.first.0..)
            .map(Sequence)
            .zip(wire.messages)
            .map(|(sequence, message)| Ok((sequence, message.try_into()?)))
            .collect()
    }
}

impl Message {
    /// A message through a gateway with what each of them has, and nothing else.
    #[must_use]
    pub fn new(
        id: MessageId,
        kind: Kind,
        method: impl Into<String>,
        payload: Bytes,
        sent_at: Timestamp,
    ) -> Self {
        Self {
            id,
            kind,
            method: method.into(),
            payload,
            sent_at,
            deadline: None,
            headers: Vec::new(),
            receipt: false,
            sender: None,
            answer_to: None,
        }
    }

    /// Whether something is stored under its id when it is consumed.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.kind == Kind::Ask || self.receipt
    }

    /// Who waits for its outcome, when it is a message to this actor.
    #[must_use]
    pub fn waits(&self, address: &Address) -> Option<AnswerTo> {
        match self.kind {
            Kind::Ask => Some(AnswerTo::Caller {
                address: address.clone(),
                id: self.id.clone(),
                digest: self.digest(),
                traceparent: self.traceparent(),
            }),
            Kind::Tell => self.answer_to.as_deref().cloned().map(|to| {
                // A message that was forwarded says itself who asked first.
                let parent = to.traceparent().map(str::to_owned).or_else(|| self.traceparent());
                to.within(parent)
            }),
        }
    }

    fn traceparent(&self) -> Option<String> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(name, _)| name == TRACEPARENT)?;
        Some(value.clone()).filter(|value| value.len() <= TRACEPARENT_BYTES_MAX)
    }

    /// What its reply says of it; `None` when nobody else can send its id.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.receipt.then(|| Digest::of(&self.method, &self.payload))
    }

    /// The message in the form in which it is stored alone.
    #[must_use]
    pub fn encoded(&self) -> Bytes {
        wire::Message::from(self).encode_to_vec().into()
    }

    /// Reads what [`Message::encoded`] wrote.
    ///
    /// # Errors
    /// When the bytes are no message.
    pub fn from_encoded(encoded: Bytes) -> Result<Self, DecodeError> {
        wire::Message::decode(encoded)?.try_into()
    }

    /// The bytes that the message takes in a segment.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let len = wire::Message::from(self).encoded_len();
        len + prost::length_delimiter_len(len) + 1
    }
}

/// The stored form. Field numbers are for ever.
mod wire {
    use super::{Address, DecodeError, Digest, Kind, MessageId, Timestamp};
    use bytes::Bytes;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Segment {
        #[prost(message, repeated, tag = "1")]
        pub(super) messages: Vec<Message>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Message {
        #[prost(string, tag = "1")]
        id: String,
        #[prost(bool, tag = "2")]
        is_ask: bool,
        #[prost(string, tag = "3")]
        method: String,
        #[prost(bytes = "bytes", tag = "4")]
        payload: Bytes,
        #[prost(uint64, tag = "5")]
        sent_at_ms: u64,
        #[prost(uint64, optional, tag = "6")]
        deadline_ms: Option<u64>,
        #[prost(message, repeated, tag = "7")]
        headers: Vec<Header>,
        #[prost(bool, tag = "8")]
        receipt: bool,
        #[prost(string, optional, tag = "9")]
        sender: Option<String>,
        #[prost(message, optional, tag = "10")]
        answer_to: Option<AnswerTo>,
    }

    /// With a method: an actor. Without: a caller.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct AnswerTo {
        #[prost(string, tag = "1")]
        address: String,
        #[prost(string, tag = "2")]
        id: String,
        #[prost(bytes = "bytes", tag = "3")]
        digest: Bytes,
        #[prost(string, optional, tag = "4")]
        method: Option<String>,
        #[prost(bytes = "bytes", tag = "5")]
        token: Bytes,
        #[prost(string, optional, tag = "6")]
        traceparent: Option<String>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Answer {
        #[prost(bytes = "bytes", tag = "1")]
        pub(super) token: Bytes,
        #[prost(uint32, tag = "2")]
        pub(super) code: u32,
        #[prost(bytes = "bytes", tag = "3")]
        pub(super) body: Bytes,
    }

    impl From<&super::AnswerTo> for AnswerTo {
        fn from(to: &super::AnswerTo) -> Self {
            match to {
                super::AnswerTo::Caller { address, id, digest, traceparent } => Self {
                    address: address.as_str().to_owned(),
                    id: id.as_str().to_owned(),
                    digest: Digest::to_bytes(*digest),
                    method: None,
                    token: Bytes::new(),
                    traceparent: traceparent.clone(),
                },
                super::AnswerTo::Actor { address, id, method, token, traceparent } => Self {
                    address: address.as_str().to_owned(),
                    id: id.as_str().to_owned(),
                    digest: Bytes::new(),
                    method: Some(method.clone()),
                    token: token.clone(),
                    traceparent: traceparent.clone(),
                },
            }
        }
    }

    impl TryFrom<AnswerTo> for super::AnswerTo {
        type Error = DecodeError;

        fn try_from(to: AnswerTo) -> Result<Self, DecodeError> {
            let address =
                Address::parse(&to.address).map_err(|_| DecodeError::Field("address to answer"))?;
            let id = MessageId::new(&to.id).map_err(|_| DecodeError::Field("id to answer"))?;
            let AnswerTo { digest, method, token, traceparent, .. } = to;
            Ok(match method {
                Some(method) => Self::Actor { address, id, method, token, traceparent },
                None => {
                    let digest = Digest::from_bytes(&digest)?;
                    Self::Caller { address, id, digest, traceparent }
                }
            })
        }
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Header {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "2")]
        value: String,
    }

    impl From<&super::Message> for Message {
        fn from(message: &super::Message) -> Self {
            Self {
                id: message.id.as_str().to_owned(),
                is_ask: message.kind == Kind::Ask,
                method: message.method.clone(),
                payload: message.payload.clone(),
                sent_at_ms: message.sent_at.0,
                deadline_ms: message.deadline.map(|deadline| deadline.0),
                headers: message
                    .headers
                    .iter()
                    .map(|(name, value)| Header { name: name.clone(), value: value.clone() })
                    .collect(),
                receipt: message.receipt,
                sender: message.sender.as_ref().map(|sender| sender.as_str().to_owned()),
                answer_to: message.answer_to.as_deref().map(AnswerTo::from),
            }
        }
    }

    impl TryFrom<Message> for super::Message {
        type Error = DecodeError;

        fn try_from(message: Message) -> Result<Self, DecodeError> {
            Ok(Self {
                id: MessageId::new(&message.id).map_err(|_| DecodeError::Field("message id"))?,
                kind: if message.is_ask { Kind::Ask } else { Kind::Tell },
                method: message.method,
                payload: message.payload,
                sent_at: Timestamp(message.sent_at_ms),
                deadline: message.deadline_ms.map(Timestamp),
                headers: message
                    .headers
                    .into_iter()
                    .map(|header| (header.name, header.value))
                    .collect(),
                receipt: message.receipt,
                sender: message
                    .sender
                    .map(|text| Address::parse(&text).map_err(|_| DecodeError::Field("sender")))
                    .transpose()?,
                answer_to: message
                    .answer_to
                    .map(super::AnswerTo::try_from)
                    .transpose()?
                    .map(Box::new),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str) -> Message {
        Message {
            id: MessageId::new(id).expect("an id"),
            kind: Kind::Ask,
            method: "Add".into(),
            payload: Bytes::from_static(b"payload"),
            sent_at: Timestamp(5),
            deadline: Some(Timestamp(9)),
            headers: vec![("traceparent".into(), "00-1-2-01".into())],
            receipt: true,
            sender: Address::new("test.v1.A", "a").ok(),
            answer_to: Some(Box::new(AnswerTo::Actor {
                address: Address::new("test.v1.A", "a").expect("an address"),
                id: MessageId::new("ask").expect("an id"),
                method: "OnAdded".into(),
                token: Bytes::from_static(b"token"),
                traceparent: None,
            })),
        }
    }

    #[test]
    fn whoever_waits_for_an_answer_reads_back_as_it_was() {
        let address = Address::new("test.v1.A", "a").expect("an address");
        let id = MessageId::new("a").expect("an id");
        for digest in [None, Some(Digest::of("Add", b"1"))] {
            let (address, id) = (address.clone(), id.clone());
            let to = AnswerTo::Caller { address, id, digest, traceparent: None };
            assert_eq!(AnswerTo::from_encoded(to.encoded()).expect("it reads"), to);
        }
        let to = *message("b").answer_to.expect("an actor");
        assert_eq!(AnswerTo::from_encoded(to.encoded()).expect("it reads"), to);
        let to = to.within(Some("00-1-2-01".to_owned()));
        assert_eq!(AnswerTo::from_encoded(to.encoded()).expect("it reads"), to);
        assert_eq!(to.traceparent(), Some("00-1-2-01"));
        assert!(AnswerTo::from_encoded(Bytes::new()).is_err());
        let answer = Answer { token: Bytes::from_static(b"t"), outcome: Outcome::Cancelled };
        assert_eq!(Answer::from_encoded(answer.encoded()).expect("it reads"), answer);
    }

    #[test]
    fn who_waits_for_a_message_is_its_caller_or_who_is_named() {
        let address = Address::new("test.v1.B", "b").expect("an address");
        let ask = message("a");
        let (id, digest) = (ask.id.clone(), ask.digest());
        let traceparent = Some("00-1-2-01".to_owned());
        let caller = AnswerTo::Caller { address: address.clone(), id, digest, traceparent };
        assert_eq!(ask.waits(&address), Some(caller));
        let tell = Message { kind: Kind::Tell, ..ask };
        let named = tell.answer_to.as_deref().cloned();
        assert_eq!(tell.waits(&address).map(|to| to.within(None)), named);
    }

    #[test]
    fn whoever_waits_stays_in_the_trace_of_his_own_ask() {
        let address = Address::new("test.v1.B", "b").expect("an address");
        let parent = |message: &Message| {
            let to = message.waits(&address).expect("somebody waits");
            to.traceparent().map(str::to_owned)
        };
        let asked = Message { kind: Kind::Tell, ..message("a") };
        assert_eq!(parent(&asked).as_deref(), Some("00-1-2-01"));
        let answer_to = asked.waits(&address).map(Box::new);
        let headers = vec![("traceparent".to_owned(), "00-1-3-01".to_owned())];
        let forwarded = Message { answer_to, headers, ..asked.clone() };
        assert_eq!(parent(&forwarded).as_deref(), Some("00-1-2-01"));
        let long = vec![("traceparent".to_owned(), "0".repeat(TRACEPARENT_BYTES_MAX + 1))];
        assert_eq!(parent(&Message { headers: long, ..asked.clone() }), None);
        assert_eq!(parent(&Message { headers: Vec::new(), ..asked }), None);
    }

    #[test]
    fn whoever_waits_as_earlier_versions_stored_it_reads() {
        // Fields 1 and 2: the actor that was asked, and the id.
        let stored = Bytes::from_static(b"\x0a\x0btest.v1.A/a\x12\x03ask");
        let address = Address::new("test.v1.A", "a").expect("an address");
        let id = MessageId::new("ask").expect("an id");
        let to = AnswerTo::Caller { address, id, digest: None, traceparent: None };
        assert_eq!(AnswerTo::from_encoded(stored.clone()).expect("it reads"), to);
        assert_eq!(to.encoded(), stored, "without a trace it takes what it took before");
    }

    #[test]
    fn a_digest_tells_method_and_body_apart() {
        let digest = Digest::of("Add", b"1");
        assert_eq!(digest, Digest::of("Add", b"1"));
        assert_ne!(digest, Digest::of("Add", b"2"));
        assert_ne!(digest, Digest::of("Ad", b"d1"));
        // What is stored must be found by later versions: this never changes.
        assert_eq!(digest.0[..4], [141, 25, 67, 228]);
    }

    #[test]
    fn a_message_alone_reads_back_as_it_was() {
        assert_eq!(Message::from_encoded(message("a").encoded()).expect("a message"), message("a"));
        assert!(Message::from_encoded(Bytes::from_static(b"\xff")).is_err());
    }

    #[test]
    fn a_stored_segment_reads_back_as_it_was() {
        let messages = [message("a"), message("b")];
        let segment = Segment::new(Sequence(7), &messages);
        assert_eq!((segment.first(), segment.last()), (Sequence(7), Sequence(8)));
        let read =
            Segment::from_encoded(Sequence(7), segment.encoded().clone()).expect("a segment");
        assert_eq!(read, segment);
        let [a, b] = messages;
        assert_eq!(read.messages().expect("messages"), [(Sequence(7), a), (Sequence(8), b)]);
    }

    #[test]
    fn a_messages_length_is_what_it_adds_to_a_segment() {
        let one = Segment::new(Sequence(1), &[message("a")]).encoded().len();
        let two = Segment::new(Sequence(1), &[message("a"), message("b")]).encoded().len();
        assert_eq!(two - one, message("b").encoded_len());
    }

    #[test]
    fn bytes_that_are_no_segment_are_refused() {
        assert!(Segment::from_encoded(Sequence(1), Bytes::new()).is_err());
        assert!(Segment::from_encoded(Sequence(1), Bytes::from_static(b"\xff\xff")).is_err());
        let segment = Segment::new(Sequence(1), &[message("a")]);
        assert!(Segment::from_encoded(Sequence(0), segment.encoded().clone()).is_err());
    }

    #[test]
    fn ids_are_visible_ascii_within_bounds() {
        assert!(MessageId::new("0198-a").is_ok());
        for bad in ["", "a b", "a/b", "ü", &"x".repeat(MESSAGE_ID_BYTES_MAX + 1)] {
            assert_eq!(MessageId::new(bad), Err(InvalidId));
        }
    }
}
