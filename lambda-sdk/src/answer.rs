//! Answers to what an actor asks others, and answers that it gives later.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use callboard_mailbox::message::{self, AnswerTo};
use callboard_mailbox::reply::Outcome;
use callboard_proto::pb::ErrorReason;
use prost::Message;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::context::Context;
use crate::error::{Error, Result};

/// A method that takes the answers to asks: `AccountService::ON_DEBITED` for the
/// method `OnDebited`. `R` is the response of the methods that can be asked for it.
pub struct AnswerHandler<R> {
    pub(crate) actor_type: &'static str,
    pub(crate) method: &'static str,
    response: PhantomData<fn() -> R>,
}

impl<R> AnswerHandler<R> {
    /// For generated code.
    #[must_use]
    pub const fn new(actor_type: &'static str, method: &'static str) -> Self {
        Self { actor_type, method, response: PhantomData }
    }
}

impl<R> Clone for AnswerHandler<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for AnswerHandler<R> {}

impl<R> fmt::Debug for AnswerHandler<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.actor_type, self.method)
    }
}

/// The answer to an ask of this actor.
#[derive(Clone, Debug)]
pub struct Answer<R> {
    /// The response, or how the ask failed: the status of the other actor's handler,
    /// FAILED_PRECONDITION with the reason DEAD_LETTERED when the message was set
    /// aside, DEADLINE_EXCEEDED with the reason ASK_TIMEOUT when no answer came in
    /// time. What comes after that is dropped.
    pub result: Result<R, Status>,
    correlation: Bytes,
}

impl<R> Answer<R> {
    /// What was given with the ask.
    ///
    /// # Errors
    /// When it was of another type; the message is retried then.
    pub fn correlation<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.correlation)
            .map_err(|error| Error::retried(format!("the correlation is another one: {error}")))
    }

    /// Whether no answer came in time.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        let status = self.result.as_ref().err().filter(|s| s.code() == Code::DeadlineExceeded);
        let info = status.and_then(StatusExt::get_details_error_info);
        info.is_some_and(|info| info.reason == ErrorReason::AskTimeout.reason())
    }
}

/// What travels with an ask and comes back with its answer: whether there is a
/// time-out, and the correlation.
pub(crate) fn token(is_timed: bool, correlation: &[u8]) -> Bytes {
    [&[u8::from(is_timed)], correlation].concat().into()
}

/// The timer of an ask. No timer of a user begins like this.
pub(crate) const ASK_TIMER: char = '?';

/// Whether a timer is that of an ask.
pub(crate) fn is_ask_timer(name: &str) -> bool {
    name.starts_with(ASK_TIMER)
}

/// The name of the timer of an ask.
pub(crate) fn timer(ask: &str) -> String {
    format!("{ASK_TIMER}{ask}")
}

/// The answer that an actor gets when none came in time.
pub(crate) fn timeout() -> Outcome {
    let details = ErrorDetails::with_error_info(
        ErrorReason::AskTimeout.reason(),
        callboard_proto::ERROR_DOMAIN,
        std::collections::HashMap::new(),
    );
    let text = "no answer came in time";
    let status = Status::with_error_details(Code::DeadlineExceeded, text, details);
    failed(&status)
}

/// For generated code: the answer that a message is; `None` when it came too late.
///
/// # Errors
/// When the bytes are no answer.
pub fn answer<R: Message + Default>(
    ctx: &mut Context<'_>,
    payload: &[u8],
) -> Result<Option<Answer<R>>> {
    let message::Answer { token, outcome } =
        message::Answer::from_encoded(Bytes::copy_from_slice(payload))?;
    let is_timed = token.first() == Some(&1);
    let is_timeout = ctx.is_ask_timeout();
    if is_timed && !is_timeout && !ctx.end_ask() {
        return Ok(None);
    }
    Ok(Some(Answer { result: result(outcome), correlation: token.slice(token.len().min(1)..) }))
}

/// What whoever asked makes of an outcome.
pub(crate) fn result<R: Message + Default>(outcome: Outcome) -> Result<R, Status> {
    match outcome {
        Outcome::Ok(response) => R::decode(response).map_err(|error| {
            Status::internal(format!("the response is not what was asked for: {error}"))
        }),
        other => Err(status(other)),
    }
}

