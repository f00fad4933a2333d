//! One segment on its way into a mailbox: durable, and sure to be drained,
//! before its senders are told. A state machine without I/O; a gateway holds it.
//!
//! Where the tail is known, append, then wake. Where it is not, wake first: the
//! record tells the head, which is nearly always the tail.

use crate::append::{self, Append, Put, Tail};
use crate::lease::{Lease, Woken};
use crate::message::Segment;
use crate::record::{Epoch, Record};

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Ask for a lease on the actor.
    Wake,
    /// Put this segment, on condition that nothing is at its place.
    Put(Segment),
    /// Look up the end of the log.
    FindTail,
    /// Read the record.
    Read,
    /// The segment is durable, and somebody is sure to drain it: tell its
    /// senders.
    Done(Segment),
}

/// One segment on its way into a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Send {
    segment: Segment,
    state: State,
    lease: Option<Lease>,
    refused: Option<Record>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// The tail is not known, and the record is to tell it.
    WakingFirst,
    /// `leased`: the actor was leased before, with this epoch.
    Appending {
        append: Append,
        leased: Option<Epoch>,
    },
    /// The append is durable. The lease that was taken before it may have been
    /// taken for over by a sweeper whose clock is ahead, who then found the
    /// mailbox empty and removed `due`.
    Confirming {
        durable: Segment,
        leased: Epoch,
    },
    /// Whether to wake is decided after the append is durable, by a conditional
    /// write: the holder of a lease may have read the end of the log just
    /// before it.
    Waking {
        durable: Segment,
    },
    Done {
        durable: Segment,
    },
}

impl Send {
    /// Begins to send the messages of a segment; its place does not matter.
    #[must_use]
    pub fn new(segment: &Segment, tail: Option<Tail>) -> Self {
        let state = match tail {
            None => State::WakingFirst,
            Some(_) => State::Appending { append: Append::new(segment, tail), leased: None },
        };
        Self { segment: segment.clone(), state, lease: None, refused: None }
    }

    /// What to do next. The same answer until an answer to it is given.
    #[must_use]
    pub fn step(&self) -> Step {
        match &self.state {
            State::WakingFirst | State::Waking { .. } => Step::Wake,
            State::Appending { append, .. } => match append.step() {
                append::Step::Put(segment) => Step::Put(segment),
                append::Step::FindTail => Step::FindTail,
                append::Step::Done(_) => unreachable!("an append that is done is left at once"),
            },
            State::Confirming { .. } => Step::Read,
            State::Done { durable } => Step::Done(durable.clone()),
        }
    }

    /// The lease that was granted on the way, once: whoever takes it runs the
    /// actor. It is to be taken when the segment is durable, and also when the
    /// sending is given up.
    pub fn take_lease(&mut self) -> Option<Lease> {
        self.lease.take()
    }

