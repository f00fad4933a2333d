//! Between the AWS SDK and the services: the HTTP client that each process has.

use std::sync::Arc;

use aws_config::identity::IdentityCache;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryPartition;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::auth::AuthSchemeId;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use callboard_mailbox_dynamodb::{DynamoDbStore, Tables, connect};
use fastrand::Rng;

use super::operation::Operation;
use super::process::{Process, Sleeper};
use super::world::World;
use super::{dynamodb, lambda};

/// The prefix of the tables' names.
const TABLES: &str = "simulation";

/// The header that names DynamoDB's action.
const TARGET: &str = "x-amz-target";

/// What the action's name begins with in that header.
const TARGET_PREFIX: &str = "DynamoDB_20120810.";

/// Nobody checks signatures, which would be a tenth of the work.
const UNSIGNED: AuthSchemeId = AuthSchemeId::new("noAuth");

/// The HTTP client of one process.
#[derive(Clone, Debug)]
pub(super) struct Network {
    world: Arc<World>,
    process: Arc<Process>,
}

/// What a service answers.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: &'static [(&'static str, &'static str)],
    pub(super) body: Vec<u8>,
}

/// What a process knows of AWS. The AWS SDK reads neither time nor randomness
/// but from here and from `fastrand`, where it matters: the system's clock is
/// only in its signatures, which nobody checks.
pub(super) fn config(world: &Arc<World>, process: &Arc<Process>) -> SdkConfig {
    let credentials = Credentials::new("simulation", "simulation", None, None, "simulation");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url("http://aws.simulation")
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .identity_cache(IdentityCache::no_cache())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .sleep_impl(Sleeper(Arc::clone(process)))
        .http_client(Network { world: Arc::clone(world), process: Arc::clone(process) })
        .build()
}

/// A process's client of DynamoDB. It has a budget of retries of its own, which
/// it would otherwise share with all clients of this very process.
pub(super) fn client(config: &SdkConfig) -> Client {
    let config = connect(config, None).config().to_builder();
    let config = config.retry_partition(RetryPartition::custom(TABLES).build());
    let config = config.allow_no_auth().auth_scheme_preference([UNSIGNED]);
    Client::from_conf(config.build())
}

/// The tables' names.
pub(super) fn tables() -> Tables {
    Tables::new(TABLES)
}

/// A process's store.
pub(super) fn store(config: &SdkConfig) -> DynamoDbStore {
    DynamoDbStore::new(client(config), tables())
}

impl HttpClient for Network {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { world, process } = self.clone();
        HttpConnectorFuture::new(carry(world, process, request))
    }
}

/// Carries a request to its service, and the answer back.
async fn carry(
    world: Arc<World>,
    process: Arc<Process>,
    request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let body = request.body().bytes().expect("the requests' bodies are in memory").to_vec();
    let target = request.headers().get(TARGET).and_then(|name| name.strip_prefix(TARGET_PREFIX));
    let body = String::from_utf8(body).expect("the requests are JSON");
    let operation = match target {
        Some(action) => Operation::of(process.role(), action, &body),
        None => Some(Operation::Invoke),
    };
    process.runs().await;
    if let Some(operation) = operation {
        world.befalls(&process, operation);
        process.runs().await;
    }
    let answer = match (target, operation) {
        (Some(action), Some(operation)) => {
            dynamodb::serve(&world, &process, operation, action.to_owned(), body).await
        }
        (Some(action), None) => Some(world.dynamodb.apply(action, &body)),
        (None, _) => lambda::serve(&world, &process, body).await,
    };
    let answer = match answer {
        Some(answer) => answer,
        // A connection that breaks, or one that says nothing any more.
        None if world.draw(Rng::bool) => return Err(broken()),
        None => std::future::pending().await,
    };
    process.runs().await;
    Ok(answer.into())
}

fn broken() -> ConnectorError {
    ConnectorError::io("the connection broke".into())
}

impl From<Answer> for HttpResponse {
    fn from(answer: Answer) -> Self {
        let status = StatusCode::try_from(answer.status).expect("a status has three digits");
        let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
        for (name, value) in answer.headers {
            response.headers_mut().insert(*name, *value);
        }
        response
    }
}
