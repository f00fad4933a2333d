//! Has DynamoDB tell what each request consumes, and keeps the answers.
//!
//! An interceptor is on the way of every try of every request of a client, so
//! the product's own client is measured as it is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use serde_json::Value;
use tokio::time::Instant;

use super::capacity::consumed;
use super::request::{Party, Purpose, Request, about};

/// The header that names the operation, `DynamoDB_20120810.GetItem`.
const OPERATION_HEADER: &str = "x-amz-target";

/// All that was measured. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    readings: Arc<Mutex<Readings>>,
}

#[derive(Debug, Default)]
struct Readings {
    requests: Vec<Request>,
    invocations: Vec<Invocation>,
}

/// An invocation of the function.
#[derive(Clone, Copy, Debug)]
pub struct Invocation {
    /// When it left the gateway.
    pub begun: Instant,
    /// When its result left the function.
    pub ended: Instant,
}

impl Meter {
    /// A client of which each request is measured.
    #[must_use]
    pub fn measured(&self, client: &Client, by: Party) -> Client {
        let probe = Probe { meter: self.clone(), by };
        Client::from_conf(client.config().to_builder().interceptor(probe).build())
    }

    pub(super) fn invoked(&self, invocation: Invocation) {
        self.readings().invocations.push(invocation);
    }

    /// The requests that left since then, in the order in which they ended.
    #[must_use]
    pub fn requests_since(&self, time: Instant) -> Vec<Request> {
        let readings = self.readings();
        readings.requests.iter().filter(|request| request.begun >= time).cloned().collect()
    }

    /// The invocations that began since then, in the order in which they ended.
    #[must_use]
    pub fn invocations_since(&self, time: Instant) -> Vec<Invocation> {
        let readings = self.readings();
        readings.invocations.iter().filter(|each| each.begun >= time).copied().collect()
    }

    fn readings(&self) -> MutexGuard<'_, Readings> {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Measures the requests of one client.
#[derive(Debug)]
struct Probe {
    meter: Meter,
    by: Party,
}

/// A request on its way.
#[derive(Debug)]
struct Sent {
    operation: String,
    request: Value,
    begun: Instant,
}

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for Probe {
    fn name(&self) -> &'static str {
        "Probe"
    }

    /// Asks for the capacity, in the JSON itself: it is the same member of every
    /// operation.
    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let http = context.request_mut();
        let target = http.headers().get(OPERATION_HEADER).unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = http.body().bytes().ok_or("the request is a stream")?;
        let mut request: Value = serde_json::from_slice(body)?;
        request["ReturnConsumedCapacity"] = "INDEXES".into();
        let body = request.to_string();
        http.headers_mut().insert("content-length", body.len().to_string());
        *http.body_mut() = SdkBody::from(body);
        config.interceptor_state().store_put(Sent { operation, request, begun: Instant::now() });
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Sent { operation, request, begun } =
            config.load::<Sent>().ok_or("the request has passed here")?;
        let body = context.response().body().bytes().ok_or("the answer is a stream")?;
        let answer = serde_json::from_slice(body)?;
        let consumed = consumed(operation, request, &answer)
            .ok_or_else(|| format!("{operation} does not tell what it has consumed: {answer}"))?;
        self.meter.readings().requests.push(Request {
            by: self.by,
            purpose: Purpose::of(operation, request),
            about: about(request),
            consumed,
            begun: *begun,
            ended: Instant::now(),
        });
        Ok(())
    }
}
