//! All that happened to all messages, put together from everywhere in a
//! history.

use std::collections::{BTreeMap, HashMap};

use super::answer::Answer;
use super::event::Event;
use super::life::{Call, Committed, Life};
use super::message::{Actor, Message};
use super::verdict::Verdict;
use super::violation::{Contradiction, Unwarranted, Violation, WrongReply};

/// The lives of all messages.
#[derive(Debug, Default)]
pub(super) struct Lives {
    /// In the order in which they were first sent.
    pub(super) all: Vec<Life>,
    /// What each actor committed, in its order.
    pub(super) actors: BTreeMap<Actor, Vec<Committed>>,
    index: HashMap<Message, usize>,
}

impl Lives {
    /// Puts events in any order together. What contradicts what was gathered
    /// before, and what is about messages that nobody sent, goes into the
    /// verdict and is left out.
    pub(super) fn gather(events: &[Event], verdict: &mut Verdict) -> Self {
        let mut lives = Self::default();
        for event in events {
            lives.sent(event, verdict);
        }
        for event in events {
            lives.came_of_it(event, verdict);
        }
        lives.took_effect(verdict);
        verdict.summary.messages = lives.all.len() as u64;
        lives
    }

    /// The life of a message, if anybody sent it.
    pub(super) fn of(&self, message: Message) -> Option<&Life> {
        self.index.get(&message).map(|slot| &self.all[*slot])
    }

    fn of_mut(&mut self, message: Message) -> Option<&mut Life> {
        self.index.get(&message).map(|slot| &mut self.all[*slot])
    }

    fn sent(&mut self, event: &Event, verdict: &mut Verdict) {
        let Event::Sent { at, message, attempt, actor, kind } = *event else { return };
        verdict.summary.calls += 1;
        let call = Call { attempt, sent: at, ended: None };
        let Some(life) = self.of_mut(message) else {
            self.index.insert(message, self.all.len());
            self.all.push(Life::new(message, actor, kind, call));
            return;
        };
        if (life.actor, life.kind) != (actor, kind) {
            verdict.add(Contradiction::SentElsewhere { message, attempt }.into());
        } else if life.calls.iter().any(|call| call.attempt == attempt) {
            verdict.add(Contradiction::SentTwice { message, attempt }.into());
        } else {
            life.calls.push(call);
        }
    }

    fn came_of_it(&mut self, event: &Event, verdict: &mut Verdict) {
        match *event {
            Event::Sent { .. } => {}
            Event::Answered { at, message, attempt, answer } => {
                verdict.summary.count_answer(answer);
                let answered = self.answered(message, attempt, at, answer);
                answered.unwrap_or_else(|contradiction| verdict.add(contradiction.into()));
            }
            Event::Effect { actor, place, message, epoch, reply } => {
                verdict.summary.effects += 1;
                let effect = Committed { place, message, epoch, reply };
                self.actors.entry(actor).or_default().push(effect);
            }
            Event::Reply { message, reply } => {
                verdict.summary.replies += 1;
                match self.of_mut(message) {
                    Some(life) => life.replied(reply),
                    None => verdict.add(Violation::WronglyAnswered {
                        message,
                        wrong: WrongReply::ToNobody(reply),
                    }),
                }
            }
            Event::SetAside { message, reason } => {
                verdict.summary.set_aside += 1;
                match self.of_mut(message) {
                    Some(life) => life.set_aside = Some(reason),
                    None => verdict.add(Contradiction::SetAsideUnsent { message, reason }.into()),
                }
            }
        }
    }

    fn answered(
        &mut self,
        message: Message,
        attempt: u32,
        at: u64,
        answer: Answer,
    ) -> Result<(), Contradiction> {
        let nobodys = Contradiction::AnswerOfNoCall { message, attempt };
        let life = self.of_mut(message).ok_or(nobodys)?;
        let mut calls = life.calls.iter_mut();
        let call = calls.find(|call| call.attempt == attempt).ok_or(nobodys)?;
        if call.ended.is_some() {
            return Err(Contradiction::AnsweredTwice { message, attempt });
        }
        call.ended = Some((at, answer));
        let sent = call.sent;
        if let Answer::Replied(reply) = answer {
            life.replied(reply);
        }
        match at < sent {
            true => Err(Contradiction::AnsweredBeforeSent { message, attempt, sent, answered: at }),
            false => Ok(()),
        }
    }

    /// Puts each actor's effects in order, and each effect to its message.
    fn took_effect(&mut self, verdict: &mut Verdict) {
        let mut actors = std::mem::take(&mut self.actors);
        for (&actor, effects) in &mut actors {
            effects.sort_by_key(|effect| effect.place);
            if let Some((place, expected)) = first_misplaced(effects) {
                verdict.add(Contradiction::Places { actor, place, expected }.into());
            }
            for effect in effects {
                let message = effect.message;
                match self.of_mut(message).filter(|life| life.actor == actor) {
                    Some(life) => life.took_effect(*effect),
                    None => verdict.add(Violation::Unwarranted {
                        message,
                        actor,
                        place: effect.place,
                        why: Unwarranted::NeverSent,
                    }),
                }
            }
        }
        self.actors = actors;
    }
}

/// The first place that does not follow the one before it, and what it should
/// have been. Those behind it are shifted and say nothing new.
fn first_misplaced(effects: &[Committed]) -> Option<(u64, u64)> {
    let places = effects.iter().map(|effect| effect.place);
    places.zip(1..).find(|(place, expected)| place != expected)
}
