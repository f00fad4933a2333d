//! The actor's function, in this process: what the gateway's Lambda client sends
//! is handed to the SDK's handler, and neither of them notices.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use callboard_lambda_sdk::invocation::Handler;
use callboard_mailbox::clock::Clock;
use callboard_mailbox_dynamodb::DynamoDbStore;
use tokio::time::{Instant, sleep};

use super::meter::{Invocation, Meter};
use super::tally::Tally;

/// How long the function may run, as it is told.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long an invocation is on its way to the function, and its result back. The
/// function is warm.
const ONE_WAY: Duration = Duration::from_millis(10);

/// What Lambda answers with when it has passed an invocation on.
const OK: u16 = 200;

/// An HTTP client for which Lambda is this process.
pub(super) fn in_process(store: DynamoDbStore, clock: Clock, meter: Meter) -> SharedHttpClient {
    let handler = Arc::new(Handler::new(store, Arc::clone(&clock)).actor::<Tally>());
    let lambda = SharedHttpConnector::new(Lambda { handler, clock, meter });
    http_client_fn(move |_settings, _components| lambda.clone())
}

#[derive(Clone)]
struct Lambda {
    handler: Arc<Handler<DynamoDbStore>>,
    clock: Clock,
    meter: Meter,
}

impl Lambda {
    async fn invoke(&self, request: &HttpRequest) -> Result<HttpResponse, BoxError> {
        let body = request.body().bytes().ok_or("an invocation is a stream")?;
        let deadline = (self.clock)().plus(TIMEOUT);
        let envelope = serde_json::from_slice(body)?;
        let result = self.handler.handle(envelope, deadline).await?;
        let body = SdkBody::from(serde_json::to_vec(&result)?);
        Ok(HttpResponse::new(StatusCode::try_from(OK)?, body))
    }
}

impl HttpConnector for Lambda {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let lambda = self.clone();
        HttpConnectorFuture::new(async move {
            let begun = Instant::now();
            sleep(ONE_WAY).await;
            let answer = lambda.invoke(&request).await;
            lambda.meter.invoked(Invocation { begun, ended: Instant::now() });
            sleep(ONE_WAY).await;
            answer.map_err(|error| ConnectorError::other(error, None))
        })
    }
}

impl fmt::Debug for Lambda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lambda").finish_non_exhaustive()
    }
}
