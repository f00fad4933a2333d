//! `TellStream`: messages in, receipts out, in the same order.
//!
//! A message to an actor is sent when those before it to the same actor are
//! stored, so that their order holds also when one of them fails; those that
//! came meanwhile go together. Those to different actors are on their way at the
//! same time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use callboard_mailbox::limits::SEGMENT_MESSAGES_MAX;
use callboard_mailbox::{Address, Store};
use callboard_proto::pb;
use futures::future::{self, BoxFuture};
use futures::stream::{self, BoxStream, FuturesOrdered, FuturesUnordered};
use futures::{FutureExt, StreamExt};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tonic::{Status, Streaming};

use super::caller::Caller;
use super::{status, tell, too_large};
use crate::call::Tell;
use crate::gateway::Gateway;
use crate::refusal::{Refusal, Stored};

/// The most messages of a stream that are on their way. Its caller is not read
/// from while they are, and HTTP/2 makes it wait.
const WINDOW: usize = 64;

// Those to one actor fit in one segment.
const _: () = assert!(WINDOW <= SEGMENT_MESSAGES_MAX);

type Told = Result<pb::TellStreamResponse, Status>;

struct TellStream<S> {
    gateway: Arc<Gateway<S>>,
    caller: Caller,
    deadline: Option<Instant>,
    requests: Streaming<pb::TellStreamRequest>,
    /// The receipts of what is on its way, in the order of the stream.
    on_the_way: FuturesOrdered<BoxFuture<'static, Told>>,
    /// The messages that are being stored, and where: several at once to each
    /// actor; and whether none was refused.
    sending: FuturesUnordered<BoxFuture<'static, (Address, bool)>>,
    /// What waits for them. An actor of which one was refused stays here, and what
    /// waits for it is not sent.
    waiting: HashMap<Address, Vec<Tell>>,
    /// Whether more is read.
    is_open: bool,
    /// Whether a message was refused, which ends the stream.
    is_refused: bool,
}

/// The receipts of the messages of a stream.
pub(super) fn receipts<S: Store + 'static>(
    gateway: Arc<Gateway<S>>,
    caller: Caller,
    requests: Streaming<pb::TellStreamRequest>,
) -> BoxStream<'static, Told> {
    let tells = TellStream {
        gateway,
        deadline: caller.timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
        caller,
        requests,
        on_the_way: FuturesOrdered::new(),
        sending: FuturesUnordered::new(),
        waiting: HashMap::new(),
        is_open: true,
        is_refused: false,
    };
    let next = |mut tells: TellStream<S>| async { Some((tells.next().await?, tells)) };
    stream::unfold(tells, next).boxed()
}

impl<S: Store + 'static> TellStream<S> {
    /// The next receipt, or the status that ends the stream.
    async fn next(&mut self) -> Option<Told> {
        while !self.is_refused {
            let has_room = self.on_the_way.len() < WINDOW;
            tokio::select! {
                biased;
                Some((address, is_sent)) = self.sending.next() => {
                    if is_sent {
                        self.send_waiting(address);
                    }
                }
                Some(told) = self.on_the_way.next() => {
                    self.is_refused = told.is_err();
                    return Some(told);
                }
                request = self.requests.next(), if self.is_open && has_room => match request {
                    Some(Ok(request)) => self.take(request),
                    Some(Err(status)) => {
                        self.end(too_large(&status).map_or(status, Status::from));
                    }
                    None => self.is_open = false,
                },
                () = self.gateway.draining.cancelled(), if self.is_open => {
                    let detail = "the gateway is shutting down".to_owned();
                    self.end(Refusal::Unavailable { detail, stored: Stored::No }.into());
                }
                else => return None,
            }
        }
        None
    }

    /// Reads no more, and ends the stream when what is on its way is told.
    fn end(&mut self, status: Status) {
        self.is_open = false;
        self.on_the_way.push_back(future::ready(Err(status)).boxed());
    }

    fn take(&mut self, request: pb::TellStreamRequest) {
        let call = tell::call(&self.gateway, &self.caller, request.tell.unwrap_or_default());
        let routed = call.and_then(|(route, call)| self.gateway.address(route, call));
        let routed = match routed {
            Ok(routed) => routed,
            Err(refusal) => return self.end(status::of(refusal.into())),
        };
        let address = routed.address().clone();
        let (told, answer) = oneshot::channel();
        let receipt = answer.map(|answer| match answer {
            Ok(Ok(answer)) => Ok(pb::TellStreamResponse { receipt: tell::told(answer) }),
            Ok(Err(refused)) => Err(status::of(refused)),
            // The status of one before it ends the stream, and nobody gets to read this.
            Err(_) => Err(Status::aborted("a message before it was refused")),
        });
        self.on_the_way.push_back(receipt.boxed());
        let tell = Tell { routed, told };
        match self.waiting.entry(address.clone()) {
            Entry::Occupied(mut waiting) => waiting.get_mut().push(tell),
            Entry::Vacant(nothing) => {
                nothing.insert(Vec::new());
                self.send(address, vec![tell]);
            }
        }
    }

    /// What was sent to an actor is stored, and what waits for it follows.
    fn send_waiting(&mut self, address: Address) {
        let Some(waiting) = self.waiting.get_mut(&address) else { return };
        match std::mem::take(waiting) {
            nothing if nothing.is_empty() => drop(self.waiting.remove(&address)),
            tells => self.send(address, tells),
        }
    }

    fn send(&mut self, address: Address, tells: Vec<Tell>) {
        let (gateway, until) = (Arc::clone(&self.gateway), self.deadline);
        let sending = async move {
            let is_sent = gateway.tell_in_order(&address, tells, until).await;
            (address, is_sent)
        };
        self.sending.push(sending.boxed());
    }
}