    /// Whether an append has begun: the segment may be in the log, also when no
    /// put of it was answered.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        !matches!(self.state, State::WakingFirst)
    }

    /// The segment at its place, once it is durable.
    #[must_use]
    pub fn durable(&self) -> Option<&Segment> {
        match &self.state {
            State::WakingFirst | State::Appending { .. } => None,
            State::Confirming { durable, .. }
            | State::Waking { durable }
            | State::Done { durable } => Some(durable),
        }
    }

    /// The record that refused the latest wake; `None` when it was granted.
    #[must_use]
    pub fn refused(&self) -> Option<&Record> {
        self.refused.as_ref()
    }

    /// Takes the answer to [`Step::Wake`].
    pub fn woken(&mut self, woken: Woken) {
        let record = match &woken {
            Woken::Granted(lease) => &lease.record,
            Woken::Refused(record) => record,
        };
        let next = match &self.state {
            State::Waking { durable } => State::Done { durable: durable.clone() },
            _ => State::Appending {
                append: Append::new(&self.segment, Tail::guess(record)),
                leased: matches!(woken, Woken::Granted(_)).then_some(record.epoch),
            },
        };
        self.state = next;
        match woken {
            Woken::Granted(lease) => {
                self.lease = Some(lease);
                self.refused = None;
            }
            // Somebody else holds the lease, or the mailbox waits. Either way
            // `due` is set: should the holder be dead, a sweeper finds out.
            Woken::Refused(record) => self.refused = Some(record),
        }
    }

    /// Takes the answer to [`Step::Put`].
    pub fn put(&mut self, put: &Put) {
        self.append(|append| append.put(put));
    }

    /// Takes the answer to [`Step::FindTail`].
    pub fn found(&mut self, tail: Tail) {
        self.append(|append| append.found(tail));
    }

    fn append(&mut self, answer: impl FnOnce(&mut Append)) {
        let State::Appending { append, leased } = &mut self.state else { return };
        answer(append);
        if let append::Step::Done(durable) = append.step() {
            self.state = match *leased {
                Some(leased) => State::Confirming { durable, leased },
                None => State::Waking { durable },
            };
        }
    }

    /// Takes the answer to [`Step::Read`].
    pub fn read(&mut self, record: Option<&Record>) {
        let State::Confirming { durable, leased } = &self.state else { return };
        let durable = durable.clone();
        self.state = match record.is_some_and(|record| record.epoch == *leased) {
            // Under this epoch only the holder of the lease ends it, and only
            // whoever looks after that removes `due`.
            true => State::Done { durable },
            false => State::Waking { durable },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::clock::Timestamp;
    use crate::lease::Terms;
    use crate::memory::Tables;
    use crate::message::{Kind, Message, MessageId, Sequence};
    use crate::sweep::{Action, Settle};

    const NOW: Timestamp = Timestamp(1_000_000);

    fn address() -> Address {
        Address::new("test.v1.A", "a").expect("an address")
    }

    fn segment(id: &str) -> Segment {
        let message = Message::new(
            MessageId::new(id).expect("an id"),
            Kind::Tell,
            "Note",
            bytes::Bytes::new(),
            NOW,
        );
        Segment::new(Sequence(1), &[message])
    }

    /// Takes the next step; its name.
    fn advance(tables: &mut Tables, send: &mut Send, token: u64) -> &'static str {
        match send.step() {
            Step::Wake => {
                send.woken(tables.wake(&address(), &Terms::default().wake(&address(), NOW, token)));
                "wake"
            }
            Step::Put(segment) => {
                send.put(&tables.put_segment(&address(), &segment, Timestamp(u64::MAX)));
                "put"
            }
            Step::FindTail => {
                send.found(tables.tail(&address()));
                "find"
            }
            Step::Read => {
                send.read(tables.record(&address()).as_ref());
                "read"
            }
            Step::Done(_) => "done",
        }
    }

    fn steps(tables: &mut Tables, send: &mut Send, token: u64) -> Vec<&'static str> {
        let mut steps = Vec::new();
        while steps.last() != Some(&"done") {
            steps.push(advance(tables, send, token));
        }
        steps
    }

    #[test]
    fn a_sleeping_actor_is_woken_before_the_append() {
        let mut tables = Tables::default();
        let mut send = Send::new(&segment("a"), None);
        assert_eq!(steps(&mut tables, &mut send, 1), ["wake", "put", "read", "done"]);
        assert!(send.take_lease().is_some());
        assert!(send.take_lease().is_none());
    }

    #[test]
    fn with_a_known_tail_the_wake_comes_after_the_append() {
        let mut tables = Tables::default();
        let mut send = Send::new(&segment("a"), Some(tables.tail(&address())));
        assert_eq!(steps(&mut tables, &mut send, 1), ["put", "wake", "done"]);
        assert!(send.take_lease().is_some());
    }

    #[test]
    fn a_lease_that_is_held_leaves_the_message_to_its_holder() {
        let mut tables = Tables::default();
        let mut first = Send::new(&segment("a"), None);
        steps(&mut tables, &mut first, 1);
        let mut second = Send::new(&segment("b"), None);
        assert_eq!(steps(&mut tables, &mut second, 2), ["wake", "put", "put", "wake", "done"]);
        assert!(second.take_lease().is_none());
        assert_eq!(second.refused().map(|record| record.epoch), Some(Epoch(1)));
    }

    #[test]
    fn a_lease_that_was_fenced_before_the_append_is_taken_anew() {
        let mut tables = Tables::default();
        let mut send = Send::new(&segment("a"), None);
        assert_eq!(advance(&mut tables, &mut send, 1), "wake");
        // A sweeper whose clock is ahead.
        tables.settle(&address(), &Settle { epoch: Epoch(1), action: Action::Fence });
        tables
            .settle(&address(), &Settle { epoch: Epoch(2), action: Action::Rest { until: None } });
        assert_eq!(steps(&mut tables, &mut send, 2), ["put", "read", "wake", "done"]);
        let record = tables.record(&address()).expect("a record");
        assert!(record.due.is_some());
        assert_eq!(send.take_lease().map(|lease| lease.epoch()), Some(record.epoch));
    }
}
