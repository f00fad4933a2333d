//! gRPC in and out.

use std::sync::Arc;

use callboard_mailbox::{Address, MessageId, Store};
use callboard_proto::pb;
use callboard_proto::pb::list_dead_letters_request::Of;
use opentelemetry::Context;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status};
use tracing::{Level, info};

use super::{control, dead_letters, delete, mailbox, state, types, waiting};
use crate::gateway::Gateway;
use crate::generic::rpc::admin_server::{Admin, AdminServer};
use crate::lane::Command;
use crate::refusal::Refusal;

/// How many of these calls are at work at once; others wait. An answer may take
/// megabytes, and actors come first.
const CALLS_MAX: usize = 16;

/// The service behind a look at who calls.
type Guarded<S> = InterceptedService<AdminServer<Service<S>>, fn(Request<()>) -> Looked>;

type Looked = Result<Request<()>, Status>;

/// The service, for the router.
pub(super) fn server<S: Store + 'static>(gateway: Arc<Gateway<S>>) -> Guarded<S> {
    let service = Service { gateway, calls: Semaphore::new(CALLS_MAX) };
    AdminServer::with_interceptor(service, refuse_pages)
}

/// Refuses web pages, also those that may call actors: who visits one must not
/// delete actors with it. Browsers tell where a request comes from.
fn refuse_pages(request: Request<()>) -> Looked {
    match request.metadata().contains_key("origin") {
        false => Ok(request),
        true => {
            let detail = "operators' calls are not for web pages".to_owned();
            Err(Refusal::Invalid { field: "origin".into(), detail }.into())
        }
    }
}

pub(super) struct Service<S> {
    gateway: Arc<Gateway<S>>,
    calls: Semaphore,
}

type Answer<T> = Result<Response<T>, Status>;

impl<S: Store + 'static> Service<S> {
    async fn turn(&self) -> SemaphorePermit<'_> {
        self.calls.acquire().await.expect("it is never closed")
    }

    /// Takes a call that changes something to its end, also when its caller goes
    /// away or the gateway shuts down: half of it would be worse. One line in the
    /// log says what was done. Keys may tell who somebody is, so only those who log
    /// everything get them.
    async fn change<T, W>(
        &self,
        operation: &'static str,
        address: Option<pb::Address>,
        work: impl FnOnce(Arc<Gateway<S>>, Address) -> W,
    ) -> Answer<T>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, Refusal>> + Send + 'static,
    {
        let _turn = self.turn().await;
        let address = read_address(address)?;
        let work = work(Arc::clone(&self.gateway), address.clone());
        let logged = async move {
            let result = work.await;
            let actor = match tracing::enabled!(Level::DEBUG) {
                true => address.as_str(),
                false => address.actor_type(),
            };
            let refused = result.as_ref().err().map(reason);
            info!(operation, actor, refused, "an operator's call");
            result
        };
        let broke = |_| Refusal::Internal { detail: "the call broke off".into() };
        let done = self.gateway.tasks.spawn(logged).await.map_err(broke);
        Ok(Response::new(done.map_err(Status::from)??))
    }
}

/// The reason of a refusal, which names no actor.
fn reason(refusal: &Refusal) -> String {
    use tonic_types::StatusExt;
    let info = Status::from(refusal.clone()).get_details_error_info();
    info.map(|info| info.reason).unwrap_or_default()
}

fn read_address(address: Option<pb::Address>) -> Result<Address, Refusal> {
    use callboard_mailbox::address::Error;
    let pb::Address { r#type, key } = address.unwrap_or_default();
    Address::new(&r#type, &key).map_err(|error| {
        let field = if error == Error::Type { "address.type" } else { "address.key" };
        Refusal::Invalid { field: field.into(), detail: error.to_string() }
    })
}

fn read_id(id: &str) -> Result<MessageId, Refusal> {
    let invalid = |detail: String| Refusal::Invalid { field: "message_id".into(), detail };
    MessageId::new(id).map_err(|error| invalid(error.to_string()))
}

/// Wakes an actor at once. Its record is due, so whoever sweeps does it if this
/// gateway has no function for it.
async fn wake<S: Store + 'static>(gateway: &Arc<Gateway<S>>, address: &Address) {
    let (done, woken) = oneshot::channel();
    if gateway.to_lane(address, Command::Wake(done, Context::current())).is_ok() {
        // A lane that breaks leaves it to a sweeper too.
        let _ = woken.await;
    }
}

