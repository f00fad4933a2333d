//! `TellStream`: messages in, receipts out, in the same order.
//!
//! A message to an actor is sent when the one before it to the same actor is
//! stored, so that their order holds also when one of them fails. Those to
//! different actors are on their way together.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use callboard_mailbox::{Address, Store};
use callboard_proto::pb;
use futures::future::{self, BoxFuture};
use futures::stream::{self, BoxStream, FuturesOrdered};
use futures::{FutureExt, StreamExt};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tonic::{Status, Streaming};

use super::caller::Caller;
use super::{status, tell, too_large};
use crate::gateway::Gateway;
use crate::refusal::{Refusal, Stored};

/// The most messages of a stream that are on their way. Its caller is not read
/// from while they are, and HTTP/2 makes it wait.
const WINDOW: usize = 64;

type Told = Result<pb::TellStreamResponse, Status>;

struct TellStream<S> {
    gateway: Arc<Gateway<S>>,
    caller: Caller,
    deadline: Option<Instant>,
    requests: Streaming<pb::TellStreamRequest>,
    /// What is on its way, in the order of the stream.
    on_the_way: FuturesOrdered<BoxFuture<'static, Told>>,
    /// The last message to an actor tells here that it is stored. It never does
    /// when it is refused, and what waits for it is not sent.
    last: HashMap<Address, oneshot::Receiver<()>>,
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
        last: HashMap::new(),
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
                Some(told) = self.on_the_way.next() => {
                    self.is_refused = told.is_err();
                    return Some(told);
                }
                request = self.requests.next(), if self.is_open && has_room => match request {
                    Some(Ok(request)) => self.send(request),
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

    fn send(&mut self, request: pb::TellStreamRequest) {
        let call = tell::call(&self.gateway, &self.caller, request.tell.unwrap_or_default());
        let routed = call.and_then(|(route, mut call)| {
            call.timeout = Some(self.timeout());
            self.gateway.address(route, call)
        });
        let routed = match routed {
            Ok(routed) => routed,
            Err(refusal) => return self.end(status::of(refusal.into())),
        };
        let (stored, next) = oneshot::channel();
        let before = self.last.insert(routed.address().clone(), next);
        if self.last.len() > 2 * WINDOW {
            // Those that failed stay: nothing may follow them.
            self.last.retain(|_, stored| stored.try_recv().is_err());
        }
        let gateway = Arc::clone(&self.gateway);
        self.on_the_way.push_back(
            async move {
                if let Some(before) = before
                    && before.await.is_err()
                {
                    // Its status ends the stream, and nobody gets to read this one.
                    return Err(Status::aborted("a message before it was refused"));
                }
                let answer = gateway.perform(routed).await.map_err(status::of)?;
                // There need not be a next one.
                let _ = stored.send(());
                Ok(pb::TellStreamResponse { receipt: tell::told(answer) })
            }
            .boxed(),
        );
    }

    /// How long a message may take: as long as any tell, and as long as the
    /// stream.
    fn timeout(&self) -> Duration {
        let left = self.deadline.map(|deadline| deadline.duration_since(Instant::now()));
        left.unwrap_or(Duration::MAX).min(self.gateway.settings.tell_timeout)
    }
}
