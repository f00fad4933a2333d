//! What can be done with a stub's call besides awaiting it.

use futures::future::{BoxFuture, FutureExt};
use tonic::{Response, Status};

use crate::error::Error;
use crate::message::Message;
use crate::receipt::Receipt;
use crate::reply::Reply;

/// What can be done with a stub's call besides awaiting it.
///
/// The stub must have been made with a [`Channel`](crate::Channel) of this
/// crate, and must not compress; what is wrong is told when the message is sent.
///
/// ```no_run
/// # // Health stands in for a stub of your own here.
/// # use tonic_health::pb::{HealthCheckRequest as AddRequest, health_client::HealthClient};
/// # struct CounterClient(HealthClient<callboard_client::Channel>);
/// # impl CounterClient {
/// #     fn new(channel: callboard_client::Channel) -> Self { Self(HealthClient::new(channel)) }
/// #     fn add(&mut self, _: i64) -> impl Future<Output = Result<tonic::Response<tonic_health::pb::HealthCheckResponse>, tonic::Status>> {
/// #         self.0.check(AddRequest::default())
/// #     }
/// # }
/// # async fn run(client: callboard_client::Client) -> Result<(), callboard_client::Error> {
/// # let request = 0;
/// use std::time::Duration;
/// use callboard_client::CallExt;
///
/// let mut counter = CounterClient::new(client.actor("alice"));
/// counter.add(request).await?; // asks
/// counter.add(request).tell().await?; // is stored
/// counter.add(request).message().after(Duration::from_secs(90)).tell().await?;
/// let reply = counter.add(request).start().await?;
/// println!("{:?}", reply.get().await?);
/// # Ok(())
/// # }
/// ```
pub trait CallExt<R>: Future<Output = Result<Response<R>, Status>> + Sized
where
    R: prost::Message + Default + 'static,
{
    /// The call as a message that is not sent yet. Nothing is sent by this: a
    /// future does nothing until it is polled.
    fn message(self) -> Message<R> {
        Message::of_stub(self)
    }

    /// Sends the message, and waits until it is stored: as [`Message::tell`].
    fn tell(self) -> BoxFuture<'static, Result<Receipt, Error>> {
        let message = self.message();
        async move { message.tell().await }.boxed()
    }

    /// Sends the ask, and gives its reply to come: as [`Message::start`].
    fn start(self) -> BoxFuture<'static, Result<Reply<R>, Error>> {
        let message = self.message();
        async move { message.start().await }.boxed()
    }
}

impl<R, F> CallExt<R> for F
where
    R: prost::Message + Default + 'static,
    F: Future<Output = Result<Response<R>, Status>>,
{
}