fn status(outcome: Outcome) -> Status {
    let refused = |code, text: String, reason: ErrorReason, metadata: &[(&str, String)]| {
        let metadata = metadata.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let domain = callboard_proto::ERROR_DOMAIN;
        let metadata: std::collections::HashMap<_, _> = metadata.collect();
        let details = ErrorDetails::with_error_info(reason.reason(), domain, metadata);
        Status::with_error_details(code, text, details)
    };
    match outcome {
        Outcome::Failed { code, status } => {
            let code = Code::from_i32(i32::try_from(code).unwrap_or_default());
            let text = tonic_types::pb::Status::decode(status.clone()).unwrap_or_default().message;
            Status::with_details(code, text, status)
        }
        Outcome::DeadLettered { attempts, error } => refused(
            Code::FailedPrecondition,
            format!("the message failed {attempts} times and was set aside: {error}"),
            ErrorReason::DeadLettered,
            &[("attempts", attempts.to_string()), ("last_error", error)],
        ),
        Outcome::Cancelled => {
            let text = "the message was cancelled".to_owned();
            refused(Code::Cancelled, text, ErrorReason::MessageCancelled, &[])
        }
        Outcome::Ok(_) | Outcome::Later => Status::internal("an answer without an outcome"),
    }
}

/// The stored form of an error: its code, and all of it as `google.rpc.Status`.
pub(crate) fn failed(status: &Status) -> Outcome {
    let encoded = match status.details() {
        [] => tonic_types::pb::Status {
            code: status.code().into(),
            message: status.message().to_owned(),
            details: Vec::new(),
        }
        .encode_to_vec()
        .into(),
        details => Bytes::copy_from_slice(details),
    };
    if encoded.len() > STATUS_BYTES_MAX {
        let smaller = crate::error::too_large("error", STATUS_BYTES_MAX, encoded.len());
        return failed(smaller.status().expect("too large is terminal"));
    }
    let code = i32::from(status.code()).unsigned_abs();
    Outcome::Failed { code, status: encoded }
}

/// The largest error of a handler, as an encoded `google.rpc.Status`. It travels
/// in HTTP/2 trailers, and many clients take no more than 8 KiB of them.
const STATUS_BYTES_MAX: usize = 4 * 1024;

/// The promise to answer later, from another message of the same actor. It can be a
/// part of the state; whoever waits is answered once, since answering takes it.
///
/// It takes what the actor's address and the message's id take, and about 80 bytes: less than
/// 1.8 KiB. One to an actor that asked has its correlation, too. In a state that is JSON it is a
/// third more.
///
/// `R` is the response that is promised. See [`Context::reply_later`].
pub struct Later<R> {
    /// `None` when nobody waits: the message is a tell.
    pub(crate) to: Option<AnswerTo>,
    response: PhantomData<fn() -> R>,
}

impl<R> Later<R> {
    pub(crate) fn new(to: Option<AnswerTo>) -> Self {
        Self { to, response: PhantomData }
    }

    /// The promise as bytes, for a state that is a protobuf message.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.to.map_or_else(Vec::new, |to| to.encoded().to_vec())
    }

    /// Reads what [`Later::into_bytes`] made.
    ///
    /// # Errors
    /// When the bytes are no promise.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let to = match bytes {
            [] => None,
            bytes => Some(AnswerTo::from_encoded(Bytes::copy_from_slice(bytes))?),
        };
        Ok(Self::new(to))
    }
}

impl<R> fmt::Debug for Later<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Later").finish_non_exhaustive()
    }
}

impl<R> Serialize for Later<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let bytes = self.to.as_ref().map(AnswerTo::encoded).unwrap_or_default();
        BASE64_STANDARD.encode(bytes).serialize(serializer)
    }
}

impl<'de, R> Deserialize<'de> for Later<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64_STANDARD.decode(text).map_err(D::Error::custom)?;
        Self::from_bytes(&bytes).map_err(D::Error::custom)
    }
}
