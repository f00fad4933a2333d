//! Actor types and their methods, as the .proto files describe them.

use std::sync::Arc;

use prost_reflect::{MessageDescriptor, ServiceDescriptor};

use super::key_field::{KeyField, KeyTree};
use super::shape::Shapes;
use crate::pb::RetryPolicy;

/// A service with `option (callboard.v1.actor)`.
#[derive(Clone, Debug)]
pub struct ActorType {
    pub(super) type_name: String,
    pub(super) service: ServiceDescriptor,
    pub(super) methods: Vec<Method>,
    pub(super) docs: String,
    pub(super) retry: Option<RetryPolicy>,
    pub(super) state: Option<MessageDescriptor>,
}

impl ActorType {
    /// The name of the type in addresses, 1 to 255 of `A-Z a-z 0-9 . _`. No two
    /// actor types of a schema share it.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The service that declares the type.
    pub fn service(&self) -> &ServiceDescriptor {
        &self.service
    }

    /// The methods, at least one, in the order of the file.
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// The method of this name, if there is one.
    pub fn method(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.name() == name)
    }

    /// How failed messages are tried again, as far as the file says; its values
    /// are within their ranges.
    pub fn retry(&self) -> Option<&RetryPolicy> {
        self.retry.as_ref()
    }

    /// The message that is the actor's state, where the file names one. It is of
    /// the service's package.
    pub fn state(&self) -> Option<&MessageDescriptor> {
        self.state.as_ref()
    }

    /// The comment above the service; empty if there is none, or if it was not
    /// kept in a descriptor set.
    pub fn docs(&self) -> &str {
        &self.docs
    }
}

/// A method of an actor type. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Method {
    pub(super) name: Arc<str>,
    pub(super) kind: Kind,
    pub(super) is_read_only: bool,
    pub(super) is_internal: bool,
    pub(super) makes_key: bool,
    pub(super) input: MessageDescriptor,
    pub(super) output: MessageDescriptor,
    pub(super) key: Arc<[KeyField]>,
    pub(super) key_tree: Arc<KeyTree>,
    pub(super) docs: Arc<str>,
    /// The shapes of all requests of the schema.
    pub(super) shapes: Arc<Shapes>,
    /// Where the request is among them.
    pub(super) request: usize,
}

/// What the caller of a method waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The handler's response.
    Ask,
    /// Until the message is durable. The response is empty.
    Tell,
    /// Nobody calls it: the message is the answer to an ask that the actor made.
    Answer,
}

impl Method {
    /// The name, as in the .proto file: `Deposit`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the caller waits for.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the handler changes nothing, and runs beside the mailbox. Then the
    /// method is an ask.
    pub fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// Whether only actors may send it. True of every answer.
    pub fn is_internal(&self) -> bool {
        self.is_internal
    }

    /// Whether a gateway makes a key for a request that has none. Then the key is
    /// a single string, and the method is none of read-only, internal and answer.
    pub fn makes_key(&self) -> bool {
        self.makes_key
    }

    /// The request; for an answer, the response to what was asked.
    pub fn input(&self) -> &MessageDescriptor {
        &self.input
    }

    /// The response. That of a tell, or of an answer, has no fields.
    pub fn output(&self) -> &MessageDescriptor {
        &self.output
    }

    /// The fields that make the actor's key: at least one, of the request and of
    /// singular messages in it, depth first in the order of their numbers. An
    /// answer has none: it finds the actor that asked.
    pub fn key(&self) -> &[KeyField] {
        &self.key
    }

    /// The comment above the method; empty if there is none, or if it was not
    /// kept in a descriptor set.
    pub fn docs(&self) -> &str {
        &self.docs
    }
}
