//! A history in a few lines, of one sender and one actor.

use callboard_proof::history::{
    Actor, Answer, Digest, Event, History, Kind, Message, Reason, Reply,
};

/// A history that is written down message by message.
#[derive(Default)]
pub(crate) struct Case {
    pub(crate) history: History,
    pub(crate) place: u64,
}

fn message(number: u64) -> Message {
    Message { sender: 1, number }
}

impl Case {
    fn add(mut self, event: Event) -> Self {
        self.history.push(event);
        self
    }

    pub(crate) fn sent(self, kind: Kind, number: u64, attempt: u32, at: u64) -> Self {
        self.add(Event::Sent { at, message: message(number), attempt, actor: Actor(1), kind })
    }

    pub(crate) fn answered(self, number: u64, attempt: u32, at: u64, answer: Answer) -> Self {
        self.add(Event::Answered { at, message: message(number), attempt, answer })
    }

    /// A tell that is sent once.
    pub(crate) fn tell(self, number: u64, [sent, answered]: [u64; 2], answer: Answer) -> Self {
        self.sent(Kind::Tell, number, 1, sent).answered(number, 1, answered, answer)
    }

    /// An ask that is sent once.
    pub(crate) fn ask(self, number: u64, [sent, answered]: [u64; 2], answer: Answer) -> Self {
        self.sent(Kind::Ask, number, 1, sent).answered(number, 1, answered, answer)
    }

    /// The next effect.
    pub(crate) fn effect(self, number: u64) -> Self {
        self.committed(number, None, None)
    }

    pub(crate) fn committed(mut self, number: u64, epoch: Option<u64>, reply: Option<u64>) -> Self {
        self.place += 1;
        let (actor, place, reply) = (Actor(1), self.place, reply.map(Digest));
        self.add(Event::Effect { actor, place, message: message(number), epoch, reply })
    }

    pub(crate) fn reply(self, number: u64, reply: Reply) -> Self {
        self.add(Event::Reply { message: message(number), reply })
    }

    pub(crate) fn set_aside(self, number: u64, reason: Reason) -> Self {
        self.add(Event::SetAside { message: message(number), reason })
    }

    #[track_caller]
    pub(crate) fn finds_nothing(self) {
        self.finds(&[]);
    }

    #[track_caller]
    pub(crate) fn finds(self, sentences: &[&str]) {
        let violations = self.history.check().violations;
        let found: Vec<_> = violations.iter().map(ToString::to_string).collect();
        assert_eq!(found, sentences);
    }
}
