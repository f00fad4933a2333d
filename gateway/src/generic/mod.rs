//! `callboard.v1.Gateway`: calls by name, without code that was generated from
//! the actor's `.proto` file.
//!
//! Each becomes a [`crate::call::Call`] as the typed ones do, and ends as they
//! end. Only here the gateway reads payloads, where its caller writes JSON.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `caller` | what comes in metadata: deadline and trace context |
//! | `message` | a message by name, as a call |
//! | `payload` | JSON in and out |
//! | `status` | errors, as the end of a call and as a part of an answer |
//! | `tell`, `ask`, `reply`, `cancel` | the calls with one answer |
//! | `tell_stream`, `ask_many` | those with several |

mod ask;
mod ask_many;
mod caller;
mod cancel;
mod message;
mod payload;
mod reply;
mod status;
mod tell;
mod tell_stream;

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use callboard_mailbox::Store;
use callboard_mailbox::limits::MESSAGE_BYTES_MAX;
use callboard_proto::pb;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use prost::Message;
use tonic::body::Body;
use tonic::codec::{CompressionEncoding, SingleMessageCompressionOverride};
use tonic::server::NamedService;
use tonic::{Code, Request, Response, Status, Streaming};
use tower::Service;

use crate::door::COMPRESSED_FROM_BYTES;
use crate::gateway::Gateway;
use crate::refusal::Refusal;
use caller::Caller;
use rpc::gateway_server::{Gateway as Rpc, GatewayServer};

/// The largest request that is read: as much as gRPC's clients take by default.
const READ_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What reflection tells of it.
pub(crate) const DESCRIPTORS: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/callboard.v1.gateway.bin"));

/// The name of the service.
pub(crate) const NAME: &str = rpc::gateway_server::SERVICE_NAME;

#[expect(unreachable_pub, reason = "it is generated")]
pub(crate) mod rpc {
    tonic::include_proto!("callboard.v1");
}

/// The service, for the router.
pub(crate) struct Generic<S>(GatewayServer<Calls<S>>);

struct Calls<S> {
    gateway: Arc<Gateway<S>>,
}

impl<S: Store + 'static> Generic<S> {
    pub(crate) fn new(gateway: Arc<Gateway<S>>) -> Self {
        let mut server = GatewayServer::new(Calls { gateway });
        for encoding in [CompressionEncoding::Zstd, CompressionEncoding::Gzip] {
            server = server.accept_compressed(encoding).send_compressed(encoding);
        }
        Self(server.max_decoding_message_size(READ_BYTES_MAX))
    }
}

impl<S> Clone for Generic<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Store + 'static> NamedService for Generic<S> {
    const NAME: &'static str = NAME;
}

impl<S: Store + 'static> Service<http::Request<Body>> for Generic<S> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let response = self.0.call(request);
        Box::pin(async {
            let response = response.await?;
            let status = Status::from_header_map(response.headers());
            Ok(match status.and_then(|status| too_large(&status)) {
                Some(refusal) => Status::from(refusal).into_http(),
                None => response,
            })
        })
    }
}

/// What tonic's refusal of a request is, when it refused it for its size. A
/// handler may answer with the same code.
fn too_large(status: &Status) -> Option<Refusal> {
    let begins = match status.code() {
        Code::OutOfRange => "Error, decoded message length too large",
        Code::ResourceExhausted => "Error decompressing: size limit",
        _ => return None,
    };
    let (limit, size) = (MESSAGE_BYTES_MAX, READ_BYTES_MAX + 1);
    let is_tonics = status.message().starts_with(begins);
    is_tonics.then_some(Refusal::TooLarge { what: "message", limit, size })
}

/// Parts a request into who calls and what is wanted.
fn parts<T>(request: Request<T>) -> Result<(Caller, T), Status> {
    let (metadata, extensions, message) = request.into_parts();
    Ok((Caller::of(&metadata, &extensions)?, message))
}

/// An answer, compressed if that is worth it.
fn answered<T: Message>(message: T) -> Response<T> {
    let is_small = message.encoded_len() < COMPRESSED_FROM_BYTES;
    let mut response = Response::new(message);
    if is_small {
        response.extensions_mut().insert(SingleMessageCompressionOverride::Disable);
    }
    response
}

#[tonic::async_trait]
impl<S: Store + 'static> Rpc for Calls<S> {
    async fn tell(
        &self,
        request: Request<pb::TellRequest>,
    ) -> Result<Response<pb::TellResponse>, Status> {
        let (caller, request) = parts(request)?;
        let told = tell::tell(&self.gateway, &caller, request).await;
        told.map(answered).map_err(status::of)
    }

    async fn ask(
        &self,
        request: Request<pb::AskRequest>,
    ) -> Result<Response<pb::AskResponse>, Status> {
        let (caller, request) = parts(request)?;
        let asked = ask::ask(&self.gateway, &caller, request.message).await;
        asked.map(answered).map_err(status::of)
    }

    type TellStreamStream = BoxStream<'static, Result<pb::TellStreamResponse, Status>>;

    async fn tell_stream(
        &self,
        request: Request<Streaming<pb::TellStreamRequest>>,
    ) -> Result<Response<Self::TellStreamStream>, Status> {
        let (caller, requests) = parts(request)?;
        let receipts = tell_stream::receipts(Arc::clone(&self.gateway), caller, requests);
        let mut response = Response::new(receipts);
        // Receipts are small.
        response.extensions_mut().insert(SingleMessageCompressionOverride::Disable);
        Ok(response)
    }

    async fn r#await(
        &self,
        request: Request<pb::AwaitRequest>,
    ) -> Result<Response<pb::AwaitResponse>, Status> {
        let (caller, request) = parts(request)?;
        let awaited = reply::reply(&self.gateway, &caller, request).await;
        awaited.map(answered).map_err(|refusal| status::of(refusal.into()))
    }

    type AskManyStream = BoxStream<'static, Result<pb::AskManyResponse, Status>>;

    async fn ask_many(
        &self,
        request: Request<pb::AskManyRequest>,
    ) -> Result<Response<Self::AskManyStream>, Status> {
        let (caller, request) = parts(request)?;
        let results = ask_many::results(Arc::clone(&self.gateway), caller, request.messages)?;
        Ok(Response::new(results))
    }

    async fn cancel(
        &self,
        request: Request<pb::CancelRequest>,
    ) -> Result<Response<pb::CancelResponse>, Status> {
        let (caller, request) = parts(request)?;
        let cancelled = cancel::cancel(&self.gateway, &caller, request).await;
        cancelled.map(answered).map_err(|refusal| status::of(refusal.into()))
    }
}
