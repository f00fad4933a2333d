//! All that happened to one message.

use super::answer::{Answer, Digest, Reply};
use super::event::Reason;
use super::message::{Actor, Kind, Message};
use super::violation::Unwarranted;

/// All that happened to one message.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) message: Message,
    pub(super) actor: Actor,
    pub(super) kind: Kind,
    pub(super) calls: Vec<Call>,
    /// How often it took effect in its actor.
    pub(super) times: u32,
    /// Where it did so first.
    pub(super) effect: Option<Committed>,
    /// Where it did so for the second time.
    pub(super) again: Option<u64>,
    /// The first reply that is known, told or stored.
    pub(super) reply: Option<Reply>,
    /// A reply that differs from it.
    pub(super) other_reply: Option<Reply>,
    pub(super) set_aside: Option<Reason>,
}

/// A call that sent a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) attempt: u32,
    pub(super) sent: u64,
    pub(super) ended: Option<(u64, Answer)>,
}

/// An effect in an actor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Committed {
    pub(super) place: u64,
    pub(super) message: Message,
    pub(super) epoch: Option<u64>,
    pub(super) reply: Option<Digest>,
}

impl Life {
    /// It begins with its first call.
    pub(super) fn new(message: Message, actor: Actor, kind: Kind, call: Call) -> Self {
        Self {
            message,
            actor,
            kind,
            // Nearly all messages are sent once, and `vec!` takes no more.
            calls: vec![call],
            times: 0,
            effect: None,
            again: None,
            reply: None,
            other_reply: None,
            set_aside: None,
        }
    }

    /// A reply to it is known.
    pub(super) fn replied(&mut self, reply: Reply) {
        let first = *self.reply.get_or_insert(reply);
        if first != reply {
            self.other_reply = self.other_reply.or(Some(reply));
        }
    }

    /// It took effect in its actor, behind all that is known so far.
    pub(super) fn took_effect(&mut self, effect: Committed) {
        self.times += 1;
        match self.effect {
            None => self.effect = Some(effect),
            Some(_) => self.again = self.again.or(Some(effect.place)),
        }
    }

    /// When it was sent first.
    pub(super) fn begun(&self) -> u64 {
        self.calls.iter().map(|call| call.sent).min().expect("a life begins with a call")
    }

    /// When its sender first knew that it is stored, and by which answer.
    pub(super) fn stored(&self) -> Option<(u64, Answer)> {
        let ends = self.calls.iter().filter_map(|call| call.ended);
        ends.filter(|(_, answer)| answer.says_stored()).min_by_key(|(at, _)| *at)
    }

    /// Its only reply; `None` also where there are two, which prove nothing
    /// but that.
    pub(super) fn only_reply(&self) -> Option<Reply> {
        self.reply.filter(|_| self.other_reply.is_none())
    }

    /// Why it must not take effect, if so.
    pub(super) fn barred_by(&self) -> Option<Unwarranted> {
        let refused = |call: &Call| matches!(call.ended, Some((_, Answer::Refused)));
        match (self.only_reply(), self.set_aside) {
            _ if self.calls.iter().all(refused) => Some(Unwarranted::Refused),
            (Some(failed @ Reply::Status(_)), _) => Some(Unwarranted::Failed(failed)),
            (_, Some(reason)) => Some(Unwarranted::SetAside(reason)),
            _ => None,
        }
    }
}
