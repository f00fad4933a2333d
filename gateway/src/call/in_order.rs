//! Tells to one actor that keep their order, whatever becomes of each. Those that come
//! together are stored together: in one segment, which is there as a whole or not at all.

use std::sync::Arc;

use bytes::Bytes;
use callboard_mailbox::limits::SEGMENT_BYTES_MAX;
use callboard_mailbox::message::Message;
use callboard_mailbox::reply::ReplyKey;
use callboard_mailbox::{Address, Sequence, Store, Timestamp};
use callboard_telemetry::span::Span;
use tokio::sync::{SemaphorePermit, oneshot};
use tokio::time::{Instant, timeout_at};

use super::{Routed, only_at_once};
use crate::answer::{Answer, Receipt, Refused, answer};
use crate::delay;
use crate::gateway::Gateway;
use crate::refusal::Refusal;
use crate::replies::Answered;
use crate::spans;

/// A call whose caller waits for no reply, and who learns what became of it.
pub(crate) struct Tell {
    pub(crate) routed: Routed,
    pub(crate) told: Told,
}

type Told = oneshot::Sender<Result<Answer, Refused>>;

/// Tells to one actor on their way.
struct InOrder<'g, S> {
    gateway: &'g Arc<Gateway<S>>,
    address: &'g Address,
    /// When the last of them is stored, or refused.
    until: Option<Instant>,
}

/// A tell that nothing is known against, but perhaps by the database.
struct Checked<'g> {
    message: Message,
    /// When it is delivered; `None` for at once.
    at: Option<Timestamp>,
    /// Whether its caller gave it its id.
    is_given: bool,
    new_key: Option<String>,
    told: Told,
    _open: SemaphorePermit<'g>,
}

/// A tell was refused, and its sender is told: none may follow it.
struct Broken;

impl Checked<'_> {
    fn receipt(&self, sequence: Option<Sequence>, duplicate: bool) -> Receipt {
        let message_id = self.message.id.clone();
        Receipt { message_id, sequence, duplicate, new_key: self.new_key.clone() }
    }

    fn tell_place(self, sequence: Option<Sequence>) {
        let receipt = Some(self.receipt(sequence, false));
        // Its sender may have gone.
        let _ = self.told.send(Ok(Answer { payload: Bytes::new(), receipt }));
    }
}

/// Tells a sender that his message is refused.
fn refuse(told: Told, refusal: impl Into<Refused>) -> Broken {
    // He may have gone.
    let _ = told.send(Err(refusal.into()));
    Broken
}

impl<S: Store + 'static> Gateway<S> {
    /// Sends tells to one actor in their order, and stops at the first that is refused:
    /// those behind it are not sent, and their senders not told. Only where it is not
    /// known whether that one is stored, those that went into the same segment share its
    /// fate. Whether none was refused.
    ///
    /// Each write may take as long as a tell, and no longer than `until`.
    pub(crate) async fn tell_in_order(
        self: &Arc<Self>,
        address: &Address,
        tells: Vec<Tell>,
        until: Option<Instant>,
    ) -> bool {
        // Until they are stored, a gateway that drains waits for them.
        let _storing = self.tasks.token();
        InOrder { gateway: self, address, until }.take(tells).await.is_ok()
    }
}

