//! A client of DynamoDB that never waits for ever.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsInput;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// How long one try of a request may take. The SDK has no limit by itself.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a request with all of its tries may take. Less than a lease.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(6);

/// How often a request is tried.
const ATTEMPTS: u32 = 4;

/// How long each wait between tries is at most: with those of the SDK, of up to 1, 2, and 4 s, the
/// time of the whole request could run out, and its caller would not be told of the throttling.
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);

/// A client of DynamoDB. `endpoint_url` names an emulator or a VPC endpoint;
/// without it the SDK finds AWS.
#[must_use]
pub fn connect(config: &SdkConfig, endpoint_url: Option<&str>) -> Client {
    Client::from_conf(builder(config, endpoint_url).build())
}

fn builder(config: &SdkConfig, endpoint_url: Option<&str>) -> Builder {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(ATTEMPT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT);
    let retries =
        RetryConfig::standard().with_max_attempts(ATTEMPTS).with_max_backoff(LONGEST_BACKOFF);
    let mut builder = Builder::from(config).timeout_config(timeouts.build()).retry_config(retries);
    if let Some(url) = endpoint_url {
        builder = builder.endpoint_url(url);
    }
    builder
}

/// Takes away the token that the SDK adds to each transaction. A commit is made
/// idempotent by its condition on epoch and revision, which holds for longer than
/// the ten minutes of a token, and an emulator slows down with each token that
/// it must remember.
#[derive(Debug)]
pub(crate) struct WithoutToken;

#[dyn_dispatch_hint]
impl Intercept for WithoutToken {
    fn name(&self) -> &'static str {
        "WithoutToken"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(input) = context.input_mut().downcast_mut::<TransactWriteItemsInput>() {
            input.client_request_token = None;
        }
        Ok(())
    }
}
