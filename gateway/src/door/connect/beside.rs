//! Connect for the services beside the actors, such as `callboard.v1.Gateway`:
//! they speak gRPC, and are called with it.

use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http::HeaderName;
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, TE,
    TRANSFER_ENCODING,
};
use http::request::Parts;
use http::uri::PathAndQuery;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use tonic::client::Grpc;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use crate::access;
use crate::codec::RawCodec;

/// What is of the HTTP request, and not of the call.
const OF_THE_REQUEST: [HeaderName; 8] = [
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    HOST,
    TE,
    TRANSFER_ENCODING,
];

/// The services beside the actors.
#[derive(Debug)]
pub(crate) struct Beside {
    pool: DescriptorPool,
    routes: Router,
}

impl Beside {
    /// Those that encoded descriptor sets describe, served by `routes`.
    pub(crate) fn new<'a>(routes: Router, sets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut pool = DescriptorPool::new();
        for set in sets {
            // They are Callboard's own, made with it.
            pool.decode_file_descriptor_set(set).expect("the sets have all that they need");
        }
        Self { pool, routes }
    }

    /// The method of a path, if one of them has it and it has no streams.
    pub(in crate::door) fn method(&self, path: &str) -> Option<MethodDescriptor> {
        let (service, name) = path.strip_prefix('/')?.split_once('/')?;
        let service = self.pool.get_service_by_name(service)?;
        let method = service.methods().find(|method| method.name() == name)?;
        (!method.is_client_streaming() && !method.is_server_streaming()).then_some(method)
    }

    /// Calls a method.
    pub(super) async fn call(
        &self,
        path: &PathAndQuery,
        parts: &Parts,
        timeout: Option<Duration>,
        payload: Bytes,
    ) -> Result<Bytes, Status> {
        let mut headers = parts.headers.clone();
        for name in OF_THE_REQUEST {
            headers.remove(name);
        }
        let mut request = Request::new(payload);
        *request.metadata_mut() = MetadataMap::from_headers(headers);
        request.extensions_mut().insert(access::caller(&parts.extensions));
        if let Some(timeout) = timeout {
            request.set_timeout(timeout);
        }
        let mut routes = Grpc::new(self.routes.clone());
        let Ok(()) = routes.ready().await;
        let response = routes.unary(request, path.clone(), RawCodec).await?;
        Ok(response.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_methods_without_streams_are_there() {
        let sets = [crate::generic::DESCRIPTORS, tonic_health::pb::FILE_DESCRIPTOR_SET];
        let beside = Beside::new(Router::new(), sets);
        for path in ["/callboard.v1.Gateway/Tell", "/grpc.health.v1.Health/Check"] {
            assert!(beside.method(path).is_some(), "{path}");
        }
        for path in
            ["/callboard.v1.Gateway/TellStream", "/grpc.health.v1.Health/Watch", "/a.B/C", "/"]
        {
            assert!(beside.method(path).is_none(), "{path}");
        }
    }
}
