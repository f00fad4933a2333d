//! A promise that a history shows to be broken.

use super::answer::{Answer, Digest, Reply};
use super::breach::Breach;
use super::event::Reason;
use super::message::{Actor, Kind, Message};

/// One place of a history that breaks a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the sentence of each variant says what its fields are")]
pub enum Violation {
    /// The sender was told that its message is stored, and it never took effect.
    #[error("lost: {message} was {answer} at {at}, and never took effect in {actor}")]
    Lost { message: Message, actor: Actor, at: u64, answer: Answer },
    /// A message took effect more than once.
    #[error("doubled: {message} took effect {times} times in {actor}, first at places {} and {}",
        places[0], places[1])]
    Doubled { message: Message, actor: Actor, times: u32, places: [u64; 2] },
    /// A message took effect behind one that was sent after its answer.
    #[error("reordered: {message} was known to be stored at {stored}, before {later} was sent at \
        {sent}, and took effect behind it in {actor}, at place {} and not before {}",
        places[0], places[1])]
    Reordered {
        message: Message,
        stored: u64,
        later: Message,
        sent: u64,
        actor: Actor,
        places: [u64; 2],
    },
    /// An activation committed after a later one had committed.
    #[error("fenced late: {message} took effect at place {} of {actor} under epoch {}, although \
        place {} had been committed under epoch {}", places[0], epochs[0], places[1], epochs[1])]
    FencedLate { message: Message, actor: Actor, places: [u64; 2], epochs: [u64; 2] },
    /// One message has two different replies.
    #[error("doubly answered: {message} has {} and {}", replies[0], replies[1])]
    DoublyAnswered { message: Message, replies: [Reply; 2] },
    /// A reply that cannot be right.
    #[error("wrongly answered: {message} {wrong}")]
    WronglyAnswered { message: Message, wrong: WrongReply },
    /// An effect that must not be.
    #[error("unwarranted: {message} took effect at place {place} of {actor}, and {why}")]
    Unwarranted { message: Message, actor: Actor, place: u64, why: Unwarranted },
    /// A call was never answered.
    #[error(
        "unended: {message} was sent to {actor} at {at} as {kind} (attempt {attempt}), and \
        that call never ended"
    )]
    Unended { message: Message, actor: Actor, kind: Kind, attempt: u32, at: u64 },
    /// The history contradicts itself.
    #[error("misrecorded: {0}")]
    Misrecorded(Contradiction),
}

/// What is wrong with a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the sentence of each variant says what its fields are")]
pub enum WrongReply {
    /// Only a message that took effect has a response.
    #[error("has {0}, and never took effect")]
    WithoutEffect(Reply),
    /// An earlier run of the handler made it, and that run was never committed.
    #[error("has response {reply}, and its effect made response {effect}")]
    OfAnotherRun { reply: Digest, effect: Digest },
    /// A tell is acknowledged, and an ask is not.
    #[error("is {kind}, and was {answer}")]
    OfAnotherKind { kind: Kind, answer: Answer },
    /// There is a reply to what nobody sent.
    #[error("has {0}, and nobody sent it")]
    ToNobody(Reply),
}

/// Why an effect must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwarranted {
    /// Nobody sent the message to this actor.
    #[error("nobody sent it there")]
    NeverSent,
    /// Each call that sent it was told that it is not stored.
    #[error("its sender was told that it is not stored")]
    Refused,
    /// Its handler failed for good, so its change was to be undone.
    #[error("its handler failed with {0}")]
    Failed(Reply),
    /// It was set aside.
    #[error("it was {0}")]
    SetAside(Reason),
}

/// How a history contradicts itself. Then its recorder is wrong, and nothing
/// that it says proves anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the sentence of each variant says what its fields are")]
pub enum Contradiction {
    /// Two calls cannot be told apart.
    #[error("attempt {attempt} of {message} was sent twice")]
    SentTwice { message: Message, attempt: u32 },
    /// A message was sent to one actor, and then to another or in another way.
    #[error("attempt {attempt} sent {message} to another actor or as another kind than before")]
    SentElsewhere { message: Message, attempt: u32 },
    /// An answer belongs to no call.
    #[error("attempt {attempt} of {message} was answered, and never sent")]
    AnswerOfNoCall { message: Message, attempt: u32 },
    /// A call ended twice.
    #[error("attempt {attempt} of {message} was answered twice")]
    AnsweredTwice { message: Message, attempt: u32 },
    /// A call ended before it began.
    #[error(
        "attempt {attempt} of {message} was answered at {answered}, before it was sent at {sent}"
    )]
    AnsweredBeforeSent { message: Message, attempt: u32, sent: u64, answered: u64 },
    /// An actor's list of effects has a hole, or two effects at one place.
    #[error(
        "the effects of {actor} do not count from 1: place {place} is where {expected} must be"
    )]
    Places { actor: Actor, place: u64, expected: u64 },
    /// A message that nobody sent was set aside.
    #[error("{message} was {reason}, and nobody sent it")]
    SetAsideUnsent { message: Message, reason: Reason },
}

impl Violation {
    /// Which kind of violation it is.
    #[must_use]
    pub fn breach(&self) -> Breach {
        match self {
            Self::Lost { .. } => Breach::Lost,
            Self::Doubled { .. } => Breach::Doubled,
            Self::Reordered { .. } => Breach::Reordered,
            Self::FencedLate { .. } => Breach::FencedLate,
            Self::DoublyAnswered { .. } => Breach::DoublyAnswered,
            Self::WronglyAnswered { .. } => Breach::WronglyAnswered,
            Self::Unwarranted { .. } => Breach::Unwarranted,
            Self::Unended { .. } => Breach::Unended,
            Self::Misrecorded(_) => Breach::Misrecorded,
        }
    }
}

impl From<Contradiction> for Violation {
    fn from(contradiction: Contradiction) -> Self {
        Self::Misrecorded(contradiction)
    }
}
