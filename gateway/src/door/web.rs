//! gRPC-Web in and out: gRPC for browsers, whose pages see no trailers. It is
//! translated to gRPC before anything looks at it, so all services have it.

use std::convert::Infallible;

use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE};
use tonic::body::Body;
use tonic_web::GrpcWebLayer;
use tower::{Layer, ServiceExt, service_fn};

use super::media_type;

/// The content types of gRPC-Web, binary and text
/// (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md>).
pub(super) const TYPES: [&str; 4] = [
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpc-web-text",
    "application/grpc-web-text+proto",
];

/// Serves one call, by what speaks gRPC.
pub(super) async fn serve<F, R>(grpc: F, mut request: http::Request<Body>) -> http::Response<Body>
where
    F: FnOnce(http::Request<Body>) -> R + Send + 'static,
    R: Future<Output = http::Response<Body>> + Send + 'static,
{
    let sent = known(&media_type(request.headers(), &CONTENT_TYPE)).unwrap_or(TYPES[0]);
    // Many clients accept anything; they get the kind that they have sent.
    let accepted = known(&media_type(request.headers(), &ACCEPT)).unwrap_or(sent);
    // tonic-web knows these names alone, without parameters.
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(sent));
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accepted));
    let mut grpc = Some(grpc);
    let once = service_fn(move |request| {
        let answering = grpc.take().expect("it is called once")(request);
        async { Ok::<_, Infallible>(answering.await) }
    });
    let Ok(response) = GrpcWebLayer::new().layer(once).oneshot(request).await;
    response
}

fn known(name: &str) -> Option<&'static str> {
    TYPES.into_iter().find(|known| *known == name)
}
