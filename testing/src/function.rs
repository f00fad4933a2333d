//! The actors' function, in this process: what the gateway's Lambda client sends is
//! handed to the SDK's handler, and neither of them notices.

use std::fmt;
use std::marker::PhantomData;
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
use bytes::{Buf, BufMut, Bytes};
use callboard_lambda_sdk::invocation::Handler;
use callboard_mailbox::clock::Clock;
use callboard_mailbox_dynamodb::DynamoDbStore;
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// How long an invocation may take, as the actors are told.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An HTTP client for which Lambda is this process.
pub(crate) fn in_process(handler: Handler<DynamoDbStore>, clock: Clock) -> SharedHttpClient {
    let lambda = SharedHttpConnector::new(Lambda { handler: Arc::new(handler), clock });
    http_client_fn(move |_settings, _components| lambda.clone())
}

#[derive(Clone)]
struct Lambda {
    handler: Arc<Handler<DynamoDbStore>>,
    clock: Clock,
}

impl Lambda {
    async fn invoke(&self, request: &HttpRequest) -> Result<HttpResponse, BoxError> {
        let body = request.body().bytes().ok_or("an invocation is a stream")?;
        let deadline = (self.clock)().plus(TIMEOUT);
        let result = self.handler.handle(serde_json::from_slice(body)?, deadline).await;
        let (body, failed) = match result {
            Ok(result) => (serde_json::to_vec(&result)?, false),
            Err(error) => {
                let error = serde_json::json!({
                    "errorType": "Error",
                    "errorMessage": error.to_string(),
                });
                (serde_json::to_vec(&error)?, true)
            }
        };
        let mut response = HttpResponse::new(StatusCode::try_from(200)?, SdkBody::from(body));
        if failed {
            response.headers_mut().insert("x-amz-function-error", "Unhandled");
        }
        Ok(response)
    }
}

impl HttpConnector for Lambda {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let lambda = self.clone();
        HttpConnectorFuture::new(async move {
            let answer = lambda.invoke(&request).await;
            answer.map_err(|error| ConnectorError::other(error, None))
        })
    }
}

impl fmt::Debug for Lambda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lambda").finish_non_exhaustive()
    }
}

/// A request that is encoded already, and its response.
pub(crate) struct Encoded<R>(PhantomData<fn() -> R>);

impl<R> Default for Encoded<R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<R: Message + Default + 'static> Codec for Encoded<R> {
    type Encode = Bytes;
    type Decode = R;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self::default()
    }

    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

impl<R> Encoder for Encoded<R> {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl<R: Message + Default> Decoder for Encoded<R> {
    type Item = R;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<R>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        R::decode(bytes).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
