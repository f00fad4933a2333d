//! gRPC-Web in and out: gRPC for browsers, whose pages see no trailers. It is
//! translated to gRPC before anything looks at it, so all services have it.

use axum::Router;
use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE};
use tonic::body::Body;
use tonic_web::GrpcWebLayer;
use tower::{Layer, ServiceExt};

use super::media_type;

/// The content types of gRPC-Web, binary and text
/// (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md>).
pub(super) const TYPES: [&str; 4] = [
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpc-web-text",
    "application/grpc-web-text+proto",
];

/// Serves one call.
pub(super) async fn serve(
    routes: Router,
    mut request: http::Request<Body>,
) -> http::Response<Body> {
    let sent = known(&media_type(request.headers(), &CONTENT_TYPE)).unwrap_or(TYPES[0]);
    // Many clients accept anything; they get the kind that they have sent.
    let accepted = known(&media_type(request.headers(), &ACCEPT)).unwrap_or(sent);
    // tonic-web knows these names alone, without parameters.
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(sent));
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accepted));
    let Ok(response) = GrpcWebLayer::new().layer(routes).oneshot(request).await;
    response
}

fn known(name: &str) -> Option<&'static str> {
    TYPES.into_iter().find(|known| *known == name)
}
