//! What a stream of tells does beside its caller: connect as often as it must,
//! and send what has no receipt.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;

use callboard_proto::pb;
use futures::stream::{self, StreamExt};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;
use tonic::Status;

use crate::error::Error;
use crate::link::{self, Link};
use crate::receipt::Receipt;
use crate::retry::is_retryable;
use crate::tell_stream::Entry;

pub(crate) struct Teller {
    link: Arc<Link>,
    entries: mpsc::UnboundedReceiver<Entry>,
    room: Arc<Semaphore>,
    /// Those without a receipt, in order.
    waiting: VecDeque<Entry>,
    failure: Option<Error>,
}

impl Teller {
    pub(crate) fn new(
        link: Arc<Link>,
        entries: mpsc::UnboundedReceiver<Entry>,
        room: Arc<Semaphore>,
    ) -> Self {
        Self { link, entries, room, waiting: VecDeque::new(), failure: None }
    }

    /// Goes on until nothing more can come, or the client is closed; the error of
    /// the first message that failed.
    pub(crate) async fn run(mut self) -> Option<Error> {
        let link = Arc::clone(&self.link);
        tokio::select! {
            biased;
            () = link.ended() => {}
            () = self.tell() => return self.failure,
        }
        self.room.close();
        self.entries.close();
        while let Ok(entry) = self.entries.try_recv() {
            self.waiting.push_back(entry);
        }
        self.fail_all(&Error::from(link::closed()));
        self.failure
    }

    async fn tell(&mut self) {
        let mut attempt = 1;
        while self.has_some().await {
            let (is_told, end) = self.connect().await;
            if is_told {
                attempt = 1;
            }
            let Err(status) = end else { continue };
            let failed = Error::from(status);
            match self.link.settings.retry.wait(attempt, &failed, fastrand::f64()) {
                _ if self.waiting.is_empty() => {}
                Some(wait) => {
                    attempt += 1;
                    sleep(wait).await;
                }
                None if is_retryable(&failed) => {
                    attempt = 1;
                    self.fail_all(&failed);
                }
                // It is the first one that the gateway has refused.
                None => {
                    attempt = 1;
                    self.settle(Err(&failed));
                }
            }
        }
    }

    /// Waits until there is something to send; false when there never will be.
    async fn has_some(&mut self) -> bool {
        if self.waiting.is_empty() {
            self.waiting.extend(self.entries.recv().await);
        }
        !self.waiting.is_empty()
    }

    /// Sends what waits and what comes, until the connection ends. It tells
    /// whether there were receipts, and whether it ended because everything is
    /// told.
    async fn connect(&mut self) -> (bool, Result<(), Status>) {
        let (sender, mut requests) = mpsc::unbounded_channel();
        let mut sender = Some(sender);
        for entry in &self.waiting {
            send(&sender, entry);
        }
        let link = Arc::clone(&self.link);
        let requests = stream::poll_fn(move |context| requests.poll_recv(context))
            .map(|tell| pb::TellStreamRequest { tell: Some(tell) });
        let mut answers = pin!(link.stream("/callboard.v1.Gateway/TellStream", requests, None));
        let mut is_told = false;
        loop {
            tokio::select! {
                biased;
                answer = answers.next() => match answer {
                    Some(Ok(answer)) => {
                        let answer: pb::TellStreamResponse = answer;
                        is_told = true;
                        self.settle(Ok(answer.receipt.unwrap_or_default().into()));
                    }
                    Some(Err(status)) => return (is_told, Err(status)),
                    None if self.waiting.is_empty() => return (is_told, Ok(())),
                    None => {
                        let text = "the stream ended before all receipts came";
                        return (is_told, Err(Status::unavailable(text)));
                    }
                },
                entry = self.entries.recv(), if sender.is_some() => match entry {
                    Some(entry) => {
                        send(&sender, &entry);
                        self.waiting.push_back(entry);
                    }
                    // Nothing more will come.
                    None => sender = None,
                },
            }
        }
    }

    /// Says what became of the first message that waits.
    fn settle(&mut self, outcome: Result<Receipt, &Error>) {
        let Some(entry) = self.waiting.pop_front() else { return };
        let outcome = outcome.map_err(|failed| failed.of_message(&entry.message_id));
        if let Err(failed) = &outcome {
            self.failure.get_or_insert_with(|| failed.clone());
        }
        let _ = entry.outcome.send(outcome);
    }

    fn fail_all(&mut self, failed: &Error) {
        while !self.waiting.is_empty() {
            self.settle(Err(failed));
        }
    }
}

/// Gives a message to the connection. It fails only when that is over, which its
/// answers tell.
fn send(sender: &Option<mpsc::UnboundedSender<pb::TellRequest>>, entry: &Entry) {
    if let Some(sender) = sender {
        let _ = sender.send(entry.request.clone());
    }
}
