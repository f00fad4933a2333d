//! What `dev` and `serve` serve: .proto files or a descriptor set, loaded at the
//! start, and again whenever they change.

mod watch;

use std::path::Path;
use std::sync::Arc;

use callboard_gateway::catalog::Changes;
use callboard_gateway::{Catalog, Gateway};
use callboard_mailbox::Store;
use callboard_proto::schema::Schema;
use futures::future::BoxFuture;

use super::Failure;
pub(crate) use watch::Watch;

/// Loads a folder of .proto files, or a descriptor set.
pub(crate) fn load(path: &Path) -> Result<Catalog, Failure> {
    catalog(super::check::compile(path)?)
}

/// What serves a schema, with the rules that it has for requests.
#[cfg(feature = "validation")]
pub(crate) fn catalog(schema: Schema) -> Result<Catalog, Failure> {
    Ok(Catalog::load(schema)?)
}

/// What serves a schema. This program checks no rules for requests, which whoever
/// has set some should know.
#[cfg(not(feature = "validation"))]
pub(crate) fn catalog(schema: Schema) -> Result<Catalog, Failure> {
    if schema.pool().get_message_by_name("buf.validate.FieldRules").is_some() {
        let text = "requests are not checked by the rules of buf.validate: this program was \
                    built without the feature `validation`";
        tracing::warn!("{text}");
    }
    Ok(Catalog::new(schema))
}

/// What is to be done with a new schema before it is served; it may refuse it.
pub(crate) type Adopt = Box<dyn Fn(Schema) -> BoxFuture<'static, Result<(), Failure>> + Send>;

/// Serves what the files say, from each change of theirs on. A change that is not
/// valid is refused, and what was served before stays.
pub(crate) async fn follow<S: Store + 'static>(
    gateway: Arc<Gateway<S>>,
    mut watch: Watch,
    adopt: Adopt,
) {
    loop {
        watch.changed().await;
        let path = watch.path().to_owned();
        let loaded = tokio::task::spawn_blocking(move || load(&path)).await;
        let adopted = match loaded {
            Ok(Ok(catalog)) => adopt(catalog.schema().clone()).await.map(|()| catalog),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(Failure::new("the compiler of .proto files has panicked")),
        };
        let path = watch.path().display();
        match adopted {
            Ok(catalog) => {
                let changes = Changes::between(gateway.catalog().schema(), catalog.schema());
                gateway.serve_from_now_on(catalog);
                tracing::info!("reloaded {path}: {changes}");
                warn(&gateway, &changes);
            }
            Err(Failure(text)) => {
                tracing::error!(
                    "{path} has changed and is refused; what was served before stays\n{text}"
                );
            }
        }
    }
}

/// Warns of what may not be meant.
fn warn<S: Store + 'static>(gateway: &Gateway<S>, changes: &Changes) {
    for actor_type in &changes.gone_types {
        let messages = match gateway.functions().of(actor_type) {
            Ok(_) => "are still handled by its function",
            Err(_) => "stay in their mailboxes",
        };
        tracing::warn!(
            actor_type,
            "an actor type is gone: its callers get UNKNOWN_METHOD, and messages that wait {messages}"
        );
    }
    for actor_type in &changes.new_types {
        if gateway.functions().of(actor_type).is_err() {
            let text = "a new actor type has no function: its callers get ACTOR_NOT_DEPLOYED";
            tracing::warn!(actor_type, "{text}");
        }
    }
}
