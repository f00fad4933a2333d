//! What a run has read of its mailbox and not yet run.

use std::collections::{BTreeMap, VecDeque};

use crate::address::Address;
use crate::message::{DecodeError, Message, Segment, Sequence};
use crate::parcel::{Parcel, Slot, Tick};
use crate::store::Page;

/// How often a hole in the log is queried again before the run gives up. A
/// hole is a read that overtook a write, and is gone with the next read.
const HOLES_MAX: u32 = 16;

/// A place in the log: the head, and how much of its segment is behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Position {
    pub(super) head: Sequence,
    pub(super) partial: u32,
}

impl Position {
    /// The first sequence of the segment that holds the next message.
    pub(super) fn next_segment(self) -> Sequence {
        Sequence(self.head.0 + 1 - u64::from(self.partial))
    }
}

/// A message that was read, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Queued {
    pub(super) message: Message,
    pub(super) origin: Origin,
}

/// Where a message lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// In the log; the position behind it.
    Log(Position),
    /// In an item of its own.
    Parcel { slot: Slot, timer: Option<String> },
}

impl Queued {
    /// The slot of a parcel.
    pub(super) fn slot(&self) -> Option<&Slot> {
        match &self.origin {
            Origin::Log(_) => None,
            Origin::Parcel { slot, .. } => Some(slot),
        }
    }

    /// The place of a message of the log.
    pub(super) fn sequence(&self) -> Option<Sequence> {
        match &self.origin {
            Origin::Log(position) => Some(position.head),
            Origin::Parcel { .. } => None,
        }
    }
}

/// Which part of the mailbox is to be read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Query {
    /// The log from a segment on, and the parcels behind it.
    All(Sequence),
    /// The parcels.
    Inbox,
}

/// Messages in the order in which they run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Queue {
    ready: VecDeque<Queued>,
    /// Behind the last message of the log that was read.
    read_to: Position,
    /// Nothing is known to be behind it.
    log_is_read: bool,
    /// No parcel is known to be left.
    inbox_is_read: bool,
    /// The log is long: the next query is for the parcels alone, so that neither
    /// starves.
    inbox_is_next: bool,
    /// The parcel that must run first, while it is not found.
    wanted: Option<Slot>,
    /// The latest tick of each sender that a query has shown.
    seen: BTreeMap<Address, Tick>,
    holes: u32,
}

impl Queue {
    /// An empty queue behind a position. `wanted` runs before everything else.
    pub(super) fn new(position: Position, wanted: Option<Slot>) -> Self {
        Self {
            ready: VecDeque::new(),
            read_to: position,
            log_is_read: false,
            inbox_is_read: false,
            inbox_is_next: false,
            wanted,
            seen: BTreeMap::new(),
            holes: 0,
        }
    }

    /// The next message, unless another one is to be found first.
    pub(super) fn front(&self) -> Option<&Queued> {
        self.ready.front().filter(|_| self.wanted.is_none())
    }

    pub(super) fn pop(&mut self) -> Option<Queued> {
        self.ready.pop_front()
    }

    /// Puts a parcel that was just stored before everything else.
    pub(super) fn put_first(&mut self, parcel: &Parcel) {
        let origin = Origin::Parcel { slot: parcel.slot.clone(), timer: parcel.timer.clone() };
        self.ready.push_front(Queued { message: parcel.message.clone(), origin });
    }

    /// Puts messages that were run back, in their order.
    pub(super) fn put_back(&mut self, messages: impl DoubleEndedIterator<Item = Queued>) {
        messages.rev().for_each(|queued| self.ready.push_front(queued));
    }

    /// Whether nothing more is known to be in the mailbox.
    pub(super) fn is_exhausted(&self) -> bool {
        let is_read = self.log_is_read && self.inbox_is_read;
        self.ready.is_empty() && self.wanted.is_none() && is_read
    }

    /// The actor has sent something to itself.
    pub(super) fn expect_parcels(&mut self) {
        self.inbox_is_read = false;
    }

