//! How much waits in mailboxes, and for how long, by the types of their actors. There may be
//! more mailboxes than anybody could look at; those without work are not counted at all.
//!
//! Whoever knows of them is asked when metrics are read: ages grow also while nothing else moves.

use std::collections::HashMap;
use std::fmt;
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
    /// How long the first of them has been deliverable, now.
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

/// Hands each mailbox that has work to whoever asks.
type Source = Box<dyn Fn(&mut dyn FnMut(Mailbox<'_>)) + Send + Sync>;

/// Who knows of mailboxes, once somebody does.
#[derive(Clone, Default)]
struct Known(Arc<Mutex<Option<Source>>>);

/// The instruments, and whom they ask.
#[derive(Debug)]
pub(super) struct Mailboxes {
    known: Known,
    _depth: ObservableGauge<u64>,
    _busy: ObservableGauge<u64>,
    _oldest: ObservableGauge<f64>,
}

impl Mailboxes {
    pub(super) fn new(meter: &Meter) -> Self {
        let known = Known::default();
        let count =
            |name: &'static str, unit: &'static str, what: &'static str, of: fn(&Work) -> u64| {
                let known = known.clone();
                let builder =
                    meter.u64_observable_gauge(name).with_unit(unit).with_description(what);
                builder
                    .with_callback(move |gauge| {
                        for (kind, work) in known.by_type() {
                            gauge.observe(of(&work), &super::of_type(&kind));
                        }
                    })
                    .build()
            };
        let depth = count(
            "callboard.mailbox.depth",
            "{message}",
            "Messages in the mailboxes that have work",
            |work| work.messages,
        );
        let busy =
            count("callboard.mailbox.busy", "{mailbox}", "Mailboxes that have work", |work| {
                work.mailboxes
            });
        let ages = known.clone();
        let oldest = meter
            .f64_observable_gauge("callboard.mailbox.oldest.age")
            .with_unit("s")
            .with_description("How long the oldest message has been deliverable")
            .with_callback(move |gauge| {
                for (kind, work) in ages.by_type() {
                    gauge.observe(work.oldest.as_secs_f64(), &super::of_type(&kind));
                }
            })
            .build();
        Self { known, _depth: depth, _busy: busy, _oldest: oldest }
    }

    pub(super) fn ask(&self, source: Source) {
        *self.known.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(source);
    }
}

impl Known {
    /// The types with most messages, and the others together, as they are now.
    fn by_type(&self) -> Vec<(String, Work)> {
        let source = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(source) = source.as_ref() else { return Vec::new() };
        let mut types: HashMap<String, Work> = HashMap::new();
        source(&mut |Mailbox { actor_type, messages, oldest }| {
            let work = Work { messages, mailboxes: 1, oldest };
            match types.get_mut(actor_type) {
                Some(known) => known.add(&work),
                None => drop(types.insert(actor_type.to_owned(), work)),
            }
        });
        let mut types: Vec<_> = types.into_iter().collect();
        types.sort_by(|(a, x), (b, y)| y.messages.cmp(&x.messages).then_with(|| a.cmp(b)));
        let others = types.split_off(types.len().min(TYPES_MAX));
        let others = others.into_iter().map(|(_, work)| work).reduce(|mut all, work| {
            all.add(&work);
            all
        });
        types.extend(others.map(|work| (OTHER.to_owned(), work)));
        types
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Known").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_type(mailboxes: Vec<(String, u64, u64)>) -> Vec<(String, Work)> {
        let known = Known::default();
        *known.0.lock().expect("nobody else") = Some(Box::new(move |tell| {
            for (actor_type, messages, oldest) in &mailboxes {
                let (messages, oldest) = (*messages, Duration::from_secs(*oldest));
                tell(Mailbox { actor_type, messages, oldest });
            }
        }));
        known.by_type()
    }

    #[test]
    fn mailboxes_count_by_their_types_and_the_oldest_message_shows() {
        let of = |kind: &str, messages, oldest| (kind.to_owned(), messages, oldest);
        let found = by_type(vec![of("a.A", 1, 5), of("b.B", 9, 1), of("a.A", 2, 7)]);
        let work = |messages, mailboxes, oldest| {
            let oldest = Duration::from_secs(oldest);
            Work { messages, mailboxes, oldest }
        };
        let expected = [("b.B".to_owned(), work(9, 1, 1)), ("a.A".to_owned(), work(3, 2, 7))];
        assert_eq!(found, expected);
    }

    #[test]
    fn types_beyond_a_bound_count_together() {
        let all = (0..TYPES_MAX + 3).map(|number| (format!("t.T{number:03}"), 2, 1));
        let found = by_type(all.collect());
        assert_eq!(found.len(), TYPES_MAX + 1);
        let (name, work) = found.last().expect("there are some");
        assert_eq!((name.as_str(), work.messages, work.mailboxes), (OTHER, 6, 3));
    }
}
