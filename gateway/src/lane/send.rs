//! Messages into the log: group commit, append, wake.

use std::sync::Arc;

use callboard_mailbox::append::{TAIL_AGE_MAX, Tail};
use callboard_mailbox::limits::{SEGMENT_BYTES_MAX, SEGMENT_MESSAGES_MAX};
use callboard_mailbox::send::{Send, Step};
use callboard_mailbox::{Message, Segment, Sequence, Store, store};
use opentelemetry::Context;
use opentelemetry::trace::FutureExt;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Envelope, Lane, WAKE_RETRY};
use crate::refusal::{Refusal, Stored};
use crate::spans;

/// The most bytes of segments that a lane keeps at hand, and that go with one
/// invocation. With base64 and the state they fit in Lambda's 6 MB.
const AT_HAND_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Why a segment was not sent to its end.
enum Problem {
    Store(store::Error),
    Full,
}

/// What goes into one segment.
#[derive(Default)]
struct Batch {
    messages: Vec<Message>,
    /// The spans of their sending.
    causes: Vec<Context>,
    /// Who sent them, and how many messages are before his.
    senders: Vec<(u64, oneshot::Sender<Result<Sequence, Refusal>>)>,
}

impl Extend<Envelope> for Batch {
    fn extend<T: IntoIterator<Item = Envelope>>(&mut self, envelopes: T) {
        for Envelope { messages, stored } in envelopes {
            self.senders.push((self.messages.len() as u64, stored));
            for (message, cause) in messages {
                self.messages.push(message);
                self.causes.push(cause);
            }
        }
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl<S: Store + 'static> Lane<S> {
    /// Makes the pending messages durable, and makes sure that somebody drains
    /// them, before their senders are told.
    pub(super) async fn flush(&mut self) {
        let Batch { messages, causes, senders } = self.next_batch();
        let Some(first) = messages.first() else { return };
        let segment = Segment::new(Sequence(1), &messages);
        let stored = self.send_within_story(&segment, causes).await;
        match &stored {
            Ok(segment) => self.waits_from_now_on(segment.last(), first.sent_at),
            Err(_) => self.tail = None,
        }
        for (before, sender) in senders {
            let stored = stored.as_ref().map(|segment| Sequence(segment.first().0 + before));
            // Its sender may have gone; the messages stay.
            let _ = sender.send(stored.map_err(Clone::clone));
        }
    }

    /// As [`Lane::send`], in the context of those whose messages they are.
    async fn send_within_story(
        &mut self,
        segment: &Segment,
        causes: Vec<Context>,
    ) -> Result<Segment, Refusal> {
        let gateway = Arc::clone(&self.gateway);
        if !gateway.tracer().is_on() {
            return self.send(segment, &[]).await;
        }
        if let [cause] = &*causes {
            return self.send(segment, &causes).with_context(cause.clone()).await;
        }
        let span = spans::append(gateway.tracer(), self.address.actor_type(), &causes);
        let stored = span.within(self.send(segment, &causes)).await;
        if let Err(refusal) = &stored {
            span.fail(refusal.reason(), "");
        }
        stored
    }

    fn next_batch(&mut self) -> Batch {
        let mut bytes = 0;
        let mut batch = Batch::default();
        while let Some(next) = self.pending.front() {
            if next.stored.is_closed() {
                // Its sender has gone without an answer, so it owes him nothing;
                // a database that hangs must not make them pile up.
                self.pending.pop_front();
                continue;
            }
            bytes += next.messages.iter().map(|(message, _)| message.encoded_len()).sum::<usize>();
            let messages = batch.messages.len() + next.messages.len();
            let is_full = bytes > SEGMENT_BYTES_MAX || messages > SEGMENT_MESSAGES_MAX;
            if is_full && !batch.messages.is_empty() {
                break;
            }
            batch.extend(self.pending.pop_front());
        }
        batch
    }

    /// Takes a segment through every step of [`Send`]. `causes` are the spans of its
    /// messages' sending.
    async fn send(&mut self, segment: &Segment, causes: &[Context]) -> Result<Segment, Refusal> {
        let tail = self.tail.filter(|(_, at)| at.elapsed() < TAIL_AGE_MAX / 2);
        let mut send = Send::new(segment, tail.map(|(tail, _)| tail));
        let sent = self.take_steps(&mut send, causes).await;
        // Also when the sending was given up: somebody must end the lease.
        if let Some(lease) = send.take_lease() {
            self.start(lease);
        } else if let Some(record) = send.refused() {
            self.wait_as_told(record);
        }
        if sent.is_err() && send.durable().is_some() {
            // Its sender is told that it is stored, and the record may not be
            // due: until the wake succeeds, it is this lane's to do.
            self.wake_after(WAKE_RETRY);
        }
        sent.map_err(|problem| {
            let stored = match (send.durable(), send.is_begun()) {
                (Some(_), _) => Stored::Yes,
                (None, true) => Stored::Unknown,
                (None, false) => Stored::No,
            };
            match problem {
                Problem::Store(error) => Refusal::from_store(&error, stored),
                Problem::Full => {
                    Refusal::MailboxFull { depth_max: self.gateway.settings.mailbox_depth_max }
                }
            }
        })
    }

    async fn take_steps(
        &mut self,
        send: &mut Send,
        causes: &[Context],
    ) -> Result<Segment, Problem> {
        let gateway = Arc::clone(&self.gateway);
        let store = &gateway.store;
        loop {
            match send.step() {
                Step::Wake => send.woken(self.ask_for_lease().await?),
                // Every put before it was answered: nothing is stored yet.
                Step::Put(segment) if self.is_full(segment.last()).await? => {
                    return Err(Problem::Full);
                }
                Step::Put(segment) => {
                    let expires = (gateway.clock)().plus(gateway.settings.message_retention);
                    send.put(&store.put_segment(&self.address, &segment, expires).await?);
                    if let Some(durable) = send.durable() {
                        let (first, last) = (durable.first(), durable.last());
                        let messages = last.next().0 - first.0;
                        gateway.metrics().appended(self.address.actor_type(), messages);
                        // The run may begin before the last step.
                        self.causes.stored(first, causes);
                        self.tail = Some((Tail::after(durable), Instant::now()));
                        self.keep_at_hand(durable);
                    }
                }
                Step::FindTail => send.found(store.tail(&self.address).await?),
                Step::Read => {
                    // The run need not wait for this look.
                    send.take_lease().into_iter().for_each(|lease| self.start(lease));
                    send.read(store.record(&self.address).await?.as_ref());
                }
                Step::Done(durable) => return Ok(durable),
            }
        }
    }

    /// Whether a log that ends at `last` is too long. What this lane knows of the
    /// head may be old, so it is read before anybody is refused.
    async fn is_full(&mut self, last: Sequence) -> Result<bool, store::Error> {
        let depth_max = self.gateway.settings.mailbox_depth_max;
        if last.0.saturating_sub(self.head.0) <= depth_max {
            return Ok(false);
        }
        let record = self.gateway.store.record(&self.address).await?;
        self.head = self.head.max(record.map_or(Sequence(0), |record| record.head));
        Ok(last.0.saturating_sub(self.head.0) > depth_max)
    }

    fn keep_at_hand(&mut self, segment: &Segment) {
        let bytes: usize = self.at_hand.iter().map(|segment| segment.encoded().len()).sum();
        if bytes + segment.encoded().len() <= AT_HAND_BYTES_MAX {
            self.at_hand.push_back(segment.clone());
        }
    }
}