#[tonic::async_trait]
impl<S: Store + 'static> Admin for Service<S> {
    async fn list_actor_types(
        &self,
        _: Request<pb::ListActorTypesRequest>,
    ) -> Answer<pb::ListActorTypesResponse> {
        Ok(Response::new(types::list(&self.gateway.catalog(), &self.gateway.functions)))
    }

    async fn list_actors(
        &self,
        request: Request<pb::ListActorsRequest>,
    ) -> Answer<pb::ListActorsResponse> {
        let (_turn, request) = (self.turn().await, request.into_inner());
        types::known(&self.gateway.catalog(), &request.r#type)?;
        Ok(Response::new(types::actors(&self.gateway.store, &request).await?))
    }

    async fn describe_mailbox(
        &self,
        request: Request<pb::DescribeMailboxRequest>,
    ) -> Answer<pb::DescribeMailboxResponse> {
        let _turn = self.turn().await;
        let address = read_address(request.into_inner().address)?;
        let Gateway { store, clock, .. } = &*self.gateway;
        Ok(Response::new(mailbox::describe(store, &address, clock()).await?))
    }

    async fn peek_messages(
        &self,
        request: Request<pb::PeekMessagesRequest>,
    ) -> Answer<pb::PeekMessagesResponse> {
        let (_turn, mut request) = (self.turn().await, request.into_inner());
        let address = read_address(request.address.take())?;
        let (store, catalog) = (&self.gateway.store, self.gateway.catalog());
        let messages = waiting::peek(store, catalog.schema(), &address, &request).await?;
        Ok(Response::new(messages))
    }

    async fn list_dead_letters(
        &self,
        request: Request<pb::ListDeadLettersRequest>,
    ) -> Answer<pb::ListDeadLettersResponse> {
        let (_turn, mut request) = (self.turn().await, request.into_inner());
        let (store, catalog) = (&self.gateway.store, self.gateway.catalog());
        let schema = catalog.schema();
        let letters = match request.of.take() {
            Some(Of::Type(actor_type)) => {
                types::known(&catalog, &actor_type)?;
                dead_letters::of_type(store, schema, &actor_type, &request).await?
            }
            Some(Of::Address(address)) => {
                let address = read_address(Some(address))?;
                dead_letters::of_actor(store, schema, &address, &request).await?
            }
            None => {
                let detail = "name an actor or an actor type".into();
                return Err(Refusal::Invalid { field: "address".into(), detail }.into());
            }
        };
        Ok(Response::new(letters))
    }

    async fn redrive_dead_letter(
        &self,
        request: Request<pb::RedriveDeadLetterRequest>,
    ) -> Answer<pb::RedriveDeadLetterResponse> {
        let pb::RedriveDeadLetterRequest { address, message_id } = request.into_inner();
        let id = read_id(&message_id)?;
        let redrive = |gateway: Arc<Gateway<S>>, address| async move {
            let now = (gateway.clock)();
            dead_letters::redrive(&gateway.store, &address, &id, now).await?;
            wake(&gateway, &address).await;
            Ok(pb::RedriveDeadLetterResponse {})
        };
        self.change("RedriveDeadLetter", address, redrive).await
    }

    async fn discard_dead_letter(
        &self,
        request: Request<pb::DiscardDeadLetterRequest>,
    ) -> Answer<pb::DiscardDeadLetterResponse> {
        let pb::DiscardDeadLetterRequest { address, message_id } = request.into_inner();
        let id = read_id(&message_id)?;
        let discard = |gateway: Arc<Gateway<S>>, address| async move {
            dead_letters::discard(&gateway.store, &address, &id).await?;
            Ok(pb::DiscardDeadLetterResponse {})
        };
        self.change("DiscardDeadLetter", address, discard).await
    }

    async fn pause(&self, request: Request<pb::PauseRequest>) -> Answer<pb::PauseResponse> {
        let pb::PauseRequest { address, reason } = request.into_inner();
        let pause = |gateway: Arc<Gateway<S>>, address| async move {
            let now = (gateway.clock)();
            control::pause(&gateway.store, &address, &reason, now).await?;
            Ok(pb::PauseResponse {})
        };
        self.change("Pause", address, pause).await
    }

    async fn resume(&self, request: Request<pb::ResumeRequest>) -> Answer<pb::ResumeResponse> {
        let resume = |gateway: Arc<Gateway<S>>, address| async move {
            let now = (gateway.clock)();
            let paused_reason = control::resume(&gateway.store, &address, now).await?;
            wake(&gateway, &address).await;
            Ok(pb::ResumeResponse { paused_reason })
        };
        self.change("Resume", request.into_inner().address, resume).await
    }

    async fn purge(&self, request: Request<pb::PurgeRequest>) -> Answer<pb::PurgeResponse> {
        let purge = |gateway: Arc<Gateway<S>>, address| async move {
            let purged = control::purge(&gateway.store, &address).await?;
            if purged.was_relied_on {
                wake(&gateway, &address).await;
            }
            Ok(pb::PurgeResponse { messages: purged.messages })
        };
        self.change("Purge", request.into_inner().address, purge).await
    }

    async fn cancel_message(
        &self,
        request: Request<pb::CancelMessageRequest>,
    ) -> Answer<pb::CancelMessageResponse> {
        let pb::CancelMessageRequest { address, message_id } = request.into_inner();
        let id = read_id(&message_id)?;
        let cancel = |gateway: Arc<Gateway<S>>, address| async move {
            if gateway.cancel(&address, &id).await? {
                return Ok(pb::CancelMessageResponse {});
            }
            Err(Refusal::NotFound { what: "delayed message", address, message_id: Some(id) })
        };
        self.change("CancelMessage", address, cancel).await
    }

    async fn delete_actor(
        &self,
        request: Request<pb::DeleteActorRequest>,
    ) -> Answer<pb::DeleteActorResponse> {
        let delete = |gateway: Arc<Gateway<S>>, address| async move {
            let (now, random) = ((gateway.clock)(), fastrand::u64(..));
            let deleted = delete::delete(&gateway.store, &address, now, random).await?;
            if deleted.runs {
                wake(&gateway, &address).await;
            }
            Ok(pb::DeleteActorResponse {
                messages: deleted.messages,
                timers: u32::try_from(deleted.timers).unwrap_or(u32::MAX),
                state: deleted.state,
            })
        };
        self.change("DeleteActor", request.into_inner().address, delete).await
    }

    async fn read_state(
        &self,
        request: Request<pb::ReadStateRequest>,
    ) -> Answer<pb::ReadStateResponse> {
        let _turn = self.turn().await;
        let address = read_address(request.into_inner().address)?;
        let (store, catalog) = (&self.gateway.store, self.gateway.catalog());
        Ok(Response::new(state::read(store, catalog.schema(), &address).await?))
    }
}
