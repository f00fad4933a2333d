//! A whole Callboard in the process of a test: gateway, embedded DynamoDB, and actors
//! that run in the test's own process, with its debugger and its breakpoints.
//!
//! ```text
//! #[tokio::test]
//! async fn visits_are_counted() -> Result<(), Box<dyn std::error::Error>> {
//!     let gateway = TestGateway::new("proto").actor::<Counter>().start().await?;
//!     let visits = CounterRef::new("visits");
//!     let response = gateway.ask(visits.add(AddRequest { delta: 5, ..Default::default() })).await?;
//!     assert_eq!(response.value, 5);
//!     gateway.stop().await;
//!     Ok(())
//! }
//! ```
//!
//! It listens on a free port of the loopback interface: any gRPC client can call it at
//! [`TestGateway::url`]. What is not real is Lambda, of which only the Invoke request
//! is left; for the real way of an invocation there is `callboard dev`. For a test of
//! one actor alone, with a clock that the test moves, see
//! `callboard_lambda_sdk::testing::ActorTest`.

mod function;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::Credentials;
use callboard_gateway::{Catalog, Functions, Gateway, Settings, serve};
use callboard_lambda_sdk::invocation::Handler;
use callboard_lambda_sdk::{Actor, Request, Service, Status};
use callboard_local::{EmbeddedDynamoDb, Storage};
use callboard_mailbox::clock::Clock;
use callboard_mailbox::lease::Terms;
use callboard_mailbox_dynamodb::{DynamoDbStore, Tables, connect, schema};
use callboard_proto::schema::{Errors, Schema};
use prost::Message;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

/// How long what runs may take when the gateway stops.
const GRACE: Duration = Duration::from_secs(10);

/// How long a call may take that a test makes.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// A gateway that is not started yet.
#[must_use = "a gateway is started by `start`"]
pub struct Builder {
    protos: PathBuf,
    types: Vec<String>,
    actors: Vec<Serve>,
}

/// Adds an actor type to a function.
type Serve = fn(Handler<DynamoDbStore>) -> Handler<DynamoDbStore>;

/// A gateway that serves the actors of a test.
pub struct TestGateway {
    address: SocketAddr,
    channel: Channel,
    /// The services by the actor types that they declare.
    services: HashMap<String, String>,
    gateway: Arc<Gateway<DynamoDbStore>>,
    dynamodb: EmbeddedDynamoDb,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The .proto files are not valid.
    #[error("the .proto files are not valid\n\n{0}")]
    Schema(Errors),
    /// A rule of protovalidate for requests cannot be used.
    #[cfg(feature = "validation")]
    #[error(transparent)]
    Rules(#[from] callboard_gateway::validation::Errors),
    /// The embedded DynamoDB does not start.
    #[error(transparent)]
    DynamoDb(#[from] callboard_local::dynamodb::Error),
    /// The tables cannot be made.
    #[error(transparent)]
    Tables(#[from] schema::Error),
    /// The gateway cannot listen.
    #[error(transparent)]
    Serve(#[from] serve::Error),
    /// The gateway cannot be connected to.
    #[error(transparent)]
    Connect(#[from] tonic::transport::Error),
}

impl TestGateway {
    /// A gateway for the .proto files below a folder, relative to the folder of the
    /// crate that is tested.
    #[allow(clippy::new_ret_no_self, reason = "it is what a reader looks for")]
    pub fn new(protos: impl Into<PathBuf>) -> Builder {
        Builder { protos: protos.into(), types: Vec::new(), actors: Vec::new() }
    }

    /// Where it listens, `http://127.0.0.1:…`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A connection for generated clients.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Calls a method of an actor over gRPC, as a client does, and waits for its
    /// response.
    ///
    /// # Errors
    /// The status that a client gets.
    pub async fn ask<R: Message + Default + 'static>(
        &self,
        request: Request<R>,
    ) -> Result<R, Status> {
        let no_service = || Status::unimplemented("the .proto files have no such actor type");
        let service = self.services.get(request.actor_type()).ok_or_else(no_service)?;
        let path = format!("/{service}/{}", request.method());
        let path = path.parse().map_err(|_| Status::internal("the method's name is no path"))?;
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut call = tonic::Request::new(request.payload().clone());
        call.set_timeout(CALL_TIMEOUT);
        let codec = function::Encoded::<R>::default();
        grpc.unary(call, path, codec).await.map(tonic::Response::into_inner)
    }

    /// Calls a tell of an actor over gRPC; it returns when the message is durable.
    ///
    /// # Errors
    /// The status that a client gets.
    pub async fn tell(&self, request: Request) -> Result<(), Status> {
        self.ask(request).await
    }

    /// Stops: finishes what runs, and forgets everything.
    pub async fn stop(self) {
        self.gateway.stop_accepting();
        self.stop.cancel();
        drop(self.channel);
        let _ = tokio::join!(self.server, self.gateway.drain(GRACE));
        self.dynamodb.shutdown().await;
    }
}

impl Builder {
    /// Serves an actor type.
    pub fn actor<A: Actor>(mut self) -> Self {
        self.types.push(A::Service::TYPE.to_owned());
        self.actors.push(Handler::actor::<A>);
        self
    }

    /// Starts it on a free port, with an empty database in memory.
    ///
    /// # Errors
    /// When the .proto files are not valid, or nothing can be listened on.
    pub async fn start(self) -> Result<TestGateway, Error> {
        let schema = Schema::compile_dir(&self.protos).map_err(Error::Schema)?;
        let services = schema
            .actors()
            .iter()
            .map(|actor| (actor.type_name().to_owned(), actor.service().full_name().to_owned()));
        let services = services.collect();
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let dynamodb = EmbeddedDynamoDb::start(Storage::Memory, any_port)?;
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "a test"))
            .load()
            .await;
        let client = connect(&config, Some(&dynamodb.endpoint_url()));
        let tables = Tables::new(schema::DEFAULT_PREFIX);
        tables.create(&client).await?;
        let store = DynamoDbStore::new(client, tables);
        let clock: Clock = Arc::new(|| SystemTime::now().into());

        let handler = Handler::new(store.clone(), Arc::clone(&clock));
        let handler = self.actors.into_iter().fold(handler, |handler, actor| actor(handler));
        let lambda = function::in_process(handler, Arc::clone(&clock));
        let config = config.to_builder().http_client(lambda).build();
        let functions = self.types.into_iter().map(|of| (of, "test".to_owned()));
        let functions = Functions::new(&config, None, functions);
        // Work that is left behind, and timers, are found at once.
        let settings = Settings {
            terms: Terms { due_step: Duration::from_millis(50), ..Terms::default() },
            ..Settings::default()
        };
        #[cfg(feature = "validation")]
        let catalog = Catalog::load(schema)?;
        #[cfg(not(feature = "validation"))]
        let catalog = Catalog::new(schema);
        let gateway = Gateway::start(store, catalog, functions, settings, clock);
        let router = serve::router(Arc::clone(&gateway)).await?;
        let listener = serve::listen(any_port).await?;
        let address = listener
            .local_addr()
            .map_err(|source| serve::Error::Listen { address: any_port, source })?;
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve::serve(listener, router, stop.clone(), GRACE));
        let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
        Ok(TestGateway { address, channel, services, gateway, dynamodb, stop, server })
    }
}
