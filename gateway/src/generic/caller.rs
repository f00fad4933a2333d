//! What comes in a call's metadata.

use std::sync::Arc;
use std::time::Duration;

use tonic::Extensions;
use tonic::metadata::MetadataMap;

use crate::access::{self, Principal, api_key};
use crate::door::{grpc, headers};
use crate::refusal::Refusal;

/// Who calls.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// How long it waits.
    pub(super) timeout: Option<Duration>,
    /// The trace context of the call.
    pub(super) trace: Vec<(String, String)>,
    /// Who it is.
    pub(super) principal: Arc<Principal>,
}

impl Caller {
    /// Reads metadata.
    ///
    /// # Errors
    /// When something in it is not valid, or belongs into the request.
    pub(super) fn of(metadata: &MetadataMap, extensions: &Extensions) -> Result<Self, Refusal> {
        let map = metadata.as_ref();
        let is_ours = |name: &&http::HeaderName| {
            name.as_str().starts_with(headers::OWN_PREFIX) && *name != api_key::HEADER
        };
        if let Some(name) = map.keys().find(is_ours) {
            let detail = "a call of callboard.v1.Gateway has this in its request";
            return Err(Refusal::Invalid {
                field: name.as_str().to_owned(),
                detail: detail.to_owned(),
            });
        }
        Ok(Self {
            timeout: grpc::timeout(map)?,
            trace: headers::travelling(map)?,
            principal: access::caller(extensions),
        })
    }
}
