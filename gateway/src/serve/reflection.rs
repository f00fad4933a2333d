//! Server reflection, v1 and v1alpha, of what is served at the moment.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use callboard_mailbox::Store;
use tonic::service::Routes;
use tower::ServiceExt;

use crate::catalog::Catalog;
use crate::gateway::Gateway;
use crate::{admin, generic};

/// The paths of the service in both of its versions.
pub(super) const PATHS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/{method}",
    "/grpc.reflection.v1alpha.ServerReflection/{method}",
];

/// Reflection that follows the catalog.
pub(super) struct Reflection<S> {
    gateway: Arc<Gateway<S>>,
    built: Mutex<Built>,
}

struct Built {
    catalog: Arc<Catalog>,
    routes: Router,
}

impl<S: Store + 'static> Reflection<S> {
    /// Of the catalog that is served now, and each that takes its place.
    ///
    /// # Errors
    /// When the descriptors cannot be served.
    pub(super) fn new(gateway: Arc<Gateway<S>>) -> Result<Self, tonic_reflection::server::Error> {
        let built = build(&gateway)?;
        Ok(Self { gateway, built: Mutex::new(built) })
    }

    /// Answers one request.
    pub(super) async fn serve(&self, request: Request) -> Response {
        let Ok(response) = self.routes().oneshot(request).await;
        response
    }

    /// Made when the first one asks after a change: few ask at all.
    fn routes(&self) -> Router {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&built.catalog, &self.gateway.catalog()) {
            match build(&self.gateway) {
                Ok(new) => *built = new,
                Err(error) => {
                    tracing::error!(%error, "reflection tells what was served before");
                }
            }
        }
        built.routes.clone()
    }
}

fn build<S: Store + 'static>(
    gateway: &Gateway<S>,
) -> Result<Built, tonic_reflection::server::Error> {
    let catalog = gateway.catalog();
    let descriptors = catalog.schema().descriptor_set();
    let builder = || {
        [Some(&*descriptors), Some(generic::DESCRIPTORS), admin::descriptors(gateway)]
            .into_iter()
            .flatten()
            .fold(tonic_reflection::server::Builder::configure(), |builder, descriptors| {
                builder.register_encoded_file_descriptor_set(descriptors)
            })
    };
    let routes = Routes::new(builder().build_v1()?).add_service(builder().build_v1alpha()?);
    Ok(Built { routes: routes.into_axum_router(), catalog })
}
