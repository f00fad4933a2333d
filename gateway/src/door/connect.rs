//! The Connect protocol, for methods with one request and one response
//! (<https://connectrpc.com/docs/protocol>): a plain HTTP request with JSON or
//! protobuf in its body, so that curl is a client.

mod beside;
mod body;
mod error;
mod query;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use callboard_mailbox::Store;
use http::header::{ALLOW, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use prost_reflect::{DescriptorPool, MethodDescriptor};
use tonic::Status;
use tonic::body::Body;

use super::headers::{self, invalid, single};
use crate::access;
use crate::call::{Answer, Receipt, Refused};
use crate::catalog::Route;
use crate::gateway::Gateway;
use crate::layer::compression::Encoding;
use crate::refusal::Refusal;

pub(crate) use beside::Beside;
pub(crate) use body::Format;
use body::Written;

/// The version of the protocol; a client need not tell it.
const VERSION: &str = "connect-protocol-version";

/// How long the caller waits, in milliseconds.
const TIMEOUT: &str = "connect-timeout-ms";

/// Whom a call is for.
enum Target {
    Actor(Arc<Route>),
    Beside(MethodDescriptor),
}

/// An answer.
struct Answered {
    payload: Bytes,
    receipt: Option<Receipt>,
}

/// Why there is none.
struct Failed {
    status: Status,
    receipt: Option<Box<Receipt>>,
}

impl From<Status> for Failed {
    fn from(status: Status) -> Self {
        Self { status, receipt: None }
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Status::from(refusal).into()
    }
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Self { status: refused.refusal.into(), receipt: refused.receipt }
    }
}

/// Serves a call whose message is the body.
pub(super) async fn post<S: Store + 'static>(
    gateway: &Arc<Gateway<S>>,
    beside: &Beside,
    format: Format,
    request: http::Request<Body>,
) -> http::Response<Body> {
    let (parts, body) = request.into_parts();
    let answered = async {
        // Of what nobody takes the body is not read.
        let target = target(gateway, beside, &parts)?;
        let written =
            Written::read(format, &parts.headers, body, gateway.settings.request_timeout).await?;
        match target {
            Target::Actor(route) => ask_actor(gateway, route, &parts, written).await,
            Target::Beside(method) => ask_beside(beside, &method, &parts, written).await,
        }
    };
    let answered = answered.await;
    response(gateway, &parts.headers, format, answered)
}

/// Serves a call whose message is in the query: a read-only one, since a browser
/// may repeat it, and a page may make it unasked.
pub(super) async fn get<S: Store + 'static>(
    gateway: &Arc<Gateway<S>>,
    request: http::Request<Body>,
) -> http::Response<Body> {
    let (parts, _) = request.into_parts();
    let written = query::read(parts.uri.query().unwrap_or_default());
    let format = written.as_ref().map_or(Format::Json, |written| written.format);
    let answered = match route(gateway, &parts) {
        Ok(route) if !route.is_read_only() => {
            let mut response = http::Response::new(Body::empty());
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        Ok(route) => match written {
            Ok(written) => ask_actor(gateway, route, &parts, written).await,
            Err(failed) => Err(failed),
        },
        Err(refusal) => Err(refusal.into()),
    };
    response(gateway, &parts.headers, format, answered)
}

/// Refuses a call without looking at it.
pub(super) fn refuse(refusal: Refusal) -> http::Response<Body> {
    let challenge = match &refusal {
        Refusal::Unknown { bearer: true, given: true } => Some("Bearer error=\"invalid_token\""),
        Refusal::Unknown { bearer: true, given: false } => Some("Bearer"),
        Refusal::Unknown { bearer: false, .. } => Some("ApiKey"),
        _ => None,
    };
    let mut response = error::response(&refusal.into(), &DescriptorPool::new());
    if let Some(challenge) = challenge {
        // Whoever answers 401 says what would do (RFC 9110, 11.6.1).
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

fn target<S: Store + 'static>(
    gateway: &Gateway<S>,
    beside: &Beside,
    parts: &Parts,
) -> Result<Target, Refusal> {
    match beside.method(parts.uri.path()) {
        Some(method) => Ok(Target::Beside(method)),
        None => Ok(Target::Actor(route(gateway, parts)?)),
    }
}

fn route<S: Store + 'static>(gateway: &Gateway<S>, parts: &Parts) -> Result<Arc<Route>, Refusal> {
    gateway.method(&access::caller(&parts.extensions), parts.uri.path())
}

async fn ask_actor<S: Store + 'static>(
    gateway: &Arc<Gateway<S>>,
    route: Arc<Route>,
    parts: &Parts,
    written: Written,
) -> Result<Answered, Failed> {
    let (method, format) = (route.method_schema(), written.format);
    version(&parts.headers)?;
    let payload = written.decode(method.input())?;
    let mut call = headers::call(&parts.headers, parts.uri.path(), payload)?;
    call.timeout = timeout(&parts.headers)?;
    call.principal = access::caller(&parts.extensions);
    let Answer { payload, receipt } = gateway.call_method(Arc::clone(&route), call).await?;
    match format.write(method.output(), payload) {
        Ok(payload) => Ok(Answered { payload, receipt }),
        Err(status) => Err(Failed { status, receipt: receipt.map(Box::new) }),
    }
}

