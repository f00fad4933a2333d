//! How a segment finds its place at the end of a log.
//!
//! The segment is put at a sequence on condition that nothing is there. That
//! condition alone gives a contiguous, totally ordered log, without a counter,
//! a lock or a clock. A candidate must be the end of the log or the first
//! sequence of an existing segment, never a place inside of one: that is why
//! candidates come only from the end of a known segment or from a whole head.

use crate::message::{Segment, Sequence};
use crate::record::Record;

/// How often an occupied place is followed to the next one before the end of
/// the log is looked up instead.
const STEPS_BEFORE_LOOKING_UP: u32 = 3;

/// The end of a log, as far as one gateway knows it. A tail must not be kept
/// for longer than [`TAIL_AGE_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tail(Sequence);

/// The longest time for which a tail may be remembered. Far less than the
/// shortest retention, so that the place after a stale tail is still occupied.
pub const TAIL_AGE_MAX: std::time::Duration = std::time::Duration::from_secs(60);

impl Tail {
    /// The tail of a log in which nothing is queued after a whole head: a guess
    /// that the append corrects. `None` when the head lies inside a segment.
    #[must_use]
    pub fn guess(record: &Record) -> Option<Self> {
        (record.partial == 0).then_some(Self(record.head))
    }

    /// The tail after a segment.
    #[must_use]
    pub fn after(segment: &Segment) -> Self {
        Self(segment.last())
    }

    /// The tail that a look-up found: the later of the last segment's end and
    /// the head. Segments expire in any order, so neither is enough alone.
    #[must_use]
    pub fn found(record: Option<&Record>, last: Option<&Segment>) -> Self {
        let head = record.map_or(Sequence(0), |record| record.head);
        Self(last.map_or(head, |segment| head.max(segment.last())))
    }

    /// The sequence of the last message.
    #[must_use]
    pub fn sequence(self) -> Sequence {
        self.0
    }
}

/// What to do next with a segment that is being appended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Put this segment, on condition that nothing is at its place.
    Put(Segment),
    /// Look up the end of the log.
    FindTail,
    /// The segment is durable at this place.
    Done(Segment),
}

/// The answer to [`Step::Put`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Put {
    /// Nothing was there, and now the segment is.
    Stored,
    /// This segment is there.
    Occupied(Segment),
}

/// One segment on its way to the end of a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Append {
    segment: Segment,
    state: State,
    steps: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum State {
    Placed,
    Lost,
    Done,
}

impl Append {
    /// Begins to append the messages of a segment, after `tail` when one is
    /// known. The place that the segment was made for does not matter.
    #[must_use]
    pub fn new(segment: &Segment, tail: Option<Tail>) -> Self {
        Self {
            segment: segment.at(tail.map_or(Sequence(1), |tail| tail.0.next())),
            state: if tail.is_some() { State::Placed } else { State::Lost },
            steps: 0,
        }
    }

    /// What to do next. The same answer until an answer to it is given: a put
    /// whose outcome is unknown is made again as it is.
    #[must_use]
    pub fn step(&self) -> Step {
        match self.state {
            State::Placed => Step::Put(self.segment.clone()),
            State::Lost => Step::FindTail,
            State::Done => Step::Done(self.segment.clone()),
        }
    }

    /// Takes the answer to [`Step::Put`].
    pub fn put(&mut self, put: &Put) {
        match put {
            Put::Stored => self.state = State::Done,
            // An earlier try of ours whose answer was lost had succeeded.
            Put::Occupied(occupant) if occupant.is_same_as(&self.segment) => {
                self.state = State::Done;
            }
            Put::Occupied(occupant) => {
                self.steps += 1;
                if self.steps > STEPS_BEFORE_LOOKING_UP {
                    self.state = State::Lost;
                } else {
                    self.place_after(Tail::after(occupant));
                }
            }
        }
    }

    /// Takes the answer to [`Step::FindTail`].
    pub fn found(&mut self, tail: Tail) {
        self.steps = 0;
        self.place_after(tail);
    }

    fn place_after(&mut self, tail: Tail) {
        self.segment = self.segment.at(tail.0.next());
        self.state = State::Placed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::message::{Kind, Message, MessageId};

    fn segment(first: u64, ids: &[&str]) -> Segment {
        let messages: Vec<_> = ids
            .iter()
            .map(|id| {
                Message::new(
                    MessageId::new(id).expect("an id"),
                    Kind::Tell,
                    "Note",
                    bytes::Bytes::new(),
                    Timestamp(0),
                )
            })
            .collect();
        Segment::new(Sequence(first), &messages)
    }

    #[test]
    fn an_occupied_place_leads_to_the_end_of_its_occupant() {
        let ours = segment(1, &["mine"]);
        let mut append = Append::new(&ours, Some(Tail(Sequence(4))));
        assert_eq!(append.step(), Step::Put(ours.at(Sequence(5))));
        append.put(&Put::Occupied(segment(5, &["a", "b", "c"])));
        assert_eq!(append.step(), Step::Put(ours.at(Sequence(8))));
        append.put(&Put::Stored);
        assert_eq!(append.step(), Step::Done(ours.at(Sequence(8))));
    }

    #[test]
    fn a_place_that_ours_occupies_is_a_success() {
        let ours = segment(1, &["mine"]);
        let mut append = Append::new(&ours, Some(Tail(Sequence(0))));
        append.put(&Put::Occupied(ours.clone()));
        assert_eq!(append.step(), Step::Done(ours));
    }

    #[test]
    fn far_behind_the_end_is_looked_up() {
        let ours = segment(1, &["mine"]);
        let mut append = Append::new(&ours, Some(Tail(Sequence(0))));
        for n in 1..=4 {
            append.put(&Put::Occupied(segment(n, &["other"])));
        }
        assert_eq!(append.step(), Step::FindTail);
        append.found(Tail(Sequence(90)));
        assert_eq!(append.step(), Step::Put(ours.at(Sequence(91))));
    }

    #[test]
    fn a_head_inside_a_segment_tells_no_tail() {
        let record = Record { head: Sequence(5), partial: 2, ..Record::default() };
        assert_eq!(Tail::guess(&record), None);
        assert_eq!(Tail::guess(&Record { partial: 0, ..record }), Some(Tail(Sequence(5))));
    }

    #[test]
    fn the_later_of_head_and_last_segment_is_the_tail() {
        let record = Record { head: Sequence(9), ..Record::default() };
        assert_eq!(Tail::found(Some(&record), Some(&segment(3, &["a"]))), Tail(Sequence(9)));
        assert_eq!(Tail::found(Some(&record), Some(&segment(10, &["a"]))), Tail(Sequence(10)));
        assert_eq!(Tail::found(None, None), Tail(Sequence(0)));
    }
}
