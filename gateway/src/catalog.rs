//! Which path is which method of which actor type.

mod changes;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use callboard_mailbox::Address;
use callboard_mailbox::limits::MESSAGE_BYTES_MAX;
use callboard_proto::pb::RetryPolicy;
use callboard_proto::schema::{FillError, KeyError, Kind, Method, Schema};

use crate::refusal::Refusal;
#[cfg(feature = "validation")]
use crate::validation::{self, Rules};

pub use changes::Changes;

/// The methods that the gateway serves.
#[derive(Debug)]
pub struct Catalog {
    schema: Schema,
    routes: HashMap<String, Arc<Route>>,
}

/// One method of one actor type.
#[derive(Debug)]
pub struct Route {
    actor_type: String,
    method: Method,
    /// Those that its requests must keep, if there are any.
    #[cfg(feature = "validation")]
    rules: Option<Rules>,
}

impl Catalog {
    /// Serves all methods of all actor types of a schema, and checks requests by
    /// the rules that it has for them.
    ///
    /// # Errors
    /// When a rule cannot be used.
    #[cfg(feature = "validation")]
    pub fn load(schema: Schema) -> Result<Self, validation::Errors> {
        let rules = Rules::of(&schema)?;
        let covering = |route: &mut Route| {
            route.rules = rules.as_ref().filter(|it| it.cover(route.method.input())).cloned();
        };
        Ok(Self::with(schema, covering))
    }

    /// Serves all methods of all actor types of a schema, and looks at no rules
    /// for their requests.
    #[must_use]
    pub fn new(schema: Schema) -> Self {
        Self::with(schema, |_| {})
    }

    fn with(schema: Schema, complete: impl Fn(&mut Route)) -> Self {
        let mut routes = HashMap::new();
        for actor in schema.actors() {
            for method in actor.methods() {
                let path = format!("/{}/{}", actor.service().full_name(), method.name());
                let mut route = Route {
                    actor_type: actor.type_name().to_owned(),
                    method: method.clone(),
                    #[cfg(feature = "validation")]
                    rules: None,
                };
                complete(&mut route);
                routes.insert(path, Arc::new(route));
            }
        }
        Self { schema, routes }
    }

    /// What the catalog was made from.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How failed messages of an actor type are tried again, as far as its file
    /// says.
    #[must_use]
    pub fn retry(&self, actor_type: &str) -> Option<&RetryPolicy> {
        self.schema.actor(actor_type)?.retry()
    }

    /// The method of a path, `/bank.v1.Account/Deposit`.
    ///
    /// # Errors
    /// When no actor type has it.
    pub fn route(&self, path: &str) -> Result<Arc<Route>, Refusal> {
        let unknown = || Refusal::UnknownMethod { path: path.to_owned() };
        self.routes.get(path).cloned().ok_or_else(unknown)
    }
}

impl Route {
    /// The actor type.
    #[must_use]
    pub fn actor_type(&self) -> &str {
        &self.actor_type
    }

    /// The name of the method, `Deposit`.
    #[must_use]
    pub fn method(&self) -> &str {
        self.method.name()
    }

    /// Whether the method is a tell.
    #[must_use]
    pub fn is_tell(&self) -> bool {
        self.method.kind() == Kind::Tell
    }

    /// Whether the method is a read-only ask.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.method.is_read_only()
    }

    /// Whether only actors may send the method.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.method.is_internal()
    }

    /// The method as its file describes it.
    #[must_use]
    pub fn method_schema(&self) -> &Method {
        &self.method
    }

    /// Checks an encoded request by the rules that its `.proto` sets for it.
    ///
    /// # Errors
    /// When it breaks some.
    pub fn validate(&self, payload: &[u8]) -> Result<(), Refusal> {
        #[cfg(feature = "validation")]
        if let Some(rules) = &self.rules {
            return rules.check(self.method.input(), payload);
        }
        let _ = payload;
        Ok(())
    }

    /// Whether the gateway is to make a key for an encoded request, since it has
    /// none.
    #[must_use]
    pub fn makes_key(&self, payload: &[u8]) -> bool {
        let is_missing = |error| matches!(error, KeyError::Missing { .. });
        self.method.makes_key() && self.method.key_of(payload).is_err_and(is_missing)
    }

    /// An encoded request with a key in its key fields.
    ///
    /// # Errors
    /// When the request has another key, or the key does not fit its key fields.
    pub fn with_key(&self, payload: &Bytes, key: &str) -> Result<Bytes, Refusal> {
        let filled = self.method.with_key(payload, key).map_err(|error| {
            let field = match &error {
                FillError::Malformed(malformed) => malformed.field(),
                _ => "callboard-key",
            };
            Refusal::Invalid { field: field.to_owned(), detail: error.to_string() }
        })?;
        Ok(filled.into())
    }

    /// Checks an encoded request, and finds the actor that it is for.
    ///
    /// # Errors
    /// When it is too large, is not the message that the method takes, or has
    /// no valid key.
    pub fn address(&self, payload: &Bytes) -> Result<Address, Refusal> {
        if payload.len() > MESSAGE_BYTES_MAX {
            return Err(Refusal::TooLarge {
                what: "message",
                limit: MESSAGE_BYTES_MAX,
                size: payload.len(),
            });
        }
        let invalid =
            |field: &str, detail: String| Refusal::Invalid { field: field.to_owned(), detail };
        self.method.check(payload).map_err(|malformed| {
            let message = self.method.input().full_name();
            invalid(malformed.field(), format!("the request is not a {message}: {malformed}"))
        })?;
        let key = self.method.key_of(payload).map_err(|error| match &error {
            KeyError::Missing { field } => invalid(field, error.to_string()),
            KeyError::Malformed(malformed) => invalid(malformed.field(), error.to_string()),
        })?;
        Address::new(&self.actor_type, &key).map_err(|error| {
            let fields: Vec<_> = self.method.key().iter().map(|field| field.name()).collect();
            invalid(&fields.join(", "), error.to_string())
        })
    }
}
