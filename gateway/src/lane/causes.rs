//! Why the actor is invoked next, so that the invocation's span belongs to their story.

use callboard_mailbox::Sequence;
use opentelemetry::Context;

use crate::spans::CAUSES_MAX;

/// What is not known to be handled, oldest first; not more than an invocation is linked to.
#[derive(Debug, Default)]
pub(super) struct Causes {
    /// The messages that this lane has stored: their places, and the spans of their sending.
    messages: Vec<(Sequence, Context)>,
    /// The invocations of other actors that have sent to this one.
    runs: Vec<Context>,
}

impl Causes {
    /// Messages are stored, from a place on.
    pub(super) fn stored(&mut self, first: Sequence, senders: &[Context]) {
        let room = CAUSES_MAX.saturating_sub(self.messages.len());
        let places = (first.0..).map(Sequence);
        self.messages.extend(places.zip(senders.iter().cloned()).take(room));
    }

    /// Another actor has sent something.
    pub(super) fn sent_by(&mut self, run: Context) {
        if self.runs.len() < CAUSES_MAX {
            self.runs.push(run);
        }
    }

    /// The log up to a place is handled, perhaps in a run of another gateway.
    pub(super) fn consumed(&mut self, head: Sequence) {
        self.messages.retain(|(place, _)| *place > head);
    }

    /// Nothing that other actors have sent is left.
    pub(super) fn received(&mut self) {
        self.runs.clear();
    }

    /// A run has not handled all of its own, which came before these.
    pub(super) fn put_back(&mut self, mut earlier: Self) {
        earlier.messages.append(&mut self.messages);
        earlier.runs.append(&mut self.runs);
        earlier.messages.truncate(CAUSES_MAX);
        earlier.runs.truncate(CAUSES_MAX);
        *self = earlier;
    }

    /// The contexts of the messages, and of the runs.
    pub(super) fn contexts(&self) -> (Vec<Context>, &[Context]) {
        (self.messages.iter().map(|(_, sender)| sender.clone()).collect(), &self.runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(causes: &Causes) -> Vec<u64> {
        causes.messages.iter().map(|(place, _)| place.0).collect()
    }

    #[test]
    fn what_is_handled_is_no_cause_any_more_and_what_is_not_stays_one() {
        let mut causes = Causes::default();
        causes.stored(Sequence(3), &[Context::new(), Context::new()]);
        causes.sent_by(Context::new());
        let taken = std::mem::take(&mut causes);
        causes.stored(Sequence(5), &[Context::new()]);
        causes.put_back(taken);
        assert_eq!((places(&causes), causes.runs.len()), (vec![3, 4, 5], 1));
        causes.consumed(Sequence(3));
        causes.received();
        assert_eq!((places(&causes), causes.runs.len()), (vec![4, 5], 0));
    }

    #[test]
    fn there_are_no_more_than_an_invocation_is_linked_to() {
        let mut causes = Causes::default();
        causes.stored(Sequence(1), &vec![Context::new(); CAUSES_MAX - 1]);
        let taken = std::mem::take(&mut causes);
        causes.stored(Sequence(900), &vec![Context::new(); CAUSES_MAX + 1]);
        (0..=CAUSES_MAX).for_each(|_| causes.sent_by(Context::new()));
        causes.put_back(taken);
        assert_eq!((causes.messages.len(), causes.runs.len()), (CAUSES_MAX, CAUSES_MAX));
        assert_eq!(causes.messages[0].0, Sequence(1));
    }
}
