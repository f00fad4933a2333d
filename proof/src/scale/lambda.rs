//! The function: what gateways' Lambda clients send is handed to the SDK's handler.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use callboard_lambda_sdk::invocation::Handler;
use callboard_proto::pb::{Invocation, InvocationResult, invocation::Task, invocation_result};
use prost::Message;
use serde::Deserialize;

use super::World;
use super::actor::Counter;
use super::process::Process;
use super::store::Counted;

/// How long the function may run, as it is told.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What Lambda answers with when it has passed an invocation on.
const OK: u16 = 200;

/// The function, as many environments of it as are needed at once.
#[derive(Clone)]
pub(super) struct Lambda {
    handler: Arc<Handler<Counted>>,
    process: Arc<Process>,
    world: Weak<World>,
}

/// The JSON of an invocation, and of its result.
#[derive(Deserialize)]
struct Sealed {
    callboard: String,
}

impl Lambda {
    pub(super) fn new(store: Counted, process: Arc<Process>, world: Weak<World>) -> Self {
        let handler = Arc::new(Handler::new(store, process.clock()).actor::<Counter>());
        Self { handler, process, world }
    }

    /// What a gateway knows of AWS.
    pub(super) fn config(&self, gateway: &Arc<Process>) -> SdkConfig {
        let credentials = Credentials::new("scale", "scale", None, None, "scale");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .endpoint_url("http://aws.simulation")
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .identity_cache(IdentityCache::no_cache())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(Client { lambda: self.clone(), gateway: Arc::clone(gateway) })
            .build()
    }

    async fn run(self, payload: Vec<u8>) -> Vec<u8> {
        let deadline = self.process.now().plus(TIMEOUT);
        let envelope = serde_json::from_slice(&payload).expect("a gateway sends an envelope");
        let result = self.handler.handle(envelope, deadline).await.expect("a run does not break");
        let result = serde_json::to_vec(&result).expect("an envelope is JSON");
        self.count(&payload, &result);
        result
    }

    fn count(&self, invocation: &[u8], result: &[u8]) {
        let invocation: Invocation = open(invocation);
        let result: InvocationResult = open(result);
        let (Some(Task::Activation(asked)), Some(invocation_result::Result::Activation(told))) =
            (invocation.task, result.result)
        else {
            return;
        };
        let Some(world) = self.world.upgrade() else { return };
        let handlers = told.stats.unwrap_or_default().handlers;
        let count = |of: &dyn Fn(&str) -> bool| {
            let handlers = handlers.iter().filter(|handler| of(&handler.error_type));
            handlers.map(|handler| handler.took_us.len() as u64).sum::<u64>()
        };
        world.count(&asked.address, |counts| {
            counts.runs += 1;
            counts.empty += u64::from(count(&|_| true) == 0);
            counts.handled += count(&str::is_empty);
        });
    }
}

fn open<M: Message + Default>(payload: &[u8]) -> M {
    let Sealed { callboard } = serde_json::from_slice(payload).expect("it is an envelope");
    let bytes = BASE64_STANDARD.decode(callboard).expect("it is base64");
    M::decode(bytes.as_slice()).expect("it is the message")
}

/// A gateway's HTTP client.
#[derive(Clone)]
struct Client {
    lambda: Lambda,
    gateway: Arc<Process>,
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Client {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { lambda, gateway } = self.clone();
        let payload = request.body().bytes().expect("an invocation is in memory").to_vec();
        HttpConnectorFuture::new(async move {
            gateway.to_lambda().await;
            // It goes on when the gateway crashes.
            let result = tokio::spawn(lambda.run(payload)).await;
            gateway.to_lambda().await;
            let result = result.map_err(|error| ConnectorError::other(error.into(), None))?;
            let status = StatusCode::try_from(OK).expect("it has three digits");
            Ok(HttpResponse::new(status, SdkBody::from(result)))
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}