impl<'g, S: Store + 'static> InOrder<'g, S> {
    async fn take(&self, tells: Vec<Tell>) -> Result<(), Broken> {
        let mut run: Vec<Checked<'g>> = Vec::new();
        for tell in tells {
            let tell = match self.check(tell) {
                Ok(tell) => tell,
                Err(broken) => return self.send(run).await.and(Err(broken)),
            };
            // One that was sent before is looked for when that one is stored.
            let is_again = run.iter().any(|before| before.message.id == tell.message.id);
            let is_delayed = tell.at.is_some();
            if is_again || is_delayed {
                self.send(std::mem::take(&mut run)).await?;
            }
            run.push(tell);
            if is_delayed {
                self.send(std::mem::take(&mut run)).await?;
            }
        }
        self.send(run).await
    }

    fn check(&self, Tell { routed, told }: Tell) -> Result<Checked<'g>, Broken> {
        let gateway = self.gateway;
        let checked = gateway.check(&routed).and_then(|open| {
            if routed.route.is_read_only() {
                only_at_once(&routed.call)?;
            }
            let at = gateway.delivery(routed.call.deliver, false)?;
            Ok((open, at))
        });
        let (open, at) = match checked {
            Ok(checked) => checked,
            Err(refusal) => return Err(refuse(told, refusal)),
        };
        let Routed { route, new_key, call, .. } = routed;
        let is_given = call.message_id.is_some();
        let message = gateway.message(&route, call, at);
        Ok(Checked { message, at, is_given, new_key, told, _open: open })
    }

    /// Sends a run: one that is delayed, or some that are not and whose ids differ.
    async fn send(&self, run: Vec<Checked<'g>>) -> Result<(), Broken> {
        let known = match self.known(&run).await {
            Ok(known) => known,
            Err(refusal) => {
                let first = run.into_iter().map(|tell| tell.told).next();
                return Err(first.map_or(Broken, |told| refuse(told, refusal)));
            }
        };
        let (mut segment, mut bytes, mut end) = (Vec::new(), 0, Ok(()));
        for (mut tell, known) in run.into_iter().zip(known) {
            if let Some(answered) = known {
                let receipt = tell.receipt(None, true);
                let answer = answer(false, answered, tell.message.digest(), receipt);
                let is_refused = answer.is_err();
                let _ = tell.told.send(answer);
                if is_refused {
                    end = Err(Broken);
                    break;
                }
                continue;
            }
            let telemetry = &self.gateway.settings.telemetry;
            let send = spans::send(telemetry, self.address, &mut tell.message);
            if let Some(at) = tell.at {
                return self.store_later(tell, at, send).await;
            }
            let size = tell.message.encoded_len();
            if bytes + size > SEGMENT_BYTES_MAX {
                self.store(std::mem::take(&mut segment)).await?;
                bytes = 0;
            }
            bytes += size;
            segment.push((tell, send));
        }
        self.store(segment).await.and(end)
    }

    /// What became of each message of a run, if it was sent before.
    async fn known(&self, run: &[Checked<'g>]) -> Result<Vec<Option<Answered>>, Refusal> {
        let given = || run.iter().filter(|tell| tell.is_given).map(|tell| &tell.message.id);
        let Some(first) = given().next() else { return Ok(run.iter().map(|_| None).collect()) };
        let keys: Vec<_> = given().map(|id| ReplyKey::new(self.address, id)).collect();
        let known = timeout_at(self.deadline(), self.gateway.stored_replies(&keys)).await;
        let known = known.map_err(|_| Refusal::SendTimeout { message_id: first.clone() })?;
        let mut known = known?.into_iter();
        let of = |tell: &Checked<'_>| if tell.is_given { known.next().flatten() } else { None };
        Ok(run.iter().map(of).collect())
    }

    /// Stores messages that fit in one segment; none is one.
    async fn store(&self, segment: Vec<(Checked<'g>, Span)>) -> Result<(), Broken> {
        if segment.is_empty() {
            return Ok(());
        }
        let copies = segment.iter().map(|(tell, send)| (tell.message.clone(), send.context()));
        let stored = self.gateway.store(self.address, copies.collect(), self.deadline()).await;
        match stored {
            Ok(Sequence(first)) => {
                for (sequence, (tell, _send)) in (first..).zip(segment) {
                    tell.tell_place(Some(Sequence(sequence)));
                }
                Ok(())
            }
            Err(Refusal::MailboxFull { .. }) if segment.len() > 1 => {
                // There may be room for some.
                for one in segment {
                    Box::pin(self.store(vec![one])).await?;
                }
                Ok(())
            }
            Err(refusal) => {
                segment.iter().for_each(|(_, send)| send.fail(refusal.reason(), ""));
                let first = segment.into_iter().map(|(tell, _)| tell.told).next();
                Err(first.map_or(Broken, |told| refuse(told, refusal)))
            }
        }
    }

    async fn store_later(
        &self,
        tell: Checked<'g>,
        at: Timestamp,
        send: Span,
    ) -> Result<(), Broken> {
        let message = tell.message.clone();
        let stored = delay::store(self.gateway, self.address, message, at, self.deadline());
        match send.within(stored).await {
            Ok(()) => {
                tell.tell_place(None);
                Ok(())
            }
            Err(refusal) => {
                send.fail(refusal.reason(), "");
                Err(refuse(tell.told, refusal))
            }
        }
    }

    /// When the next write is given up.
    fn deadline(&self) -> Instant {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        let most = self.gateway.settings.tell_timeout;
        self.gateway.deadline(Some(left.map_or(most, |left| left.min(most))), false)
    }
}

#[cfg(test)]
mod tests;
