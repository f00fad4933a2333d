//! The ways in: each turns what a client sends into a [`crate::call::Call`],
//! and its answer into what the client expects.
//!
//! | door | who comes through it |
//! | --- | --- |
//! | [`grpc`] | gRPC clients |
//! | [`web`] | gRPC-Web clients, which are in browsers |
//! | [`connect`] | Connect clients, in browsers and elsewhere, and curl |
//!
//! They share one port. Which door a request takes is told by its content type,
//! and [`crate::layer::origin`] has a look at it before.

pub(crate) mod connect;
pub(crate) mod grpc;
pub(crate) mod headers;
pub(crate) mod json;
mod observed;
pub(crate) mod web;

use std::future;
use std::sync::Arc;

use axum::Router;
use callboard_mailbox::Store;
use callboard_mailbox::limits::MESSAGE_BYTES_MAX;
use callboard_telemetry::attributes::Rpc;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use opentelemetry::trace::FutureExt;
use tonic::body::Body;

use crate::access::log::Lines;
use crate::gateway::Gateway;
use crate::layer::origin::{Page, Pages};
use connect::{Beside, Format};
use observed::Observed;

/// The largest message that is read at all, also after it is decompressed. What
/// is larger than a message may be and smaller than this gets an error that
/// tells its exact size.
pub(crate) const READ_BYTES_MAX: usize = 4 * MESSAGE_BYTES_MAX;

/// From which size on answers are compressed, for those who accept it. Smaller
/// ones fit in a packet as they are.
pub(crate) const COMPRESSED_FROM_BYTES: usize = 1_024;

/// Where the content types that are taken are told, of a request with another.
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// The content types that are taken.
const TAKEN: &str = "application/grpc, application/grpc-web, application/grpc-web-text, \
    application/proto, application/json";

/// All doors of one port.
pub(crate) struct Doors<S> {
    /// What the calls are made on.
    pub(crate) gateway: Arc<Gateway<S>>,
    /// What speaks gRPC: the door for actors, and the services beside it.
    pub(crate) routes: Router,
    /// The services beside the actors, for who does not speak gRPC.
    pub(crate) beside: Beside,
    /// Which web pages may call.
    pub(crate) pages: Pages,
    /// The lines of calls that were refused.
    pub(crate) lines: Arc<Lines>,
}

/// Which door a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Grpc,
    Web,
    Connect(Format),
    ConnectGet,
}

impl<S: Store + 'static> Doors<S> {
    /// Answers one request.
    pub(crate) async fn serve(&self, request: http::Request<Body>) -> http::Response<Body> {
        let (door, page, observed) = match self.enter(&request) {
            Ok(entered) => entered,
            Err(response) => return *response,
        };
        let context = observed.context();
        let mut response = self.answer(door, observed, request).with_context(context).await;
        page.let_read(response.headers_mut());
        response
    }

    /// Which door a request takes, and from which page; or the answer to what takes none.
    fn enter(
        &self,
        request: &http::Request<Body>,
    ) -> Result<(Door, Page, Observed), Box<http::Response<Body>>> {
        let Self { gateway, beside, lines, pages, .. } = self;
        let door = door(request.method(), request.headers());
        // What takes no door is answered as HTTP, as Connect is.
        let rpc = door.as_ref().map_or(Rpc::Connect, |door| door.rpc());
        let observe = || Observed::begin(gateway, beside, lines, rpc, request);
        let turn_away = |refused: Box<_>| Box::new(observe().turned_away(*refused));
        let page = pages.admit(request).map_err(turn_away)?;
        if let Some(preflight) = page.preflight(request) {
            return Err(Box::new(preflight));
        }
        let door = door.map_err(turn_away)?;
        Ok((door, page, observe()))
    }

    /// Answers a call: first of all it is found out who makes it.
    async fn answer(
        &self,
        door: Door,
        observed: Observed,
        mut request: http::Request<Body>,
    ) -> http::Response<Body> {
        let Self { gateway, beside, .. } = self;
        let access = &gateway.settings.access;
        let path = request.uri().path();
        let admitted = access.admit(path, request.headers(), request.extensions()).await;
        let admitted = admitted.map(|principal| request.extensions_mut().insert(principal));
        let routes = self.routes.clone();
        match (door, admitted) {
            (Door::Grpc, Ok(_)) => observed.grpc(routes, request).await,
            (Door::Web, Ok(_)) => {
                web::serve(|request| observed.grpc(routes, request), request).await
            }
            (Door::Connect(format), Ok(_)) => {
                observed.connect(connect::post(gateway, beside, format, request).await)
            }
            (Door::ConnectGet, Ok(_)) => observed.connect(connect::get(gateway, request).await),
            (Door::Grpc, Err(refusal)) => observed.refuse(refusal).into_http(),
            (Door::Web, Err(refusal)) => {
                let refused = observed.refuse(refusal).into_http();
                web::serve(|_| future::ready(refused), request).await
            }
            (Door::Connect(_) | Door::ConnectGet, Err(refusal)) => {
                observed.connect(connect::refuse(refusal))
            }
        }
    }
}