async fn ask_beside(
    beside: &Beside,
    method: &MethodDescriptor,
    parts: &Parts,
    written: Written,
) -> Result<Answered, Failed> {
    let format = written.format;
    version(&parts.headers)?;
    let payload = written.decode(&method.input())?;
    let timeout = timeout(&parts.headers)?;
    let path = parts.uri.path_and_query().expect("its path has been looked at");
    let payload = beside.call(path, parts, timeout, payload).await?;
    Ok(Answered { payload: format.write(&method.output(), payload)?, receipt: None })
}

fn response<S: Store + 'static>(
    gateway: &Gateway<S>,
    headers: &HeaderMap,
    format: Format,
    answered: Result<Answered, Failed>,
) -> http::Response<Body> {
    let (mut response, receipt) = match answered {
        Ok(Answered { payload, receipt }) => {
            (body::response(format, payload, Encoding::accepted(headers)), receipt)
        }
        Err(Failed { status, receipt }) => {
            let catalog = gateway.catalog();
            (error::response(&status, catalog.schema().pool()), receipt.map(|receipt| *receipt))
        }
    };
    if let Some(receipt) = receipt {
        headers::tell(response.headers_mut(), &receipt);
    }
    response
}

/// Checks the version of the protocol.
fn version(headers: &HeaderMap) -> Result<(), Refusal> {
    match single(headers, VERSION)? {
        None | Some("1") => Ok(()),
        Some(_) => Err(invalid(VERSION, "the version here is 1")),
    }
}

/// Reads `connect-timeout-ms`: at most ten digits.
fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Refusal> {
    let Some(text) = single(headers, TIMEOUT)? else { return Ok(None) };
    let is_number = text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    let millis = text.parse().ok().filter(|_| is_number);
    let millis = millis.ok_or_else(|| invalid(TIMEOUT, "it is not 1 to 10 digits"))?;
    Ok(Some(Duration::from_millis(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    #[test]
    fn timeouts_are_up_to_ten_digits_of_milliseconds() {
        let of = |text: &'static str| {
            let header = (HeaderName::from_static(TIMEOUT), HeaderValue::from_static(text));
            timeout(&HeaderMap::from_iter([header]))
        };
        assert_eq!(of("1500"), Ok(Some(Duration::from_millis(1_500))));
        assert_eq!(of("9999999999"), Ok(Some(Duration::from_millis(9_999_999_999))));
        assert_eq!(timeout(&HeaderMap::new()), Ok(None));
        for bad in ["", "-1", "+1", "1s", "1.5", "12345678901"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