    /// What to read when there is nothing to run.
    pub(super) fn query(&self) -> Query {
        let inbox = self.wanted.is_some() || (self.inbox_is_next && !self.inbox_is_read);
        if inbox || self.log_is_read {
            Query::Inbox
        } else {
            Query::All(self.read_to.next_segment())
        }
    }

    /// The missing sequence, when a hole does not close.
    pub(super) fn hole(&self) -> Option<Sequence> {
        (self.holes > HOLES_MAX).then(|| self.read_to.head.next())
    }

    /// Takes what an invocation brought with it. Without `more` there is nothing
    /// else as far as the gateway knows, which looks again after the run.
    pub(super) fn hand_over(
        &mut self,
        segments: &[Segment],
        more: bool,
    ) -> Result<(), DecodeError> {
        for segment in segments {
            self.enqueue(segment)?;
        }
        self.log_is_read = !more;
        self.inbox_is_read = !more;
        Ok(())
    }

    /// Takes the answer to [`Query::All`].
    pub(super) fn load(&mut self, page: &Page) -> Result<(), DecodeError> {
        let mut hole = false;
        for segment in &page.segments {
            // A consistent query is no snapshot: it may return a segment and
            // miss the one before it. A hole means to query again.
            if segment.first() > self.read_to.next_segment() {
                hole = true;
                break;
            }
            self.enqueue(segment)?;
        }
        self.holes = if hole && self.ready.is_empty() { self.holes + 1 } else { 0 };
        // Parcels come behind the log, so one of them shows the log's end.
        self.log_is_read = !hole && (!page.more || !page.parcels.is_empty());
        self.inbox_is_next = true;
        match page.more && page.parcels.is_empty() {
            true => self.inbox_is_read = false,
            false => self.take_parcels(&page.parcels, page.more),
        }
        Ok(())
    }

    /// Takes the answer to [`Query::Inbox`].
    pub(super) fn load_inbox(&mut self, page: &Page) {
        self.inbox_is_next = false;
        self.take_parcels(&page.parcels, page.more);
        // It was cancelled or purged.
        self.wanted = None;
    }

    /// Takes parcels of which a query before this one has shown the sender to be
    /// as far. A query is no snapshot: it may return what an actor sent second
    /// and miss what it sent first, which was stored before. A query that begins
    /// after that shows both.
    fn take_parcels(&mut self, parcels: &[Parcel], more: bool) {
        let mut is_complete = !more;
        let mut seen = self.seen.clone();
        for parcel in parcels {
            let ordered = match (&parcel.slot, &parcel.message.sender) {
                (Slot::Inbox { tick, .. }, Some(sender)) => Some((sender, *tick)),
                _ => None,
            };
            let is_confirmed = ordered.is_none_or(|(sender, tick)| {
                self.seen.get(sender).is_some_and(|seen| tick <= *seen)
            });
            if let Some((sender, tick)) = ordered {
                seen.entry(sender.clone()).and_modify(|t| *t = tick.max(*t)).or_insert(tick);
            }
            let queued = Queued {
                message: parcel.message.clone(),
                origin: Origin::Parcel { slot: parcel.slot.clone(), timer: parcel.timer.clone() },
            };
            if self.wanted.as_ref() == Some(&parcel.slot) {
                self.wanted = None;
                self.ready.push_front(queued);
            } else if is_confirmed {
                self.ready.push_back(queued);
            } else {
                is_complete = false;
            }
        }
        self.seen = seen;
        self.inbox_is_read = is_complete;
    }

    fn enqueue(&mut self, segment: &Segment) -> Result<(), DecodeError> {
        let known = self.read_to.head;
        if segment.last() <= known {
            return Ok(());
        }
        for (sequence, message) in segment.messages()? {
            let partial = match sequence == segment.last() {
                true => 0,
                false => {
                    u32::try_from(sequence.0 - segment.first().0 + 1).expect("a segment is bounded")
                }
            };
            if sequence > known {
                let position = Position { head: sequence, partial };
                self.ready.push_back(Queued { message, origin: Origin::Log(position) });
                self.read_to = position;
            }
        }
        Ok(())
    }
}
