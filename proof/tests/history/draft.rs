//! A history that is taken apart, so that it can be broken at one place.

use std::collections::BTreeMap;

use callboard_proof::history::{Actor, Answer, Digest, Event, History, Kind, Message, Reply};

/// A history: the lists of effects, and all the rest.
pub(crate) struct Draft {
    pub(crate) rng: fastrand::Rng,
    /// All events but effects.
    pub(crate) events: Vec<Event>,
    /// What each actor committed; the places are made anew in the end.
    pub(crate) effects: BTreeMap<Actor, Vec<Entry>>,
}

/// An effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) message: Message,
    pub(crate) epoch: Option<u64>,
    pub(crate) reply: Option<Digest>,
}

/// What is known of a message from its calls, its replies and what set it
/// aside.
#[derive(Clone, Debug)]
pub(crate) struct Fate {
    pub(crate) actor: Actor,
    pub(crate) kind: Kind,
    pub(crate) begun: u64,
    /// When its sender first knew that it is stored.
    pub(crate) stored: Option<u64>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) reply: Option<Reply>,
    pub(crate) is_set_aside: bool,
    pub(crate) has_effect: bool,
}

impl Draft {
    pub(crate) fn new(events: Vec<Event>, seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        let mut draft = Self { rng, events: Vec::new(), effects: BTreeMap::new() };
        let mut placed = Vec::new();
        for event in events {
            match event {
                Event::Effect { actor, place, message, epoch, reply } => {
                    placed.push((place, actor, Entry { message, epoch, reply }));
                }
                other => draft.events.push(other),
            }
        }
        placed.sort_by_key(|(place, ..)| *place);
        for (_, actor, entry) in placed {
            draft.effects.entry(actor).or_default().push(entry);
        }
        draft
    }

    pub(crate) fn history(&self) -> History {
        let effects =
            self.effects.iter().flat_map(|(&actor, entries)| {
                (1..).zip(entries).map(move |(place, &Entry { message, epoch, reply })| {
                    Event::Effect { actor, place, message, epoch, reply }
                })
            });
        self.events.iter().copied().chain(effects).collect()
    }

    /// The fates of all messages, by a simpler and slower way than the
    /// checker's.
    pub(crate) fn fates(&self) -> BTreeMap<Message, Fate> {
        let mut fates: BTreeMap<Message, Fate> = BTreeMap::new();
        for event in &self.events {
            if let Event::Sent { at, message, actor, kind, .. } = *event {
                let fate = fates.entry(message).or_insert(Fate {
                    actor,
                    kind,
                    begun: at,
                    stored: None,
                    answers: Vec::new(),
                    reply: None,
                    is_set_aside: false,
                    has_effect: false,
                });
                fate.begun = fate.begun.min(at);
            }
        }
        let known = "a good history has no event of a message that nobody sent";
        for event in &self.events {
            match *event {
                Event::Answered { at, message, answer, .. } => {
                    let fate = fates.get_mut(&message).expect(known);
                    fate.answers.push(answer);
                    if answer.says_stored() {
                        fate.stored = Some(fate.stored.map_or(at, |earlier| earlier.min(at)));
                    }
                    if let Answer::Replied(reply) = answer {
                        fate.reply = Some(reply);
                    }
                }
                Event::Reply { message, reply } => {
                    fates.get_mut(&message).expect(known).reply = Some(reply);
                }
                Event::SetAside { message, .. } => {
                    fates.get_mut(&message).expect(known).is_set_aside = true;
                }
                Event::Sent { .. } | Event::Effect { .. } => {}
            }
        }
        for entry in self.effects.values().flatten() {
            fates.get_mut(&entry.message).expect(known).has_effect = true;
        }
        fates
    }

    /// Any of these.
    pub(crate) fn any<T>(&mut self, of: impl IntoIterator<Item = T>) -> Option<T> {
        let mut of: Vec<T> = of.into_iter().collect();
        (!of.is_empty()).then(|| of.swap_remove(self.rng.usize(0..of.len())))
    }

    /// Any message with such a fate.
    pub(crate) fn any_message(
        &mut self,
        is_such: impl Fn(&Fate) -> bool,
    ) -> Option<(Message, Fate)> {
        let fates = self.fates();
        self.any(fates.into_iter().filter(|(_, fate)| is_such(fate)))
    }

    /// Where a message took effect: its place in the list, from 0.
    pub(crate) fn find(&self, message: Message) -> Option<(Actor, usize)> {
        self.effects.iter().find_map(|(&actor, entries)| {
            let index = entries.iter().position(|entry| entry.message == message)?;
            Some((actor, index))
        })
    }

    /// Lets a message take effect anywhere in an actor.
    pub(crate) fn insert(&mut self, actor: Actor, message: Message, reply: Option<Digest>) {
        let entries = self.effects.entry(actor).or_default();
        let index = self.rng.usize(0..=entries.len());
        entries.insert(index, Entry { message, epoch: None, reply });
    }
}
