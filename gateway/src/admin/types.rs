//! Actor types, and the actors that there are.

use callboard_mailbox::limits::DIRECTORY_SHARDS;
use callboard_mailbox::{Address, Store};
use callboard_proto::pb;
use callboard_proto::schema::Method;
use futures::future::try_join_all;

use super::{page, render, unread};
use crate::catalog::Catalog;
use crate::functions::Functions;
use crate::refusal::Refusal;

/// The actor types of a gateway.
pub(super) fn list(catalog: &Catalog, functions: &Functions) -> pb::ListActorTypesResponse {
    let types = catalog.schema().actors().iter().map(|actor| {
        let function = functions.of(actor.type_name()).ok();
        let trouble = function.as_ref().and_then(|function| function.unreachable());
        pb::ActorTypeInfo {
            r#type: actor.type_name().to_owned(),
            service: actor.service().full_name().to_owned(),
            methods: actor.methods().iter().map(Method::name).map(str::to_owned).collect(),
            function: function.map(|function| function.name().to_owned()).unwrap_or_default(),
            trouble: trouble.map(|trouble| trouble.to_string()).unwrap_or_default(),
        }
    });
    pb::ListActorTypesResponse { actor_types: types.collect() }
}

/// Refuses a type that the gateway does not know: a list of nothing would hide a
/// mistake in its name.
pub(super) fn known(catalog: &Catalog, actor_type: &str) -> Result<(), Refusal> {
    match catalog.schema().actor(actor_type) {
        Some(_) => Ok(()),
        None => Err(Refusal::Invalid {
            field: "type".into(),
            detail: format!("this gateway knows no actor type {actor_type}"),
        }),
    }
}

/// The actors of a type. The directory has several shards, each in the order of the
/// keys; a page asks all of them for as many as it may need, so that the whole list
/// is in order and a page begins behind a key.
pub(super) async fn actors(
    store: &impl Store,
    request: &pb::ListActorsRequest,
) -> Result<pb::ListActorsResponse, Refusal> {
    let pb::ListActorsRequest { r#type: actor_type, key_prefix, .. } = request;
    let size = page::size(request.page_size)?;
    let token = page::token(&request.page_token, |key| Address::new(actor_type, key).ok())?;
    let mut found = Vec::new();
    let after = match token {
        None if !key_prefix.is_empty() => {
            let bad = |error: callboard_mailbox::address::Error| Refusal::Invalid {
                field: "key_prefix".into(),
                detail: error.to_string(),
            };
            // It lies before all others of the prefix, if there is such an actor.
            let first = Address::new(actor_type, key_prefix).map_err(bad)?;
            if store.record(&first).await.map_err(|error| unread(&error))?.is_some() {
                found.push(first.clone());
            }
            Some(first)
        }
        token => token,
    };
    // One more than fits shows whether there is a next page.
    let shards = (0..DIRECTORY_SHARDS)
        .map(|shard| store.actors(actor_type, shard, after.as_ref(), size + 1));
    found.extend(try_join_all(shards).await.map_err(|error| unread(&error))?.into_iter().flatten());
    found.retain(|address| address.key().starts_with(key_prefix.as_str()));
    found.sort();
    let more = found.len() > size;
    found.truncate(size);
    let last = found.last().filter(|_| more);
    Ok(pb::ListActorsResponse {
        next_page_token: last.map(|last| last.key().to_owned()).unwrap_or_default(),
        actors: found.iter().map(render::address).collect(),
    })
}
