//! Streams of tells. What is sent in one keeps the order of the lines, though
//! each may have to wait.

use callboard_client::{Delivery, Error, TellStream};
use opentelemetry::Context;
use opentelemetry::trace::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::Failure;
use crate::interpreter::AnyMessage;

/// A stream, and what is to be told in it.
pub(crate) struct Stream {
    queue: mpsc::UnboundedSender<Tell>,
    worker: JoinHandle<()>,
}

struct Tell {
    message: Box<dyn AnyMessage>,
    context: Context,
    taken: oneshot::Sender<Result<Delivery, Error>>,
}

impl Stream {
    pub(crate) fn new(stream: TellStream) -> Self {
        let (queue, mut tells) = mpsc::unbounded_channel::<Tell>();
        let worker = tokio::spawn(async move {
            while let Some(Tell { message, context, taken }) = tells.recv().await {
                let delivery = message.tell_in(&stream).with_context(context).await;
                if taken.send(delivery).is_err() {
                    break;
                }
            }
            // What became of each message, its own operation tells.
            let _ = stream.close().await;
        });
        Self { queue, worker }
    }

    /// Tells after what was told before; the delivery comes when there is room.
    pub(crate) fn tell(
        &self,
        message: Box<dyn AnyMessage>,
        context: Context,
    ) -> Result<oneshot::Receiver<Result<Delivery, Error>>, Failure> {
        let (taken, delivery) = oneshot::channel();
        self.queue.send(Tell { message, context, taken }).map_err(|_| "the stream has ended")?;
        Ok(delivery)
    }

    /// Ends the stream after what it was given.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        drop(self.queue);
        Ok(self.worker.await?)
    }
}