impl Door {
    /// What its callers speak. gRPC-Web is gRPC.
    fn rpc(self) -> Rpc {
        match self {
            Self::Grpc | Self::Web => Rpc::Grpc,
            Self::Connect(_) | Self::ConnectGet => Rpc::Connect,
        }
    }
}

/// The door that a request takes. What takes none is refused whatever its path:
/// tonic takes any content type, and `text/plain` is one that a web page may
/// send anywhere without asking.
fn door(method: &Method, headers: &HeaderMap) -> Result<Door, Box<http::Response<Body>>> {
    let refuse = |status: StatusCode, name: HeaderName, value: &'static str| {
        let mut response = http::Response::new(Body::empty());
        *response.status_mut() = status;
        response.headers_mut().insert(name, HeaderValue::from_static(value));
        Err(Box::new(response))
    };
    match *method {
        Method::GET => return Ok(Door::ConnectGet),
        Method::POST => {}
        _ => return refuse(StatusCode::METHOD_NOT_ALLOWED, ALLOW, "GET, POST"),
    }
    match media_type(headers, &CONTENT_TYPE).as_str() {
        "application/grpc" => Ok(Door::Grpc),
        "application/json" => Ok(Door::Connect(Format::Json)),
        "application/proto" => Ok(Door::Connect(Format::Proto)),
        kind if kind.starts_with("application/grpc+") => Ok(Door::Grpc),
        kind if web::TYPES.contains(&kind) => Ok(Door::Web),
        _ => refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, ACCEPT_POST, TAKEN),
    }
}

/// A media type without its parameters, such as `charset`; empty without one.
fn media_type(headers: &HeaderMap, name: &HeaderName) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (essence, _) = value.split_once(';').unwrap_or((value, ""));
    essence.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: Method, content_type: &str) -> Result<Door, StatusCode> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().expect("a header"));
        door(&method, &headers).map_err(|refused| refused.status())
    }

    #[test]
    fn the_content_type_tells_the_door() {
        let json = Ok(Door::Connect(Format::Json));
        for (content_type, expected) in [
            ("application/grpc", Ok(Door::Grpc)),
            ("application/grpc+proto", Ok(Door::Grpc)),
            ("application/grpc;a=b", Ok(Door::Grpc)),
            ("application/grpc-web", Ok(Door::Web)),
            ("application/grpc-web-text+proto; charset=x", Ok(Door::Web)),
            ("application/json", json),
            ("Application/JSON; charset=utf-8", json),
            ("application/proto", Ok(Door::Connect(Format::Proto))),
        ] {
            assert_eq!(of(Method::POST, content_type), expected, "{content_type}");
        }
    }

    #[test]
    fn what_a_web_page_may_send_unasked_takes_no_door() {
        for content_type in [
            "",
            "text/plain",
            "text/plain; application/json",
            "multipart/form-data",
            "application/x-www-form-urlencoded",
            "application/grpcx",
            "application/grpc-webx",
            "application/connect+json",
        ] {
            let expected = Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            assert_eq!(of(Method::POST, content_type), expected, "{content_type}");
        }
        for method in [Method::PUT, Method::HEAD, Method::DELETE] {
            let expected = Err(StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(of(method, "application/grpc"), expected);
        }
    }
}
