//! How much waits in mailboxes, and for how long, by the types of their actors. There may be
//! more mailboxes than anybody could look at; those without work are not counted at all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::metrics::{Meter, ObservableGauge};

use crate::attributes::OTHER;

/// How many types are told apart: those with most messages. The others count together.
pub const TYPES_MAX: usize = 50;

/// A mailbox that has work.
#[derive(Clone, Copy, Debug)]
pub struct Mailbox<'a> {
    /// The type of its actor.
    pub actor_type: &'a str,
    /// How many messages it has.
    pub messages: u64,
    /// How long the first of them has been deliverable.
    pub oldest: Duration,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Work {
    messages: u64,
    mailboxes: u64,
    oldest: Duration,
}

impl Work {
    fn add(&mut self, other: &Self) {
        self.messages = self.messages.saturating_add(other.messages);
        self.mailboxes = self.mailboxes.saturating_add(other.mailboxes);
        self.oldest = self.oldest.max(other.oldest);
    }
}

type Found = Arc<Mutex<Vec<(String, Work)>>>;

/// What was found, and the instruments that read it.
#[derive(Debug)]
pub(super) struct Mailboxes {
    found: Found,
    _depth: ObservableGauge<u64>,
    _mailboxes: ObservableGauge<u64>,
    _oldest: ObservableGauge<f64>,
}

impl Mailboxes {
    pub(super) fn new(meter: &Meter) -> Self {
        let found = Found::default();
        let count =
            |name: &'static str, unit: &'static str, what: &'static str, of: fn(&Work) -> u64| {
                let found = Arc::clone(&found);
                let builder =
                    meter.u64_observable_gauge(name).with_unit(unit).with_description(what);
                builder
                    .with_callback(move |gauge| {
                        each(&found, |kind, work| {
                            gauge.observe(of(work), &super::of_type(kind));
                        })
                    })
                    .build()
            };
        let depth = count(
            "callboard.mailbox.depth",
            "{message}",
            "Messages in the mailboxes that have work",
            |work| work.messages,
        );
        let mailboxes =
            count("callboard.mailbox.busy", "{mailbox}", "Mailboxes that have work", |work| {
                work.mailboxes
            });
        let ages = Arc::clone(&found);
        let oldest = meter
            .f64_observable_gauge("callboard.mailbox.oldest.age")
            .with_unit("s")
            .with_description("How long the oldest message has been deliverable")
            .with_callback(move |gauge| {
                each(&ages, |kind, work| {
                    gauge.observe(work.oldest.as_secs_f64(), &super::of_type(kind));
                })
            })
            .build();
        Self { found, _depth: depth, _mailboxes: mailboxes, _oldest: oldest }
    }

    pub(super) fn replace<'a>(&self, mailboxes: impl IntoIterator<Item = Mailbox<'a>>) {
        let found = by_type(mailboxes);
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

fn each(found: &Found, mut observe: impl FnMut(&str, &Work)) {
    let found = found.lock().unwrap_or_else(PoisonError::into_inner);
    found.iter().for_each(|(kind, work)| observe(kind, work));
}

/// The types with most messages, and the others together.
fn by_type<'a>(mailboxes: impl IntoIterator<Item = Mailbox<'a>>) -> Vec<(String, Work)> {
    let mut types: HashMap<&str, Work> = HashMap::new();
    for Mailbox { actor_type, messages, oldest } in mailboxes {
        types.entry(actor_type).or_default().add(&Work { messages, mailboxes: 1, oldest });
    }
    let mut types: Vec<_> = types.into_iter().collect();
    types.sort_by(|(a, x), (b, y)| y.messages.cmp(&x.messages).then_with(|| a.cmp(b)));
    let others = types.split_off(types.len().min(TYPES_MAX));
    let mut found: Vec<_> = types.into_iter().map(|(kind, work)| (kind.to_owned(), work)).collect();
    if !others.is_empty() {
        let mut together = Work::default();
        others.iter().for_each(|(_, work)| together.add(work));
        found.push((OTHER.to_owned(), together));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailboxes_count_by_their_types_and_the_oldest_message_shows() {
        let mailbox = |actor_type, messages, oldest| {
            let oldest = Duration::from_secs(oldest);
            Mailbox { actor_type, messages, oldest }
        };
        let found = by_type([mailbox("a.A", 1, 5), mailbox("b.B", 9, 1), mailbox("a.A", 2, 7)]);
        let work = |messages, mailboxes, oldest| {
            let oldest = Duration::from_secs(oldest);
            Work { messages, mailboxes, oldest }
        };
        let expected = [("b.B".to_owned(), work(9, 1, 1)), ("a.A".to_owned(), work(3, 2, 7))];
        assert_eq!(found, expected);
    }

    #[test]
    fn types_beyond_a_bound_count_together() {
        let names: Vec<_> = (0..TYPES_MAX + 3).map(|number| format!("t.T{number:03}")).collect();
        let mailboxes = names.iter().map(|name| Mailbox {
            actor_type: name,
            messages: 2,
            oldest: Duration::from_secs(1),
        });
        let found = by_type(mailboxes);
        assert_eq!(found.len(), TYPES_MAX + 1);
        let (name, work) = found.last().expect("there are some");
        assert_eq!((name.as_str(), work.messages, work.mailboxes), (OTHER, 6, 3));
    }
}
